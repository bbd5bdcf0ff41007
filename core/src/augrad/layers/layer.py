"""One augmentation layer: a weighted choice among transforms.

Uses transform.py, strength.py, selection.py; stacked by module.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Generator, Tensor, nn

from augrad import batch
from augrad.errors import ArgumentError, LayerError
from augrad.layers.composition import Applied, LayerDraw, transform_batch
from augrad.layers.constraints import from_weights, to_weights
from augrad.layers.construction import Entry, resolve_transforms
from augrad.layers.distribution import positions, resolve_distribution
from augrad.layers.parameter_columns import columns, magnitude_of, place_of, slots_of, starting_magnitudes
from augrad.layers.selection import Selection, categorical, grouped, resolve_selection
from augrad.layers.strength import GlobalStrength, Strength
from augrad.transform.matrix import MatrixTransform
from augrad.transform.transform import Transform


class AugmentationLayer(nn.Module):
    """A weighted choice among transforms, with learned weights and magnitudes.

    Each parameter's value is drawn per sample as `identity + u * magnitude * span`, with `u` uniform in [-1, 1]
    (signed ranges) or [0, 1], so that it is differentiable in the magnitude. A transform without parameters is applied
    to half of the samples that draw it, as a fair coin says: always applied, it would be a fixed re-encoding.

    Train / eval: in train mode the `selection` decides how the weights choose; in eval mode one transform is drawn
    per sample.

    Args:
        transforms: names, transform classes or instances; no two with the same name.
        arguments: what names and classes are constructed with, such as `{"sample_rate": 8000}`: each gets those that
            its constructor names. What is for one alone, ranges too, stands under its name:
            `{"vision.rotate": {"angle": 30.0}}`.
        temperature: of the softmax over the selection weights, above 0. Lower is more decided.
        magnitude: where the learned magnitudes start, in [0, 1] (the fraction of each range); a number for all,
            or a mapping from transform name to number. Exactly 0 and 1 stay there.
        weights: where the selection weights start, one per transform; equal if None.
        selection: `"straight_through"` (one transform per sample), `"mixture"` (the paper's weighted sum), or a
            `Selection`.
        distribution: of each value between its identity and its magnitude: `"uniform"`, or `"ends"`, exactly at the
            magnitude, with a random sign where the range is signed, and always applied without parameters.
        strength: a `Strength`, built by a callable from the starting magnitudes; `GlobalStrength` by default.

    Attributes:
        others: positions of the transforms that are no matrices, in order.

    Raises:
        LayerError: no transforms, or two with the same name.
        UnknownTransformError: a name that is not registered.
        ArgumentError, MagnitudeError: another argument is not accepted.

    Shape:
        Input and output: a batch, `(batch, *event)` for tensors.

    References:
        Rommel, Moreau, Gramfort: Deep invariant networks with differentiable augmentation layers, NeurIPS 2022,
        section 3.
    """

    _group: Tensor
    _spans: Tensor
    _signed: Tensor
    _identities: Tensor

    def __init__(
        self,
        transforms: Sequence[Entry],
        *,
        arguments: Mapping[str, Any] | None = None,
        temperature: float = 1.0,
        magnitude: float | Mapping[str, float] = 0.3,
        weights: Sequence[float] | None = None,
        selection: str | Selection = "straight_through",
        distribution: str = "uniform",
        strength: type[Strength] = GlobalStrength,
    ) -> None:
        super().__init__()
        built = resolve_transforms(transforms, arguments)
        if (
            isinstance(temperature, bool)
            or not isinstance(temperature, int | float)
            or not 0 < temperature < float("inf")
        ):
            raise ArgumentError(
                f"temperature must be a finite number above 0, but got {temperature!r}.",
                argument="temperature",
                value=temperature,
            )
        self.temperature = float(temperature)
        self.selection = resolve_selection(selection)
        self.distribution = resolve_distribution(distribution)
        self.slots = slots_of(built)
        self.transforms = nn.ModuleList(built)
        self.others = tuple(i for i, transform in enumerate(built) if not isinstance(transform, MatrixTransform))
        group = [self.others.index(i) if i in self.others else len(self.others) for i in range(len(built))]
        self.register_buffer("_group", torch.tensor(group), persistent=False)
        start = torch.ones(len(built)) if weights is None else _weights(weights, len(built))
        self.raw_weights = nn.Parameter(from_weights(start, self.temperature))
        self.strength = strength(starting_magnitudes(magnitude, self.names, self.slots))
        ranges = columns(self.slots, lambda slot: slot.range)
        self.register_buffer("_spans", torch.tensor([given.span for given in ranges]), persistent=False)
        self.register_buffer("_signed", torch.tensor([given.signed for given in ranges]).bool(), persistent=False)
        self.register_buffer("_identities", torch.tensor([given.identity for given in ranges]), persistent=False)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the transforms, in order."""
        return tuple(transform.name for transform in self)

    @property
    def weights(self) -> Float[Tensor, " transforms"]:
        """Selection weights, summing to 1; differentiable."""
        return to_weights(self.raw_weights, self.temperature)

    @property
    def magnitudes(self) -> Float[Tensor, " parameters"]:
        """Magnitudes in [0, 1], one per column of `slots`; differentiable."""
        return self.strength.magnitudes

    def __iter__(self) -> Any:
        return iter(self.transforms)

    def __len__(self) -> int:
        return len(self.transforms)

    def set_weights(self, weights: Mapping[str, float]) -> None:
        """Sets selection weights by transform name; those not named become 0, and all are normalised.

        Raises:
            LayerError: a name that is not in the layer.
            ArgumentError: a weight is negative, or all are 0.
        """
        for name in weights:
            self._known(name)
        raw = from_weights(torch.tensor([float(weights.get(name, 0.0)) for name in self.names]), self.temperature)
        with torch.no_grad():
            self.raw_weights.copy_(raw)

    def set_value(self, transform: str, parameter: str, value: float | Sequence[float]) -> None:
        """Sets how far a parameter may go from its identity, in its physical unit.

        Args:
            transform, parameter: which one.
            value: one for all, or for a parameter learned per axis entry one for each.

        Raises:
            LayerError: no such transform or parameter in the layer.
            MagnitudeError: a value lies outside the declared range.
            ArgumentError: the parameter has another number of entries.
        """
        index = self._known(transform)
        found = [slot for slot in self.slots if slot.transform == index and slot.parameter == parameter]
        if not found:
            raise LayerError(
                f"{transform} has no parameter {parameter!r}; it has: "
                f"{', '.join(slot.parameter for slot in self.slots if slot.transform == index) or 'none'}.",
                argument="parameter",
                value=parameter,
            )
        slot = found[0]
        n_entries = slot.stop - slot.start
        values = list(value) if isinstance(value, Sequence) else [value] * n_entries
        if len(values) != n_entries:
            raise ArgumentError(
                f"{transform}: {parameter} has {n_entries} entr{'y' if n_entries == 1 else 'ies'}, but got "
                f"{len(values)} values. Pass one for each, or a single number for all.",
                argument="value",
                value=value,
            )
        name = f"{transform}: {parameter}"
        magnitudes = self.magnitudes.detach().clone()
        magnitudes[slot.start : slot.stop] = magnitudes.new_tensor(
            [magnitude_of(slot.range, each, name) for each in values]
        )
        self.strength.set(magnitudes)

    def draw(self, x: Any, generator: Generator | None = None) -> LayerDraw:
        """Draws what a pass over `x` needs: choices, values and inner noise, all from `generator`."""
        return self.draw_parts(x, generator, self.weights)[0]

    def draw_parts(
        self, x: Any, generator: Generator | None, weights: Float[Tensor, " transforms"]
    ) -> tuple[LayerDraw, tuple[Any, ...] | None]:
        """Like `draw`, for a caller that has the weights already; and `x` cut into the groups of the draw.

        A group that nobody drew is None; there are no parts where there are no groups.
        """
        n_samples, like = batch.count(x), self.raw_weights
        n_parameters = self.magnitudes.numel()
        uniform = torch.rand(n_samples, n_parameters, generator=generator, device=like.device, dtype=like.dtype)
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
        return LayerDraw(choice, self.values(x, uniform), tuple(noise), groups, applied), parts

    def toss(self, n_samples: int, generator: Generator | None) -> Applied | None:
        """`LayerDraw.applied`: a fair coin per sample for each transform without parameters; None if there is none.

        It is for them what a uniform draw from its range is for a parameter. With `distribution="ends"` they are
        always applied.
        """
        tossed = [index for index, transform in enumerate(self) if not transform.ranges]
        if not tossed or self.distribution == "ends":
            return None
        uniform = torch.rand(n_samples, len(tossed), generator=generator, device=self.raw_weights.device)
        coins = dict(zip(tossed, (uniform < 0.5).unbind(1), strict=True))
        return tuple(coins.get(index) for index in range(len(self)))

    def groups(self, choice: Int[Tensor, " batch"], applied: Applied | None = None) -> tuple[Tensor, ...]:
        """`LayerDraw.groups` for what each sample drew, and whether that is applied."""
        group = self._group.index_select(0, choice)
        for index in self.others:
            if applied is not None and (coin := applied[index]) is not None:
                group = group.masked_fill((choice == index) & ~coin, len(self.others))
        return grouped(group, len(self.others) + 1)

    def choose(
        self, n_samples: int, generator: Generator | None, weights: Float[Tensor, " transforms"]
    ) -> Int[Tensor, " batch"] | None:
        """The transform each of `n_samples` gets, or None where all are mixed."""
        if self.training:
            return self.selection.draw(weights, n_samples, generator)
        return categorical(weights, n_samples, generator)

    def values(self, x: Any, uniform: Float[Tensor, "batch parameters"]) -> tuple[dict[str, Tensor], ...]:
        """Physical values per transform and parameter from draws in [0, 1); differentiable in the magnitudes."""
        noise = positions(self.distribution, uniform, self._signed)
        physical = self._identities + noise * self.strength(x) * self._spans
        values: tuple[dict[str, Tensor], ...] = tuple({} for _ in self.transforms)
        # In one go: the gradient of a slice is a tensor as large as the whole, once per slot.
        parts = torch.split(physical, [slot.stop - slot.start for slot in self.slots], dim=1)
        for slot, part in zip(self.slots, parts, strict=True):
            values[slot.transform][slot.parameter] = part.squeeze(1) if slot.range.per is None else part
        return values

    def forward(self, x: Any, *, generator: Generator | None = None) -> Any:
        """Transforms a batch with fresh draws from `generator` (None: torch's default one).

        Raises:
            InputError, InputTypeError: a transform does not accept the batch; nothing has been drawn then.
        """
        self.validate(x)
        return transform_batch([self], x, generator=generator)[0]

    def validate(self, x: Any) -> None:
        """Raises `InputError` or `InputTypeError` unless every transform accepts the batch."""
        batch.count(x)
        for transform in self:
            transform.validate(x)

    def extra_repr(self) -> str:
        options = f"selection={self.selection.name!r}, distribution={self.distribution!r}"
        return f"temperature={self.temperature:g}, {options}"

    def _known(self, name: str) -> int:
        return place_of(name, self.names)


def _weights(weights: Sequence[float], n_transforms: int) -> Tensor:
    given = torch.as_tensor(weights, dtype=torch.get_default_dtype())
    if given.shape != (n_transforms,):
        raise ArgumentError(
            f"weights must hold one number per transform ({n_transforms}), but got shape {tuple(given.shape)}.",
            argument="weights",
        )
    return given
