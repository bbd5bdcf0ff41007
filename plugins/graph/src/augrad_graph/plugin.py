"""What this distribution brings to augrad, as import strings. Read at discovery, so it imports no framework."""

from __future__ import annotations

from augrad.plugins.hookspecs import hookimpl, names_of

_MODULES = {
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

_TASKS = {
    "digits-direction": "directions:DIRECTION",
    "digits-limit": "digits:LIMIT",
    "digits-size": "digits:SIZE",
    "leaves-rotation": "leaves:ROTATION",
    "vowels-loss": "vowels:LOSS",
}


@hookimpl
def augrad_transforms() -> dict[str, str]:
    """Names of the graph transforms and where their classes are.

    Example:
        >>> all(name.startswith("graph.") for name in augrad_transforms())
        True
    """
    return names_of("graph", "augrad_graph", _MODULES)


@hookimpl
def augrad_demos() -> dict[str, str]:
    """The demo of graph transforms and where it is.

    Example:
        >>> augrad_demos()
        {'graph': 'augrad_graph.demo:DEMO'}
    """
    return {"graph": "augrad_graph.demo:DEMO"}


@hookimpl
def augrad_tasks() -> dict[str, str]:
    """The benchmark tasks of graph transforms and where they are.

    Example:
        >>> augrad_tasks()["graph-leaves-rotation"]
        'augrad_graph.tasks.leaves:ROTATION'
    """
    return {f"graph-{name}": f"augrad_graph.tasks.{target}" for name, target in _TASKS.items()}
