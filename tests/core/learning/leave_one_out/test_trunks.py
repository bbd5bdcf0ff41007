"""Trunks that are hard to copy, or that differ from call to call: they serve, or the error tells the way out."""

from __future__ import annotations

import threading
from typing import Any

import pytest
import torch
from tests.core.learning.leave_one_out.toys import WIDTH, Level, Noise, signals, trunk, verdicts
from torch import Tensor, nn
from torch.nn.functional import dropout

from augrad import AugmentationLayer, AugmentationModule, EvidenceLoss, InvariantModel, find_policy, fit
from augrad.errors import ArgumentError, ArgumentTypeError, EvidenceWarning
from augrad.learning.leave_one_out.evidence import Evidence

X, Y = signals()


class Forgetful(nn.Module):
    """Drops features in eval mode too, from the global generator."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(WIDTH, 16), nn.Linear(16, 2)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.last(dropout(self.first(x).relu(), 0.3, training=True))
        return out


class Guarded(nn.Linear):
    """Cannot be copied."""

    def __init__(self) -> None:
        super().__init__(WIDTH, 2)
        self.lock = threading.Lock()


class Remembering(nn.Linear):
    """Keeps its last output, with its gradient."""

    def __init__(self) -> None:
        super().__init__(WIDTH, 2)
        self.last = self(X) * 2


def lazy() -> nn.Sequential:
    return nn.Sequential(nn.LazyLinear(16), nn.ReLU(), nn.LazyLinear(2))


def normed() -> nn.Sequential:
    return nn.Sequential(nn.LazyLinear(16), nn.LazyBatchNorm1d(), nn.ReLU(), nn.LazyLinear(2))


def found(inner: nn.Module, **changed: Any) -> Evidence:
    return find_policy(inner, [(X, Y)], [Level, Noise], **changed)


@pytest.mark.parametrize("kind", [Guarded, Remembering])
def test_a_trunk_that_cannot_be_copied(kind: type[nn.Module]):
    with pytest.raises(ArgumentError, match=r"copy.deepcopy raised \w+: .*Keep no locks") as caught:
        found(kind())
    assert caught.value.facts["argument"] == "trunk"


def test_with_a_trunk_that_cannot_be_copied_fit_takes_the_joint_loss():
    model = InvariantModel(Guarded(), AugmentationLayer([Level]))
    with pytest.warns(EvidenceWarning, match="the joint loss is used instead .* Keep no locks"):
        assert fit(model, [(X, Y)], max_epochs=1, progress=False).evidence is None


def test_lazy_buffers_need_a_first_batch():
    inner = normed()
    with pytest.raises(ArgumentError, match="Call the trunk once with a batch"):
        found(inner)
    with torch.no_grad():
        inner(X)
    assert verdicts(found(inner))["noise"] == "harms"


def test_lazy_parameters_are_built_in_a_copy():
    inner = lazy()
    first = found(inner)
    torch.rand(1)
    assert found(inner).candidates == first.candidates
    assert inner[0].has_uninitialized_params()


def test_lazy_parameters_of_a_differentiable_error():
    inner = lazy()
    error = EvidenceLoss(inner, X, Y)(AugmentationModule([AugmentationLayer([Level])]))
    assert 0 < error.item() < 1
    assert inner[0].has_uninitialized_params()


def test_a_trunk_that_draws_gives_the_same_evidence_twice():
    torch.manual_seed(0)
    inner = Forgetful()
    first = found(inner)
    torch.manual_seed(7)
    state = torch.get_rng_state()
    assert found(inner).candidates == first.candidates
    assert torch.equal(torch.get_rng_state(), state)


def test_a_trunk_that_draws_gives_the_same_differentiable_error_twice():
    error = EvidenceLoss(Forgetful(), X, Y)
    module = AugmentationModule([AugmentationLayer([Level, Noise])])
    first = error(module).item()
    torch.rand(1)
    assert error(module).item() == first


@pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated:DeprecationWarning")
def test_a_scripted_trunk():
    with pytest.raises(ArgumentError, match=r"it holds a ScriptModule. Pass the module before torch.jit.script"):
        found(torch.jit.script(trunk()))


def test_a_trunk_of_a_single_layer_is_named():
    assert found(nn.Linear(WIDTH, 2)).facts.features == "inputs of 1 layer: Linear"


def test_features_that_are_integers():
    with pytest.raises(ArgumentTypeError, match=r"must give floating-point values, but gave torch.int64. Convert"):
        found(trunk(), features=lambda inner, x: (100 * inner(x)).long())
