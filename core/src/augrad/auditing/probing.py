"""Transforms at a given strength: their values, and the transformed batch. Used by measuring.py and others."""

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
    """How far a parameter reaches at a given strength.

    Attributes:
        parameter: name of the parameter.
        value: the physical value; a signed range also reaches the same distance to the other side of the identity.
        signed: whether values lie on both sides of the identity.
        unit: unit of the value.

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
        """The text without the name of the parameter."""
        number = f"{self.value:.3g}"
        unit = "" if self.unit == self.parameter else self.unit  # a fraction of 0.1 fraction
        return f"{'±' if self.signed else ''}{number} {unit}".rstrip()


def reaches(transform: Transform, strength: float) -> tuple[Reach, ...]:
    """Returns how far each parameter of a transform reaches at a strength, given as a share of its declared range."""
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
    """Returns a value for each sample and parameter at the given strength, on a random side of the identity if signed.

    Args:
        transform: the transform whose parameters are used.
        strength: share of the declared ranges, in [0, 1].
        n_samples: number of values.
        like: a tensor with the dtype and device of the values.
        generator: draws the sides.
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
    """Returns the transformed batch, and all arguments of the call."""
    noise = transform.draw_noise(x, generator)
    moving = {**values, **({} if noise is None else {"noise": noise})}
    return transform(x, **moving), moving


def like_of(x: Any) -> Tensor:
    """Returns a tensor with the dtype and device of the values for a batch."""
    wide = isinstance(x, Tensor) and x.dtype == torch.float64
    return torch.empty(0, device=batch.device(x), dtype=torch.float64 if wide else torch.float32)


def check_strengths(strengths: Any) -> tuple[float, ...]:
    """Returns the strengths in rising order.

    Raises:
        ArgumentTypeError: the argument is not a sequence of numbers.
        ArgumentError: the sequence is empty, repeats a strength, or has a strength outside (0, 1].
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
    """Returns the transforms of an audit, and the transforms of a modality that do not fit, with the reason for each.

    Args:
        transforms: a modality: its registered transforms are used if they accept the batch and can be constructed. Or a
            transform, or a list of names, classes and instances, which all must fit. Or None for every registered
            transform that fits.
        x: the samples.
        arguments: constructor arguments for names and classes, see `AugmentationLayer`.
        inherited: further constructor arguments, used by transforms that take them if `arguments` does not have them.

    Raises:
        ArgumentError: the name is unknown, or no transform fits.
        InputError, InputTypeError: a named transform does not accept the batch.
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
    """Loads the plugins of the named transforms, so that their batch types are registered before samples are read.

    Raises:
        UnknownTransformError: a name is not registered.
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
    """Returns a copy of a transform, in eval mode and on the device of a batch."""
    return copy.deepcopy(transform).to(batch.device(x)).eval()
