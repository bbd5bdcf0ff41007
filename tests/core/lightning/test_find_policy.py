"""The callback finds the policy before the first epoch, and a resumed run takes it from the checkpoint."""

import pytest
import torch
from torch import nn

import augrad
from augrad.errors import ArgumentError

pytest.importorskip("lightning.pytorch")
from lightning.pytorch import LightningModule
from tests.core.lightning.small_runs import WARNINGS, Loader, quiet

from augrad.lightning import FindPolicy, JointModule

pytestmark = WARNINGS


class Level(augrad.Transform):
    modality = "find_policy_test"
    offset = augrad.Range(4.0, signed=True)

    def forward(self, x, *, offset):
        return x + offset[:, None]


class Negate(augrad.Transform):
    modality = "find_policy_test"

    def forward(self, x):
        return -x


def model(*, layer=None):
    torch.manual_seed(0)
    return augrad.InvariantModel(nn.Linear(2, 2), layer or augrad.AugmentationLayer([Level, Negate]), copies=2)


def loader(n=100):
    generator = torch.Generator().manual_seed(0)
    y = torch.arange(n) % 2
    x = torch.stack([y.float(), 1.0 - y], 1) + 3 * torch.rand(n, 1, generator=generator)
    return Loader(list(zip(x.split(10), y.split(10), strict=True)))


def trainer(callback):
    return quiet(max_epochs=1, callbacks=[callback])


class Plain(LightningModule):
    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def training_step(self, pair, _):
        x, y = pair
        return nn.functional.cross_entropy(self.inner(x), y)

    def configure_optimizers(self):
        return torch.optim.SGD(self.inner.parameters(), lr=0.1)


def test_the_policy_stands_before_training_and_does_not_move():
    inner, callback = model(), FindPolicy(n_samples=50)
    trainer(callback).fit(Plain(inner), loader())
    assert [each.transform for each in callback.evidence.candidates if each.verdict == "helps"] == [Level.name]
    assert callback.evidence.facts.n_samples == 50
    (layer,) = inner.augmentation
    assert layer.weights.tolist() == [1.0, 0.0]
    assert layer.magnitudes.tolist() == pytest.approx(
        next(iter(callback.evidence.policy.as_module())).magnitudes.tolist()
    )
    assert not any(parameter.requires_grad for parameter in inner.augmentation.parameters())


def test_it_serves_the_joint_module():
    inner, callback = model(), FindPolicy()
    trainer(callback).fit(JointModule(inner, objective="joint", penalty=None), loader())
    assert inner.policy[0].high == pytest.approx(callback.evidence.policy[0].high)


def test_a_resumed_run_does_not_search_again():
    callback = FindPolicy()
    trainer(callback).fit(Plain(model()), loader())
    resumed, inner = FindPolicy(), model()
    resumed.load_state_dict(callback.state_dict())
    resumed._searched = None  # would fail if it were called
    trainer(resumed).fit(Plain(inner), loader())
    assert resumed.evidence.policy == callback.evidence.policy


def test_a_second_run_searches_anew_for_another_model_alone():
    callback, inner = FindPolicy(), model()
    trainer(callback).fit(Plain(inner), loader())
    first = callback.evidence
    trainer(callback).fit(Plain(inner), loader())
    assert callback.evidence == first
    trainer(callback).fit(Plain(model()), loader(60))
    assert (first.facts.n_samples, callback.evidence.facts.n_samples) == (100, 60)


def test_a_policy_of_other_candidates_does_not_fit():
    callback = FindPolicy()
    trainer(callback).fit(Plain(model()), loader())
    resumed = FindPolicy()
    resumed.load_state_dict(callback.state_dict())
    other = model(layer=augrad.AugmentationLayer([Negate]))
    with pytest.raises(
        ArgumentError, match=r"cannot hold the policy of the checkpoint: find_policy_test.level. Resume"
    ):
        trainer(resumed).fit(Plain(other), loader())


@pytest.mark.parametrize(
    ("made", "options", "data", "words"),
    [
        (lambda: nn.Linear(2, 2), {}, loader, "needs a LightningModule with an InvariantModel, but Plain has none"),
        (model, {"model": "other"}, loader, "named 'other'"),
        (model, {}, lambda: loader(10), "found no evidence: loader yields 10 samples"),
        (
            lambda: model(layer=augrad.AugmentationLayer([Level], distribution="ends")),
            {},
            loader,
            "cannot set this augmentation: layer 0 draws from the distribution 'ends'",
        ),
    ],
)
def test_mistakes_are_named(made, options, data, words):
    with pytest.raises(ArgumentError, match=words):
        trainer(FindPolicy(**options)).fit(Plain(made()), data())
