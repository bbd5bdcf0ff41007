"""What this distribution brings to augrad, as import strings. Read at discovery, so it imports no framework."""

from __future__ import annotations

from augrad.plugins.hookspecs import hookimpl, names_of

_MODULES = {
    "geometric": (
        "Rotate",
        "TranslateX",
        "TranslateY",
        "ShearX",
        "ShearY",
        "Scale",
        "ScaleX",
        "ScaleY",
        "HorizontalFlip",
        "VerticalFlip",
        "Perspective",
        "CropResize",
    ),
    "colour": ("Brightness", "Contrast", "Saturation", "Hue", "ChannelGain", "Grayscale", "Invert"),
    "tone": ("Gamma", "Sharpness", "Solarize", "Posterize", "Equalize"),
    "local": ("GaussianBlur", "GaussianNoise", "Erase"),
    "fields": ("Elastic", "RandomFieldAffine"),
    "frequency": ("FrequencyMix",),
}

_TASKS = ("shifted_digits", "turned_textures", "lit_photographs", "pointing_digits", "six_or_nine")
_MNIST = ("turned", "any_angle", "upright", "shifted", "scaled")


@hookimpl
def augrad_transforms() -> dict[str, str]:
    """Names of the vision transforms and where their classes are.

    Example:
        >>> augrad_transforms()["vision.translate_x"]
        'augrad_vision.geometric:TranslateX'
    """
    return names_of("vision", "augrad_vision", _MODULES)


@hookimpl
def augrad_demos() -> dict[str, str]:
    """The demo of vision transforms and where it is.

    Example:
        >>> augrad_demos()
        {'vision': 'augrad_vision.demo:DEMO'}
    """
    return {"vision": "augrad_vision.demo:DEMO"}


@hookimpl
def augrad_tasks() -> dict[str, str]:
    """The benchmark tasks of vision transforms and where they are.

    Example:
        >>> augrad_tasks()["vision-six-or-nine"]
        'augrad_vision.tasks.six_or_nine:TASK'
    """
    return {
        **{_task_name(module): f"augrad_vision.tasks.{module}:TASK" for module in _TASKS},
        **{_task_name(f"mnist_{each}"): f"augrad_vision.tasks.mnist:{each.upper()}" for each in _MNIST},
    }


def _task_name(words: str) -> str:
    return f"vision-{words.replace('_', '-')}"
