"""`EvidenceLoss` is the error of `find_policy`, with frozen draws, and learns by its gradient."""

import copy
import pickle

import pytest
import torch
from torch import nn

import augrad
from augrad.errors import ArgumentError, ArgumentTypeError, InputError
from augrad.learning.leave_one_out.errors import leave_one_out
from augrad.learning.leave_one_out.gradient import _error
from augrad.learning.leave_one_out.targets import targets_of


class Level(augrad.Transform):
    modality = "gradient_test"
    offset = augrad.Range(4.0, signed=True)

    def forward(self, x, *, offset):
        return x + offset[:, None]


class Tilt(augrad.Transform):
    modality = "gradient_test"
    slope = augrad.Range(4.0, signed=True)

    def forward(self, x, *, slope):
        return x + slope[:, None] * torch.tensor([-1.0, 1.0])


class Negate(augrad.Transform):
    modality = "gradient_test"

    def forward(self, x):
        return -x


class Stir(augrad.Transform):
    modality = "gradient_test"
    mixes_samples = True

    def forward(self, x):
        return x.roll(1, 0)


TARGET = torch.arange(100) % 2


def samples():
    """The classes differ in the tilt, and each sample has a level of its own."""
    generator = torch.Generator().manual_seed(0)
    noise, level = 0.3 * torch.randn(100, 2, generator=generator), 6 * torch.rand(100, 1, generator=generator)
    return torch.stack([TARGET.float(), 1.0 - TARGET], 1) + noise + level


def loss(**options):
    torch.manual_seed(0)
    return augrad.EvidenceLoss(
        nn.Sequential(nn.Linear(2, 64), nn.ReLU(), nn.Linear(64, 2)), samples(), TARGET, **options
    )


def _value(error):
    return float(error.detach())


def module(*layers, **options):
    return augrad.AugmentationModule([augrad.AugmentationLayer(list(each), **options) for each in layers])


def test_it_is_the_mean_of_the_three_errors_of_the_search():
    copies = torch.rand(4, 30, 7, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    weights = torch.rand(4, 30, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    weights = weights / weights.sum(dim=0)
    targets = targets_of(torch.arange(30) % 3, 30).columns
    directions = torch.eye(7, dtype=torch.float64)  # all that there are
    expected = leave_one_out(copies, targets, weights).mean()
    torch.testing.assert_close(_error(copies, weights, targets, directions), expected, rtol=1e-6, atol=0.0)


def test_an_invariance_lowers_the_error_and_what_destroys_the_target_raises_it():
    error = loss()
    found = {kind: _value(error(module([kind], magnitude=0.3))) for kind in (Level, Tilt)}
    clean = _value(error(module([Level], magnitude=0.0)))
    assert found[Level] < 0.9 * clean < 1.1 * clean < found[Tilt]


def test_draws_are_frozen_and_the_global_generator_is_left_alone():
    error, augmentation, state = loss(), module([Level, Tilt], [Level]), torch.get_rng_state()
    assert torch.equal(error(augmentation), error(augmentation))
    assert torch.equal(state, torch.get_rng_state())
    assert not torch.equal(error(augmentation), loss(seed=1)(augmentation))


def test_a_copy_counts_by_the_probability_of_its_transform():
    error, both = loss(n_copies=64), module([Level, Tilt], magnitude=0.3)
    for kind in (Level, Tilt):
        both.layers[0].set_weights({kind.name: 1.0})
        alone = error(module([kind], magnitude=0.3))
        assert _value(error(both)) == pytest.approx(_value(alone), rel=0.15)


def test_the_gradient_opens_what_is_harmless_and_closes_what_harms():
    error, augmentation = loss(), module([Level], [Tilt], magnitude=0.2)
    optimizer = torch.optim.Adam(augmentation.parameters(), 0.2)
    for _ in range(15):
        optimizer.zero_grad()
        error(augmentation).backward()
        optimizer.step()
    level, tilt = (_value(layer.magnitudes) for layer in augmentation)
    assert level > 0.25 > 0.1 > tilt


def test_the_gradient_takes_weight_from_what_harms():
    error, augmentation = loss(), module([Level, Tilt, Negate], magnitude=0.3)
    before = augmentation.layers[0].weights.tolist()
    optimizer = torch.optim.Adam([augmentation.layers[0].raw_weights], 0.2)
    for _ in range(15):
        optimizer.zero_grad()
        error(augmentation).backward()
        optimizer.step()
    level, tilt, _ = augmentation.layers[0].weights.tolist()
    assert level > before[0]
    assert tilt < before[1]


def test_a_mixture_has_the_weights_in_its_output():
    (weights,) = torch.autograd.grad(
        loss()(mixed := module([Level, Tilt], selection="mixture", magnitude=0.3)), [mixed.layers[0].raw_weights]
    )
    assert weights.abs().max() > 0


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda error: pickle.loads(pickle.dumps(error))])
def test_a_copy_is_the_same_error(copied):
    error, augmentation = loss(), module([Level, Tilt])
    assert torch.equal(copied(error)(augmentation), error(augmentation))


def test_trunk_and_mode_are_left_alone():
    trunk = nn.Sequential(nn.Linear(2, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))
    before = {name: value.clone() for name, value in trunk.state_dict().items()}
    augmentation = module([Level])
    augrad.EvidenceLoss(trunk, samples(), TARGET)(augmentation).backward()
    assert all(torch.equal(value, before[name]) for name, value in trunk.state_dict().items())
    assert trunk.training
    assert augmentation.training
    assert all(parameter.grad is None for parameter in trunk.parameters())


def test_the_trunk_of_an_invariant_model_is_used_and_samples_without_a_target_are_left_out():
    model = augrad.InvariantModel(nn.Linear(2, 2), augrad.AugmentationLayer([Level], magnitude=0.3))
    target = TARGET.clone()
    target[:10] = -100
    with_gaps = augrad.EvidenceLoss(model, samples(), target)(model.augmentation)
    without = augrad.EvidenceLoss(model.trunk, samples()[10:], TARGET[10:])(model.augmentation)
    assert torch.equal(with_gaps, without)


def evidence_of(target):
    return augrad.EvidenceLoss(nn.Linear(2, 2), samples(), target)


def diverged():
    broken = module([Level, Tilt])
    with torch.no_grad():
        broken.layers[0].raw_weights[0] = torch.nan
    return broken


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize(
    ("call", "kind", "words"),
    [
        (lambda: augrad.EvidenceLoss("trunk", samples(), TARGET), ArgumentTypeError, "trunk must be a torch.nn.Module"),
        (lambda: loss(n_copies=1), ArgumentError, "n_copies must be an int of at least 2"),
        (lambda: loss(features="7"), ArgumentError, "no module '7'"),
        (lambda: loss()(augrad.AugmentationLayer([Level])), ArgumentTypeError, "pass model.augmentation"),
        (lambda: loss(n_copies=2)(module([Level, Tilt, Negate])), ArgumentError, r"transforms of a layer \(3\)"),
        (
            lambda: loss()(module([Level, Stir])),
            ArgumentError,
            "gradient_test.stir puts values of other samples into it",
        ),
        (lambda: loss()(diverged()), ArgumentError, "weights or magnitudes that are NaN"),
        (lambda: augrad.EvidenceLoss(nn.Linear(2, 2), samples()[:9], TARGET[:9]), InputError, "target has 9 samples"),
        (lambda: evidence_of(TARGET[:50]), ArgumentError, r"target must have a target for each sample.*has \(50,\)"),
        (lambda: evidence_of(TARGET.tolist()), ArgumentTypeError, "target must be a tensor of targets.*has list"),
        (lambda: evidence_of(0 * TARGET), InputError, "target has a single class.*Pass other samples, or more"),
    ],
)
def test_mistakes_are_named(call, kind, words):
    with pytest.raises(kind, match=f"(?i){words}"):
        call()
