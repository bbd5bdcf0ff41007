"""Set-up of every test: the annotations of shapes are enforced, and nothing depends on which test ran before."""

from __future__ import annotations

import pytest
import torch
from jaxtyping import install_import_hook

# The hook works on modules imported after it.
install_import_hook("augrad_pointcloud", "beartype.beartype")


@pytest.fixture(autouse=True)
def _seeded() -> None:
    torch.manual_seed(0)
