"""Batches of graphs are counted, copied, picked and joined as torch_geometric would have batched them."""

from __future__ import annotations

import copy
import pickle

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tests.plugins.graph.graph_cases import EDGELESS, EMPTY, PATHS, SINGLE, graph, path, rich, same, sound

from augrad import batch
from augrad.errors import InputError, InputTypeError
from augrad.learning.cross_fitted.judges import folds
from augrad_graph.backend import Batch, Data, HeteroData
from augrad_graph.batching import float_dtype, with_edge_weight, with_values
from augrad_graph.graphs import GraphTransform  # noqa: F401 - registers the batch type

RICH = [rich(4, seed=1), rich(2, seed=2), rich(5, seed=3)]
sizes = st.lists(st.integers(1, 5), min_size=1, max_size=4)


@given(sizes=sizes, data=st.data())
def test_picked_graphs_are_batched_as_torch_geometric_batches_them(sizes, data):
    graphs = [rich(1 + size, seed=index) for index, size in enumerate(sizes)]
    order = data.draw(st.lists(st.integers(0, len(graphs) - 1), min_size=1, max_size=5))
    sound(batch.select(Batch.from_data_list(graphs), torch.tensor(order)), [graphs[i] for i in order])


def test_what_was_picked_can_be_picked_from_again():
    twice = batch.select(batch.select(Batch.from_data_list(RICH), torch.tensor([2, 0, 1])), torch.tensor([1, 0]))
    sound(twice, [RICH[0], RICH[2]])


def test_copies_are_laid_out_copy_major():
    sound(batch.repeat(Batch.from_data_list(RICH), 2), RICH + RICH)
    sound(batch.repeat(RICH[0], 3), [RICH[0]] * 3)


def test_joined_batches_are_one_batch():
    first, second = Batch.from_data_list(RICH[:2]), Batch.from_data_list(RICH[2:])
    sound(batch.concatenate(first, second, RICH[0]), [*RICH, RICH[0]])
    assert batch.concatenate(batch.repeat(first, 1)) is not first
    sound(batch.concatenate(first), RICH[:2])


def test_none_picked_is_an_empty_batch_that_can_be_joined():
    whole = Batch.from_data_list(RICH)
    none = batch.select(whole, torch.zeros(0, dtype=torch.long))
    assert batch.count(none) == 0
    assert none.to_data_list() == []
    assert none.x.shape == (0, 3)
    sound(batch.concatenate(none, whole), RICH)


def test_graphs_without_edges_or_nodes_keep_their_place():
    graphs = [EDGELESS, PATHS[0], EMPTY, SINGLE]
    sound(
        batch.select(Batch.from_data_list(graphs), torch.tensor([2, 1, 0, 3, 2])),
        [EMPTY, PATHS[0], EDGELESS, SINGLE, EMPTY],
    )


def test_a_graph_counts_as_a_batch_of_one():
    assert batch.count(PATHS[0]) == 1
    assert batch.count(Batch.from_data_list(PATHS)) == 3
    assert batch.device(PATHS[0]) == torch.device("cpu")
    assert batch.output_rows(PATHS[0]) == (1, 4)
    assert batch.output_rows(Batch.from_data_list(PATHS)) == (3, 12)


def test_heterogeneous_graphs_are_refused_with_the_way_out():
    mixed = Batch.from_data_list([HeteroData(user={"x": torch.ones(2, 1)})])
    for x in (HeteroData(), mixed):
        with pytest.raises(InputTypeError, match=r"HeteroData.*cannot be counted.*data\.to_homogeneous\(\)"):
            batch.count(x)


def test_the_gradient_goes_through_picking_and_joining():
    x = Batch.from_data_list(PATHS)
    x.x.requires_grad_()
    batch.concatenate(batch.select(x, torch.tensor([0])), batch.select(x, torch.tensor([0]))).x.sum().backward()
    assert x.x.grad.sum(1).tolist() == [6.0] * 4 + [0.0] * 8


def test_batches_with_and_without_edge_weights_can_be_joined():
    plain = Batch.from_data_list(PATHS[:1])
    joined = batch.concatenate(with_values(plain, edge_weight=torch.full((6,), 0.5)), plain)
    assert joined.edge_weight.tolist() == [0.5] * 6 + [1.0] * 6
    joined.to_data_list()


def test_batches_with_other_attributes_cannot_be_joined():
    other = Batch.from_data_list([path(2, pos=torch.zeros(2, 2))])
    with pytest.raises(InputError, match="can only be concatenated if they have the same attributes; not all have pos"):
        batch.concatenate(Batch.from_data_list(PATHS), other)


def test_vectors_asked_for_by_follow_batch_follow():
    graphs = [rich(3), rich(4)]
    picked = batch.select(Batch.from_data_list(graphs, follow_batch=["edge_attr"]), torch.tensor([1, 0]))
    same(picked, Batch.from_data_list([graphs[1], graphs[0]], follow_batch=["edge_attr"]))


def test_a_number_of_nodes_that_is_set_is_kept():
    graphs = [Data(edge_index=torch.zeros(2, 0, dtype=torch.long), num_nodes=n) for n in (2, 5)]
    sound(batch.select(Batch.from_data_list(graphs), torch.tensor([1, 0, 1])), [graphs[1], graphs[0], graphs[1]])


class Pointed(Data):
    """A graph with increments of its own."""

    def __inc__(self, key, value, *args, **kwargs):
        return 10 if key == "code" else super().__inc__(key, value, *args, **kwargs)


def test_subclasses_keep_their_type_and_their_increments():
    graphs = [
        Pointed(x=torch.ones(n, 1), edge_index=torch.zeros(2, 1).long(), code=torch.arange(2 * n).reshape(n, 2))
        for n in (1, 2, 3)
    ]
    whole = Batch.from_data_list(graphs)
    sound(batch.select(whole, torch.tensor([2, 0])), [graphs[2], graphs[0]])
    sound(batch.concatenate(whole, whole), graphs * 2)
    assert batch.count(batch.select(batch.select(whole, torch.zeros(0).long()), torch.zeros(0).long())) == 0


def test_values_are_replaced_in_a_copy():
    x = Batch.from_data_list(PATHS)
    kept = x.x.clone()
    y = with_values(x, x=x.x + 1, score=torch.arange(3.0))
    assert torch.equal(x.x, kept)
    assert "score" not in x
    assert [one.score.item() for one in y.to_data_list()] == [0.0, 1.0, 2.0]
    assert torch.equal(y.x, kept + 1)


def test_edge_weights_are_ones_where_there_are_none():
    x = with_edge_weight(Batch.from_data_list(PATHS))
    assert x.edge_weight.tolist() == [1.0] * x.num_edges
    assert with_edge_weight(x) is x
    half = PATHS[0].clone()
    half.x = half.x.bfloat16()
    assert with_edge_weight(half).edge_weight.dtype == torch.bfloat16


def test_the_dtype_of_a_batch_is_that_of_what_it_has():
    edges = torch.zeros(2, 0, dtype=torch.long)
    assert (
        float_dtype(Data(x=torch.zeros(1, 1).long(), pos=torch.zeros(1, 2).double(), edge_index=edges)) == torch.float64
    )
    assert float_dtype(Data(num_nodes=1, edge_index=edges)) == torch.get_default_dtype()


def test_batches_can_be_pickled_and_copied():
    x = batch.repeat(Batch.from_data_list(RICH), 1)
    for again in (pickle.loads(pickle.dumps(x)), copy.deepcopy(x), x.clone()):
        sound(batch.select(again, torch.tensor([1])), [RICH[1]])


def test_a_fingerprint_is_that_of_the_graph_wherever_it_stands():
    graphs = [graph(1 + index % 7, [], seed=index) if index % 3 else rich(2 + index % 5, index) for index in range(60)]
    graphs = [Data(x=one.x, pos=one.get("pos", one.x[:, :2]), edge_index=one.edge_index) for one in graphs]
    whole = Batch.from_data_list(graphs)
    found = batch.fingerprint(whole)
    assert found.dtype == torch.int64
    assert len(set(found.tolist())) == 60
    order = torch.randperm(60)[:20]
    assert torch.equal(batch.fingerprint(batch.select(whole, order)), found[order])
    assert torch.equal(batch.fingerprint(batch.repeat(whole, 2)), found.repeat(2))
    assert batch.fingerprint(graphs[7]).tolist() == found[7:8].tolist()


@pytest.mark.parametrize("part", ["x", "pos", "edge_index"])
def test_a_fingerprint_depends_on_features_positions_and_edges(part):
    one, other = rich(5), rich(5)
    other[part] = one[part].flip(0) if part == "edge_index" else one[part] + 1e-3
    other.edge_index = other.edge_index[:, 1:] if part == "edge_index" else other.edge_index
    keys = ("x", "pos", "edge_index")
    first, second = (batch.fingerprint(Data(**{key: each[key] for key in keys})) for each in (one, other))
    assert first != second


def test_about_half_of_the_graphs_are_in_each_half():
    graphs = Batch.from_data_list([path(2 + index % 6, seed=index) for index in range(300)])
    assert 0.4 < folds(graphs).double().mean() < 0.6
    assert not folds(Batch.from_data_list([EMPTY, EMPTY])).unique().numel() > 1


def test_a_detached_batch_is_the_same_without_a_graph():
    x = Batch.from_data_list(RICH)
    moved = with_values(x, x=2 * x.x.requires_grad_())
    still = batch.detach(moved)
    assert moved.x.requires_grad
    assert not still.x.requires_grad
    same(still, moved)
    sound(batch.select(still, torch.tensor([1])), moved.to_data_list()[1:2])
