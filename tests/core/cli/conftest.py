"""Fixtures of the command line's tests: a catalogue of its own, with a good plugin that brings a demo."""

from __future__ import annotations

import sys

import pytest
from tests.core.plugin_factory import GOOD, GOOD_TRANSFORMS, Kind, install

from augrad.plugins import registry
from augrad.plugins.catalogue import Catalogue
from augrad.plugins.loading import installed

DEMO = """
    import torch
    from augrad.demo import Demo, DemoData

    def load(seed):
        generator = torch.Generator().manual_seed(seed)
        x = torch.randn(24, 3, generator=generator)
        y = (x[:, 0] > x[:, 1]).long()
        return DemoData(x, y, x, y, x, y)

    demo = Demo(
        name="good", title="Levels", description="The level means nothing.", load=load,
        trunk=lambda: torch.nn.Linear(3, 2), transforms=("good.shift",), oracle={"good.shift": {"offset": 1.0}},
        epochs=1, batch_size=8, n_layers=1, copies=2, seeds=(0,),
    )
"""
PLUGIN = """
    def augrad_transforms():
        return {"good.shift": "augrad_good.transforms:Shift"}

    def augrad_demos():
        return {"good": "augrad_good.demo:demo"}
"""
WITH_DEMO = Kind("augrad-good", "good", "", {"plugin.py": PLUGIN, "transforms.py": GOOD_TRANSFORMS, "demo.py": DEMO})


@pytest.fixture
def site(tmp_path, monkeypatch):
    """Installs plugins in a folder on the path and makes them all that the process knows."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    monkeypatch.setenv("COLUMNS", "160")
    monkeypatch.chdir(tmp_path)
    before, path = set(sys.modules), list(sys.path)

    def build(*plugins: Kind):
        for plugin in plugins:
            install(folder, plugin)
        names = [plugin.distribution for plugin in plugins]
        found = Catalogue(lambda: [entry for entry in installed() if entry.dist.name in names])
        monkeypatch.setattr(registry, "catalogue", found)
        return tmp_path

    yield build
    sys.path[:] = path
    for name in set(sys.modules) - before:
        if name.startswith(("augrad_good", "broken_", "mine", "augrad_file")):
            del sys.modules[name]


@pytest.fixture
def good_site(site):
    return site(GOOD)


@pytest.fixture
def demo_site(site):
    return site(WITH_DEMO)
