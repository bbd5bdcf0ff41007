"""What this distribution brings to augrad, as import strings. Read at discovery, so it imports no framework."""

from __future__ import annotations

from augrad.plugins.hookspecs import hookimpl, names_of

_MODULES = {
    "noise": ("FeatureNoise", "CorrelatedNoise"),
    "scale": ("FeatureScale", "CommonScale", "PowerScale"),
    "dropout": ("FeatureDropout",),
    "mixing": ("SwapNoise", "NeighbourInterpolation"),
    "ranks": ("QuantileNoise", "MonotoneWarp"),
    "categories": ("CategorySwap",),
    "quantisation": ("RandomisedQuantisation",),
}


@hookimpl
def augrad_transforms() -> dict[str, str]:
    """Names of the transforms of tables and where their classes are.

    Example:
        >>> augrad_transforms()["tabular.feature_noise"]
        'augrad_tabular.noise:FeatureNoise'
    """
    return names_of("tabular", "augrad_tabular", _MODULES)


@hookimpl
def augrad_demos() -> dict[str, str]:
    """The demo of tabular transforms and where it is.

    Example:
        >>> augrad_demos()
        {'tabular': 'augrad_tabular.demo:DEMO'}
    """
    return {"tabular": "augrad_tabular.demo:DEMO"}


@hookimpl
def augrad_tasks() -> dict[str, str]:
    """The benchmark tasks of tabular transforms and where they are.

    Example:
        >>> augrad_tasks()["tabular-wine-instruments"]
        'augrad_tabular.tasks.wine:INSTRUMENTS'
    """
    return {
        "tabular-digits-light": "augrad_tabular.tasks.digits:LIGHT",
        "tabular-digits-ink": "augrad_tabular.tasks.digits:INK",
        "tabular-cells-magnification": "augrad_tabular.tasks.cells:MAGNIFICATION",
        "tabular-wine-instruments": "augrad_tabular.tasks.wine:INSTRUMENTS",
        "tabular-penguins-sizes": "augrad_tabular.tasks.penguins:SIZES",
    }
