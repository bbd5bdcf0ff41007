"""The plugin's hooks: names, import strings, and an import that loads no framework."""

from __future__ import annotations

import subprocess
import sys

from augrad_vision.plugin import augrad_demos, augrad_transforms

FORBIDDEN = ("torch", "kornia", "augrad_vision.geometric")


def _loads(statement):
    program = f"import sys; {statement}; print([name for name in {FORBIDDEN!r} if name in sys.modules])"
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.strip()


def test_the_hook_module_loads_no_framework():
    assert _loads("import augrad_vision.plugin") == "[]"


def test_the_guard_would_fire():
    assert _loads("import augrad_vision.geometric") == str(list(FORBIDDEN[:1] + FORBIDDEN[2:]))


def test_all_transforms_of_the_design_are_there():
    geometric = {"rotate", "translate_x", "translate_y", "shear_x", "shear_y", "scale", "scale_x", "scale_y"}
    geometric |= {"horizontal_flip", "vertical_flip", "perspective"}
    colour = {"brightness", "contrast", "saturation", "hue", "channel_gain", "grayscale", "invert"}
    tone = {"gamma", "sharpness", "solarize", "posterize", "equalize"}
    local = {
        "gaussian_blur",
        "gaussian_noise",
        "elastic",
        "random_field_affine",
        "erase",
        "crop_resize",
        "frequency_mix",
    }
    assert set(augrad_transforms()) == {f"vision.{name}" for name in geometric | colour | tone | local}


def test_the_demo_is_registered():
    assert augrad_demos() == {"vision": "augrad_vision.demo:DEMO"}
