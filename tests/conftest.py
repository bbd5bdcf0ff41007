"""Set-up of every test run: annotations are enforced, one thread per process, properties can be replayed.

To enforce an annotation costs more than most functions that carry it: training takes three times as long. In each test
the first calls of every function are held to its annotations, and then a few of the others. `make test-all`
(AUGRAD_EVERYTHING=1) holds all.
"""

from __future__ import annotations

import functools
import gc
import os
from collections.abc import Callable
from pathlib import Path
from types import CodeType
from typing import Any

import hypothesis
import jaxtyping
import pytest
import torch
from jaxtyping import install_import_hook

ROOT = Path(__file__).parents[1]
EVERYTHING = os.environ.get("AUGRAD_EVERYTHING") == "1"
N_FIRST = 20  # calls of a function in a test that are all held to its annotations
EACH = 16  # and then each sixteenth

_decorate = jaxtyping.jaxtyped
_test = [0]  # how many tests have begun
_calls: dict[CodeType, list[int]] = {}  # of each function: the test that called it last, and how often


def _sampled(fn: Any, *, typechecker: Any) -> Any:
    """What `jaxtyping.jaxtyped` gives, of which most calls go straight to the function after the first in a test."""
    if isinstance(fn, type):  # a dataclass: its constructor is decorated in place
        return _decorate(fn, typechecker=typechecker)
    calls = _calls.setdefault(fn.__code__, [0, 0])  # all closures of one `def` share it
    checked: Any = None

    @functools.wraps(fn)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        __tracebackhide__ = True
        nonlocal checked
        if calls[0] != _test[0]:
            calls[:] = _test[0], 0
        calls[1] += 1
        if calls[1] > N_FIRST and calls[1] % EACH:
            return fn(*args, **kwargs)
        if checked is None:
            checked = _decorate(fn, typechecker=typechecker)
        return checked(*args, **kwargs)

    return wrapper


def _jaxtyped(*, typechecker: Any) -> Callable[[Any], Any]:
    return functools.partial(_sampled, typechecker=typechecker)


if not EVERYTHING:
    jaxtyping.jaxtyped = _jaxtyped  # type: ignore[assignment]

# The core and every plugin of the repository. The hook works on modules imported after it, so augrad must not be yet.
_PACKAGES = ["augrad", *sorted(path.parent.name for path in ROOT.glob("plugins/*/src/*/__init__.py"))]
install_import_hook(_PACKAGES, "beartype.beartype")

# Tests run in several processes; more threads in each would fight for the same cores.
torch.set_num_threads(1)

# Where other jobs share the cores, an example may take long, and the first text takes seconds: no fault of a test.
TIME: dict[str, Any] = {"deadline": None, "suppress_health_check": [hypothesis.HealthCheck.too_slow]}
hypothesis.settings.register_profile("local", **TIME)
hypothesis.settings.register_profile("ci", **TIME, derandomize=True, database=None)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "local")


@pytest.fixture(autouse=True)
def _seeded() -> None:
    """Fixes torch's global generator, so that no test depends on which ran before it."""
    torch.manual_seed(0)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    """Begins to count anew what is held to its annotations."""
    _test[0] += 1


def pytest_collection_finish() -> None:
    """What has been imported stays: looking through it again for garbage would take a tenth of the whole time."""
    gc.collect()
    gc.freeze()
