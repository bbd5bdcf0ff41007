"""Keyed randomness: the same key gives the same draws.

Also seeds the global generators from a key, and restores them afterwards. Used by training, evaluation and audits.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch


def derived_seed(*key: int | str) -> int:
    """Returns a 63-bit seed for any key. Equal keys give equal seeds; keys that differ anywhere give unrelated seeds.

    Args:
        *key: such as `(seed, step, rank)`, or `(seed, "epoch", epoch)`.

    Example:
        >>> derived_seed(0, 1, 2) == derived_seed(0, 1, 2), derived_seed(0, 1, 2) == derived_seed(0, 2, 1)
        (True, False)
    """
    digest = hashlib.sha256(repr(key).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def keyed_generator(*key: int | str, device: torch.device | str = "cpu") -> torch.Generator:
    """Returns a new generator on `device`, seeded from a key; see `derived_seed`.

    Example:
        >>> a, b = keyed_generator(0, 7, 0), keyed_generator(0, 7, 0)
        >>> torch.equal(torch.rand(3, generator=a), torch.rand(3, generator=b))
        True
    """
    return torch.Generator(device).manual_seed(derived_seed(*key))


@contextmanager
def preserved_generators() -> Iterator[None]:
    """Restores the global generators of torch (CPU and CUDA), `random` and numpy at the end of the block.

    Example:
        >>> before = torch.get_rng_state()
        >>> with preserved_generators():
        ...     _ = torch.rand(3)
        >>> torch.equal(torch.get_rng_state(), before)
        True
    """
    python_state, numpy_state = random.getstate(), np.random.get_state()  # noqa: NPY002 - users draw from it
    devices = range(torch.cuda.device_count()) if torch.cuda.is_available() else range(0)
    try:
        with torch.random.fork_rng(devices):
            yield
    finally:
        random.setstate(python_state)
        np.random.set_state(numpy_state)  # noqa: NPY002


def seed_global_generators(*key: int | str) -> None:
    """Seeds the global generators from a key, so that dropout, samplers and data sets draw the same numbers for it.

    Example:
        >>> with preserved_generators():
        ...     seed_global_generators(0, "step", 3)
        ...     first = torch.rand(2)
        ...     seed_global_generators(0, "step", 3)
        ...     torch.equal(torch.rand(2), first)
        True
    """
    seed = derived_seed(*key)
    # torch.manual_seed takes 90 us, because it asks every kind of device. This function is called twice per step.
    torch.default_generator.manual_seed(seed)
    if torch.cuda.is_available():
        torch.cuda.manual_seed(seed)
    random.seed(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002
