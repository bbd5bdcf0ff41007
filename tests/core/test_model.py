"""The invariant model: copies, aggregation, reproducible prediction, equivariance, and learning a known task."""

from __future__ import annotations

import copy
import pickle

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.core.signal_transforms import Flip, Gain, Noise, RingShift, Shift, Stretch, Swap, Turn
from torch import nn

from augrad import (
    AugmentationLayer,
    AugmentationModule,
    DisplacementPenalty,
    InvariantModel,
    JointLoss,
    Range,
    Transform,
    keyed_generator,
    parameter_groups,
)
from augrad.aggregation import AGGREGATIONS
from augrad.errors import AggregationError, ArgumentError, ArgumentTypeError, InputTypeError

X = torch.randn(6, 3, 15, generator=keyed_generator("x"))
CLASSIFIERS = ["log_prob", "prob", "logit", "mean"]


def trunk():
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(45, 4))


def model(kinds=((Turn, Gain), (Noise, Stretch)), *, magnitude=0.5, **options):
    layers = [AugmentationLayer(list(layer), magnitude=magnitude) for layer in kinds]
    return InvariantModel(trunk(), AugmentationModule(layers), **options)


class PerStep(nn.Module):
    """A dense output that is equivariant by itself: each step of time on its own."""

    def forward(self, x):
        return x.square().sum(1, keepdim=True)


@pytest.mark.parametrize("aggregation", CLASSIFIERS)
@pytest.mark.parametrize("training", [True, False])
def test_one_copy_at_strength_zero_equals_the_trunk(aggregation, training):
    still = model(magnitude=0.0, copies=1, aggregation=aggregation).train(training)
    expected = AGGREGATIONS[aggregation](still.trunk(X)[None])
    torch.testing.assert_close(still(X), expected)


@pytest.mark.parametrize("aggregation", CLASSIFIERS)
def test_any_number_of_copies_at_strength_zero_predicts_the_same(aggregation):
    one, many = (model(magnitude=0.0, copies=copies, aggregation=aggregation).eval()(X) for copies in (1, 5))
    torch.testing.assert_close(one, many)


@settings(max_examples=10)
@given(copies=st.integers(1, 4), seed=st.integers(0, 100))
def test_the_prediction_is_the_aggregate_over_its_copies(copies, seed):
    invariant = model(copies=copies, seed=seed).eval()
    generator = keyed_generator(seed, "eval")
    augmented = invariant.augmentation(X.repeat(copies, 1, 1), generator=generator)
    outputs = invariant.trunk(augmented).reshape(copies, 6, 4)
    torch.testing.assert_close(invariant(X), outputs.log_softmax(2).mean(0))


def test_prediction_is_reproducible_and_leaves_the_global_generator_alone():
    invariant = model().eval()
    before = torch.get_rng_state()
    assert torch.equal(invariant(X), invariant(X))
    assert not torch.equal(invariant(X), model(seed=1).eval()(X))
    assert torch.equal(before, torch.get_rng_state())
    again = invariant(X, generator=keyed_generator("mine"))
    assert torch.equal(again, invariant(X, generator=keyed_generator("mine")))


def test_training_draws_anew_unless_given_a_generator():
    invariant = model()
    assert not torch.equal(invariant(X), invariant(X))
    first, again = (invariant(X, generator=keyed_generator(3)) for _ in range(2))
    assert torch.equal(first, again)


def test_the_gradient_reaches_trunk_weights_and_magnitudes():
    invariant = model(train_copies=3)
    invariant(X, generator=keyed_generator(0)).square().sum().backward()
    for name, parameter in invariant.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.abs().sum() > 0, name


def test_a_callable_aggregates():
    invariant = model(copies=3, aggregation=lambda outputs: outputs.amax(0)).eval()
    assert invariant(X).shape == (6, 4)


class Gated(nn.Module):
    """Weighs each copy by a learned gate on its output."""

    def __init__(self):
        super().__init__()
        self.gate = nn.Linear(4, 1)

    def forward(self, outputs):
        return (torch.softmax(self.gate(outputs), dim=0) * outputs).sum(dim=0)


def test_a_learned_aggregation_is_trained_and_saved_under_its_own_name():
    invariant = model(train_copies=3, aggregation=Gated())
    names = [name for name in invariant.state_dict() if not name.startswith(("trunk.", "augmentation."))]
    assert names == ["aggregation.gate.weight", "aggregation.gate.bias"]
    trained = {id(p) for group in parameter_groups(invariant, lr=0.1) for p in group["params"]}
    assert {id(p) for p in invariant.aggregation.parameters()} <= trained
    invariant(X, generator=keyed_generator(0)).square().sum().backward()
    assert invariant.aggregation.gate.weight.grad.abs().sum() > 0
    assert "(aggregation): Gated" in repr(invariant)
    assert "aggregation=" not in repr(invariant)


def test_an_equivariant_prediction_moves_with_the_input():
    layers = [[RingShift, Gain], [Shift, Flip, Noise]]
    augmentation = AugmentationModule([AugmentationLayer(layer, magnitude=0.7) for layer in layers])
    for layer in augmentation:
        layer.set_weights({"signal.ring_shift": 1.0} if "signal.gain" in layer.names else {"signal.shift": 1.0})
    dense = InvariantModel(PerStep(), augmentation, copies=4, aggregation="equivariant").eval()
    # Whole steps only, where rolling commutes with squaring.
    roll = 5
    plain = InvariantModel(PerStep(), augmentation, copies=4, aggregation="mean").eval()
    assert (plain(X) - PerStep()(X)).abs().mean() > 1.5 * (dense(X) - PerStep()(X)).abs().mean()
    torch.testing.assert_close(dense(X.roll(roll, -1)), dense(X).roll(roll, -1))


@pytest.mark.parametrize("training", [True, False])
def test_undoing_an_equivariant_trunk_gives_its_output_on_the_input(training):
    class Linear(nn.Module):
        def forward(self, x):
            return x.sum(1, keepdim=True)

    augmentation = AugmentationModule([AugmentationLayer([RingShift, Flip], magnitude=0.7) for _ in range(2)])
    dense = InvariantModel(Linear(), augmentation, copies=3, train_copies=2, aggregation="equivariant").train(training)
    torch.testing.assert_close(dense(X), X.sum(1, keepdim=True))


def test_equivariance_needs_transforms_that_can_be_undone():
    class OneWay(Shift):
        """Shifts and never comes back."""

        invertible = False

    with pytest.raises(AggregationError, match=r"signal\.one_way moves coordinates and has no invert") as caught:
        InvariantModel(trunk(), AugmentationLayer([Gain, OneWay]), aggregation="equivariant")
    assert caught.value.transform == "signal.one_way"
    InvariantModel(trunk(), AugmentationLayer([Gain, Noise]), aggregation="equivariant")


def test_equivariance_needs_draws():
    layer = AugmentationLayer([RingShift], selection="mixture")
    with pytest.raises(AggregationError, match="selection='mixture' mixes all transforms; use selection='straight_thr"):
        InvariantModel(trunk(), layer, aggregation="equivariant")


@pytest.mark.parametrize("aggregation", ["log_prob", "equivariant"])
def test_a_trunk_that_does_not_fit_is_named(aggregation):
    flat = InvariantModel(nn.Flatten(0), AugmentationLayer([Gain]), aggregation=aggregation)
    with pytest.raises(AggregationError, match=r"one output per augmented sample: 6 \(1 copies x 6 samples\)"):
        flat(X)


@pytest.mark.parametrize(
    ("options", "kind", "message"),
    [
        ({"copies": 0}, ArgumentError, "copies must be an int of at least 1, but got 0"),
        ({"train_copies": -1}, ArgumentError, "train_copies must be an int of at least 1, but got -1"),
        ({"aggregation": "median"}, AggregationError, "aggregation must be one of"),
    ],
)
def test_options_are_checked_by_name(options, kind, message):
    with pytest.raises(kind, match=message):
        model(**options)


@pytest.mark.parametrize(
    ("given", "kind", "message"),
    [
        ({"copies": 2.0}, ArgumentError, "copies must be an int of at least 1, but got 2.0"),
        ({"copies": True}, ArgumentError, "copies must be an int of at least 1, but got True"),
        ({"trunk": torch.relu}, ArgumentTypeError, r"trunk must be a torch\.nn\.Module, but got builtin_function"),
        ({"module": [Turn]}, ArgumentTypeError, "module must be an AugmentationModule or .*, but got list"),
    ],
)
def test_arguments_of_another_type_are_named(given, kind, message, unchecked):
    with pytest.raises(kind, match=message):
        InvariantModel(**{"trunk": trunk(), "module": AugmentationLayer([Turn]), **given})


def test_a_batch_of_rubbish_is_refused_before_anything_is_drawn():
    invariant, generator = model(), keyed_generator(0)
    before = generator.get_state()
    with pytest.raises(InputTypeError, match=r"signal\.turn expects floating-point values"):
        invariant(X.long(), generator=generator)
    with pytest.raises(InputTypeError, match="type list cannot be counted"):
        invariant([1, 2])
    assert torch.equal(before, generator.get_state())


@pytest.mark.parametrize("way", [copy.deepcopy, lambda given: pickle.loads(pickle.dumps(given))])
def test_copies_after_training_predict_the_same(way):
    invariant = model()
    invariant(X).sum().backward()
    assert torch.equal(way(invariant).eval()(X), invariant.eval()(X))


def test_a_single_layer_is_wrapped_and_shown():
    invariant = InvariantModel(trunk(), AugmentationLayer([Turn, Swap]), copies=3)
    assert isinstance(invariant.augmentation, AugmentationModule)
    assert "copies=3, train_copies=1, aggregation='log_prob'" in repr(invariant)
    assert {row.transform for row in invariant.policy} == {"signal.turn", "signal.swap"}


def shifted_task(n_samples, seed):
    """A bump or a dip, anywhere on the circle of time: shifts are harmless, turning the sign is fatal."""
    generator = keyed_generator(seed, "task")
    target = torch.randint(2, (n_samples,), generator=generator)
    shift = torch.rand(n_samples, generator=generator) - 0.5
    bump = torch.exp(-0.5 * ((torch.arange(15.0) - 7) / 1.5) ** 2).expand(n_samples, 1, 15)
    x = Shift()((2.0 * target - 1)[:, None, None] * bump, shift=shift)
    return x + 0.3 * torch.randn(x.shape, generator=generator), target


class Negate(Transform):
    """Turns the sign by degrees, of which the last half swaps the two classes."""

    modality = "signal"
    degree = Range(1.0)

    def forward(self, x, *, degree):
        return x * (1 - 2 * degree)[:, None, None]


def test_training_finds_the_harmless_transform_and_avoids_the_fatal_one():
    x, target = shifted_task(64, 0)
    torch.manual_seed(0)
    net = nn.Sequential(nn.Flatten(), nn.Linear(15, 32), nn.ReLU(), nn.Linear(32, 2))
    layer = AugmentationLayer([RingShift, Negate, Gain])
    invariant = InvariantModel(net, layer, copies=8)
    loss = JointLoss(nn.CrossEntropyLoss(), DisplacementPenalty(0.5))
    optimizer = torch.optim.Adam(parameter_groups(invariant, lr=5e-3))
    for step in range(150):
        optimizer.zero_grad()
        loss(invariant(x, generator=keyed_generator(0, step)), target, invariant).backward()
        optimizer.step()
    learned = dict(zip(layer.names, layer.weights.tolist(), strict=True))
    assert learned["signal.ring_shift"] > 0.8
    assert learned["signal.negate"] < 0.05
    assert layer.magnitudes[0] > 0.3
    test_x, test_target = shifted_task(500, 1)
    accuracy = (invariant.eval()(test_x).argmax(1) == test_target).float().mean()
    alone = (net(test_x).argmax(1) == test_target).float().mean()
    assert accuracy >= alone - 0.02
    assert accuracy > 0.85


class NeedsLinear(Gain):
    """Refuses trunks that are not linear."""

    def check_trunk(self, trunk, x):
        if not isinstance(trunk[-1], nn.Linear):
            raise ArgumentError(f"{self.name} needs a linear trunk.", argument="trunk")


def test_transforms_see_the_trunk_and_the_first_batch():
    refused = InvariantModel(nn.Sequential(nn.Flatten()), AugmentationLayer([NeedsLinear]))
    with pytest.raises(ArgumentError, match="needs a linear trunk"):
        refused(X)
    with pytest.raises(ArgumentError, match="needs a linear trunk"):
        refused.check_trunk(X)
    accepted = InvariantModel(trunk(), AugmentationLayer([NeedsLinear]))
    accepted(X)
    accepted.trunk = nn.Sequential(nn.Flatten())
    assert accepted(X).shape == (6, 45)  # only the first batch is checked


def test_a_prediction_is_what_the_trunk_says_of_augmented_copies():
    given = model(train_copies=3)
    augmented, draws = given.augment(X, generator=keyed_generator("draws"))
    assert len(augmented) == 3 * len(X)
    torch.testing.assert_close(given.predict(augmented, draws, X), given(X, generator=keyed_generator("draws")))


@pytest.mark.parametrize("aggregation", CLASSIFIERS)
def test_another_networks_answer_is_put_in_the_same_terms(aggregation):
    given = model(train_copies=3, aggregation=aggregation)
    output = torch.randn(6, 4)
    torch.testing.assert_close(given.aggregate(output, 6), AGGREGATIONS[aggregation](output[None]))
    with pytest.raises(AggregationError, match="6"):
        given.aggregate(output, 5)


def test_a_model_can_be_augmented_without_the_local_gradient_to_the_weights():
    given = model()
    augmented, _ = given.augment(X, generator=keyed_generator("draws"), weight_gradient=False)
    augmented.square().sum().backward()
    assert all(layer.raw_weights.grad is None for layer in given.augmentation)
    assert all(layer.strength.raw_magnitudes.grad.abs().sum() > 0 for layer in given.augmentation)
