"""Full precision where mixed precision would lose more than it saves. Used by composition.py and by plugins."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch


def full_precision(device: torch.device) -> AbstractContextManager[Any]:
    """Switches autocast off: it would take products of small matrices in bfloat16, in which pixel coordinates have no
    fraction, and an identity would change the data.

    Args:
        device: where the data lies.

    Example:
        >>> with torch.autocast("cpu", torch.bfloat16), full_precision(torch.device("cpu")):
        ...     (torch.eye(2) @ torch.eye(2)).dtype
        torch.float32
    """
    if torch.amp.is_autocast_available(device.type):
        return torch.autocast(device.type, enabled=False)
    return nullcontext()
