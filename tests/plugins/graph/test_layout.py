"""Which rows belong to which graph: told for every attribute, and refused where it cannot be told."""

from __future__ import annotations

import pytest
import torch
from tests.plugins.graph.graph_cases import PATHS, path, rich

from augrad import batch
from augrad.errors import InputError
from augrad_graph.backend import Batch, Data
from augrad_graph.layout import Layout, as_batch, layout_of, starts
from augrad_graph.topology import with_edges


def test_levels_are_told_from_slices():
    levels = layout_of(as_batch(Batch.from_data_list([rich(4), rich(3)]))).levels
    assert {key for key, level in levels.items() if level == "node"} == {"x", "pos", "train_mask"}
    assert {key for key, level in levels.items() if level == "edge"} == {
        "edge_index",
        "edge_attr",
        "edge_weight",
        "kind",
    }
    assert {key for key, level in levels.items() if level == "graph"} == {"y", "globals", "root_index", "name", "size"}


def test_where_nodes_and_edges_are_equally_many_the_name_tells():
    ring = Data(x=torch.ones(3, 1), edge_index=torch.tensor([[0, 1, 2], [1, 2, 0]]), edge_attr=torch.ones(3, 1))
    levels = layout_of(as_batch(Batch.from_data_list([ring, ring]))).levels
    assert (levels["x"], levels["edge_attr"]) == ("node", "edge")


def test_a_normal_batch_is_handed_back():
    x = as_batch(Batch.from_data_list(PATHS))
    assert as_batch(x) is x
    assert layout_of(x).max_nodes == 5
    assert Layout((), ()).max_nodes == 0


def test_the_batch_given_is_not_written_into():
    x = Batch.from_data_list(PATHS)
    before = set(x._store.__dict__)
    as_batch(x)
    assert set(x._store.__dict__) == before


def test_attributes_set_on_a_batch_are_picked_with_their_graphs():
    x = Batch.from_data_list(PATHS)
    x.edge_weight = torch.arange(18.0)
    x.score = torch.arange(3.0)
    x.mark = torch.arange(12)
    x.title = ["a", "b", "c"]
    picked = batch.select(x, torch.tensor([1]))
    assert picked.edge_weight.tolist() == [6.0, 7.0, 8.0, 9.0]
    assert (picked.score.tolist(), picked.mark.tolist(), picked.title) == ([1.0], [4, 5, 6], ["b"])


def test_an_index_set_on_a_batch_counts_from_each_graphs_first_node():
    x = Batch.from_data_list(PATHS)
    x.root_index = torch.tensor([1, 4, 8])
    assert [one.root_index.item() for one in batch.select(x, torch.tensor([2, 0])).to_data_list()] == [1, 1]


def test_attributes_taken_off_a_batch_are_gone():
    x = Batch.from_data_list([rich(3), rich(4)])
    del x.y
    assert "y" not in batch.select(x, torch.tensor([1])).to_data_list()[0]


def test_an_attribute_of_no_level_is_named():
    x = Batch.from_data_list(PATHS)
    x.table = torch.zeros(7)
    with pytest.raises(InputError, match=r"'table'.*neither 12 rows \(nodes\) nor 18 \(edges\) nor 3 \(graphs\)"):
        as_batch(x)


def _made_by_hand():
    return Batch(x=torch.ones(2, 1), edge_index=torch.zeros(2, 0).long(), batch=torch.zeros(2).long())


def _with_a_batch_vector():
    return Data(x=torch.ones(2, 1), edge_index=torch.zeros(2, 0).long(), batch=torch.zeros(2).long())


def _changed_afterwards():
    x = Batch.from_data_list(PATHS)
    x.edge_index = x.edge_index[:, :4]
    return x


def _bipartite():
    class Pair(Data):
        def __inc__(self, key, value, *args, **kwargs):
            return torch.tensor([[1], [2]]) if key == "pair_index" else super().__inc__(key, value, *args, **kwargs)

    return Batch.from_data_list([Pair(**PATHS[0].to_dict(), pair_index=torch.zeros(2, 1).long())])


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (_made_by_hand, "the Batch was not made by Batch.from_data_list"),
        (_with_a_batch_vector, "a Data with a batch vector is no batch"),
        (_changed_afterwards, r"edge_index has shape \(2, 4\), but had 18 rows when the batch was made"),
        (_bipartite, "'pair_index' is nested, sparse or bipartite"),
        (lambda: Data(x=torch.ones(2, 1)), "edge_index must be an int64 tensor.*but is NoneType"),
        (lambda: Data(x=torch.ones(2, 1), edge_index=torch.zeros(3, 1).long()), r"is torch.int64 of shape \(3, 1\)"),
        (lambda: Data(x=torch.ones(2, 1), edge_index=torch.zeros(2, 1)), "is torch.float32 of shape"),
        (lambda: Data(edge_index=torch.zeros(2, 1).long()), "the number of nodes is unknown: give x or pos"),
        (lambda: path(2, extra={"a": torch.ones(1)}), "'extra' is nested or sparse"),
        (lambda: Batch.from_data_list([path(2, extra={"a": torch.ones(1)})]), "'extra' is nested, sparse or bipartite"),
        (lambda: path(2, adj=torch.eye(2).to_sparse()), "'adj' is nested or sparse"),
    ],
)
def test_what_cannot_be_taken_apart_is_refused(build, message):
    with pytest.raises(InputError, match=rf"cannot tell which rows belong to which graph.*{message}"):
        as_batch(build())


def test_other_kinds_of_edge_index_become_tensors():
    from torch_geometric import EdgeIndex

    x = Data(x=torch.ones(2, 1), edge_index=EdgeIndex([[0, 1], [1, 0]], sparse_size=(2, 2)))
    assert type(as_batch(Batch.from_data_list([x, x])).edge_index) is torch.Tensor


def test_the_layout_follows_edges_that_are_added():
    x = with_edges(Batch.from_data_list(PATHS), torch.tensor([[0], [2]]), torch.ones(1), (1, 0, 0))
    assert layout_of(x).n_edges == (7, 4, 8)
    assert as_batch(x) is x


def test_starts_are_running_sums():
    assert starts(()).tolist() == [0]
    assert starts((2, 0, 3)).tolist() == [0, 2, 2, 5]
