"""augrad learns from the training data which transformations a task is invariant to, and how far.

For example, it learns that digits may be rotated by up to 15 degrees, but not by 90. This module is the public surface.
Each name is imported when it is first used. `import augrad` and the command line therefore start at once, and
accelerate is loaded only when `fit` is called.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from augrad import batch, presets
    from augrad.auditing import AuditReport, Certificate, audit, audit_pipeline, certify
    from augrad.errors import AugradError
    from augrad.invariance import invariance
    from augrad.layers.layer import AugmentationLayer
    from augrad.layers.module import AugmentationModule
    from augrad.learning.cross_fitted.loss import CrossFittedLoss
    from augrad.learning.cross_fitted.rule import CrossFitted
    from augrad.learning.joint import JointLoss
    from augrad.learning.leave_one_out.evidence import Evidence
    from augrad.learning.leave_one_out.find import find_policy
    from augrad.learning.leave_one_out.gradient import EvidenceLoss
    from augrad.learning.leave_one_out.rule import LeaveOneOut
    from augrad.learning.objective import Objective, StepLoss
    from augrad.learning.parameter_groups import parameter_groups
    from augrad.learning.penalties import AugerinoPenalty, DisplacementPenalty, MagnitudePenalty, Penalty
    from augrad.learning.stage import Budget, Computation, Stage, StageResult
    from augrad.model import InvariantModel
    from augrad.plugins.hookspecs import hookimpl
    from augrad.plugins.registry import get_transform, plugin_errors, register, transforms
    from augrad.policies.policy import Policy
    from augrad.randomness import keyed_generator
    from augrad.saving import load, save
    from augrad.training import EarlyStopping, FitResult, RunawayGuard, fit
    from augrad.transform.matrix import Action, MatrixTransform
    from augrad.transform.ranges import Range
    from augrad.transform.transform import Transform
    from augrad.transform.unchanged import Unchanged

__all__ = [
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

_HOMES = {
    "auditing": ("AuditReport", "Certificate", "audit", "audit_pipeline", "certify"),
    "randomness": ("keyed_generator",),
    "errors": ("AugradError",),
    "plugins.hookspecs": ("hookimpl",),
    "invariance": ("invariance",),
    "layers.layer": ("AugmentationLayer",),
    "transform.matrix": ("Action", "MatrixTransform"),
    "model": ("InvariantModel",),
    "layers.module": ("AugmentationModule",),
    "learning.cross_fitted.loss": ("CrossFittedLoss",),
    "learning.cross_fitted.rule": ("CrossFitted",),
    "learning.leave_one_out.evidence": ("Evidence",),
    "learning.joint": ("JointLoss",),
    "learning.leave_one_out.find": ("find_policy",),
    "learning.leave_one_out.gradient": ("EvidenceLoss",),
    "learning.leave_one_out.rule": ("LeaveOneOut",),
    "learning.objective": ("Objective", "StepLoss"),
    "learning.parameter_groups": ("parameter_groups",),
    "learning.stage": ("Budget", "Computation", "Stage", "StageResult"),
    "learning.penalties": ("AugerinoPenalty", "DisplacementPenalty", "MagnitudePenalty", "Penalty"),
    "policies.policy": ("Policy",),
    "transform.ranges": ("Range",),
    "plugins.registry": ("get_transform", "plugin_errors", "register", "transforms"),
    "saving": ("load", "save"),
    "training": ("EarlyStopping", "FitResult", "RunawayGuard", "fit"),
    "transform.transform": ("Transform",),
    "transform.unchanged": ("Unchanged",),
}
_HOME = {name: module for module, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name in ("batch", "lightning", "presets"):
        return importlib.import_module(f"augrad.{name}")
    if name == "__version__":
        return importlib.import_module("importlib.metadata").version("augrad")
    if name not in _HOME:
        raise AttributeError(f"module 'augrad' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"augrad.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, "__version__"})


class _Surface(ModuleType):
    """Keeps a public name from being hidden by the module of the same name, which the import system sets here."""

    def __setattr__(self, name: str, value: Any) -> None:
        if not (name in _HOME and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Surface
