"""Small graphs for the tests of the graph plugin."""

from __future__ import annotations

import torch

from augrad_graph.backend import Batch, Data


def graph(n_nodes, edges, *, seed=0, **attributes):
    """A graph with 3 features per node and the edges given, each in both directions."""
    generator = torch.Generator().manual_seed(seed)
    one_way = torch.tensor(edges, dtype=torch.long).reshape(-1, 2).T
    x = torch.rand(n_nodes, 3, generator=generator)
    return Data(**{"x": x, "edge_index": torch.cat([one_way, one_way.flip(0)], dim=1), **attributes})


def path(n_nodes, **attributes):
    """A graph whose nodes form a path."""
    return graph(n_nodes, [(i, i + 1) for i in range(n_nodes - 1)], **attributes)


def rich(n_nodes, seed=0):
    """A path with attributes of every level and kind."""
    generator = torch.Generator().manual_seed(seed)
    n_edges = 2 * (n_nodes - 1)
    return path(
        n_nodes,
        seed=seed,
        pos=torch.rand(n_nodes, 2, generator=generator),
        edge_attr=torch.rand(n_edges, 2, generator=generator),
        edge_weight=torch.rand(n_edges, generator=generator),
        y=torch.tensor([n_nodes]),
        train_mask=torch.rand(n_nodes, generator=generator) > 0.5,
        kind=torch.arange(n_edges),
        globals=torch.rand(1, 4, generator=generator),
        root_index=torch.tensor([n_nodes - 1]),
        name=f"path of {n_nodes}",
        size=n_nodes,
    )


def same(a, b):
    """Raises unless two graphs or batches have the same attributes, bit by bit."""
    assert set(a.keys()) == set(b.keys())
    for key in a.keys():  # noqa: SIM118 - no mapping
        if isinstance(a[key], torch.Tensor):
            assert a[key].dtype == b[key].dtype, key
            assert torch.equal(a[key], b[key]), key
        else:
            assert a[key] == b[key], key


def sound(x, graphs):
    """Raises unless a batch is what torch_geometric makes of these graphs, and comes apart into them again."""
    expected = Batch.from_data_list(graphs)
    same(x, expected)
    assert x.num_graphs == len(graphs)
    assert type(x) is type(expected)
    for key, slices in expected._slice_dict.items():
        assert torch.equal(x._slice_dict[key], slices), key
    for one, other in zip(x.to_data_list(), expected.to_data_list(), strict=True):
        same(one, other)


PATHS = [path(4, seed=1), path(3, seed=2), path(5, seed=3)]
"""Three graphs of different sizes."""

EDGELESS = graph(3, [], seed=4)
ISOLATED = graph(4, [(0, 1)], seed=5)
SINGLE = graph(1, [], seed=6)
LOOP = Data(x=torch.ones(1, 3), edge_index=torch.zeros(2, 1, dtype=torch.long))
EMPTY = graph(0, [], seed=7)
ODD_ONES = {"edgeless": EDGELESS, "isolated": ISOLATED, "single": SINGLE, "loop": LOOP, "empty": EMPTY}
