"""The state of optimizers, schedulers and metrics as tensors and JSON, exactly and without pickle.

Used by persistence.py and progress.py.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from augrad.errors import StorageError


def encode(value: Any, name: str = "state") -> Any:
    """A value as JSON can hold it, so that `decode` gives an equal one of the same type.

    Args:
        value: None, numbers (NaN and infinities too), strings, lists, tuples, dicts with any keys, counters, tensors.
        name: how the error calls it.

    Raises:
        StorageError: it holds something else.

    Example:
        >>> decode(encode({"betas": (0.9, math.inf), 3: [1]}))
        {'betas': (0.9, inf), 3: [1]}
    """
    if value is None or isinstance(value, bool | int | str) or (isinstance(value, float) and math.isfinite(value)):
        return value
    if isinstance(value, float):
        return {"__float__": str(value)}
    if isinstance(value, list):
        return [encode(entry, f"{name}[{index}]") for index, entry in enumerate(value)]
    if isinstance(value, tuple):
        return {"__tuple__": encode(list(value), name)}
    if isinstance(value, Tensor):
        return {"__tensor__": [str(value.dtype).removeprefix("torch."), encode(value.tolist(), name)]}
    if isinstance(value, dict) and all(isinstance(key, str) and not key.startswith("__") for key in value):
        return {key: encode(entry, f"{name}.{key}") for key, entry in value.items()}
    if isinstance(value, dict):
        tag = "__counter__" if isinstance(value, Counter) else "__dict__"
        return {tag: [[encode(key, name), encode(entry, f"{name}[{key!r}]")] for key, entry in value.items()]}
    raise StorageError(
        f"{name} is {type(value).__name__}, which cannot be stored without running code when it is loaded. Its "
        "state must be numbers, strings and tensors.",
        name=name,
    )


def decode(value: Any) -> Any:
    """Inverse of `encode`."""
    if isinstance(value, list):
        return [decode(entry) for entry in value]
    if not isinstance(value, dict):
        return value
    tag = next(iter(value), "")
    if not tag.startswith("__"):
        return {key: decode(entry) for key, entry in value.items()}
    content = value[tag]
    if tag == "__float__":
        return float(content)
    if tag == "__tuple__":
        return tuple(decode(content))
    if tag == "__tensor__":
        return torch.tensor(decode(content[1]), dtype=getattr(torch, content[0]))
    items = {decode(key): decode(entry) for key, entry in content}
    return Counter(items) if tag == "__counter__" else items


def optimizer_state(optimizer: torch.optim.Optimizer) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """An optimizer's state as flat tensors, named `"<parameter>.<entry>"`, and the rest as JSON.

    Raises:
        StorageError: an entry is neither.
    """
    content = optimizer.state_dict()
    tensors: dict[str, Tensor] = {}
    rest: dict[str, dict[str, Any]] = {}
    for index, entries in content["state"].items():
        for key, value in entries.items():
            if isinstance(value, Tensor):
                tensors[f"{index}.{key}"] = value
            else:
                rest.setdefault(str(index), {})[key] = encode(value, f"optimizer.state[{index}].{key}")
    groups = [{key: value for key, value in group.items() if key != "params"} for group in content["param_groups"]]
    return tensors, {"groups": encode(groups, "optimizer.param_groups"), "state": rest}


def load_optimizer_state(optimizer: torch.optim.Optimizer, tensors: dict[str, Tensor], rest: dict[str, Any]) -> None:
    """Puts the result of `optimizer_state` back into an optimizer built in the same way."""
    state: dict[int, dict[str, Any]] = {}
    for name, tensor in tensors.items():
        index, _, key = name.partition(".")
        state.setdefault(int(index), {})[key] = tensor
    for index, entries in rest["state"].items():
        state.setdefault(int(index), {}).update({key: decode(value) for key, value in entries.items()})
    fresh = optimizer.state_dict()["param_groups"]
    groups = [{**decode(kept), "params": group["params"]} for kept, group in zip(rest["groups"], fresh, strict=True)]
    optimizer.load_state_dict({"state": state, "param_groups": groups})


def split(value: Any, name: str) -> tuple[dict[str, Tensor], Any]:
    """A nested value as flat tensors, for a file of tensors, and the rest as JSON.

    Args:
        value: any value that `encode` takes; its tensors may be large.
        name: how the error calls it.

    Raises:
        StorageError: it holds something else.

    Example:
        >>> tensors, rest = split({"outputs": [torch.zeros(2), torch.ones(1)], "count": 3}, "metrics")
        >>> list(tensors), join(tensors, rest)
        (['0', '1'], {'outputs': [tensor([0., 0.]), tensor([1.])], 'count': 3})
    """
    tensors: dict[str, Tensor] = {}

    def put_away(entry: Any) -> Any:
        if isinstance(entry, Tensor):
            place = str(len(tensors))
            tensors[place] = entry
            return {_PLACE: place}
        return _rebuilt(entry, put_away)

    return tensors, encode(put_away(value), name)


def join(tensors: dict[str, Tensor], rest: Any) -> Any:
    """Inverse of `split`."""

    def put_back(entry: Any) -> Any:
        if isinstance(entry, dict) and entry.keys() == {_PLACE}:
            return tensors[entry[_PLACE]]
        return _rebuilt(entry, put_back)

    return put_back(decode(rest))


_PLACE = "__tensor_at__"


def _rebuilt(entry: Any, change: Callable[[Any], Any]) -> Any:
    """A nested value, each entry changed."""
    if isinstance(entry, dict):
        return {key: change(part) for key, part in entry.items()}
    if isinstance(entry, list | tuple):
        return type(entry)(map(change, entry)) if type(entry) in (list, tuple) else entry
    return entry
