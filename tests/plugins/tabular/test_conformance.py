"""Every registered transform of tables passes every check of the conformance kit."""

from __future__ import annotations

from importlib import import_module

import pytest

from augrad.testing import parametrize_with_checks
from augrad_tabular.dropout import FeatureDropout
from augrad_tabular.plugin import augrad_transforms
from augrad_tabular.scale import CommonScale
from augrad_tabular.tables import example_schema


def _kinds():
    for target in augrad_transforms().values():
        module, name = target.split(":")
        yield getattr(import_module(module), name)


@parametrize_with_checks([kind(**kind.example_arguments()) for kind in _kinds()])
def test_conformance(transform, check):
    check(transform)


@parametrize_with_checks(
    [
        FeatureDropout(schema=example_schema(), fill="learned"),
        CommonScale(schema=example_schema(), columns=["length", "area"]),
    ]
)
def test_conformance_of_other_options(transform, check):
    check(transform)


@pytest.mark.parametrize(("name", "target"), augrad_transforms().items())
def test_registered_under_its_own_name(name, target):
    module, kind = target.split(":")
    assert getattr(import_module(module), kind).name == name
