"""What this distribution brings to augrad, as import strings. Read at discovery, so it imports no framework."""

from __future__ import annotations

import pluggy

hookimpl = pluggy.HookimplMarker("augrad")

_MODULES: dict[str, tuple[str, ...]] = {
    "features": ("FeatureNoise", "FeatureMask"),
    "nodes": ("NodeDrop",),
    "edges": ("EdgeDrop", "EdgeWeightNoise"),
    "candidates": ("EdgeAdd",),
    "positions": ("PositionJitter",),
    "motions": ("PositionRotate", "PositionScale", "PositionShear"),
    "diffusion": ("Diffusion",),
    "schur": ("SchurView",),
    "subgraphs": ("Subgraph",),
    "neighbours": ("LocalAugmentation",),
}


def _snake_case(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).lstrip("_")


@hookimpl
def augrad_transforms() -> dict[str, str]:
    """Names of the graph transforms and where their classes are.

    Example:
        >>> all(name.startswith("graph.") for name in augrad_transforms())
        True
    """
    return {
        f"graph.{_snake_case(name)}": f"augrad_graph.{module}:{name}"
        for module, names in _MODULES.items()
        for name in names
    }


@hookimpl
def augrad_demos() -> dict[str, str]:
    """The demo of graph transforms and where it is.

    Example:
        >>> augrad_demos()
        {'graph': 'augrad_graph.demo:DEMO'}
    """
    return {"graph": "augrad_graph.demo:DEMO"}
