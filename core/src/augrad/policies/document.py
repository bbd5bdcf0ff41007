"""An augmentation module as a JSON document: what policy files and saved models have in common.

Used by policy.py and saving.py; document_reader.py builds the module again. A document::

    {"schema": 1,
     "layers": [{"temperature": 1.0, "selection": "straight_through", "distribution": "uniform",
                 "strength": "GlobalStrength", "dtype": "float32",
                 "transforms": [{"name": "vision.rotate", "weight": 0.62, "raw_weight": 0.48, "config": {},
                                 "parameters": {"angle": {"low": -57.0, "high": 57.0, "unit": "deg",
                                                          "magnitude": 0.3167, "raw_magnitude": -0.769}},
                                 "state": {}}]}]}

`low` and `high` are the physical values between which is drawn. They and the weights can be written by hand, without
the rest; the raw parameters make the round trip exact to the last bit. A parameter learned per feature has lists.
`config` is what the transform was constructed with, `state` what it has fitted since (statistics of a table, say).
"""

from __future__ import annotations

import json
from typing import Any

import torch
from torch import Tensor

from augrad.errors import PolicyError
from augrad.layers.constraints import from_unit, to_unit, to_weights
from augrad.layers.layer import AugmentationLayer
from augrad.layers.module import AugmentationModule
from augrad.layers.parameter_columns import ParameterColumns
from augrad.layers.selection import SELECTIONS
from augrad.layers.strength import GlobalStrength
from augrad.transform.transform import Transform

SCHEMA = 1
"""The newest layout that this version reads, and the one it writes."""


def to_document(module: AugmentationModule) -> dict[str, Any]:
    """What a module has learned and what it takes to build it again, JSON-able, with finite numbers only.

    Raises:
        PolicyError: a transform was constructed with something that is not JSON-able.
    """
    return {"schema": SCHEMA, "layers": [_layer_document(layer) for layer in module]}


def check_rebuildable(module: AugmentationModule) -> None:
    """Raises `PolicyError` if a layer holds code of the user's that no document can bring back."""
    for number, layer in enumerate(module):
        for part in ("selection", "strength"):
            name, known = _kind(layer, part)
            if not known:
                raise PolicyError(
                    f"layer {number} has a {part} of its own, {name}: only names are stored, never code, so it "
                    "cannot be built again from a file. Keep the state_dict and build the module in your code.",
                    layer=number,
                    part=part,
                )


def encoded(tensor: Tensor) -> Any:
    """A tensor as nested lists; what is not finite as `"inf"`, `"-inf"` and `"nan"`.

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


def _layer_document(layer: AugmentationLayer) -> dict[str, Any]:
    raw_weights = _wide(layer.raw_weights)
    weights = to_weights(raw_weights, layer.temperature)
    strength = layer.strength
    # A subclass may mean something else by its raw parameters.
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
                "state": {
                    name: {"dtype": _dtype_name(value), "shape": list(value.shape), "values": encoded(value)}
                    for name, value in transform.state_dict().items()
                },
            }
        )
    return {
        "temperature": layer.temperature,
        "selection": _kind(layer, "selection")[0],
        "distribution": layer.distribution,
        "strength": _kind(layer, "strength")[0],
        "dtype": _dtype_name(layer.raw_weights),
        "transforms": transforms,
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
    config = transform.config
    for name, value in config.items():
        try:
            json.dumps(value, allow_nan=False)
        except (TypeError, ValueError) as error:
            raise PolicyError(
                f"{transform.name} was constructed with {name}={value!r}, which cannot be written as JSON ({error}). "
                "Pass numbers, strings, lists or a Range; keep fitted tensors in buffers.",
                transform=transform.name,
                argument=name,
            ) from error
    # As it will be read: tuples become lists.
    return dict(json.loads(json.dumps(config)))


def _kind(layer: AugmentationLayer, part: str) -> tuple[str, bool]:
    """Name of a layer's selection or strength, and whether a name is all it takes."""
    if part == "selection":
        kind = type(layer.selection)
        known = SELECTIONS.get(kind.name) is kind
        return (kind.name if known else kind.__qualname__), known
    return type(layer.strength).__qualname__, type(layer.strength) is GlobalStrength


def _wide(tensor: Tensor) -> Tensor:
    # In half precision softmax and sigmoid would be off by a percent; the raw numbers themselves stay exact.
    return tensor.detach().to(tensor.dtype if tensor.dtype == torch.float64 else torch.float32)


def _dtype_name(tensor: Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")
