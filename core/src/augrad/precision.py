"""Full precision for operations that mixed precision would make too inexact. Used by composition.py and by plugins."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch


def full_precision(device: torch.device) -> AbstractContextManager[Any]:
    """Returns a context that switches autocast off.

    Autocast would multiply small matrices in bfloat16. Pixel coordinates have no fraction there, so that even the
    identity would change the data.

    Args:
        device: the device that holds the data.

    Example:
        >>> with torch.autocast("cpu", torch.bfloat16), full_precision(torch.device("cpu")):
        ...     (torch.eye(2) @ torch.eye(2)).dtype
        torch.float32
    """
    if torch.amp.is_autocast_available(device.type):
        return torch.autocast(device.type, enabled=False)
    return nullcontext()
