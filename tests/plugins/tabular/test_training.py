"""The parts of training: batches of nearly one size, the penalty's units, the best epoch."""

from __future__ import annotations

import torch
from torch import nn

import augrad
from augrad.layers.module import ModuleState
from augrad_tabular.networks import TableEncoder
from augrad_tabular.schema import Schema
from augrad_tabular.training import BestEpoch, EncodedPenalty, ShuffledRows


def test_every_row_once_in_batches_of_nearly_one_size() -> None:
    rows = ShuffledRows(torch.arange(129.0)[:, None], torch.arange(129), batch_size=64)
    batches = list(rows)
    assert len(rows) == len(batches) == 3
    assert [len(x) for x, _ in batches] == [43, 43, 43]
    assert torch.equal(torch.cat([target for _, target in batches]).sort().values, torch.arange(129))
    assert all(torch.equal(x[:, 0].long(), target) for x, target in batches)


def test_the_order_comes_from_the_global_generator() -> None:
    rows = ShuffledRows(torch.eye(20), torch.arange(20), batch_size=20)
    first = next(iter(rows))[1]
    assert not torch.equal(next(iter(rows))[1], first)
    torch.manual_seed(0)
    again = next(iter(rows))[1]
    torch.manual_seed(0)
    assert torch.equal(next(iter(rows))[1], again)


def test_penalties_do_not_depend_on_how_codes_are_numbered() -> None:
    few = torch.tensor([[0.0], [1.0], [2.0], [0.0], [1.0], [2.0]])
    far = few * 50
    swapped = few.flip(0)
    found = []
    for codes, after in ((few, swapped), (far, swapped * 50)):
        encoder = TableEncoder(Schema.from_data(codes, categorical=[0]))
        penalty = EncodedPenalty(augrad.DisplacementPenalty(variety=0.0), encoder)
        found.append(penalty(ModuleState((), codes, after)))
    torch.testing.assert_close(found[0], found[1])
    assert found[0] < -0.1


def test_a_penalty_is_asked_before_the_first_pass_too() -> None:
    layer = augrad.AugmentationLayer(["tabular.feature_noise"], arguments={"schema": Schema.from_data([[0.0], [1.0]])})
    state = augrad.AugmentationModule([layer]).state()
    penalty = augrad.MagnitudePenalty()
    torch.testing.assert_close(EncodedPenalty(penalty, nn.Identity())(state), penalty(state))


def test_a_wrapped_penalty_is_made_for_the_same_objective() -> None:
    found = [EncodedPenalty(kind(), nn.Identity()) for kind in (augrad.DisplacementPenalty, augrad.MagnitudePenalty)]
    assert [penalty.objective for penalty in found] == ["cross_fitted", "joint"]
    assert EncodedPenalty(lambda state: torch.zeros(()), nn.Identity()).objective == "joint"


def test_a_wrapped_penalty_tells_its_strength() -> None:
    assert repr(EncodedPenalty(augrad.MagnitudePenalty(0.25), nn.Identity())) == (
        "EncodedPenalty(MagnitudePenalty(strength=0.25))"
    )


def test_no_epoch_with_a_finite_loss_leaves_the_model_alone() -> None:
    best, model = BestEpoch(), nn.Linear(1, 1)
    before = model.weight.item()
    best({"val_loss": float("nan")}, model)
    best.restore(model)
    assert model.weight.item() == before
