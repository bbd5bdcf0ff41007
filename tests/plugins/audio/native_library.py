"""Test doubles of torchaudio's native library: one that loads, one that cannot. Used by conftest.py, test_backend.py.

Only the library itself is replaced, where torch loads it; torchaudio's own code runs. Importable by itself, so that
a fresh process can install a double before anything imports torchaudio.
"""

from __future__ import annotations

import sys

import torch

LIBRARIES: list[torch.library.Library] = []  # torch forgets the operators of a library that is collected


def _define_operators() -> None:
    own = torch.library.Library("_torchaudio", "DEF")
    own.define("is_align_available() -> bool")
    own.define("cuda_version() -> int?")
    own.impl("is_align_available", lambda: False, "CompositeExplicitAutograd")
    own.impl("cuda_version", lambda: None, "CompositeExplicitAutograd")
    public = torch.library.Library("torchaudio", "DEF")
    public.define("_lfilter_core_loop(Tensor x, Tensor a, Tensor(a!) y) -> ()")
    public.define("_overdrive_core_loop(Tensor x, Tensor t, Tensor i, Tensor o, Tensor(a!) y) -> ()")
    LIBRARIES.extend([own, public])


def install(kind: str) -> None:
    """Makes torchaudio's native library load (`"loads"`) or fail to load (`"fails"`), whatever is on this machine."""
    if "torchaudio" in sys.modules:
        raise RuntimeError("torchaudio is imported already; the double comes too late.")
    original = torch.ops.load_library

    def load_library(path):
        if "torchaudio" not in str(path):
            return original(path)
        if kind == "fails":
            raise OSError(f"Could not load this library: {path}")
        if not LIBRARIES:
            _define_operators()
        return None

    torch.ops.load_library = load_library
