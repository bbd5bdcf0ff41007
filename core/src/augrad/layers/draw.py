"""Transforms with weights and strengths, and the random draw among them for each sample of a batch.

Uses selection.py, strength.py, distribution.py, parameter_columns.py; composition.py applies the draws.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Bool, Float, Int
from torch import Generator, Tensor, nn

from augrad import batch
from augrad.errors import LayerError
from augrad.layers.constraints import from_weights, to_weights
from augrad.layers.distribution import Distribution, positions
from augrad.layers.parameter_columns import columns_of, per_column
from augrad.layers.selection import Selection, Weights, categorical, grouped
from augrad.layers.strength import Strength
from augrad.transform.matrix import MatrixTransform
from augrad.transform.transform import Transform

Applied = tuple[Bool[Tensor, " batch"] | None, ...]
"""For each transform without parameters, the samples to which it is applied; None for one with parameters."""

MOMENTUM = 0.1
"""Step of a running mean towards the mean over the batch of a training pass, as in `torch.nn.BatchNorm1d`."""


@dataclass(frozen=True)
class LayerDraw:
    """The random choices of one pass through a layer: enough to replay or undo it.

    Attributes:
        choice: the transform of each sample; None if all transforms were mixed.
        values: for each transform its physical values, one per sample; differentiable in the magnitudes.
        noise: for each transform the result of `Transform.draw_noise`; None where there is none. It covers the whole
            batch if the transform is a matrix or all transforms are mixed, else only the samples that drew it.
        groups: for each transform that is not a matrix the samples that go through it, and last all other samples;
            None where only matrices are drawn, or all transforms are mixed.
        applied: for each transform without parameters whether it is applied to a sample that draws it, `(batch,)` of
            bool; None for a transform with parameters, and None as a whole if no transform needs such a coin.
        magnitudes: the magnitudes that the values were drawn with, in [0, 1], one row per sample and one column per
            parameter (`WeightedChoice.columns`); differentiable.
        weights: the selection weights of each sample, `(batch, transforms)`, differentiable; None if all samples share
            those of the layer.
    """

    choice: Int[Tensor, " batch"] | None
    values: tuple[dict[str, Tensor], ...]
    noise: tuple[Any, ...]
    groups: tuple[Tensor, ...] | None = None
    applied: Applied | None = None
    magnitudes: Float[Tensor, "batch parameters"] | None = None
    weights: Float[Tensor, "batch transforms"] | None = None


class WeightedChoice(nn.Module):
    """Transforms with learned weights and strengths, and the draw among them: the base of `AugmentationLayer`.

    It draws and does not transform. `composition.transform_batch` applies the draws of stacked choices.

    Args:
        transforms: instances with distinct names.
        weights: starting weights, one per transform, at least 0.
        temperature: temperature of the softmax over the raw weights, above 0.
        selection: how a transform is chosen while training.
        distribution: where values lie between the identity and the magnitude.
        strength: magnitudes in [0, 1], one column per parameter as `columns_of(transforms)` orders them.
        preference: adds to the raw weights of each sample; None for weights that all samples share.
        start: starting magnitudes, from which the running mean begins if the strength has no magnitudes of its own.

    Attributes:
        columns: the columns of each parameter among the magnitudes.
        others: positions of the transforms that are not matrices, in order.
    """

    _group: Tensor
    _spans: Tensor
    _signed: Tensor
    _identities: Tensor
    running_magnitudes: Tensor
    running_weights: Tensor

    def __init__(
        self,
        transforms: Sequence[Transform],
        *,
        weights: Float[Tensor, " transforms"],
        temperature: float,
        selection: Selection,
        distribution: Distribution,
        strength: Strength,
        preference: nn.Module | None,
        start: Float[Tensor, " parameters"],
    ) -> None:
        super().__init__()
        self.temperature = temperature
        self.selection = selection
        self.distribution = distribution
        self.columns = columns_of(transforms)
        self.transforms = nn.ModuleList(transforms)
        self.others = tuple(i for i, transform in enumerate(transforms) if not isinstance(transform, MatrixTransform))
        group = [self.others.index(i) if i in self.others else len(self.others) for i in range(len(transforms))]
        self.register_buffer("_group", torch.tensor(group), persistent=False)
        self.raw_weights = nn.Parameter(from_weights(weights, temperature))
        self.preference = preference
        if preference is not None:
            self.register_buffer("running_weights", self._shared_weights().detach())
        self.strength = strength
        if strength.magnitudes is None:
            self.register_buffer("running_magnitudes", start.detach().clone())
        ranges = per_column(self.columns, lambda column: column.range)
        self.register_buffer("_spans", torch.tensor([each.span for each in ranges]), persistent=False)
        self.register_buffer("_signed", torch.tensor([each.signed for each in ranges]).bool(), persistent=False)
        self.register_buffer("_identities", torch.tensor([each.identity for each in ranges]), persistent=False)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the transforms, in order."""
        return tuple(transform.name for transform in self)

    @property
    def weights(self) -> Float[Tensor, " transforms"]:
        """Selection weights, summing to 1; differentiable if they are the same for all samples.

        With a `preference`, the running mean over training passes, without gradient, as for `magnitudes`.
        """
        # A copy, because the next training pass writes into the buffer.
        return self._shared_weights() if self.preference is None else self.running_weights.clone()

    def _shared_weights(self) -> Float[Tensor, " transforms"]:
        return to_weights(self.raw_weights, self.temperature)

    def weights_for(self, x: Any) -> Weights:
        """Selection weights for a batch, `(transforms,)`, or one row per sample with a `preference`; differentiable.

        Raises:
            LayerError: the preference returned another shape.
        """
        if self.preference is None:
            return self._shared_weights()
        preference = self.preference(x)
        expected = (batch.count(x), len(self))
        if not isinstance(preference, Tensor) or preference.shape != expected:
            shape = tuple(preference.shape) if isinstance(preference, Tensor) else type(preference).__name__
            raise LayerError(
                f"preference must return one number per sample and transform, {expected}, but returned {shape}.",
                argument="preference",
                shape=shape,
            )
        return to_weights(self.raw_weights + preference.to(self.raw_weights.dtype), self.temperature)

    @property
    def magnitudes(self) -> Float[Tensor, " parameters"]:
        """Magnitudes in [0, 1], ordered as `columns`; differentiable if they are the same for all samples.

        For a strength that differs between samples, the running mean over training passes, without gradient: each pass
        moves it by a tenth towards the mean over its batch, as batch normalisation does with its statistics.
        """
        own = self.strength.magnitudes
        # A copy, because the next training pass writes into the buffer.
        return self.running_magnitudes.clone() if own is None else own

    def __iter__(self) -> Any:
        return iter(self.transforms)

    def __len__(self) -> int:
        return len(self.transforms)

    def draw(self, x: Any, generator: Generator | None = None) -> LayerDraw:
        """Draws the choices, values and noise of a pass over `x`, all from `generator`."""
        return self.draw_parts(x, generator, self.weights_for(x))[0]

    def draw_parts(
        self, x: Any, generator: Generator | None, weights: Weights
    ) -> tuple[LayerDraw, tuple[Any, ...] | None]:
        """Like `draw` for known weights (`weights_for(x)`); also returns `x` split into the groups of the draw.

        The part of a group without samples is None. There are no parts if the draw has no groups.
        """
        n_samples, like = batch.count(x), self.raw_weights
        uniform = torch.rand(n_samples, self._spans.numel(), generator=generator, device=like.device, dtype=like.dtype)
        applied = self.toss(n_samples, generator)
        choice = self.choose(n_samples, generator, weights)
        groups = parts = None
        if choice is not None and self.others:
            groups = self.groups(choice, applied)
            parts = tuple(batch.select(x, group) if len(group) else None for group in groups)
        noise: list[Any] = []
        for index, transform in enumerate(self):
            if type(transform).draw_noise is Transform.draw_noise:
                noise.append(None)
            elif parts is None or isinstance(transform, MatrixTransform):
                noise.append(transform.draw_noise(x, generator))
            else:
                part = parts[self.others.index(index)]
                noise.append(None if part is None else transform.draw_noise(part, generator))
        magnitudes = self.magnitudes_for(x)
        if self.training and n_samples and self.strength.magnitudes is None:
            self._follow(self.running_magnitudes, magnitudes)
        own = None if self.preference is None else weights
        if self.training and n_samples and own is not None:
            self._follow(self.running_weights, own)
        values = self._physical(magnitudes, uniform)
        return LayerDraw(choice, values, tuple(noise), groups, applied, magnitudes, own), parts

    def toss(self, n_samples: int, generator: Generator | None) -> Applied | None:
        """Tosses a fair coin per sample for each transform without parameters; None if no transform needs one.

        The coin does for such a transform what a uniform draw from its range does for a parameter. With
        `distribution="ends"` these transforms are always applied.
        """
        tossed = [index for index, transform in enumerate(self) if not transform.ranges]
        if not tossed or self.distribution == "ends":
            return None
        uniform = torch.rand(n_samples, len(tossed), generator=generator, device=self.raw_weights.device)
        coins = dict(zip(tossed, (uniform < 0.5).unbind(1), strict=True))
        return tuple(coins.get(index) for index in range(len(self)))

    def groups(self, choice: Int[Tensor, " batch"], applied: Applied | None = None) -> tuple[Tensor, ...]:
        """`LayerDraw.groups` for the transform that each sample drew and the coins that decide if it is applied."""
        group = self._group.index_select(0, choice)
        for index in self.others:
            if applied is not None and (coin := applied[index]) is not None:
                group = group.masked_fill((choice == index) & ~coin, len(self.others))
        return grouped(group, len(self.others) + 1)

    def choose(self, n_samples: int, generator: Generator | None, weights: Weights) -> Int[Tensor, " batch"] | None:
        """The transform of each of `n_samples` samples, or None if all transforms are mixed."""
        if self.training:
            return self.selection.draw(weights, n_samples, generator)
        return categorical(weights, n_samples, generator)

    def values(self, x: Any, uniform: Float[Tensor, "batch parameters"]) -> tuple[dict[str, Tensor], ...]:
        """Physical values per transform and parameter from draws in [0, 1); differentiable in the magnitudes."""
        return self._physical(self.magnitudes_for(x), uniform)

    def magnitudes_for(self, x: Any) -> Float[Tensor, "batch parameters"]:
        """The magnitudes in [0, 1] for each sample of `x`, ordered as `columns`; differentiable.

        Raises:
            LayerError: the strength returned another shape.
        """
        magnitudes: Tensor = self.strength(x)
        expected = (batch.count(x), self._spans.numel())
        if magnitudes.shape != expected:
            raise LayerError(
                f"{type(self.strength).__name__} must return one magnitude per sample and parameter, {expected}, but "
                f"returned shape {tuple(magnitudes.shape)}.",
                argument="strength",
                shape=tuple(magnitudes.shape),
            )
        return magnitudes

    @staticmethod
    def _follow(running: Tensor, samples: Float[Tensor, "batch columns"]) -> None:
        running.lerp_(samples.detach().mean(dim=0).to(running), MOMENTUM)

    def _physical(
        self, magnitudes: Float[Tensor, "batch parameters"], uniform: Float[Tensor, "batch parameters"]
    ) -> tuple[dict[str, Tensor], ...]:
        noise = positions(self.distribution, uniform, self._signed)
        physical = self._identities + noise * magnitudes * self._spans
        values: tuple[dict[str, Tensor], ...] = tuple({} for _ in self.transforms)
        # In one go: the gradient of a slice is a tensor as large as the whole, once per parameter.
        parts = torch.split(physical, [column.stop - column.start for column in self.columns], dim=1)
        for column, part in zip(self.columns, parts, strict=True):
            values[column.transform][column.parameter] = part.squeeze(1) if column.range.per is None else part
        return values

    def validate(self, x: Any) -> None:
        """Raises `InputError` or `InputTypeError` unless every transform accepts the batch."""
        batch.count(x)
        for transform in self:
            transform.validate(x)

    def extra_repr(self) -> str:
        options = f"selection={self.selection.name!r}, distribution={self.distribution!r}"
        return f"temperature={self.temperature:g}, {options}"
