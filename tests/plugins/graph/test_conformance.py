"""Every registered graph transform, in every variant, passes every check of the conformance kit."""

from __future__ import annotations

from importlib import import_module

from augrad.testing import parametrize_with_checks
from augrad_graph.candidates import EdgeAdd
from augrad_graph.edges import EdgeDrop
from augrad_graph.features import FeatureMask, FeatureNoise
from augrad_graph.plugin import augrad_transforms

VARIANTS = [
    FeatureNoise(scale=[0.5, 1.0, 2.0]),
    FeatureMask(of="node"),
    FeatureMask(of="entry"),
    EdgeDrop(temperature=1.0),
    EdgeAdd(between="random"),
    EdgeAdd(directed=True),
]


def _registered():
    for target in augrad_transforms().values():
        module, name = target.split(":")
        kind = getattr(import_module(module), name)
        yield kind(**kind.example_arguments())


@parametrize_with_checks([*_registered(), *VARIANTS])
def test_conformance(transform, check):
    check(transform)
