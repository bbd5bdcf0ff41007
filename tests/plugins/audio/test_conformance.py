"""Every registered audio transform passes every check of the conformance kit."""

from __future__ import annotations

from importlib import import_module

import pytest

from augrad.testing import parametrize_with_checks
from augrad_audio.plugin import augrad_transforms


def _registered():
    for target in augrad_transforms().values():
        module, name = target.split(":")
        kind = getattr(import_module(module), name)
        yield kind(**kind.example_arguments())


@parametrize_with_checks(list(_registered()))
def test_conformance(transform, check):
    check(transform)


@pytest.mark.parametrize(("name", "target"), augrad_transforms().items())
def test_registered_under_its_own_name(name, target):
    module, kind = target.split(":")
    assert getattr(import_module(module), kind).name == name
