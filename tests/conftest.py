"""Set-up of every test run: annotations are enforced, one thread per process, properties can be replayed."""

from __future__ import annotations

import os
from pathlib import Path

import hypothesis
import pytest
import torch
from jaxtyping import install_import_hook

ROOT = Path(__file__).parents[1]

# The core and every plugin of the repository. The hook works on modules imported after it, so augrad must not be yet.
_PACKAGES = ["augrad", *sorted(path.parent.name for path in ROOT.glob("plugins/*/src/*/__init__.py"))]
install_import_hook(_PACKAGES, "beartype.beartype")

# Tests run in several processes; more threads in each would fight for the same cores.
torch.set_num_threads(1)

hypothesis.settings.register_profile("local", deadline=None)
hypothesis.settings.register_profile("ci", deadline=None, derandomize=True, database=None)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "local")


@pytest.fixture(autouse=True)
def _seeded() -> None:
    """Fixes torch's global generator, so that no test depends on which ran before it."""
    torch.manual_seed(0)
