"""The fused pass equals one layer after the other, in values and gradients; undoing it gives the input back."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.core.signal_transforms import Flip, Gain, Noise, RingShift, Shift, Stretch, Swap, Turn

from augrad import AugmentationLayer, AugmentationModule, batch, keyed_generator
from augrad.errors import InputTypeError, InversionError, LayerError
from augrad.layers.composition import transform_batch, undo_batch
from augrad.transform.matrix import MatrixTransform

STACKS = {
    "one layer of matrices": [[Turn, Stretch, Swap]],
    "three layers of matrices": [[Turn, Stretch], [Swap, Turn], [Stretch, Turn, Swap]],
    "two actions": [[Turn, RingShift], [RingShift, Stretch]],
    "no matrices": [[Gain, Shift, Noise], [Flip, Gain]],
    "mixed layers": [[Turn, Gain, Noise], [Stretch, Swap], [Shift, Turn, Flip]],
    "everything": [[Turn, RingShift, Gain], [Noise, Stretch, RingShift], [Shift, Flip, Swap, Gain]],
}
MOVING = {
    "a matrix": [[RingShift]],
    "matrices in layers": [[RingShift], [RingShift], [RingShift]],
    "others": [[Shift, Flip], [Flip, Shift]],
    "matrices and others": [[RingShift, Flip], [Shift, RingShift], [Flip, Shift, RingShift]],
}
X = torch.randn(8, 3, 15, dtype=torch.float64, generator=keyed_generator("x"))
seeds = st.integers(0, 10_000)


def stack(kinds, *, magnitude=0.6, training=True):
    layers = [AugmentationLayer(layer, magnitude=magnitude) for layer in kinds]
    return AugmentationModule(layers).double().train(training)


def one_by_one(module, x, draws):
    """The definition, without fusion: each layer and each sample by itself, the drawn transform applied as it is."""
    for layer, draw in zip(module, draws, strict=True):
        results = []
        ranks = torch.zeros(len(layer), dtype=torch.long)
        for index, chosen in enumerate(draw.choice.tolist()):
            transform, at = layer.transforms[chosen], torch.tensor([index])
            if draw.applied is not None and draw.applied[chosen] is not None and not draw.applied[chosen][index]:
                results.append(batch.select(x, at))
                continue
            values = {name: value[at] for name, value in draw.values[chosen].items()}
            noise = draw.noise[chosen]
            # Noise of a transform that is no matrix was drawn for the samples that drew it, in their order.
            place = at if isinstance(transform, MatrixTransform) else ranks[chosen][None]
            extra = {} if noise is None else {"noise": noise[place]}
            ranks[chosen] += 1
            results.append(transform(batch.select(x, at), **values, **extra))
        x = torch.cat(results)
    return x


@pytest.mark.parametrize("kinds", STACKS)
@pytest.mark.parametrize("training", [True, False])
@settings(max_examples=8)
@given(seed=seeds)
def test_the_fused_pass_equals_layer_after_layer(kinds, training, seed):
    module = stack(STACKS[kinds], training=training)
    y, draws = transform_batch(list(module), X, generator=keyed_generator(seed))
    torch.testing.assert_close(y, one_by_one(module, X, draws))


@pytest.mark.parametrize("kinds", STACKS)
def test_the_gradient_of_the_magnitudes_equals_that_of_layer_after_layer(kinds):
    module = stack(STACKS[kinds])
    y, draws = transform_batch(list(module), X, generator=keyed_generator(3))
    magnitudes = [layer.strength.raw_magnitudes for layer in module if len(layer.magnitudes)]
    weights = torch.randn(y.shape, dtype=torch.float64)
    found = torch.autograd.grad((y.sin() * weights).sum(), magnitudes, retain_graph=True)
    expected = torch.autograd.grad((one_by_one(module, X, draws).sin() * weights).sum(), magnitudes)
    assert all(gradient.abs().sum() > 0 for gradient in expected)
    torch.testing.assert_close(found, expected)


def applied_matrices(transform, draw, index):
    matrices = transform.matrices(X, **draw.values[index])
    if transform.ranges:
        return matrices
    return torch.where(draw.applied[index][:, None, None], matrices.double(), torch.eye(2, dtype=torch.float64))


@pytest.mark.parametrize("kinds", ["one layer of matrices", "three layers of matrices"])
def test_the_gradient_of_the_weights_is_that_of_the_mixture_of_matrices(kinds):
    """Independent: the product of mixed matrices, differentiated at the drawn ones by the product rule."""
    module = stack(STACKS[kinds])
    y, draws = transform_batch(list(module), X, generator=keyed_generator(5))
    loss_slope = torch.randn(y.shape, dtype=torch.float64)
    stacks = [
        torch.stack([applied_matrices(t, draw, i).detach() for i, t in enumerate(layer)], dim=1)
        for layer, draw in zip(module, draws, strict=True)
    ]
    rows = torch.arange(len(X))
    drawn = [matrices[rows, draw.choice] for matrices, draw in zip(stacks, draws, strict=True)]
    for position, layer in enumerate(module):
        expected = torch.zeros(len(layer), dtype=torch.float64)
        for j in range(len(layer)):
            product = torch.eye(2, dtype=torch.float64).expand(len(X), 2, 2)
            for other in range(len(module)):
                product = (stacks[position][:, j] if other == position else drawn[other]) @ product
            expected[j] = (loss_slope * module.layers[0].transforms[0].action.act(X, product)).sum()
        weights = layer.weights.detach()
        expected = weights * (expected - weights @ expected)  # through the softmax
        (found,) = torch.autograd.grad((y * loss_slope).sum(), layer.raw_weights, retain_graph=True)
        torch.testing.assert_close(found, expected)


def test_matrices_of_all_layers_are_applied_once(monkeypatch):
    module = stack(STACKS["three layers of matrices"])
    calls = []
    act = type(Turn.action).act
    monkeypatch.setattr(type(Turn.action), "act", lambda self, x, matrix: calls.append(1) or act(self, x, matrix))
    module(X)
    assert len(calls) == 1


@pytest.mark.parametrize("kinds", STACKS)
@settings(max_examples=8)
@given(seed=seeds)
def test_a_pass_is_replayed_by_its_draws(kinds, seed):
    module = stack(STACKS[kinds])
    y, draws = module.augment(X, generator=keyed_generator(seed))
    again, same = module.augment(X, draws=draws)
    assert torch.equal(y, again)
    assert all(a is b for a, b in zip(draws, same, strict=True))


@pytest.mark.parametrize("kinds", MOVING)
@pytest.mark.parametrize("training", [True, False])
@settings(max_examples=8)
@given(seed=seeds)
def test_undoing_gives_the_input_back(kinds, training, seed):
    module = stack(MOVING[kinds], training=training)
    y, draws = module.augment(X, generator=keyed_generator(seed))
    assert (y - X).abs().max() > 0.1
    torch.testing.assert_close(module.undo(y, draws), X)


@settings(max_examples=8)
@given(seed=seeds)
def test_undoing_moves_contents_back_and_leaves_colours_alone(seed):
    # A dense output of one channel: only what moves coordinates concerns it.
    module = stack([[RingShift, Turn, Gain], [Shift, Noise, Stretch], [Flip, RingShift]])
    draws = module.augment(X, generator=keyed_generator(seed))[1]
    dense = X[:, :1]
    for layer, draw in zip(module, draws, strict=True):
        for index, transform in enumerate(layer):
            at = (draw.choice == index).nonzero().flatten()
            if draw.applied is not None and draw.applied[index] is not None:
                at = at[draw.applied[index][at]]
            if transform.moves_coordinates and len(at):
                values = {name: value[at] for name, value in draw.values[index].items()}
                dense = dense.index_copy(0, at, transform(dense[at], **values))
    torch.testing.assert_close(module.undo(dense, draws), X[:, :1])


@pytest.mark.parametrize("kinds", MOVING)
@pytest.mark.parametrize("training", [True, False])
@settings(max_examples=8)
@given(seed=seeds)
def test_a_target_moves_with_its_sample_and_back(kinds, training, seed):
    module = stack(MOVING[kinds], training=training)
    y, draws = module.augment(X, generator=keyed_generator(seed))
    torch.testing.assert_close(module.move(X, draws), y)
    torch.testing.assert_close(module.undo(module.move(X[:, :1], draws), draws), X[:, :1])


def test_a_target_is_moved_and_never_coloured():
    module = stack([[RingShift, Turn, Gain], [Shift, Noise, Stretch], [Flip, RingShift]])
    draws = module.augment(X, generator=keyed_generator(7))[1]
    dense = X[:, :1]
    for layer, draw in zip(module, draws, strict=True):
        for index, transform in enumerate(layer):
            at = (draw.choice == index).nonzero().flatten()
            if draw.applied is not None and draw.applied[index] is not None:
                at = at[draw.applied[index][at]]
            if transform.moves_coordinates and len(at):
                values = {name: value[at] for name, value in draw.values[index].items()}
                dense = dense.index_copy(0, at, transform(dense[at], **values))
    torch.testing.assert_close(module.move(X[:, :1], draws), dense)
    still = stack([[Gain, Turn], [Noise]])
    assert torch.equal(still.move(X, still.augment(X)[1]), X)


def test_the_gradient_reaches_magnitudes_and_weights_through_a_moved_target():
    module = stack([[RingShift, Gain], [Shift, Flip]])
    draws = module.augment(X, generator=keyed_generator(0))[1]
    (module.move(X, draws) * torch.linspace(0, 1, 15)).square().sum().backward()
    for layer in module:
        assert layer.strength.raw_magnitudes.grad.abs().sum() > 0
        assert layer.raw_weights.grad.abs().sum() > 0


def test_what_cannot_be_moved_says_so():
    mixed = AugmentationModule([AugmentationLayer([RingShift], selection="mixture").double()])
    y, draws = mixed.augment(X)
    with pytest.raises(LayerError, match=r"moves contents to several places at once.*use selection='straight_through'"):
        mixed.move(y, draws)
    module = stack([[RingShift]])
    with pytest.raises(InputTypeError, match=r"floating point, but got torch\.int64.*torch\.nn\.functional\.one_hot"):
        module.move(torch.zeros(8, 1, 15, dtype=torch.long), module.augment(X)[1])


def test_several_copies_are_transformed_apart():
    module = stack(STACKS["everything"])
    y, draws = transform_batch(list(module), batch.repeat(X, 3), generator=keyed_generator(0))
    torch.testing.assert_close(y, one_by_one(module, batch.repeat(X, 3), draws))
    first, second, third = y.chunk(3)
    assert not torch.equal(first, second)
    assert not torch.equal(second, third)


def test_a_mixture_is_the_weighted_sum_over_the_transforms():
    kinds = [Turn, Gain, Swap]
    layer = AugmentationLayer(kinds, magnitude=0.5, weights=[1.0, 2.0, 3.0], selection="mixture").double()
    y, (draw,) = transform_batch([layer], X, generator=keyed_generator(0))
    parts = [transform(X, **draw.values[index]) for index, transform in enumerate(layer)]
    assert 0 < draw.applied[2].sum() < len(X)
    parts[2] = torch.where(draw.applied[2][:, None, None], parts[2], X)
    torch.testing.assert_close(y, (parts[0] + 2 * parts[1] + 3 * parts[2]) / 6)
    (found,) = torch.autograd.grad(y.square().mean(), layer.raw_weights)
    weights = torch.softmax(layer.raw_weights, 0)
    (expected,) = torch.autograd.grad(
        sum(w * part.detach() for w, part in zip(weights, parts, strict=True)).square().mean(), layer.raw_weights
    )
    torch.testing.assert_close(found, expected)


def test_matrices_that_wait_are_applied_before_a_mixture():
    layers = [
        AugmentationLayer([Turn, Stretch], magnitude=0.5),
        AugmentationLayer([Gain, Noise], magnitude=0.5, selection="mixture"),
        AugmentationLayer([Turn], magnitude=0.5),
    ]
    module = AugmentationModule(layers).double()
    y, draws = module.augment(X, generator=keyed_generator(0))
    first = transform_batch(layers[:1], X, draws=draws[:1])[0]
    second = transform_batch(layers[1:2], first, draws=draws[1:2])[0]
    torch.testing.assert_close(y, transform_batch(layers[2:], second, draws=draws[2:])[0])


def test_a_mixture_cannot_be_undone():
    layer = AugmentationLayer([RingShift], selection="mixture").double()
    y, draws = transform_batch([layer], X)
    with pytest.raises(InversionError, match="a mixture of transforms cannot be undone; use selection='straight_throu"):
        undo_batch([layer], y, draws)


def test_what_moves_and_cannot_be_undone_says_so():
    class OneWay(Shift):
        """Shifts and never comes back."""

        invertible = False

        def invert(self, y, **values):
            return super(Shift, self).invert(y, **values)

    module = stack([[OneWay]])
    y, draws = module.augment(X)
    with pytest.raises(InversionError, match=r"signal\.one_way cannot be undone"):
        module.undo(y, draws)


def test_the_input_is_never_written_into():
    before = X.clone()
    for kinds in STACKS.values():
        stack(kinds)(X).sum().backward()
    assert torch.equal(X, before)


def test_an_action_whose_weight_is_zero_leaves_values_and_gradients_finite():
    layer = AugmentationLayer([Turn, Stretch, Gain], magnitude=0.5, weights=[0.0, 0.0, 1.0]).double()
    y = layer(X, generator=keyed_generator(0))
    y.square().sum().backward()
    assert y.isfinite().all()
    assert all(parameter.grad.isfinite().all() for parameter in layer.parameters())


def test_precision_is_kept_under_autocast():
    """Mixed precision is for the trunk: coordinates in bfloat16 would be off by a tenth of a pixel."""
    module = stack(STACKS["three layers of matrices"]).float()
    expected = module(X.float(), generator=keyed_generator(0))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = module(X.float(), generator=keyed_generator(0))
    torch.testing.assert_close(found, expected)


WITHOUT = [[[Turn, Stretch]], [[Gain, Noise]], [[Turn, Gain], [Shift, RingShift]]]


@pytest.mark.parametrize("kinds", WITHOUT, ids=["matrices", "others", "both"])
def test_without_their_local_gradient_weights_are_left_alone_and_nothing_else_changes(kinds):
    found = []
    for weight_gradient in (True, False):
        module = stack(kinds)
        y, _ = transform_batch(list(module), X, generator=keyed_generator(3), weight_gradient=weight_gradient)
        y.square().sum().backward()
        found.append((y.detach(), module))
    (usual, module), (same, without) = found
    torch.testing.assert_close(same, usual)
    for layer, other in zip(module, without, strict=True):
        assert layer.raw_weights.grad.abs().sum() > 0
        assert other.raw_weights.grad is None
        torch.testing.assert_close(other.strength.raw_magnitudes.grad, layer.strength.raw_magnitudes.grad)


def test_a_mixture_keeps_its_gradient_which_is_exact():
    module = AugmentationModule([AugmentationLayer([Gain, Shift], magnitude=0.6, selection="mixture")])
    y, _ = transform_batch(list(module), X.float(), generator=keyed_generator(3), weight_gradient=False)
    y.square().sum().backward()
    assert module.layers[0].raw_weights.grad.abs().sum() > 0
