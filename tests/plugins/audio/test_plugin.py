"""The plugin's hooks: names, import strings, and imports that load no framework."""

from __future__ import annotations

import subprocess
import sys

from augrad_audio.plugin import augrad_transforms

FORBIDDEN = ("torch", "torchaudio", "augrad_audio.signals")


def _loads(statement, modules=FORBIDDEN):
    program = f"import sys; {statement}; print([name for name in {modules!r} if name in sys.modules])"
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.strip()


def test_the_hook_module_loads_no_framework():
    assert _loads("import augrad_audio.plugin") == "[]"


def test_no_transform_loads_torchaudio():
    modules = sorted({target.split(":")[0] for target in augrad_transforms().values()})
    assert _loads("import " + ", ".join([*modules, "augrad_audio.backend"])) == str([FORBIDDEN[0], FORBIDDEN[2]])


def test_the_guard_would_fire():
    assert "'torchaudio'" in _loads("from augrad_audio.backend import torchaudio; torchaudio()")


def test_the_time_transforms_of_the_design_are_there():
    time = {"time_shift", "time_stretch", "speed", "time_mask", "time_reverse", "time_warp", "frequency_mask"}
    assert {f"audio.{name}" for name in time} <= set(augrad_transforms())
