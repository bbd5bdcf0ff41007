"""Builds an augmentation module from a document, and reports the place of an error in the document.

Uses document_schema.py and registry.py; used by policy.py and saving.py.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import torch
from torch import Tensor, nn

from augrad.errors import AugradError, PolicyError, suggestion
from augrad.layers.constraints import from_unit, to_unit, to_weights
from augrad.layers.distribution import DISTRIBUTIONS
from augrad.layers.layer import AugmentationLayer
from augrad.layers.module import AugmentationModule
from augrad.layers.parameter_columns import ParameterColumns
from augrad.layers.selection import SELECTIONS
from augrad.layers.strength import STRENGTHS, GlobalStrength, Strength
from augrad.plugins.registry import get_transform
from augrad.policies.document import layer_tensors, shapes_of
from augrad.policies.document_schema import (
    LayerEntry,
    ParameterEntry,
    StateEntry,
    TransformEntry,
    document_error,
    parse,
)
from augrad.transform.transform import Transform
from augrad.transform.unchanged import Unchanged

_TOLERANCE = 1e-4
_DTYPES = {name: getattr(torch, name) for name in ("float16", "bfloat16", "float32", "float64")}
_WHOLE = ("bool", "uint8", "int8", "int16", "int32", "int64")
_STATE_DTYPES = {**_DTYPES, **{name: getattr(torch, name) for name in _WHOLE}}


def from_document(document: Any, *, tensors: bool = True) -> AugmentationModule:
    """The module that a document describes, with its exact weights, magnitudes and fitted state, in eval mode.

    Args:
        document: the document, as read from JSON.
        tensors: whether it holds the tensors of strengths that differ between samples; see `to_document`.

    Raises:
        PolicyError: the document is malformed, has a newer schema, names a transform that is not registered, or gives
            values that do not fit their declared range. The message begins with the place in the document.
    """
    layers = [_layer(layer, f"layers[{i}]", tensors=tensors) for i, layer in enumerate(parse(document).layers)]
    return AugmentationModule(layers).eval()


def _layer(entry: LayerEntry, place: str, *, tensors: bool) -> AugmentationLayer:
    known: dict[str, Collection[str]] = {
        "selection": SELECTIONS,
        "distribution": DISTRIBUTIONS,
        "strength": STRENGTHS,
        "dtype": _DTYPES,
    }
    # The name of the class, as policies up to augrad 0.1 have it.
    entry = entry.model_copy(update={"strength": "global"}) if entry.strength == "GlobalStrength" else entry
    for name, accepted in known.items():
        if (given := getattr(entry, name)) not in accepted:
            raise document_error(
                f"{place}.{name}",
                f"must be one of {', '.join(map(repr, accepted))}, but got {given!r}."
                f"{suggestion(given, accepted)} Code is never loaded from a file: import your own before you read it.",
            )
    if entry.preference is not None:
        raise document_error(
            f"{place}.preference",
            f"the layer has a preference of its own, {entry.preference}, and code is never loaded from a file. Build "
            "the module in your code and load its state_dict.",
        )
    transforms = [_transform(each, f"{place}.transforms[{i}]") for i, each in enumerate(entry.transforms)]
    try:
        layer = AugmentationLayer(
            transforms,
            temperature=entry.temperature,
            weights=[each.weight for each in entry.transforms],
            selection=entry.selection,
            distribution=entry.distribution,
            strength=lambda start: _strength(entry, start, place),
        )
    except PolicyError:
        raise
    except AugradError as error:
        raise document_error(f"{place}.transforms", str(error)) from error
    if layer.raw_weights.dtype != _DTYPES[entry.dtype]:
        layer.to(_DTYPES[entry.dtype])
    with torch.no_grad():
        layer.raw_weights.copy_(_raw_weights(entry, layer, place))
        magnitudes = _raw_magnitudes(entry, layer, place)
        if type(layer.strength) is GlobalStrength:
            layer.strength.raw_magnitudes.copy_(magnitudes)
    if tensors:
        _restore_layer(layer, entry, magnitudes, place)
    return layer


def _strength(entry: LayerEntry, start: Tensor, place: str) -> Strength:
    try:
        return STRENGTHS[entry.strength](start, **entry.strength_config)
    except Exception as error:
        raise document_error(
            f"{place}.strength_config", f"{entry.strength} cannot be built from {entry.strength_config}: {error}"
        ) from error


def _restore_layer(layer: AugmentationLayer, entry: LayerEntry, raw_magnitudes: Tensor, place: str) -> None:
    """Puts the tensors of a strength back, and checks that the magnitudes in the document are theirs."""
    expected = layer_tensors(layer)
    found = {name: _state_tensor(each, f"{place}.state.{name}") for name, each in entry.state.items()}
    if shapes_of(found) != shapes_of(expected):
        raise document_error(
            f"{place}.state",
            f"must hold the tensors of strength {entry.strength!r}, {shapes_of(expected)}, but got {shapes_of(found)}.",
        )
    layer.load_state_dict({**layer.state_dict(), **found})
    own = layer.magnitudes.detach().double()
    if expected and not bool(((own - to_unit(raw_magnitudes)).abs() <= _TOLERANCE).all()):
        raise document_error(
            f"{place}.transforms",
            f"low and high do not fit the state of strength {entry.strength!r}. Its magnitudes follow from each sample "
            "and cannot be edited by hand; use strength 'global' for fixed ranges.",
        )


def _transform(entry: TransformEntry, place: str) -> Transform:
    try:
        # `Unchanged` belongs to the core; no plugin provides it.
        kind = Unchanged if entry.name == Unchanged.name else get_transform(entry.name)
    except AugradError as error:
        raise document_error(
            f"{place}.name", f"{error} Register your own transforms with augrad.register first."
        ) from error
    try:
        transform = kind.from_config(entry.config)
    except Exception as error:
        raise document_error(f"{place}.config", f"{entry.name} cannot be built from {entry.config}: {error}") from error
    _restore(transform, entry.state, f"{place}.state")
    if set(entry.parameters) != set(transform.ranges):
        raise document_error(
            f"{place}.parameters",
            f"{entry.name} has the parameters {', '.join(transform.ranges) or 'none'}, but got "
            f"{', '.join(entry.parameters) or 'none'}.",
        )
    return transform


def _restore(transform: Transform, state: dict[str, StateEntry], place: str) -> None:
    """Restores fitted buffers and parameters, whatever their shape is now."""
    expected = transform.state_dict()
    for name in expected:
        if name not in state and expected[name].numel():
            raise document_error(place, f"{transform.name} keeps {name!r}, which is missing.")
    for name, entry in state.items():
        owner_name, _, leaf = name.rpartition(".")
        modules = dict(transform.named_modules())
        owner = modules.get(owner_name)
        if owner is None or leaf not in {**owner._buffers, **owner._parameters}:  # noqa: SLF001 - torch has no public list of unset ones
            raise document_error(
                f"{place}.{name}", f"{transform.name} has no state of this name; a newer version of its plugin may."
            )
        value = _state_tensor(entry, f"{place}.{name}")
        if leaf in owner._buffers:  # noqa: SLF001
            setattr(owner, leaf, value)
        else:
            setattr(owner, leaf, nn.Parameter(value, requires_grad=value.is_floating_point()))


def _state_tensor(entry: StateEntry, place: str) -> Tensor:
    if entry.dtype not in _STATE_DTYPES:
        raise document_error(f"{place}.dtype", f"must be one of {', '.join(_STATE_DTYPES)}, but got {entry.dtype!r}.")
    try:
        dtype = _STATE_DTYPES[entry.dtype]
        wide = dtype if not dtype.is_floating_point else torch.float64
        return torch.tensor(_decoded(entry.values), dtype=wide).reshape(entry.shape).to(dtype)
    except (ValueError, TypeError, RuntimeError) as error:
        raise document_error(place, f"holds no {entry.dtype} tensor of shape {entry.shape}: {error}.") from error


def _decoded(values: Any) -> Any:
    if isinstance(values, list):
        return [_decoded(value) for value in values]
    return float(values) if values in ("inf", "-inf", "nan") else values


def _raw_weights(entry: LayerEntry, layer: AugmentationLayer, place: str) -> Tensor:
    given = [each.raw_weight for each in entry.transforms]
    if all(raw is None for raw in given):
        return layer.raw_weights.detach()
    raw = torch.tensor([float("nan") if value is None else value for value in given], dtype=torch.float64)
    stated = torch.tensor([each.weight for each in entry.transforms], dtype=torch.float64)
    off = ~((to_weights(raw, entry.temperature) - stated).abs() <= _TOLERANCE)
    if bool(off.any()):
        first = int(off.nonzero()[0])
        raise document_error(
            f"{place}.transforms[{first}].raw_weight",
            "the raw weights do not fit the weights. To edit weights by hand, remove every raw_weight of the layer.",
        )
    return raw


def _raw_magnitudes(entry: LayerEntry, layer: AugmentationLayer, place: str) -> Tensor:
    parts = [torch.zeros(0, dtype=torch.float64)]
    for columns in layer.columns:
        each = entry.transforms[columns.transform].parameters[columns.parameter]
        where = f"{place}.transforms[{columns.transform}].parameters.{columns.parameter}"
        parts.append(_raw_magnitude(each, columns, where))
    return torch.cat(parts)


def _raw_magnitude(entry: ParameterEntry, columns: ParameterColumns, place: str) -> Tensor:
    if entry.unit not in ("", columns.range.unit):
        raise document_error(f"{place}.unit", f"must be {columns.range.unit!r}, but got {entry.unit!r}.")
    low, high = _column(entry.low, columns, f"{place}.low"), _column(entry.high, columns, f"{place}.high")
    magnitude = _from_ends(low, high, columns, place)
    for name in ("magnitude", "raw_magnitude"):
        if (given := getattr(entry, name)) is None:
            continue
        exact = _column(given, columns, f"{place}.{name}")
        stated = exact if name == "magnitude" else to_unit(exact)
        if not bool(((stated - magnitude).abs() <= _TOLERANCE).all()):
            raise document_error(
                f"{place}.{name}",
                "does not fit low and high. To edit them by hand, remove magnitude and raw_magnitude.",
            )
        if name == "raw_magnitude":
            return exact
        magnitude = exact.clamp(0, 1)
    return from_unit(magnitude)


def _column(values: Any, columns: ParameterColumns, place: str) -> Tensor:
    size, wanted = columns.stop - columns.start, "a number"
    if columns.range.per is not None:
        wanted = f"a list of {size} numbers, one per {columns.range.per}"
    fits = len(values) == size if isinstance(values, list) else columns.range.per is None
    if isinstance(values, list) and columns.range.per is None:
        fits = False
    if not fits:
        raise document_error(place, f"must be {wanted}, but got {values!r}.")
    return torch.tensor(values, dtype=torch.float64).reshape(size)


def _from_ends(low: Tensor, high: Tensor, columns: ParameterColumns, place: str) -> Tensor:
    """Magnitudes from the physical ends of a range."""
    declared, (lowest, highest) = columns.range, columns.range.bounds
    slack = _TOLERANCE * abs(declared.span)
    for name, column in (("low", low), ("high", high)):
        outside = ~((column >= lowest - slack) & (column <= highest + slack))
        if bool(outside.any()):
            raise document_error(
                f"{place}.{name}",
                f"must lie in [{lowest:g}, {highest:g}]{' ' + declared.unit if declared.unit else ''}, but got "
                f"{column[outside][0].item():g}. Set a wider range in the transform's config.",
            )
    towards, other = (high, low) if declared.span > 0 else (low, high)
    mirrored = 2 * declared.identity - towards if declared.signed else torch.full_like(towards, declared.identity)
    if not bool(((other - mirrored).abs() <= slack).all()):
        rule = "be symmetric about" if declared.signed else "begin at"
        raise document_error(
            place,
            f"low and high must {rule} the identity, {declared.identity:g}, but got {low.tolist()}, {high.tolist()}.",
        )
    return ((towards - declared.identity) / declared.span).clamp(0, 1)
