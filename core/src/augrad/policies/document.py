"""An augmentation module as a JSON document, the format of policy files and of saved models.

Used by policy.py and saving.py; document_reader.py builds the module again. A document::

    {"schema": 1,
     "layers": [{"temperature": 1.0, "selection": "straight_through", "distribution": "uniform",
                 "strength": "global", "dtype": "float32",
                 "transforms": [{"name": "vision.rotate", "weight": 0.62, "raw_weight": 0.48, "config": {},
                                 "parameters": {"angle": {"low": -57.0, "high": 57.0, "unit": "deg",
                                                          "magnitude": 0.3167, "raw_magnitude": -0.769}},
                                 "state": {}}]}]}

Values are drawn between `low` and `high`, in physical units. These and the weights can be written by hand, without the
rest; the raw parameters make the round trip exact to the last bit. A parameter learned per feature has lists. `config`
holds the constructor arguments of the transform, `state` its fitted buffers (the statistics of a table, for example).

A layer whose magnitudes differ between samples also has `strength_config`, the constructor arguments of its strength,
and a `state` of its own, the strength's tensors; its `low` and `high` belong to the mean magnitudes and are for reading
only. A layer with a `preference` has its class name and the mean weights, and cannot be built again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from augrad.errors import PolicyError
from augrad.layers.constraints import from_unit, to_unit, to_weights
from augrad.layers.layer import AugmentationLayer
from augrad.layers.module import AugmentationModule
from augrad.layers.parameter_columns import ParameterColumns
from augrad.layers.selection import SELECTIONS
from augrad.layers.strength import STRENGTHS, GlobalStrength, strength_name
from augrad.transform.transform import Transform

SCHEMA = 1
"""The layout that this version writes, and the newest that it reads."""


def to_document(module: AugmentationModule, *, tensors: bool = True) -> dict[str, Any]:
    """The learned weights and magnitudes of a module and all that builds it again, JSON-able, with finite numbers only.

    Args:
        module: the module.
        tensors: whether to include the tensors of strengths that differ between samples. They are left out where
            the module's `state_dict` is stored beside the document.

    Raises:
        PolicyError: a transform or a strength was constructed with something that is not JSON-able.
    """
    return {"schema": SCHEMA, "layers": [_layer_document(layer, tensors=tensors) for layer in module]}


def check_rebuildable(module: AugmentationModule) -> None:
    """Raises `PolicyError` if a layer holds custom code, which cannot be restored from a document."""
    for number, layer in enumerate(module):
        for part, table in (("selection", "selection.SELECTIONS"), ("strength", "strength.STRENGTHS")):
            name, known = _kind(layer, part)
            if not known:
                raise PolicyError(
                    f"layer {number} has a {part} of its own, {name}: only names are stored, never code, so it "
                    f"cannot be built again from a file. Give its class a name in augrad.layers.{table}, or keep the "
                    "state_dict and build the module in your code.",
                    layer=number,
                    part=part,
                )
        if layer.preference is not None:
            raise PolicyError(
                f"layer {number} has a preference of its own, {type(layer.preference).__qualname__}: code is never "
                "stored, so a file cannot bring it back. Keep the state_dict and build the module in your code.",
                layer=number,
                part="preference",
            )
        _check_strength(number, layer)


def _check_strength(number: int, layer: AugmentationLayer) -> None:
    """Raises `PolicyError` unless name and `config` build a strength with tensors of the same names and shapes."""
    name, config = _kind(layer, "strength")[0], _strength_config(layer)
    start = layer.magnitudes.detach().clamp(0, 1)
    try:
        again = STRENGTHS[name](start, **config)
        fault = "has other tensors than the layer's"
    except Exception as error:  # noqa: BLE001 - whatever a foreign constructor raises
        again, fault = None, f"fails ({type(error).__name__}: {error})"
    if again is None or shapes_of(again.state_dict()) != shapes_of(layer.strength.state_dict()):
        kind = type(layer.strength).__name__
        raise PolicyError(
            f"layer {number} has a strength that its config does not bring back: {kind}(magnitudes, "
            f"**{config}) {fault}. Return the constructor's other arguments from {kind}.config.",
            layer=number,
            part="strength",
        )


def shapes_of(state: Mapping[str, Tensor]) -> dict[str, tuple[int, ...]]:
    """The shape of each tensor."""
    return {name: tuple(value.shape) for name, value in state.items()}


def layer_tensors(layer: AugmentationLayer) -> dict[str, Tensor]:
    """The tensors of a layer that neither its transforms nor its raw weights and magnitudes tell."""
    told = ("transforms.", "raw_weights", *(["strength."] if type(layer.strength) is GlobalStrength else []))
    return {name: value for name, value in layer.state_dict().items() if not name.startswith(told)}


def encoded(tensor: Tensor) -> Any:
    """Returns a tensor as nested lists. Numbers that are not finite become `"inf"`, `"-inf"` and `"nan"`.

    Example:
        >>> encoded(torch.tensor([[0.5, float("-inf")]]))
        [[0.5, '-inf']]
    """
    return _finite(tensor.detach().tolist())


def _finite(values: Any) -> Any:
    if isinstance(values, list):
        return [_finite(value) for value in values]
    finite = not isinstance(values, float) or values - values == 0
    return values if finite else str(values)


def _layer_document(layer: AugmentationLayer, *, tensors: bool) -> dict[str, Any]:
    raw_weights = _wide(layer.raw_weights)
    # With a preference, the mean over samples.
    weights = to_weights(raw_weights, layer.temperature) if layer.preference is None else _wide(layer.weights)
    strength = layer.strength
    # In a subclass the raw parameters may have another meaning.
    simple = type(strength) is GlobalStrength
    raw = _wide(strength.get_parameter("raw_magnitudes") if simple else from_unit(layer.magnitudes.detach()))
    transforms = []
    for index, transform in enumerate(layer):
        columns = [each for each in layer.columns if each.transform == index]
        transforms.append(
            {
                "name": transform.name,
                "weight": encoded(weights[index]),
                "raw_weight": encoded(raw_weights[index]),
                "config": _config(transform),
                "parameters": {each.parameter: _parameter(each, raw[each.start : each.stop]) for each in columns},
                "state": _state(transform.state_dict()),
            }
        )
    extra: dict[str, Any] = {}
    if layer.preference is not None:
        extra["preference"] = type(layer.preference).__qualname__
    if config := _strength_config(layer):
        extra["strength_config"] = config
    if tensors and (kept := layer_tensors(layer)):
        extra["state"] = _state(kept)
    return {
        "temperature": layer.temperature,
        "selection": _kind(layer, "selection")[0],
        "distribution": layer.distribution,
        "strength": _kind(layer, "strength")[0],
        "dtype": _dtype_name(layer.raw_weights),
        **extra,
        "transforms": transforms,
    }


def _state(tensors: Mapping[str, Tensor]) -> dict[str, Any]:
    return {
        name: {"dtype": _dtype_name(value), "shape": list(value.shape), "values": encoded(value)}
        for name, value in tensors.items()
    }


def _parameter(columns: ParameterColumns, raw: Tensor) -> dict[str, Any]:
    magnitudes = to_unit(raw)
    ends = [columns.range.interval(magnitude) for magnitude in magnitudes.tolist()]
    learned = {
        "low": [low for low, _ in ends],
        "high": [high for _, high in ends],
        "magnitude": encoded(magnitudes),
        "raw_magnitude": encoded(raw),
    }
    if columns.range.per is None:
        learned = {name: values[0] for name, values in learned.items()}
    return {"unit": columns.range.unit, **learned}


def _config(transform: Transform) -> dict[str, Any]:
    return _as_json(transform.config, transform.name, transform=transform.name)


def _strength_config(layer: AugmentationLayer) -> dict[str, Any]:
    kind = type(layer.strength).__name__
    return _as_json(layer.strength.config, kind, strength=kind)


def _as_json(config: dict[str, Any], owner: str, **facts: str) -> dict[str, Any]:
    for name, value in config.items():
        try:
            json.dumps(value, allow_nan=False)
        except (TypeError, ValueError) as error:
            raise PolicyError(
                f"{owner} was constructed with {name}={value!r}, which cannot be written as JSON ({error}). "
                "Pass numbers, strings, lists or a Range; keep fitted tensors in buffers.",
                argument=name,
                **facts,
            ) from error
    # The same form as after reading: tuples become lists.
    return dict(json.loads(json.dumps(config)))


def _kind(layer: AugmentationLayer, part: str) -> tuple[str, bool]:
    """Returns the name of a layer's selection or strength, and whether it can be built from its name."""
    if part == "selection":
        kind = type(layer.selection)
        known = SELECTIONS.get(kind.name) is kind
        return (kind.name if known else kind.__qualname__), known
    name = strength_name(layer.strength)
    return name or type(layer.strength).__qualname__, name is not None


def _wide(tensor: Tensor) -> Tensor:
    # In half precision, softmax and sigmoid would have errors of a percent. The raw numbers themselves stay exact.
    return tensor.detach().to(tensor.dtype if tensor.dtype == torch.float64 else torch.float32)


def _dtype_name(tensor: Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")
