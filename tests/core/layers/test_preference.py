"""Selection weights per sample: what is drawn, how the preference learns, and what else reads the weights."""

from __future__ import annotations

import copy
import functools

import pytest
import torch
from tests.core.policy_cases import Level, Negate
from tests.core.signal_transforms import Flip, Gain, Noise, RingShift, Shift, Stretch, Swap, Turn
from torch import nn

from augrad import (
    AugmentationLayer,
    AugmentationModule,
    CrossFittedLoss,
    DisplacementPenalty,
    InvariantModel,
    Policy,
    keyed_generator,
)
from augrad.errors import ArgumentTypeError, LayerError, PolicyError
from augrad.layers.composition import transform_batch
from augrad.layers.draw import MOMENTUM, LayerDraw
from augrad.learning.cross_fitted.proposals import prune
from augrad.policies.document import to_document
from augrad.policies.document_reader import from_document

LAYERS = {
    "matrices": [Turn, Stretch],
    "others": [Gain, Shift, Noise],
    "matrices and others": [Turn, Gain, Stretch, Noise],
}
X = torch.randn(6, 2, 15, dtype=torch.float64, generator=keyed_generator("x"))
X = X + torch.linspace(-2, 2, 6, dtype=torch.float64)[:, None, None]


class ByMean(nn.Module):
    """A line per transform over the mean of each sample."""

    def __init__(self, n_transforms, seed=0):
        super().__init__()
        self.line = nn.Linear(1, n_transforms)
        with torch.no_grad():
            generator = keyed_generator("preference", seed)
            for parameter in self.line.parameters():
                parameter.copy_(torch.randn(parameter.shape, generator=generator))

    def forward(self, x):
        return self.line(x.flatten(1).mean(1, keepdim=True))


def layer_of(kinds, **options):
    options = {"magnitude": 0.5, **options}
    return AugmentationLayer(kinds, preference=ByMean(len(kinds)), **options).double()


def test_each_sample_has_weights_of_its_own():
    layer = layer_of([Turn, Gain, Flip], temperature=0.5, weights=[1.0, 2.0, 3.0])
    weights = layer.weights_for(X)
    expected = torch.softmax((layer.raw_weights + layer.preference(X)) / 0.5, dim=1)
    torch.testing.assert_close(weights, expected)
    assert weights.std(0).min() > 0.01
    draw = layer.draw(X, keyed_generator(0))
    torch.testing.assert_close(draw.weights, expected)
    assert AugmentationLayer([Turn]).draw(X.float()).weights is None


@pytest.mark.parametrize("training", [True, False])
def test_draws_follow_the_weights_of_the_sample(training):
    layer = layer_of([Gain, Noise, Turn]).train(training)
    x = X[:2].repeat_interleave(4000, 0)
    draw = layer.draw(x, keyed_generator(0))
    for sample in range(2):
        drawn = torch.bincount(draw.choice[4000 * sample : 4000 * (sample + 1)], minlength=3) / 4000
        torch.testing.assert_close(drawn, layer.weights_for(X)[sample].float(), atol=0.03, rtol=0)


@pytest.mark.parametrize("kind", LAYERS)
def test_for_a_linear_loss_the_straight_through_gradient_of_the_preference_is_exact(kind):
    layer = layer_of(LAYERS[kind])
    slopes = torch.randn(X.shape, dtype=torch.float64, generator=keyed_generator("slopes"))
    parameters = [layer.raw_weights, *layer.preference.parameters()]
    values = layer.draw(X, keyed_generator(0)).values
    noise = tuple(transform.draw_noise(X, keyed_generator(1)) for transform in layer)
    estimate = [torch.zeros_like(parameter) for parameter in parameters]
    exact = 0.0
    for index in range(len(layer)):
        weights = layer.weights_for(X)
        draw = LayerDraw(torch.full((len(X),), index), values, noise, weights=weights)
        losses = (transform_batch([layer], X, draws=[draw])[0] * slopes).sum((1, 2))
        drawn = (losses * weights.detach()[:, index]).sum()
        estimate = [
            a + b for a, b in zip(estimate, torch.autograd.grad(drawn, parameters, retain_graph=True), strict=True)
        ]
        exact = exact + (weights[:, index] * losses.detach()).sum()
    expected = torch.autograd.grad(exact, parameters)
    assert all(gradient.abs().max() > 1e-3 for gradient in expected)
    torch.testing.assert_close(estimate, list(expected))


def test_a_preference_of_equal_rows_changes_nothing():
    kinds = [Turn, Gain, Flip, Noise]
    shared = AugmentationLayer(kinds, magnitude=0.5).double()

    class Same(nn.Module):
        def forward(self, x):
            return x.new_ones(len(x), 4)

    own = AugmentationLayer(kinds, magnitude=0.5, preference=Same()).double()
    draw = shared.draw(X, keyed_generator(0))
    gradients = []
    for layer in (shared, own):
        weights = layer.weights_for(X)
        given = LayerDraw(
            draw.choice,
            draw.values,
            draw.noise,
            draw.groups,
            draw.applied,
            weights=weights if weights.ndim == 2 else None,
        )
        y = transform_batch([layer], X, draws=[given])[0]
        gradients.append((y.detach(), torch.autograd.grad(y.square().sum(), layer.raw_weights)[0]))
    torch.testing.assert_close(gradients[0], gradients[1])


@pytest.mark.parametrize("selection", ["straight_through", "mixture"])
def test_a_preference_learns_to_send_each_sample_to_its_transform(selection):
    """Rising samples want to be reversed, all others want to be left alone by the loud gain."""
    x = torch.linspace(0, 1, 15).expand(16, 1, 15).clone()
    x[8:] -= 2.0
    target = torch.cat([x[:8].flip(-1), x[8:]])
    preference = nn.Sequential(nn.Flatten(), nn.Linear(15, 2))
    layer = AugmentationLayer(
        [Flip, Gain], preference=preference, magnitude={"signal.gain": 0.01}, selection=selection, distribution="ends"
    )
    optimizer = torch.optim.Adam(layer.parameters(), lr=0.05)
    for step in range(80):
        optimizer.zero_grad()
        (layer(x, generator=keyed_generator(step)) - target).square().mean().backward()
        optimizer.step()
    weights = layer.weights_for(x)
    assert weights[:8, 0].min() > 0.8
    assert weights[8:, 1].min() > 0.8


@pytest.mark.parametrize("training", [True, False])
def test_a_pass_is_replayed_undone_and_moved_with_the_weights_that_it_drew_with(training):
    module = AugmentationModule([layer_of([RingShift, Shift]), layer_of([RingShift, Flip])]).train(training)
    y, draws = module.augment(X, generator=keyed_generator(0))
    assert torch.equal(module.augment(X, draws=draws)[0], y)
    torch.testing.assert_close(module.undo(y, draws), X)
    torch.testing.assert_close(module.move(X, draws), y)


def test_several_copies_have_the_weights_of_their_sample():
    layer = layer_of([Turn, Gain, Noise])
    model = InvariantModel(nn.Flatten(), layer, train_copies=2, aggregation="mean").double()
    draws = model.augment(X, generator=keyed_generator(0))[1]
    assert torch.equal(draws[0].weights[:6], draws[0].weights[6:])


def test_the_shared_weights_are_a_running_mean_over_training_passes():
    layer = layer_of([Turn, Gain, Flip])
    third = torch.full((3,), 1 / 3, dtype=torch.float64)
    torch.testing.assert_close(layer.weights, third)
    layer.eval()(X)
    torch.testing.assert_close(layer.weights, third)
    layer.train()(X[:0])
    layer(X)
    mean = layer.weights_for(X).mean(0)
    torch.testing.assert_close(layer.weights, third + MOMENTUM * (mean - third))
    assert not layer.weights.requires_grad
    for _ in range(200):
        layer(X)
    torch.testing.assert_close(layer.weights, mean)
    assert [row.weight for row in Policy.from_module(layer)] == pytest.approx(mean.tolist(), abs=1e-6)
    again = layer_of([Turn, Gain, Flip])
    again.load_state_dict(layer.state_dict())
    assert torch.equal(again.weights, layer.weights)


def test_state_has_the_mean_of_the_last_pass_and_the_log_probability_of_each_draw():
    module = AugmentationModule([layer_of([Turn, Gain]), layer_of([Stretch, Noise, Swap])])
    _, draws = module.augment(X, generator=keyed_generator(0))
    state = module.state()
    rows = torch.arange(len(X))
    expected = sum(draw.weights[rows, draw.choice].log() for draw in draws)
    torch.testing.assert_close(state.log_probs, expected)
    for layer, draw in zip(state.layers, draws, strict=True):
        torch.testing.assert_close(layer.weights, draw.weights.mean(0))
    DisplacementPenalty()(state).backward()
    for layer in module:
        assert layer.preference.line.weight.grad.abs().sum() > 0


def mean_weights(layer):
    for _ in range(200):
        layer(X)
    return layer.weights


def test_pruning_takes_a_transform_from_every_sample_and_keeps_the_proportions_of_the_others():
    layer = layer_of([Turn, Gain, Noise, Stretch], weights=[4.0, 4.0, 0.05, 4.0])
    mean_weights(layer)
    before = layer.weights_for(X)
    prune(AugmentationModule([layer]), least=0.1)
    after = layer.weights_for(X)
    assert (after[:, 2] == 0).all()
    kept = before[:, [0, 1, 3]]
    torch.testing.assert_close(after[:, [0, 1, 3]], kept / kept.sum(1, keepdim=True))
    assert layer.weights[2] == 0
    layer.set_weights({"signal.noise": 1.0, "signal.turn": 1.0})
    torch.testing.assert_close(layer.weights, torch.tensor([0.5, 0.0, 0.5, 0.0], dtype=torch.float64))


def test_only_and_what_is_set_hold_for_every_sample():
    layer = layer_of([Turn, Gain, Noise])
    alone = layer.only("signal.gain")
    assert torch.equal(alone.weights_for(X), torch.eye(3, dtype=torch.float64)[1].expand(6, 3))
    assert alone.draw(X, keyed_generator(0)).choice.tolist() == [1] * 6
    with torch.no_grad():
        alone.preference.line.weight.zero_()
    assert layer.preference.line.weight.abs().sum() > 0


def test_the_cross_fitted_rule_trains_a_preference():
    """Its costs reach the weights by a score function, and so does the preference."""
    torch.manual_seed(0)
    model = InvariantModel(nn.Sequential(nn.Flatten(), nn.Linear(30, 2)), layer_of([Turn, Noise, Flip]).float()).train()
    x = torch.randn(40, 2, 15)
    objective = CrossFittedLoss(model, nn.CrossEntropyLoss(), DisplacementPenalty(), window=(0.5, 1.0))
    target = (x.mean((1, 2)) > 0).long()
    objective.step(model, x, target, progress=0.9, generator=keyed_generator(0)).total.backward()
    assert model.augmentation.layers[0].preference.line.weight.grad.abs().sum() > 0


def test_a_policy_shows_the_mean_and_a_file_refuses_the_code(tmp_path):
    preference = functools.partial(ByMean, 2)
    layer = AugmentationLayer([Level, Negate], preference=preference())
    layer(torch.rand(8, 3))
    policy = Policy.from_module(layer)
    assert policy == Policy.from_module(copy.deepcopy(layer))
    assert policy != Policy.from_module(AugmentationLayer([Level, Negate], preference=ByMean(2, seed=1)))
    x = torch.rand(5, 3)
    assert torch.equal(
        policy.as_module()(x, generator=keyed_generator(0)), layer.eval()(x, generator=keyed_generator(0))
    )
    with pytest.raises(
        PolicyError, match=r"layer 0 has a preference of its own, ByMean: code is never stored.*state_dict"
    ):
        policy.to_json(tmp_path / "policy.json")
    with pytest.raises(PolicyError, match=r"layers\[0\]\.preference: the layer has a preference of its own, ByMean"):
        from_document(to_document(AugmentationModule([layer]), tensors=False), tensors=False)


def test_what_makes_no_preference_is_named(unchecked):
    with pytest.raises(ArgumentTypeError, match=r"preference must be a torch\.nn\.Module .* but got function"):
        AugmentationLayer([Turn], preference=lambda x: x)
    wrong = AugmentationLayer([Turn, Gain], preference=nn.Flatten())
    with pytest.raises(LayerError, match=r"one number per sample and transform, \(6, 2\), but returned \(6, 30\)"):
        wrong(X.float())
