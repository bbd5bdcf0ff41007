"""An augmentation module as a JSON document, the format of policy files and of saved models.

Used by policy.py and saving.py; document_reader.py builds the module again. A document::

    {"schema": 1,
     "layers": [{"temperature": 1.0, "selection": "straight_through", "distribution": "uniform",
                 "strength": "GlobalStrength", "dtype": "float32",
                 "transforms": [{"name": "vision.rotate", "weight": 0.62, "raw_weight": 0.48, "config": {},
                                 "parameters": {"angle": {"low": -57.0, "high": 57.0, "unit": "deg",
                                                          "magnitude": 0.3167, "raw_magnitude": -0.769}},
                                 "state": {}}]}]}

Values are drawn between `low` and `high`, in physical units. A document can be written by hand with only these and the
weights; the raw parameters make the round trip exact to the last bit. A parameter that is learned per feature has
lists. `config` holds the constructor arguments of the transform, `state` its fitted tensors (such as the statistics of
a table).
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
from augrad.layers.parameter_columns import Slot
from augrad.layers.selection import SELECTIONS
from augrad.layers.strength import GlobalStrength
from augrad.transform.transform import Transform

SCHEMA = 1
"""The layout that this version writes, and the newest that it reads."""


def to_document(module: AugmentationModule) -> dict[str, Any]:
    """Returns a JSON-able description of a module, with finite numbers only, from which the module can be built again.

    Raises:
        PolicyError: a transform was constructed with a value that is not JSON-able.
    """
    return {"schema": SCHEMA, "layers": [_layer_document(layer) for layer in module]}


def check_rebuildable(module: AugmentationModule) -> None:
    """Raises `PolicyError` if a layer holds custom code, which cannot be restored from a document."""
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


def _layer_document(layer: AugmentationLayer) -> dict[str, Any]:
    raw_weights = _wide(layer.raw_weights)
    weights = to_weights(raw_weights, layer.temperature)
    strength = layer.strength
    # In a subclass the raw parameters may have another meaning.
    simple = type(strength) is GlobalStrength
    raw = _wide(strength.get_parameter("raw_magnitudes") if simple else from_unit(layer.magnitudes.detach()))
    transforms = []
    for index, transform in enumerate(layer):
        slots = [slot for slot in layer.slots if slot.transform == index]
        transforms.append(
            {
                "name": transform.name,
                "weight": encoded(weights[index]),
                "raw_weight": encoded(raw_weights[index]),
                "config": _config(transform),
                "parameters": {slot.parameter: _parameter(slot, raw[slot.start : slot.stop]) for slot in slots},
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


def _parameter(slot: Slot, raw: Tensor) -> dict[str, Any]:
    magnitudes = to_unit(raw)
    ends = [slot.range.interval(magnitude) for magnitude in magnitudes.tolist()]
    columns = {
        "low": [low for low, _ in ends],
        "high": [high for _, high in ends],
        "magnitude": encoded(magnitudes),
        "raw_magnitude": encoded(raw),
    }
    if slot.range.per is None:
        columns = {name: values[0] for name, values in columns.items()}
    return {"unit": slot.range.unit, **columns}


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
    # The same form as after reading: tuples become lists.
    return dict(json.loads(json.dumps(config)))


def _kind(layer: AugmentationLayer, part: str) -> tuple[str, bool]:
    """Returns the name of a layer's selection or strength, and whether it can be built from its name."""
    if part == "selection":
        kind = type(layer.selection)
        known = SELECTIONS.get(kind.name) is kind
        return (kind.name if known else kind.__qualname__), known
    return type(layer.strength).__qualname__, type(layer.strength) is GlobalStrength


def _wide(tensor: Tensor) -> Tensor:
    # In half precision, softmax and sigmoid would have errors of a percent. The raw numbers themselves stay exact.
    return tensor.detach().to(tensor.dtype if tensor.dtype == torch.float64 else torch.float32)


def _dtype_name(tensor: Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")
