from __future__ import annotations

import pytest

import augrad
from augrad.errors import PluginError, RegistrationError, UnknownNameError, UnknownTransformError
from augrad.plugins import registry
from augrad.plugins.catalogue import Catalogue


@pytest.fixture(autouse=True)
def _own_catalogue(monkeypatch):
    """A catalogue of no plugins, so that no test leaves a name behind."""
    monkeypatch.setattr(registry, "catalogue", Catalogue(list))


def test_register_is_a_decorator():
    @augrad.register
    class Fade(augrad.Transform):
        modality = "mine"

        def forward(self, x):
            return x

    assert augrad.get_transform("mine.fade") is Fade
    assert augrad.transforms() == augrad.transforms("mine") == {"mine.fade": Fade}
    assert augrad.AugmentationLayer(["mine.fade"]).names == ("mine.fade",)


def test_errors_pass_through(unchecked):
    with pytest.raises(RegistrationError, match=r"not a subclass of augrad.Transform"):
        augrad.register(dict)
    with pytest.raises(UnknownTransformError, match=r"no transform named 'mine.fade'"):
        augrad.get_transform("mine.fade")
    with pytest.raises(UnknownNameError, match=r"no transforms of modality 'mine' are registered; modalities: none"):
        augrad.transforms("mine")
    with pytest.raises(UnknownNameError, match=r"no demo named 'mine'; demos: none"):
        registry.get_demo("mine")


def test_nothing_is_nothing():
    assert (augrad.transforms(), augrad.plugin_errors(), registry.demos()) == ({}, {}, {})


def test_plugin_errors_are_the_catalogues(monkeypatch):
    monkeypatch.setattr(registry.catalogue, "plugin_errors", lambda: {"x": PluginError("broken")})
    assert str(augrad.plugin_errors()["x"]) == "broken"
