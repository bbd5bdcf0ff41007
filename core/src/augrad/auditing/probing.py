"""Transforms at a given strength: which values, and what they make of a batch. Used by measuring.py and others."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Generator, Tensor

from augrad import batch
from augrad.errors import ArgumentError, ArgumentTypeError, AugradError, suggestion
from augrad.layers.construction import Entry, accepted, resolve_transforms
from augrad.plugins.registry import get_transform
from augrad.plugins.registry import transforms as registered
from augrad.transform.ranges import Range
from augrad.transform.transform import Transform

STRENGTHS = (0.2, 0.4, 0.6, 0.8, 1.0)


@dataclass(frozen=True)
class Reach:
    """How far a parameter goes at some strength.

    Attributes:
        parameter: its name.
        value: the physical value; for a signed range also its negative about the identity.
        signed: whether values lie on both sides.
        unit: of the value.

    Example:
        >>> str(Reach("angle", 36.0, True, "deg")), str(Reach("cutoff_hz", 2050.0, False, "Hz"))
        ('angle ±36 deg', 'cutoff_hz 2.05e+03 Hz')
        >>> str(Reach("fraction", 0.1, False, "fraction"))
        'fraction 0.1'
    """

    parameter: str
    value: float
    signed: bool
    unit: str

    def __str__(self) -> str:
        return f"{self.parameter} {self.short}"

    @property
    def short(self) -> str:
        """Without the name."""
        number = f"{self.value:.3g}"
        unit = "" if self.unit == self.parameter else self.unit  # a fraction of 0.1 fraction
        return f"{'±' if self.signed else ''}{number} {unit}".rstrip()


def reaches(transform: Transform, strength: float) -> tuple[Reach, ...]:
    """How far each parameter of a transform goes at a strength, a share of its declared range."""
    return tuple(
        Reach(
            name,
            declared.identity + strength * declared.span,
            declared.signed and declared.identity == 0,
            declared.unit,
        )
        for name, declared in transform.ranges.items()
    )


def values_at(
    transform: Transform, strength: float, n_samples: int, like: Tensor, generator: Generator, *, within: bool = False
) -> dict[str, Tensor]:
    """One value per sample and parameter: at the strength, on either side where there are two.

    Args:
        transform: whose parameters.
        strength: share of the declared ranges, in [0, 1].
        n_samples: how many.
        like: gives dtype and device.
        generator: of the sides.
        within: whether to draw uniformly up to the strength instead.
    """
    values = {}
    for name, start in transform.identity(n_samples, like).items():
        declared: Range = transform.ranges[name]
        drawn = torch.rand(start.shape, generator=generator, device=generator.device).to(start)
        size = (
            torch.rand(start.shape, generator=generator, device=generator.device).to(start)
            if within
            else torch.ones_like(start)
        )
        side = torch.where(drawn < 0.5, -1.0, 1.0).to(start) if declared.signed else torch.ones_like(start)
        values[name] = start + side * size * strength * declared.span
    return values


def applied(
    transform: Transform, x: Any, values: Mapping[str, Tensor], generator: Generator
) -> tuple[Any, dict[str, Any]]:
    """What a transform makes of a batch, and all that it was called with."""
    noise = transform.draw_noise(x, generator)
    moving = {**values, **({} if noise is None else {"noise": noise})}
    return transform(x, **moving), moving


def like_of(x: Any) -> Tensor:
    """A tensor in the dtype and on the device that values for a batch have."""
    wide = isinstance(x, Tensor) and x.dtype == torch.float64
    return torch.empty(0, device=batch.device(x), dtype=torch.float64 if wide else torch.float32)


def check_strengths(strengths: Any) -> tuple[float, ...]:
    """Strengths in rising order.

    Raises:
        ArgumentTypeError: no sequence of numbers.
        ArgumentError: none, one twice, or one outside (0, 1].
    """
    given: Any = list(strengths) if isinstance(strengths, Iterable) and not isinstance(strengths, str) else None
    if given is None or any(isinstance(each, bool) or not isinstance(each, int | float) for each in given):
        raise ArgumentTypeError(
            f"strengths must be shares of the declared ranges, such as (0.25, 0.5, 1.0), but got {strengths!r}.",
            argument="strengths",
        )
    outside = [each for each in given if not 0 < each <= 1]
    if not given or outside or len(set(given)) < len(given):
        raise ArgumentError(
            "strengths must be shares of the declared ranges, above 0 and at most 1, none twice, but got "
            f"{strengths!r}. For physical values pass transforms with narrower ranges, such as Rotate(angle=30.0).",
            argument="strengths",
            value=outside[0] if outside else strengths,
        )
    return tuple(sorted(float(each) for each in given))


def chosen_transforms(
    transforms: str | Entry | Sequence[Entry] | None,
    x: Any,
    arguments: Mapping[str, Any] | None,
    *,
    inherited: Mapping[str, Any] | None = None,
) -> tuple[list[Transform], dict[str, str]]:
    """The transforms to audit with, and of a modality's those that do not fit, with the reason.

    Args:
        transforms: a modality, whose registered transforms are taken as far as they accept the batch and can be
            constructed; a transform or a list of names, classes and instances, which all must; or None for every
            registered transform that fits.
        x: the samples.
        arguments: what names and classes are constructed with, see `AugmentationLayer`.
        inherited: the same from elsewhere: what is not among `arguments`, for those that take it.

    Raises:
        ArgumentError: nothing of that name, or nothing fits.
        InputError, InputTypeError: one that was named does not accept the batch.
    """
    if transforms is None or (isinstance(transforms, str) and "." not in transforms):
        return _fitting(transforms, x, {**(inherited or {}), **(arguments or {})})
    entries: list[Any] = list(transforms) if isinstance(transforms, list | tuple) else [transforms]
    kinds = [get_transform(each) if isinstance(each, str) else each for each in entries]
    taken = accepted(each for each in kinds if isinstance(each, type) and issubclass(each, Transform))
    given = {name: value for name, value in (inherited or {}).items() if name in taken} | dict(arguments or {})
    built = [_copy_of(each, x) for each in resolve_transforms(entries, given)]
    for each in built:
        each.validate(x)
    return built, {}


def load_plugins(transforms: Any) -> None:
    """Loads the plugins of those transforms that are named, so that their types of batches are known first.

    Raises:
        UnknownTransformError: a name that is not registered.
    """
    for entry in transforms if isinstance(transforms, list | tuple) else [transforms]:
        if isinstance(entry, str) and "." in entry:
            get_transform(entry)
        elif entry is None or isinstance(entry, str):
            registered()


def _fitting(
    modality: str | None, x: Any, arguments: Mapping[str, Any] | None
) -> tuple[list[Transform], dict[str, str]]:
    known = registered()
    wanted = [name for name in known if modality is None or name.partition(".")[0] == modality]
    if not wanted:
        modalities = sorted({name.partition(".")[0] for name in known})
        near = suggestion(modality or "", modalities)
        raise ArgumentError(
            f"transforms names the modality {modality!r}, but registered are transforms of: "
            f"{', '.join(modalities) or 'none'}.{near} Install it: pip install augrad-{modality}.",
            argument="transforms",
            value=modality,
        )
    found, left = [], {}
    taken = dict(arguments or {})
    for name in wanted:
        try:
            own = {key: value for key, value in taken.items() if key not in known or key == name}
            (built,) = resolve_transforms([known[name]], _taken_by(known[name], own))
            built = _copy_of(built, x)
            built.validate(x)
            with torch.no_grad():
                few = batch.first_of(x, 2)
                applied(built, few, built.identity(batch.count(few), like_of(few)), torch.Generator().manual_seed(0))
        except AugradError as error:
            left[name] = re.sub(r"\s+", " ", str(error))
            continue
        found.append(built)
    if not found:
        reasons = "; ".join(f"{name}: {reason}" for name, reason in list(left.items())[:3])
        raise ArgumentError(
            f"no registered transform{'' if modality is None else f' of {modality!r}'} fits the batch. {reasons}",
            argument="transforms",
            value=modality,
        )
    return found, left


def _taken_by(kind: type[Transform], arguments: Mapping[str, Any]) -> dict[str, Any]:
    names = accepted([kind]) | {kind.name}
    return {name: value for name, value in arguments.items() if name in names}


def _copy_of(transform: Transform, x: Any) -> Transform:
    """A transform in eval mode on the device of a batch, apart from the one that was given."""
    return copy.deepcopy(transform).to(batch.device(x)).eval()
