"""Small weighted graphs as dense matrices, to compare random walks on them with linear algebra."""

from __future__ import annotations

import numpy as np
import torch

from augrad import batch
from augrad_graph.backend import Data

WEIGHTS = np.array(
    [
        [0.0, 1.0, 0.5, 2.0, 0.0],
        [1.0, 0.0, 1.0, 0.0, 0.3],
        [0.5, 1.0, 0.0, 1.0, 0.0],
        [2.0, 0.0, 1.0, 0.0, 1.0],
        [0.0, 0.3, 0.0, 1.0, 0.0],
    ]
)


def graph_of(adjacency):
    """A graph of one feature per node from a matrix of weights."""
    index = torch.tensor(np.stack(np.nonzero(adjacency)))
    weight = torch.tensor(adjacency[tuple(index.numpy())], dtype=torch.float64)
    features = torch.arange(1.0, len(adjacency) + 1, dtype=torch.float64)[:, None]
    return Data(x=features, edge_index=index, edge_weight=weight)


def mean_adjacency(x):
    """The mean weight from node to node over all graphs of a batch of equal graphs; differentiable."""
    n_graphs = batch.count(x)
    n_nodes = len(x.batch) // n_graphs
    source, target = x.edge_index - x.ptr[x.batch[x.edge_index[0]]]
    sums = x.edge_weight.new_zeros(n_nodes**2).index_add(0, source * n_nodes + target, x.edge_weight)
    return sums.reshape(n_nodes, n_nodes) / n_graphs


def laplacian(adjacency):
    """Degrees less weights; self-loops cancel."""
    return np.diag(adjacency.sum(1)) - adjacency
