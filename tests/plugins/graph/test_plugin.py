"""The plugin's hooks: names, import strings, and an import that loads no framework."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module

import pytest

from augrad_graph.plugin import augrad_transforms

FORBIDDEN = ("torch", "torch_geometric", "augrad_graph.graphs")


def _loads(statement):
    program = f"import sys; {statement}; print([name for name in {FORBIDDEN!r} if name in sys.modules])"
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.strip()


def test_the_hook_module_loads_no_framework():
    assert _loads("import augrad_graph, augrad_graph.plugin") == "[]"


def test_the_guard_would_fire():
    assert _loads("import augrad_graph.graphs") == str(list(FORBIDDEN))


def test_all_transforms_of_the_design_are_there():
    features = {"feature_noise", "feature_mask", "local_augmentation"}
    topology = {"edge_drop", "node_drop", "edge_add", "edge_weight_noise", "subgraph", "diffusion", "schur_view"}
    positions = {"position_jitter", "position_rotate", "position_scale", "position_shear"}
    assert set(augrad_transforms()) == {f"graph.{name}" for name in features | topology | positions}


@pytest.mark.parametrize(("name", "target"), augrad_transforms().items())
def test_transforms_are_registered_under_their_own_names(name, target):
    module, kind = target.split(":")
    assert getattr(import_module(module), kind).name == name
