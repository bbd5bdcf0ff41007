"""One augmentation layer: a weighted choice among transforms, built from names and set by name.

Uses draw.py, composition.py, construction.py; stacked by module.py.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Generator, Tensor, nn

from augrad.errors import ArgumentError, ArgumentTypeError, LayerError
from augrad.layers.composition import transform_batch
from augrad.layers.constraints import from_weights
from augrad.layers.construction import Entry, resolve_transforms
from augrad.layers.distribution import resolve_distribution
from augrad.layers.draw import WeightedChoice
from augrad.layers.parameter_columns import columns_of, magnitude_of, place_of, starting_magnitudes
from augrad.layers.selection import Selection, resolve_selection
from augrad.layers.strength import StrengthFactory, resolve_strength
from augrad.options import number


class AugmentationLayer(WeightedChoice):
    """A weighted choice among transforms, with learned weights and magnitudes.

    Each parameter's value is drawn per sample as `identity + u * magnitude * span`, with `u` uniform in [-1, 1]
    (signed ranges) or [0, 1], so that it is differentiable in the magnitude. A transform without parameters is applied
    to half of the samples that draw it, as a fair coin says. If a flip were always applied, the network would simply
    learn the flipped data, and nothing would be augmented.

    Train / eval: in train mode the `selection` decides how the weights choose; in eval mode one transform is drawn
    per sample.

    Args:
        transforms: names, transform classes or instances; no two with the same name.
        arguments: constructor arguments for names and classes, such as `{"sample_rate": 8000}`: each gets those that
            its constructor names. Arguments for one transform alone, ranges too, stand under its name:
            `{"vision.rotate": {"angle": 30.0}}`.
        temperature: temperature of the softmax over the selection weights, above 0. A lower one makes the choice more
            decided.
        magnitude: where the learned magnitudes start, in [0, 1] (the fraction of each range); a number for all,
            or a mapping from transform name to number. Magnitudes of exactly 0 and 1 stay there.
        weights: where the selection weights start, one per transform; equal if None.
        selection: `"straight_through"` (one transform per sample), `"mixture"` (the paper's weighted sum), or a
            `Selection`.
        distribution: where a value lies between its identity and its magnitude: `"uniform"`, or `"ends"`, exactly at
            the magnitude, with a random sign where the range is signed. With `"ends"`, transforms without parameters
            are always applied.
        preference: a module from a batch to one number per sample and transform, `(batch, transforms)`. It is added to
            the raw weights, so that each sample has selection weights of its own; for 0 they are those of the layer.
            In a stack of layers it sees the batch before the matrices of earlier layers.
        strength: `"global"` (one learned magnitude per parameter), another name in `STRENGTHS`, or a factory that
            builds a `Strength` from the starting magnitudes, such as its class or `functools.partial` of it.

    Attributes:
        columns: the columns of each parameter among the magnitudes.
        others: positions of the transforms that are not matrices, in order.

    Raises:
        LayerError: no transforms, or two with the same name.
        UnknownTransformError: a name that is not registered.
        ArgumentError, MagnitudeError: another argument is not accepted.

    Shape:
        Input and output: a batch, `(batch, *event)` for tensors.

    Example:
        >>> from augrad import Range, Transform
        >>> class Offset(Transform):
        ...     modality = "layer_example"
        ...     level = Range(2.0, unit="V", signed=True)
        ...     def forward(self, x, *, level):
        ...         return x + level[:, None]
        >>> layer = AugmentationLayer([Offset], magnitude=0.25)
        >>> bool((layer(torch.zeros(100, 1)).abs() <= 0.5).all())
        True

    References:
        Rommel, Moreau, Gramfort: Deep invariant networks with differentiable augmentation layers, NeurIPS 2022,
        section 3.
    """

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
        strength: str | StrengthFactory = "global",
        preference: nn.Module | None = None,
    ) -> None:
        built = resolve_transforms(transforms, arguments)
        names = [transform.name for transform in built]
        start = starting_magnitudes(magnitude, names, columns_of(built))
        super().__init__(
            built,
            temperature=number("temperature", temperature, above=0),
            selection=resolve_selection(selection),
            distribution=resolve_distribution(distribution),
            weights=torch.ones(len(built)) if weights is None else _weights(weights, len(built)),
            strength=resolve_strength(strength, start),
            preference=_preference(preference),
            start=start,
        )

    def set_weights(self, weights: Mapping[str, float]) -> None:
        """Sets selection weights by transform name. Transforms without a weight get 0; the sum is normalised to 1.

        With a `preference` this sets the mean over samples: the raw weights move by the change of the mean, so samples
        keep their differences. A weight of 0 holds for every sample.

        Raises:
            LayerError: a name that is not in the layer.
            ArgumentError: a weight is negative, or all are 0.
        """
        for name in weights:
            self._known(name)
        wanted = torch.tensor([float(weights.get(name, 0.0)) for name in self.names])
        raw = from_weights(wanted, self.temperature)
        with torch.no_grad():
            if self.preference is not None:
                raw = raw.to(self.raw_weights)
                before = from_weights(self.running_weights, self.temperature)
                # A transform that had no weight has no differences to keep.
                raw = torch.where(raw.isfinite() & before.isfinite(), self.raw_weights + raw - before, raw)
                self.running_weights.copy_(wanted / wanted.sum())
            self.raw_weights.copy_(raw)

    def set_value(self, transform: str, parameter: str, value: float | Sequence[float]) -> None:
        """Sets how far a parameter may go from its identity, in its physical unit.

        Args:
            transform, parameter: name of the transform, and of its parameter.
            value: the value, in the parameter's unit. A parameter that is learned per axis entry also takes a list
                with one value for each entry.

        Raises:
            LayerError: no such transform or parameter in the layer, or its `strength` cannot be set.
            MagnitudeError: a value lies outside the declared range.
            ArgumentError: the parameter has another number of entries.
        """
        index = self._known(transform)
        found = [each for each in self.columns if each.transform == index and each.parameter == parameter]
        if not found:
            raise LayerError(
                f"{transform} has no parameter {parameter!r}; it has: "
                f"{', '.join(each.parameter for each in self.columns if each.transform == index) or 'none'}.",
                argument="parameter",
                value=parameter,
            )
        columns = found[0]
        n_entries = columns.stop - columns.start
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
        magnitudes[columns.start : columns.stop] = magnitudes.new_tensor(
            [magnitude_of(columns.range, each, name) for each in values]
        )
        self.strength.set(magnitudes)

    def only(self, name: str) -> AugmentationLayer:
        """A copy of the layer that always draws one transform, with the magnitudes learned so far.

        The copy shares nothing with this layer: no tensor, no transform. Training one leaves the other as it is.

        Args:
            name: name of the transform.

        Raises:
            LayerError: the layer has no such transform.

        Example:
            >>> from augrad import Range, Transform
            >>> class Level(Transform):
            ...     modality = "only_example"
            ...     offset = Range(2.0, unit="V", signed=True)
            ...     def forward(self, x, *, offset):
            ...         return x + offset[:, None]
            >>> class Negate(Transform):
            ...     modality = "only_example"
            ...     def forward(self, x):
            ...         return -x
            >>> layer = AugmentationLayer([Level, Negate], magnitude=0.5)
            >>> layer.only("only_example.level").weights.tolist()
            [1.0, 0.0]
        """
        self._known(name)
        alone = copy.deepcopy(self)
        alone.set_weights({name: 1.0})
        return alone

    @property
    def can_rest(self) -> bool:
        """Whether `strength.set` can bring the layer to its identity, so that it leaves samples as they are."""
        return bool(self.columns) and self.strength.settable

    def forward(self, x: Any, *, generator: Generator | None = None) -> Any:
        """Transforms a batch with fresh draws from `generator` (None: torch's default one).

        Raises:
            InputError, InputTypeError: a transform does not accept the batch; nothing has been drawn then.
        """
        self.validate(x)
        return transform_batch([self], x, generator=generator)[0]

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


def _preference(preference: nn.Module | None) -> nn.Module | None:
    if preference is not None and not isinstance(preference, nn.Module):
        raise ArgumentTypeError(
            f"preference must be a torch.nn.Module from a batch to (batch, transforms), but got "
            f"{type(preference).__name__}. Its parameters would not be trained otherwise.",
            argument="preference",
        )
    return preference
