from __future__ import annotations

import inspect
import subprocess
import sys
from types import ModuleType

import pytest

import augrad

SURFACE = [
    "Action",
    "AuditReport",
    "AugerinoPenalty",
    "AugmentationLayer",
    "AugmentationModule",
    "AugradError",
    "Budget",
    "Certificate",
    "Computation",
    "CrossFitted",
    "CrossFittedLoss",
    "DisplacementPenalty",
    "EarlyStopping",
    "Evidence",
    "EvidenceLoss",
    "FitResult",
    "InvariantModel",
    "JointLoss",
    "LeaveOneOut",
    "MagnitudePenalty",
    "MatrixTransform",
    "Objective",
    "Penalty",
    "Policy",
    "Range",
    "RunawayGuard",
    "Stage",
    "StageResult",
    "StepLoss",
    "Transform",
    "Unchanged",
    "audit",
    "audit_pipeline",
    "batch",
    "certify",
    "find_policy",
    "fit",
    "get_transform",
    "hookimpl",
    "invariance",
    "keyed_generator",
    "load",
    "parameter_groups",
    "plugin_errors",
    "presets",
    "register",
    "save",
    "transforms",
]
HEAVY = ("kornia", "torchaudio", "torch_geometric", "accelerate", "matplotlib", "lightning")
# What a program that builds a model and owns its loop uses; `fit` and its results load accelerate.
LIGHT = [name for name in SURFACE if name not in ("EarlyStopping", "FitResult", "RunawayGuard", "fit")]


def loaded_after(*stages: str) -> list[set[str]]:
    """The heavy modules that a fresh interpreter has loaded after each stage."""
    report = f"import sys; print('loaded', *(name for name in {HEAVY!r} if name in sys.modules))"
    code = "\n".join(f"{stage}\n{report}" for stage in stages)
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return [set(line.split()[1:]) for line in ran.stdout.splitlines()]


def test_surface_is_frozen():
    assert augrad.__all__ == SURFACE


@pytest.mark.parametrize("name", SURFACE)
def test_every_name_is_there_and_documented(name):
    value = getattr(augrad, name)
    assert name in dir(augrad)
    if not callable(value):
        assert isinstance(value, ModuleType)
    elif name != "hookimpl":  # pluggy's marker, documented beside it
        assert inspect.getdoc(value)
        assert value.__name__ == name


def test_what_is_not_there():
    with pytest.raises(AttributeError, match=r"module 'augrad' has no attribute 'absent'"):
        _ = augrad.absent


def test_version():
    assert augrad.__version__.count(".") == 2


def test_star_import():
    names: dict[str, object] = {}
    exec("from augrad import *", names)
    assert set(SURFACE) <= set(names)


def test_neither_import_nor_use_nor_discovery_loads_a_framework():
    use = f"from augrad import {', '.join(LIGHT)}"
    assert loaded_after("import augrad", use, "plugin_errors()") == [set(), set(), set()]


def test_guard_would_fire():
    assert loaded_after("", "import matplotlib") == [set(), {"matplotlib"}]


def test_fit_loads_its_engine_when_it_runs():
    run = """
class Shift(Transform):
    modality = "signal"
    offset = Range(1.0)
    def forward(self, x, *, offset):
        return x + offset[:, None]
model = InvariantModel(torch.nn.Linear(2, 2), AugmentationLayer([Shift]))
fit(model, [(torch.eye(2), torch.arange(2))], max_epochs=1, progress=False)
"""
    (loaded,) = loaded_after("import torch; from augrad import *" + run)
    assert "accelerate" in loaded


def test_a_module_does_not_hide_the_function_of_its_name():
    code = "import augrad.invariance as module, augrad; print(augrad.invariance.__name__, augrad.invariance.__module__)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.split() == ["invariance", "augrad.invariance"]
