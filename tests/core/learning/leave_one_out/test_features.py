"""Features are the inputs of a trunk's layers, each of the same length; the trunk itself is left alone."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d, normalize

from augrad.errors import InputError
from augrad.learning.leave_one_out import features as module
from augrad.learning.leave_one_out.features import Features
from augrad.learning.leave_one_out.trunks import is_fresh, reinitialised

N = 12


def rows(*shape: int) -> Tensor:
    return torch.rand(N, *shape, generator=torch.Generator().manual_seed(len(shape)))


def unit(values: Tensor, reference: Tensor) -> Tensor:
    return normalize(values.flatten(1) - reference.flatten(1).mean(dim=0), dim=1)


class Twice(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(4, 4)

    def forward(self, x: Tensor) -> Any:
        return self.layer(self.layer(x).relu())


class TestOfLayers:
    def test_they_are_centred_inputs_of_unit_length(self):
        trunk = nn.Sequential(nn.Linear(5, 7), nn.Tanh(), nn.Linear(7, 2))
        x = rows(5)
        found = Features(trunk, x)
        hidden = trunk[:2](x)
        expected = torch.cat([unit(x, x), unit(hidden, hidden)], dim=1) / math.sqrt(2)
        torch.testing.assert_close(found(x), expected)
        assert (found.layers, found.n_features) == (("0", "2"), 12)
        torch.testing.assert_close(found(x).norm(dim=1), torch.ones(N))

    def test_the_centre_is_that_of_the_first_samples(self):
        trunk, x = nn.Linear(5, 2), rows(5)
        torch.testing.assert_close(Features(trunk, x)(2 * x[:4]), unit(2 * x[:4], x))

    def test_maps_are_averaged_to_cells(self):
        trunk = nn.Sequential(nn.Conv2d(2, 3, 3), nn.ReLU(), nn.Flatten(), nn.Linear(3 * 36, 2))
        x = rows(2, 8, 8)
        found = Features(trunk, x)
        assert found.n_features == 2 * 16 + 3 * 36  # the input of a linear layer is no map
        pooled = adaptive_avg_pool2d(x, 4)
        torch.testing.assert_close(found(x)[:, :32], unit(pooled, pooled) / math.sqrt(2))

    @pytest.mark.parametrize(
        ("layer", "shape", "n_features"),
        [
            (nn.Conv1d(3, 4, 1), (3, 40), 3 * 16),
            (nn.Conv1d(3, 4, 1), (3, 5), 3 * 5),
            (nn.Conv2d(3, 4, 1), (3, 9, 2), 3 * 4 * 2),
            (nn.Conv3d(1, 4, 1), (1, 7, 8, 2), 3 * 3 * 2),
            (nn.Linear(6, 4), (50, 6), 6 * 16),  # tokens
            (nn.Linear(6, 4), (3, 6), 6 * 3),
            (nn.Linear(6, 4), (4, 5, 6), 6 * 16),
        ],
    )
    def test_cells_of_every_kind_of_input(self, layer: nn.Module, shape: tuple[int, ...], n_features: int):
        assert Features(layer, rows(*shape)).n_features == n_features

    def test_a_layer_that_is_called_twice_counts_twice(self):
        assert Features(Twice(), rows(4)).layers == ("layer", "layer")

    def test_layers_without_a_row_for_each_sample_are_left_out(self):
        class Nodes(nn.Module):
            """Each sample has two nodes."""

            def __init__(self) -> None:
                super().__init__()
                self.node, self.head = nn.Linear(3, 5), nn.Linear(5, 2)

            def forward(self, x: Tensor) -> Any:
                return self.head(self.node(x.reshape(-1, 3)).reshape(len(x), 2, 5).sum(dim=1))

        assert Features(Nodes(), rows(6)).layers == ("head",)

    def test_a_layer_that_does_not_vary_says_nothing(self):
        trunk = nn.Sequential(nn.Linear(5, 3), nn.Linear(3, 2))
        with torch.no_grad():
            trunk[0].weight.zero_()
        found = Features(trunk, rows(5))(rows(5))
        assert found.isfinite().all()
        assert (found[:, 5:].std(dim=0) < 1e-6).all()
        assert (found[:, :5].std(dim=0) > 0.1).all()

    def test_many_rows_pass_in_parts(self, monkeypatch: pytest.MonkeyPatch):
        trunk = nn.Sequential(nn.Linear(5, 7), nn.ReLU(), nn.Linear(7, 2))
        found = Features(trunk, rows(5))
        whole = found(rows(5))
        sizes = []
        monkeypatch.setattr(module, "ROWS", 5)
        found._trunk.register_forward_pre_hook(lambda _, given: sizes.append(len(given[0])))
        torch.testing.assert_close(found(rows(5)), whole)
        assert sizes == [5, 5, 2]


class TestChosen:
    def test_the_output_of_a_module(self):
        trunk, x = nn.Sequential(nn.Linear(5, 7), nn.Tanh(), nn.Linear(7, 2)), rows(5)
        found = Features(trunk, x, "1")
        torch.testing.assert_close(found(x), unit(trunk[:2](x), trunk[:2](x)))
        assert (found.layers, found.n_features) == (("1",), 7)

    def test_of_a_module_that_is_called_twice_the_last_output(self):
        trunk, x = Twice(), rows(4)
        torch.testing.assert_close(Features(trunk, x, "layer")(x), unit(trunk(x), trunk(x)))

    def test_a_function(self):
        trunk, x = nn.Linear(5, 2), rows(5)
        found = Features(trunk, x, lambda inner, given: inner(given) + 3)
        torch.testing.assert_close(found(x), unit(trunk(x), trunk(x)))
        assert (found.layers, found.n_features) == ((), 2)


class TestTrunk:
    def test_it_is_copied(self):
        trunk, x = nn.Sequential(nn.Linear(5, 7), nn.Dropout(), nn.Linear(7, 2)), rows(5)
        found = Features(trunk, x)
        before = found(x)
        with torch.no_grad():
            trunk[0].weight.zero_()
        torch.testing.assert_close(found(x), before, rtol=0, atol=0)
        assert trunk.training
        assert all(parameter.requires_grad for parameter in trunk.parameters())

    def test_batch_normalisation_without_statistics_takes_those_of_the_samples(self):
        trunk, x = nn.Sequential(nn.Linear(5, 7), nn.BatchNorm1d(7), nn.Linear(7, 2)), 9 * rows(5)
        found = Features(trunk, x)(x)[:, 5:]
        normal = nn.functional.batch_norm(trunk[0](x), None, None, training=True)
        torch.testing.assert_close(found, unit(normal, normal) / math.sqrt(2), rtol=0.1, atol=0.02)
        assert trunk[1].num_batches_tracked == 0
        torch.testing.assert_close(trunk[1].running_mean, torch.zeros(7))

    def test_batch_normalisation_with_statistics_keeps_them(self):
        trunk, x = nn.Sequential(nn.Linear(5, 7), nn.BatchNorm1d(7), nn.Linear(7, 2)), rows(5)
        trunk(9 * x)
        known = trunk.eval()[:2](x)
        torch.testing.assert_close(Features(trunk, x)(x)[:, 5:], unit(known, known) / math.sqrt(2))

    def test_the_gradient_reaches_the_samples(self):
        trunk, x = nn.Sequential(nn.Linear(5, 7), nn.Tanh(), nn.Linear(7, 2)).double(), rows(5).double()
        found = Features(trunk, x)
        assert torch.autograd.gradcheck(found, x[:3].clone().requires_grad_(True))


class TestNotFinite:
    def test_the_row_is_named_in_parts_too(self, monkeypatch: pytest.MonkeyPatch):
        found, x = Features(nn.Linear(5, 2), rows(5)), rows(5)
        x[8, 2] = torch.nan
        for size in (512, 3):
            monkeypatch.setattr(module, "ROWS", size)
            with pytest.raises(InputError, match="row 8 of a batch") as caught:
                found(x)
            assert caught.value.facts["row"] == 8

    def test_a_sample_is_called_by_its_index(self):
        x = rows(5)
        x[8, 2] = torch.inf
        with pytest.raises(InputError, match="sample 98, counted from 0, are not finite"):
            Features(nn.Linear(5, 2), x, index=torch.arange(90, 90 + N))


class TestFresh:
    @pytest.mark.parametrize(
        "trunk",
        [nn.Linear(9, 4), nn.Conv2d(3, 8, 3), nn.Sequential(nn.Linear(9, 4), nn.BatchNorm1d(4), nn.ReLU()), nn.ReLU()],
    )
    def test_as_torch_initialises(self, trunk: nn.Module):
        assert is_fresh(trunk)

    def test_not_after_training(self):
        trunk = nn.Sequential(nn.Linear(9, 4), nn.BatchNorm1d(4))
        trunk(rows(9))
        assert not is_fresh(trunk)  # its statistics have seen a batch
        trunk = nn.Sequential(nn.Linear(9, 4))
        with torch.no_grad():
            trunk[0].weight[0, 0] = 1 / 3 + 0.01  # beyond what is drawn for 9 inputs
        assert not is_fresh(trunk)

    def test_weights_are_drawn_anew(self):
        trunk = nn.Sequential(nn.Linear(9, 4), nn.Conv1d(1, 2, 3))
        before, state = trunk[0].weight.clone(), torch.get_rng_state()
        first, again, other = reinitialised(trunk, 1), reinitialised(trunk, 1), reinitialised(trunk, 2)
        for place in (0, 1):
            torch.testing.assert_close(first[place].weight, again[place].weight, rtol=0, atol=0)
            assert not torch.equal(first[place].weight, other[place].weight)
            assert not torch.equal(first[place].weight, trunk[place].weight)
        assert is_fresh(first)
        torch.testing.assert_close(trunk[0].weight, before, rtol=0, atol=0)
        assert torch.equal(torch.get_rng_state(), state)
