"""Published ways to augment, by name: each function takes your transforms and returns a `Preset`.

`augnet` and `augerino` learn; `randaugment` and `trivialaugment` are fixed. Plugins bring more with the hook
`augrad_presets`. `augrad presets` lists them all, and `get` finds a preset by name.
"""

from __future__ import annotations

from collections.abc import Callable

from augrad.plugins.registry import get_preset
from augrad.presets.preset import Preset
from augrad.presets.published import augerino, augnet, randaugment, trivialaugment

__all__ = ["Preset", "augerino", "augnet", "get", "randaugment", "trivialaugment"]


def get(name: str) -> Callable[..., Preset]:
    """The function that makes the preset called `name`: augrad's own, or a plugin's.

    Raises:
        UnknownNameError: no preset has that name; the message lists the known ones and the nearest.
        PluginError: the plugin that brings it is broken; the message says why.

    Example:
        >>> from augrad import Unchanged
        >>> get("augnet")([Unchanged]).penalty
        MagnitudePenalty(strength=0.5)
    """
    return get_preset(name)
