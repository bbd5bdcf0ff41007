"""Runs the tests of the audio plugin with a double of torchaudio's native library, if AUGRAD_TORCHAUDIO_NATIVE says so.

`AUGRAD_TORCHAUDIO_NATIVE=loads` or `fails`; without it the library is what this machine has.
"""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

_KIND = os.environ.get("AUGRAD_TORCHAUDIO_NATIVE")

if _KIND:
    _spec = importlib.util.spec_from_file_location("native_library", Path(__file__).parent / "native_library.py")
    _double = importlib.util.module_from_spec(_spec)
    _spec.loader.exec_module(_double)
    _double.install(_KIND)
