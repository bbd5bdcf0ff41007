"""Tests of the pictures of graphs: where nodes are, and what fades."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PathCollection
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from torch_geometric.data import Batch, Data

from augrad_graph.drawing import ELEMENTS, draw_graph, draw_molecule, spread_out

RING = torch.tensor([[0, 1, 2, 3], [1, 2, 3, 0]])


@pytest.fixture
def axes() -> Axes:
    return Figure().subplots()


def ring(**changed: torch.Tensor) -> Batch:
    """Four nodes in a ring, edges in both directions, types C C N O."""
    types = torch.tensor([[1.0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]])
    return Batch.from_data_list([Data(**{"x": types, "edge_index": torch.cat([RING, RING.flip(0)], dim=1), **changed})])


def drawn(axes: Axes) -> tuple[LineCollection, PathCollection]:
    """The edges, and the nodes with their colours."""
    lines = [each for each in axes.collections if isinstance(each, LineCollection)]
    dots = [each for each in axes.collections if isinstance(each, PathCollection)]
    return lines[-1], dots[-1]


def test_each_edge_once_and_each_node(axes: Axes) -> None:
    draw_molecule(axes, ring(), colour="red", elements=("C", "N", "O"))
    lines, dots = drawn(axes)
    assert len(lines.get_segments()) == 4
    assert np.asarray(lines.get_colors()) == pytest.approx(np.tile(to_rgba("red"), (4, 1)))
    expected = [to_rgba(ELEMENTS[name]) for name in ("C", "C", "N", "O")]
    assert np.asarray(dots.get_facecolors()) == pytest.approx(np.array(expected))
    assert [text.get_text() for text in axes.texts] == ["N", "O"]


def test_weight_is_width_and_opacity(axes: Axes) -> None:
    weight = torch.tensor([1.0, 0.5, 0.0, 1.0] * 2)
    draw_molecule(axes, ring(edge_weight=weight), original=ring(), elements=("C", "N", "O"))
    lines, _ = drawn(axes)
    widths = np.asarray(lines.get_linewidths())
    order = [(0, 1), (0, 3), (1, 2), (2, 3)]
    weights = [1.0, 1.0, 0.5, 0.0]
    assert len(order) == len(widths)
    assert np.argsort(widths, kind="stable").tolist() == np.argsort(weights, kind="stable").tolist()
    assert np.asarray(lines.get_colors())[:, 3] == pytest.approx([0.08 + 0.92 * each for each in weights])
    assert not axes.texts


def test_nodes_without_features_are_blank(axes: Axes) -> None:
    original = ring()
    masked = ring(x=original.x * torch.tensor([[1.0], [0.5], [0.0], [1.0]]))
    draw_molecule(axes, masked, original=original, elements=("C", "N", "O"))
    _, dots = drawn(axes)
    assert np.asarray(dots.get_facecolors())[:, 3] == pytest.approx([1.0, 0.5, 0.0, 1.0])


def test_copies_have_their_nodes_where_the_original_has_them(axes: Axes) -> None:
    other = Figure().subplots()
    draw_graph(axes, ring())
    added = torch.cat([RING, RING.flip(0), torch.tensor([[0], [2]])], dim=1)
    draw_graph(other, ring(edge_index=added), original=ring())
    places, again = (np.asarray(drawn(each)[1].get_offsets()) for each in (axes, other))
    assert places == pytest.approx(again)
    assert len(drawn(other)[0].get_segments()) == 5


@pytest.mark.parametrize("n_axes", [2, 3])
def test_positions_are_used(axes: Axes, n_axes: int) -> None:
    pos = torch.zeros(4, n_axes)
    pos[:, 0], pos[:, -1] = torch.tensor([0.0, 4.0, 4.0, 0.0]), torch.tensor([0.0, 0.0, 2.0, 2.0])
    draw_graph(axes, ring(pos=pos + 1), original=ring(pos=pos))
    places = np.asarray(drawn(axes)[1].get_offsets())
    gaps = np.linalg.norm(places[:, None] - places[None], axis=2)
    # The ring is 4 by 2, so that its corners are sqrt(5) from its middle: drawn at distance 1.
    assert gaps[0, 1] == pytest.approx(4 / 5**0.5)
    assert gaps[1, 2] == pytest.approx(2 / 5**0.5)
    # The first two axes of three are drawn, as they are: the copy has moved by 1 along each.
    assert np.linalg.norm(places.mean(axis=0)) == pytest.approx((2 / 5) ** 0.5, abs=1e-6)


def test_layout_follows_the_edges() -> None:
    edges = np.array([[i, i + 1] for i in range(9)])
    places = spread_out(10, edges)
    gaps = np.linalg.norm(np.diff(places, axis=0), axis=1)
    assert gaps == pytest.approx(np.ones(9), abs=0.05)
    apart = spread_out(4, np.array([[0, 1], [2, 3]]))
    assert np.linalg.norm(apart[0] - apart[2]) > 1.3


@pytest.mark.parametrize(
    "graph",
    [
        Data(x=torch.ones(1, 2), edge_index=torch.zeros(2, 0, dtype=torch.long)),
        Data(x=torch.ones(2, 2), edge_index=torch.zeros(2, 0, dtype=torch.long)),
        Data(x=torch.zeros(3, 2), edge_index=torch.tensor([[0, 1], [0, 2]])),
        Data(edge_index=RING, num_nodes=4),
        Data(pos=torch.rand(4, 1), edge_index=RING),
    ],
    ids=["one node", "no edges", "a loop, no features", "no x", "positions on a line"],
)
def test_odd_graphs(axes: Axes, graph: Data) -> None:
    draw_molecule(axes, Batch.from_data_list([graph]))
    assert np.isfinite(np.asarray(drawn(axes)[1].get_offsets())).all()
    assert len(drawn(axes)[1].get_offsets()) == graph.num_nodes
    Figure.savefig(axes.figure, "/dev/null", format="svg")
