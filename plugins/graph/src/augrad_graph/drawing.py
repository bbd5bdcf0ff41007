"""Picture of a graph for reports: nodes, and edges as wide as their weight. Used by demo.py and graphs.py."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from torch import Tensor

from augrad_graph.backend import Data

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ELEMENTS = {
    "C": "#5b6470", "N": "#2f64d6", "O": "#d8453c", "F": "#3da35a", "S": "#d0a818", "P": "#d9822b", "Cl": "#2f9e6e",
    "Br": "#96432f", "I": "#7b3fa0", "B": "#d99a7c", "H": "#b8c0ca",
}  # fmt: skip
"""Usual colours of chemical elements."""

OTHER = "#a884c9"
BLANK, FAINT = "#ffffff", "#c9d0d8"
N_STEPS = 60
"""Number of steps of the layout; further steps move nothing visibly."""


def draw_graph(axes: Axes, sample: Data, *, original: Data | None = None, colour: str = "black") -> None:
    """Draws nodes and edges of a graph, all nodes in the same colour; see `draw_molecule`."""
    draw_molecule(axes, sample, original=original, colour=colour)


def draw_molecule(
    axes: Axes, sample: Data, *, original: Data | None = None, colour: str = "black", elements: Sequence[str] = ()
) -> None:
    """Draws nodes coloured by their type, and edges as wide and as opaque as their weight.

    Nodes are drawn at `pos`. Without `pos`, the original is laid out so that distances on the page follow distances
    along edges, and copies have their nodes at the same places: dropped edges fade and added edges appear. A node whose
    features are 0 is blank. Otherwise its opacity is the size of its features relative to the original's.

    Args:
        axes: axes to draw on.
        sample: a batch of a single graph.
        original: the sample before it was changed; None if `sample` is the original.
        colour: colour of the edges.
        elements: meanings of the first columns of the features, if these are one-hot node types. Chemical elements get
            their usual colours, and the large picture names all atoms except carbon.
    """
    from matplotlib.collections import LineCollection
    from matplotlib.colors import to_rgba

    reference = sample if original is None else original
    places, shown = _positions(reference, sample)
    n_nodes = len(places)
    lines, weights = _edges(sample)
    widths = np.clip(weights, 0.0, 1.6)
    if original is not None:
        old_lines, _ = _edges(original)
        axes.add_collection(LineCollection(places[old_lines], colors=FAINT, linewidths=0.5, zorder=1))
    edge_colours = [to_rgba(colour, min(1.0, 0.08 + 0.92 * weight)) for weight in widths]
    size = 1.7 if original is not None else 2.4
    axes.add_collection(LineCollection(shown[lines], colors=edge_colours, linewidths=0.2 + size * widths, zorder=2))
    types = _types(reference, len(elements), n_nodes)
    colours = [ELEMENTS.get(elements[kind], OTHER) if kind >= 0 else ELEMENTS["C"] for kind in types]
    opacity = _opacity(sample, reference, n_nodes)
    dots = [to_rgba(each, alpha) for each, alpha in zip(colours, opacity, strict=True)]
    area = (220 if original is None else 34) / max(1.0, n_nodes / 10)
    # A blank disc lies under each node, so that a node without features looks empty.
    axes.scatter(shown[:, 0], shown[:, 1], s=area, c=BLANK, edgecolors=FAINT, linewidths=0.5, zorder=3)
    axes.scatter(shown[:, 0], shown[:, 1], s=area, c=dots, linewidths=0, zorder=4)
    if original is None:
        for place, kind in zip(shown, types, strict=True):
            if kind >= 0 and elements[kind] != "C":
                axes.annotate(elements[kind], place, ha="center", va="center", fontsize=7, color=BLANK, zorder=5)
    axes.set_aspect("equal")
    axes.set(xlim=(-1.18, 1.18), ylim=(-1.18, 1.18))
    for spine in axes.spines.values():
        spine.set_visible(False)


def spread_out(n_nodes: int, edges: np.ndarray) -> np.ndarray:
    """Lays nodes out, `(nodes, 2)`, by stress majorisation: distances on the page follow distances along edges.

    Args:
        n_nodes: number of nodes.
        edges: `(edges, 2)`, pairs of nodes.

    Example:
        >>> places = spread_out(3, np.array([[0, 1], [1, 2]]))
        >>> gaps = np.linalg.norm(np.diff(places, axis=0), axis=1)
        >>> bool(abs(gaps[0] - gaps[1]) < 0.01), bool(np.linalg.norm(places[0] - places[2]) > 1.9 * gaps[0])
        (True, True)

    References:
        Gansner, Koren, North: Graph drawing by stress majorization, 2004.
    """
    wanted = _distances(n_nodes, edges)
    strength = np.divide(1.0, wanted**2, out=np.zeros_like(wanted), where=wanted > 0)
    angle = 2 * np.pi * np.arange(n_nodes) / max(1, n_nodes)
    centre = np.eye(n_nodes) - 1 / max(1, n_nodes)
    values, vectors = np.linalg.eigh(-0.5 * centre @ wanted**2 @ centre)
    # Classical scaling is a good start but puts symmetric nodes on the same spot; a small circle separates them.
    places = vectors[:, -2:] * np.sqrt(np.clip(values[-2:], 0, None)) if n_nodes > 2 else np.zeros((n_nodes, 2))
    places = places + 0.05 * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    inverse = np.linalg.pinv(np.diag(strength.sum(axis=1)) - strength)
    for _ in range(N_STEPS):
        gaps = np.linalg.norm(places[:, None] - places[None], axis=2)
        ratio = np.divide(strength * wanted, gaps, out=np.zeros_like(gaps), where=gaps > 0)
        places = inverse @ ((np.diag(ratio.sum(axis=1)) - ratio) @ places)
    # The longest path lies along the diagonal of the picture, where there is most room.
    axes = np.linalg.svd(places - places.mean(axis=0), full_matrices=False)[2] if n_nodes > 1 else np.eye(2)
    turned: np.ndarray = places @ axes.T @ np.array([[1.0, 1.0], [-1.0, 1.0]]) / np.sqrt(2)
    return turned


def _distances(n_nodes: int, edges: np.ndarray) -> np.ndarray:
    """Counts edges between nodes; parts that are not connected lie a little farther apart than all others."""
    found = np.full((n_nodes, n_nodes), np.inf)
    np.fill_diagonal(found, 0.0)
    found[edges[:, 0], edges[:, 1]] = found[edges[:, 1], edges[:, 0]] = 1.0
    np.fill_diagonal(found, 0.0)
    for middle in range(n_nodes):
        found = np.minimum(found, found[:, middle, None] + found[None, middle])
    farthest = found[np.isfinite(found)].max(initial=0.0)
    return np.where(np.isfinite(found), found, farthest + 1.0)


def _positions(reference: Data, sample: Data) -> tuple[np.ndarray, np.ndarray]:
    """Returns the node positions of the original and of the sample, on the scale of the original: `(nodes, 2)` each."""
    if "pos" not in reference:
        edges, _ = _edges(reference)
        places = spread_out(int(reference.num_nodes or 0), edges)
        if len(places):
            places = places - (places.max(axis=0) + places.min(axis=0)) / 2
        places = places / (float(np.abs(places).max(initial=0.0)) or 1.0)
        return places, places
    old, new = (_in_plane(_array(each.pos)) for each in (reference, sample))
    middle = old.mean(axis=0) if len(old) else 0.0
    old, new = old - middle, new - middle
    if old.shape[1] > 2:  # three dimensions are seen from the side on which the original is widest
        axis = np.linalg.svd(old, full_matrices=False)[2][:2].T
        old, new = old @ axis, new @ axis
    # The farthest node is at the edge of the picture, in whatever direction a copy is rotated.
    reach = float(np.linalg.norm(old, axis=1).max(initial=0.0)) or 1.0
    return old / reach, new / reach


def _edges(graph: Data) -> tuple[np.ndarray, np.ndarray]:
    """Returns each pair of joined nodes once, `(edges, 2)`, and the mean weight of both directions; without loops."""
    index = graph.edge_index.detach().cpu().numpy()
    given = graph.get("edge_weight")
    weights = np.ones(index.shape[1]) if given is None else _array(given)
    pairs, inverse = np.unique(np.sort(index.T, axis=1), axis=0, return_inverse=True)
    inverse = inverse.reshape(-1)
    total = np.bincount(inverse, weights=weights, minlength=len(pairs))
    mean = total / np.maximum(1, np.bincount(inverse, minlength=len(pairs)))
    no_loop = pairs[:, 0] != pairs[:, 1]
    return pairs[no_loop], mean[no_loop]


def _types(graph: Data, n_types: int, n_nodes: int) -> np.ndarray:
    """Returns the type of each node, -1 if it has none."""
    if not n_types:
        return np.full(n_nodes, -1)
    one_hot = _array(graph.x)[:, :n_types]
    types: np.ndarray = np.where(one_hot.max(axis=1) > 0, one_hot.argmax(axis=1), -1)
    return types


def _opacity(sample: Data, reference: Data, n_nodes: int) -> np.ndarray:
    features: Any = sample.get("x")
    if features is None:
        return np.ones(n_nodes)
    now, before = (np.linalg.norm(_array(each.x).reshape(n_nodes, -1), axis=1) for each in (sample, reference))
    left: np.ndarray = np.divide(now, before, out=np.ones(n_nodes), where=before > 0).clip(0.0, 1.0)
    return left


def _in_plane(positions: np.ndarray) -> np.ndarray:
    """Pads positions to at least two coordinates per node."""
    return np.pad(positions, ((0, 0), (0, max(0, 2 - positions.shape[1]))))


def _array(values: Tensor) -> np.ndarray:
    converted: np.ndarray = values.detach().double().cpu().numpy()
    return converted
