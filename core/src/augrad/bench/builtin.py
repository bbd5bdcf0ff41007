"""The rules that augrad brings: told, fixed and learned ones, each a configuration of the same parts. Uses presets.py.

The catalogue lists them by import string; `rules.py` says what a rule is.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

from augrad import presets
from augrad.bench.rules import Configuration, Rule
from augrad.bench.task import Task
from augrad.demo.rules import always, candidates, no_augmentation, true_augmentation
from augrad.layers.layer import AugmentationLayer
from augrad.layers.module import AugmentationModule
from augrad.learning.cross_fitted.confirmation import CONFIRMATION_SHARE
from augrad.learning.cross_fitted.judges import FEW_SAMPLES, N_FOLDS_OF_FEW
from augrad.learning.cross_fitted.loss import CrossFittedLoss
from augrad.learning.cross_fitted.plan import LEAD
from augrad.learning.cross_fitted.proposals import LEAST_SHARE, SEARCH_STEPS, SLIGHT_SHARE
from augrad.training import fit
from augrad.training.fingerprints import described
from augrad.transform.transform import Transform

N_LAYERS = 2
"""Layers that the rule `augrad` stacks: the one number that the library leaves to its user."""

MAGNITUDES = (0.1, 0.3, 1.0)
"""RandAugment's grid of one shared magnitude."""

OF_THE_TRUNK = ("optimizer", "weight_decay", "gradient_clip", "accumulation_steps", "mixed_precision")
"""Arguments of `fit` whose defaults decide what a rule without anything to learn leads to."""

Transforms = Mapping[str, Transform]


def _none(task: Task, transforms: Transforms, seed: int) -> Configuration:
    return Configuration(no_augmentation(), {"penalty": None}, copies=1)


def _oracle(task: Task, transforms: Transforms, seed: int) -> Configuration:
    # Where nothing is true the oracle is no augmentation, down to the copies.
    return Configuration(
        true_augmentation(task, transforms), {"penalty": None}, copies=task.copies if task.oracle else 1
    )


def _full(task: Task, transforms: Transforms, seed: int) -> Configuration:
    layers = [always(transforms[name], magnitude=1.0) for name in task.transforms]
    return Configuration(AugmentationModule(layers).requires_grad_(False), {"penalty": None})


def _augrad(task: Task, transforms: Transforms, seed: int) -> Configuration:
    # The library's defaults, all of them: nothing is passed that is special to it.
    return Configuration(candidates(task, transforms, N_LAYERS))


def _preset(
    make: Callable[..., presets.Preset], task: Task, transforms: Transforms, seed: int, **options: Any
) -> Configuration:
    preset = make([transforms[name] for name in task.transforms], **options)
    given: dict[str, Any] = {"penalty": preset.penalty}
    if preset.augmentation_lr_factor is not None:
        given["augmentation_lr"] = preset.augmentation_lr_factor * task.lr
    return Configuration(preset.module, given)


def defaults(function: Callable[..., Any], only: Iterable[str] | None = None) -> dict[str, Any]:
    """The default values of a callable's arguments as text, by name.

    Args:
        function: which one.
        only: names; all that have a default if None.

    Example:
        >>> defaults(sorted)
        {'key': None, 'reverse': 'False'}
    """
    given = {name: each.default for name, each in inspect.signature(function).parameters.items()}
    wanted = set(given if only is None else only)
    return {
        name: described(value) if callable(value) or value is None else repr(value)
        for name, value in given.items()
        if name in wanted and value is not inspect.Parameter.empty
    }


def _fixed(**settings: Any) -> dict[str, Any]:
    return {**settings, "fit": defaults(fit, OF_THE_TRUNK)}


def _learned(**settings: Any) -> dict[str, Any]:
    return {**settings, "fit": defaults(fit), "layer": defaults(AugmentationLayer)}


def _randaugment(magnitude: float) -> Rule:
    return Rule(
        f"randaugment-{magnitude}",
        f"RandAugment {magnitude:g}",
        partial(_preset, presets.randaugment, magnitude=magnitude),
        group="randaugment",
        citation="Cubuk et al., NeurIPS 2020",
        settings=_fixed(preset={**defaults(presets.randaugment), "magnitude": magnitude}),
    )


NONE = Rule("none", "no augmentation", _none, settings=_fixed())
ORACLE = Rule("oracle", "oracle", _oracle, settings=_fixed())
FULL = Rule("full", "all at full range", _full, settings=_fixed())
RANDAUGMENT_01, RANDAUGMENT_03, RANDAUGMENT_10 = map(_randaugment, MAGNITUDES)
TRIVIALAUGMENT = Rule(
    "trivialaugment",
    "TrivialAugment",
    partial(_preset, presets.trivialaugment),
    citation="Müller and Hutter, ICCV 2021",
    settings=_fixed(preset=defaults(presets.trivialaugment)),
)
AUGERINO = Rule(
    "augerino",
    "Augerino",
    partial(_preset, presets.augerino),
    citation="Benton et al., NeurIPS 2020",
    settings=_learned(preset=defaults(presets.augerino)),
)
AUGNET = Rule(
    "augnet",
    "AugNet",
    partial(_preset, presets.augnet),
    citation="Rommel et al., NeurIPS 2022",
    settings=_learned(preset=defaults(presets.augnet)),
)
AUGRAD = Rule(
    "augrad",
    "augrad",
    _augrad,
    settings=_learned(
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
