"""The rules that augrad brings, each a configuration of the same parts. Uses preset_rules.py; see rules.py.

The catalogue lists them by import string.
"""

from __future__ import annotations

from collections.abc import Mapping

from augrad import presets
from augrad.bench.preset_rules import defaults, fixed, learned, rule_of
from augrad.bench.rules import Configuration, Rule
from augrad.bench.task import Task
from augrad.demo.rules import always, candidates, no_augmentation, true_augmentation
from augrad.layers.module import AugmentationModule
from augrad.learning.cross_fitted.confirmation import CONFIRMATION_SHARE
from augrad.learning.cross_fitted.judges import FEW_SAMPLES, N_FOLDS_OF_FEW
from augrad.learning.cross_fitted.loss import CrossFittedLoss
from augrad.learning.cross_fitted.plan import LEAD
from augrad.learning.cross_fitted.proposals import LEAST_SHARE, SEARCH_STEPS, SLIGHT_SHARE
from augrad.learning.leave_one_out.rule import deciding_constants
from augrad.model import InvariantModel
from augrad.training import FitResult
from augrad.transform.transform import Transform

N_LAYERS = 2
"""Layers that the rule `augrad` stacks: the library leaves this number to its user."""

MAGNITUDES = (0.1, 0.3, 1.0)
"""RandAugment's grid of one shared magnitude."""

Transforms = Mapping[str, Transform]


def _none(task: Task, transforms: Transforms, seed: int) -> Configuration:
    return Configuration(no_augmentation(), {"penalty": None}, copies=1)


def _oracle(task: Task, transforms: Transforms, seed: int) -> Configuration:
    # On a task without an invariance the oracle is no augmentation, with a single copy.
    return Configuration(
        true_augmentation(task, transforms), {"penalty": None}, copies=task.copies if task.oracle else 1
    )


def _full(task: Task, transforms: Transforms, seed: int) -> Configuration:
    layers = [always(transforms[name], magnitude=1.0) for name in task.transforms]
    return Configuration(AugmentationModule(layers).requires_grad_(False), {"penalty": None})


def _augrad(task: Task, transforms: Transforms, seed: int) -> Configuration:
    # Every argument keeps the library's default.
    return Configuration(candidates(task, transforms, N_LAYERS), found=_gains)


def _gains(model: InvariantModel, fitted: FitResult) -> dict[str, float]:
    """For each candidate the largest share of the error that it takes away; -1 if it was not examined."""
    evidence = fitted.evidence
    if evidence is None:
        return {row.transform: 0.0 for row in fitted.policy}
    scores = {}
    for each in evidence.candidates:
        gains = [-trial.difference / (trial.error - trial.difference) for trial in each.trials]
        scores[each.transform] = max(gains, default=-1.0)
    return scores


def _cross_fitted(task: Task, transforms: Transforms, seed: int) -> Configuration:
    return Configuration(candidates(task, transforms, N_LAYERS), {"objective": "cross_fitted"})


def _joint(task: Task, transforms: Transforms, seed: int) -> Configuration:
    return Configuration(candidates(task, transforms, N_LAYERS), {"objective": "joint"})


def _randaugment(magnitude: float) -> Rule:
    return rule_of(
        presets.randaugment,
        name=f"randaugment-{magnitude}",
        label=f"RandAugment {magnitude:g}",
        group="randaugment",
        citation="Cubuk et al., NeurIPS 2020",
        learns=False,
        magnitude=magnitude,
    )


NONE = Rule("none", "no augmentation", _none, settings=fixed())
ORACLE = Rule("oracle", "oracle", _oracle, settings=fixed())
FULL = Rule("full", "all at full range", _full, settings=fixed())
RANDAUGMENT_01, RANDAUGMENT_03, RANDAUGMENT_10 = map(_randaugment, MAGNITUDES)
TRIVIALAUGMENT = rule_of(
    presets.trivialaugment, label="TrivialAugment", citation="Müller and Hutter, ICCV 2021", learns=False
)
AUGERINO = rule_of(presets.augerino, label="Augerino", citation="Benton et al., NeurIPS 2020")
AUGNET = rule_of(presets.augnet, label="AugNet", citation="Rommel et al., NeurIPS 2022")
AUGRAD = Rule("augrad", "augrad", _augrad, settings=learned(n_layers=N_LAYERS, leave_one_out=deciding_constants()))
CROSS_FITTED = Rule(
    "cross_fitted",
    "cross-fitted",
    _cross_fitted,
    settings=learned(
        n_layers=N_LAYERS,
        cross_fitting=defaults(CrossFittedLoss),
        search={
            "steps": SEARCH_STEPS,
            "least_share": LEAST_SHARE,
            "slight_share": SLIGHT_SHARE,
            "confirmation": CONFIRMATION_SHARE,
            "folds_of_few": [N_FOLDS_OF_FEW, FEW_SAMPLES],
            "lead": LEAD,
        },
    ),
)
JOINT = Rule("joint", "joint loss", _joint, settings=learned(n_layers=N_LAYERS, objective="joint"))
