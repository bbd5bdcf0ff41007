"""Names of transforms, from the names of their classes. Loads no torch, since plugins name transforms at discovery."""

from __future__ import annotations

import re


def snake_case(name: str) -> str:
    """`"TranslateX"` -> `"translate_x"`.

    Example:
        >>> snake_case("TranslateX"), snake_case("HTTPNoise")
        ('translate_x', 'http_noise')
    """
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()
