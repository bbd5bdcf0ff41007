"""Watches a `with` block: which operations wait for the device, and how many operations run. Used by batches.py."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

SYNCING_METHODS = frozenset(
    {"item", "tolist", "cpu", "numpy", "__array__", "__bool__", "__int__", "__float__", "__index__"}
)
"""Methods of a tensor that copy its contents to the host."""

SYNCING_OPERATIONS = frozenset(
    {
        "_local_scalar_dense",
        "_linalg_check_errors",
        "allclose",
        "bincount",
        "equal",
        "is_nonzero",
        "masked_select",
        "nonzero",
        "repeat_interleave",
        "unique_consecutive",
        "unique_dim",
        "_unique2",
    }
)
"""Operations that must wait for the device, because the shape of their result or their success depends on values."""


class SyncError(Exception):
    """An operation that waits for the device ran inside a `sync_guard`."""


class _Methods(TorchFunctionMode):
    # On a CPU, tolist, cpu and numpy never reach the dispatcher, so they are caught at the Python call.
    def __torch_function__(
        self,
        function: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        name = getattr(function, "__name__", "")
        if name in SYNCING_METHODS:
            raise SyncError(f"Tensor.{name}")
        return function(*args, **(kwargs or {}))


class _Operations(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch has no annotations here
    def __torch_dispatch__(
        self, function: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        name = str(function.overloadpacket.__name__)
        if name == "repeat_interleave" and (kwargs or {}).get("output_size") is not None:
            return function(*args, **(kwargs or {}))
        if name in SYNCING_OPERATIONS:
            raise SyncError(f"aten.{name}")
        if name.startswith("index") and len(args) > 1 and _has_mask(args[1]):
            raise SyncError(f"aten.{name} with a boolean mask")
        return function(*args, **(kwargs or {}))


def _has_mask(indices: Any) -> bool:
    given = indices if isinstance(indices, list | tuple) else ()
    return any(isinstance(index, Tensor) and index.dtype in (torch.bool, torch.uint8) for index in given)


@contextmanager
def sync_guard() -> Iterator[None]:
    """Raises `SyncError` at the first operation that would wait for an accelerator. Works on every machine.

    Example:
        >>> with sync_guard():
        ...     torch.rand(3).max().item()
        Traceback (most recent call last):
        augrad.testing.watch.SyncError: Tensor.item
    """
    with _Methods(), _Operations():  # type: ignore[no-untyped-call]
        yield


class Tally(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts the operations in its block that reach the dispatcher.

    Example:
        >>> tally = Tally()
        >>> with tally:
        ...     _ = torch.ones(3) + 1
        >>> tally.count
        2
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.count = 0

    def __torch_dispatch__(
        self, function: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        self.count += 1
        return function(*args, **(kwargs or {}))
