"""Keyed use of the global generators: seeded before each fetch and step, given back untouched.

Uses draws.py; used by loading.py and loop.py.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch

from augrad.draws import derived_seed


@contextmanager
def preserved_generators() -> Iterator[None]:
    """Gives the global generators of torch (CPU and CUDA), `random` and numpy back as they were.

    Example:
        >>> before = torch.get_rng_state()
        >>> with preserved_generators():
        ...     _ = torch.rand(3)
        >>> torch.equal(torch.get_rng_state(), before)
        True
    """
    python_state, numpy_state = random.getstate(), np.random.get_state()  # noqa: NPY002 - theirs to draw from
    devices = range(torch.cuda.device_count()) if torch.cuda.is_available() else range(0)
    try:
        with torch.random.fork_rng(devices):
            yield
    finally:
        random.setstate(python_state)
        np.random.set_state(numpy_state)  # noqa: NPY002


def seed_global_generators(*key: int | str) -> None:
    """Seeds the global generators from a key, so that dropout, samplers and data sets draw the same for the same key.

    Example:
        >>> with preserved_generators():
        ...     seed_global_generators(0, "step", 3)
        ...     first = torch.rand(2)
        ...     seed_global_generators(0, "step", 3)
        ...     torch.equal(torch.rand(2), first)
        True
    """
    seed = derived_seed(*key)
    # torch.manual_seed takes 90 us, because it asks for every kind of device; this is called twice per step.
    torch.default_generator.manual_seed(seed)
    if torch.cuda.is_available():
        torch.cuda.manual_seed(seed)
    random.seed(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002
