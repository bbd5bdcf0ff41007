"""`rule_of`: a preset as a benchmark rule, with the task's candidates as its transforms. Uses presets/, rules.py."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

from augrad.bench.rules import Configuration, Rule
from augrad.bench.task import Task
from augrad.errors import ArgumentError, ArgumentTypeError, UnknownNameError
from augrad.layers.layer import AugmentationLayer
from augrad.plugins import registry
from augrad.presets import Preset
from augrad.training import fit
from augrad.training.fingerprints import described
from augrad.transform.transform import Transform

Make = Callable[..., Preset]
"""A function that makes a preset: the transforms first, then options by name."""

OF_THE_TRUNK = ("optimizer", "weight_decay", "gradient_clip", "accumulation_steps", "mixed_precision")
"""Arguments of `fit` whose defaults decide the result of a rule that learns nothing."""


def rule_of(
    make: Make,
    *,
    name: str = "",
    label: str = "",
    group: str = "",
    citation: str = "",
    learns: bool = True,
    **options: Any,
) -> Rule:
    """A benchmark rule that trains a preset on the candidates of each task.

    The rule takes module, penalty, objective, wrapper, copies in training, aggregation and finding from the preset.
    Predictions are averaged over the task's number of copies, as for every other rule.

    Args:
        make: function that makes the preset, such as `augrad.presets.augnet`.
        name: name of the rule; that of the function if empty.
        label: name in tables; the rule's name if empty.
        group: as for `Rule`.
        citation: as for `Rule`.
        learns: whether the preset learns anything. If not, a stored run stays valid when a default of `fit` changes
            that concerns only what is learned.
        **options: passed to `make`.

    Raises:
        ArgumentTypeError: `make` is no callable.
        ArgumentError: `make` does not take one of the options.

    Example:
        >>> from augrad.presets import randaugment
        >>> rule = rule_of(randaugment, label="RandAugment", learns=False, magnitude=0.5)
        >>> rule.name, rule.settings["preset"]
        ('randaugment', {'arguments': None, 'n_layers': '2', 'magnitude': 0.5})
    """
    if not callable(make):
        raise ArgumentTypeError(
            f"make must be a function that makes a preset, such as augrad.presets.augnet, but got {make!r}.",
            argument="make",
        )
    taken = inspect.signature(make).parameters
    if not any(each.kind is inspect.Parameter.VAR_KEYWORD for each in taken.values()):
        unknown = [each for each in options if each not in taken]
        if unknown:
            raise ArgumentError(
                f"{unknown[0]!r} is no option of {_name(make)}; its options: {', '.join(list(taken)[1:])}.",
                argument=unknown[0],
            )
    called = name or _name(make)
    preset = {**defaults(make), **{option: _plain(value) for option, value in options.items()}}
    settings = learned(preset=preset) if learns else fixed(preset=preset)
    return Rule(called, label or called, partial(_build, make, options), group, citation, settings)


def find_rule(name: str) -> Rule:
    """The benchmark rule called `name`: a declared rule, or a preset of that name as a rule.

    Raises:
        UnknownNameError: neither a rule nor a preset has that name.
        PluginError: the plugin that brings it is broken; the message says why.
    """
    try:
        return registry.get_rule(name)
    except UnknownNameError as error:
        if name not in registry.presets():
            raise error from None
        return rule_of(registry.get_preset(name), name=name)


def _build(
    make: Make, options: Mapping[str, Any], task: Task, transforms: Mapping[str, Transform], seed: int
) -> Configuration:
    preset = make([transforms[name] for name in task.transforms], **options)
    if not isinstance(preset, Preset):
        raise ArgumentTypeError(f"{_name(make)} must return an augrad.presets.Preset, but returned {preset!r}.")
    given = preset.options(task.lr)
    del given["lr"]  # every rule trains at the task's
    return Configuration(
        preset.module,
        given,
        train_copies=preset.train_copies,
        wrap=preset.wrap,
        aggregation=preset.aggregation,
        found=preset.found,
    )


def defaults(function: Callable[..., Any], only: Iterable[str] | None = None) -> dict[str, Any]:
    """The default values of a callable's arguments as text, by name.

    Args:
        function: any callable with a signature.
        only: names of arguments; every argument with a default if None.

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


def _name(make: Make) -> str:
    return str(getattr(make, "__name__", type(make).__name__))


def _plain(value: Any) -> Any:
    return value if isinstance(value, bool | int | float | str | None) else described(value)


def fixed(**settings: Any) -> dict[str, Any]:
    """The settings of a rule that learns nothing: its own, and the defaults of `fit` that concern the trunk."""
    return {**settings, "fit": defaults(fit, OF_THE_TRUNK)}


def learned(**settings: Any) -> dict[str, Any]:
    """The settings of a rule that learns: its own, and all defaults of `fit` and of the layer."""
    return {**settings, "fit": defaults(fit), "layer": defaults(AugmentationLayer)}
