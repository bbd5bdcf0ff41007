from __future__ import annotations

import subprocess
import sys

import pytest

from augrad.plugins.loading import HOOKS, hookspecs


def test_hooks_are_those_that_plugins_are_asked():
    assert tuple(name for name in vars(hookspecs) if name.startswith("augrad_")) == HOOKS


@pytest.mark.parametrize("hook", HOOKS)
def test_a_hook_may_bring_nothing(hook):
    assert getattr(hookspecs, hook)() == {}


def test_names_are_modality_and_class_in_snake_case():
    names = hookspecs.names_of("ecg", "my_ecg", {"lines": ["Drift"], "beats": ("DropBeat", "HTTPNoise")})
    assert names == {
        "ecg.drift": "my_ecg.lines:Drift",
        "ecg.drop_beat": "my_ecg.beats:DropBeat",
        "ecg.http_noise": "my_ecg.beats:HTTPNoise",
    }


def test_importing_the_hooks_loads_no_torch():
    code = "import sys, augrad.plugins.hookspecs; raise SystemExit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
