"""What this distribution brings to augrad, as import strings. Read at discovery, so it imports no framework."""

from __future__ import annotations

import pluggy

hookimpl = pluggy.HookimplMarker("augrad")

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
}


def _snake_case(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("_")


@hookimpl
def augrad_transforms() -> dict[str, str]:
    """Names of the vision transforms and where their classes are.

    Example:
        >>> augrad_transforms()["vision.translate_x"]
        'augrad_vision.geometric:TranslateX'
    """
    return {
        f"vision.{_snake_case(name)}": f"augrad_vision.{module}:{name}"
        for module, names in _MODULES.items()
        for name in names
    }
