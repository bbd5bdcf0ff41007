"""Lightning, held at one place, whichever of its two names it is installed and used under.

Used by joint_module.py, find_policy.py.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import TYPE_CHECKING

from augrad.errors import MissingDependencyError

NAMES = ("lightning.pytorch", "pytorch_lightning")
"""One and the same library; but a Trainer of one refuses a module of the other."""


def lightning_module() -> ModuleType:
    """The Lightning that the program has imported; else the first that is installed.

    Raises:
        MissingDependencyError: none is installed.
    """
    for name in sorted(NAMES, key=lambda name: name not in sys.modules):
        try:
            return importlib.import_module(name)
        except ModuleNotFoundError as error:
            # Lightning is there, but something that it needs is not: that has a message of its own.
            if error.name not in (name, name.partition(".")[0]):
                raise
    raise MissingDependencyError(
        'augrad.lightning needs Lightning, which is not installed. Install it: pip install "augrad[lightning]"',
        extra="lightning",
    )


if TYPE_CHECKING:
    from lightning.pytorch import LightningModule
    from lightning.pytorch.callbacks import Callback, ModelCheckpoint
else:
    LightningModule = lightning_module().LightningModule
    Callback = lightning_module().callbacks.Callback
    ModelCheckpoint = lightning_module().callbacks.ModelCheckpoint

__all__ = ["Callback", "LightningModule", "ModelCheckpoint", "lightning_module"]
