"""The objectives by name, and the default of `fit`.

A new rule is a file of its own and one line in `OBJECTIVES`. Used by training/, Lightning, config files and estimators.
"""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from augrad.errors import ArgumentError, ArgumentTypeError, suggestion
from augrad.learning.cross_fitted.rule import CrossFitted
from augrad.learning.joint import joint
from augrad.learning.leave_one_out.rule import LeaveOneOut, fallback
from augrad.learning.objective import check_objective
from augrad.learning.penalties import DisplacementPenalty
from augrad.learning.worst_of_k import WorstOfK
from augrad.model import InvariantModel

Factory = Callable[[InvariantModel, Any, Any], Any]
"""Called with model, criterion and penalty; returns an objective."""

OBJECTIVES: dict[str, Factory] = {
    "leave_one_out": LeaveOneOut(),
    "cross_fitted": CrossFitted(),
    "joint": joint,
    "worst_of_k": WorstOfK,
}

AUTO = "auto"
"""For `penalty`: the default penalty of the objective, or the displacement penalty."""

DEFAULT = "leave_one_out"
"""The objective where the caller chooses neither objective nor penalty."""

ANYWHERE = "joint"
"""The objective for tasks that the default, or the penalty's own objective, does not suit."""


def resolve_objective(objective: str | Mapping[str, Any] | Factory | None) -> Factory | None:
    """Returns the factory for a name, or the callable given; None for None.

    Args:
        objective: a name, a mapping of a `name` and of options, a callable `(model, criterion, penalty)`, or the class
            of a rule for its defaults.

    Raises:
        ArgumentError: there is no objective of that name, or it has no such options.
        ArgumentTypeError: it is something else.

    Example:
        >>> resolve_objective({"name": "cross_fitted", "n_folds": 2})
        CrossFitted(n_folds=2, confirm=True)
    """
    if isinstance(objective, type) and objective in map(type, OBJECTIVES.values()):
        return objective()  # type: ignore[no-any-return]  # the class of a rule, with its defaults
    if objective is None or (callable(objective) and not isinstance(objective, str | Mapping)):
        return objective
    options = dict(objective) if isinstance(objective, Mapping) else {"name": objective}
    name = options.pop("name", None)
    if not isinstance(name, str):
        raise ArgumentTypeError(
            "objective must be a name, a mapping with a name, or a callable (model, criterion, penalty) -> Objective, "
            f"but got {objective!r}. Accepted names are: {', '.join(map(repr, OBJECTIVES))}.",
            argument="objective",
            value=objective,
        )
    if name not in OBJECTIVES:
        raise ArgumentError(
            f"objective must be one of {', '.join(map(repr, OBJECTIVES))} or a callable (model, criterion, penalty) -> "
            f"Objective, but got {name!r}." + suggestion(name, OBJECTIVES),
            argument="objective",
            value=name,
        )
    factory: Any = OBJECTIVES[name]
    if not options:
        return factory  # type: ignore[no-any-return]
    known = _options(factory)
    for option in options:
        if option not in known:
            raise ArgumentError(
                f"objective {name!r} has no option {option!r}." + (suggestion(option, known) or _listed(known)),
                argument="objective",
                value=option,
            )
    # A factory with options is an objective's class, or an instance of a class that holds the options.
    return partial(factory, **options) if isinstance(factory, type) else type(factory)(**options)


def _options(factory: Any) -> list[str]:
    """The options of a factory: the keyword-only arguments of a class, or the fields of an instance."""
    if isinstance(factory, type):
        parameters = inspect.signature(factory).parameters.values()
        return [each.name for each in parameters if each.kind is each.KEYWORD_ONLY]
    return [] if inspect.isroutine(factory) else list(inspect.signature(type(factory)).parameters)


def choose_objective(
    objective: str | Mapping[str, Any] | Factory | None,
    model: InvariantModel,
    penalty: Any,
    *,
    x: Any = None,
    target: Any = None,
) -> Factory:
    """Returns the factory that was asked for, or else a default where it suits.

    The default is the leave-one-out rule; with a penalty, the objective that the penalty is made for.

    Args:
        objective: as for `resolve_objective`; None for the default.
        model: the model to train.
        penalty: as `fit` takes it.
        x, target: a first batch; None if none has been read yet.
    """
    factory = resolve_objective(objective)
    if factory is not None:
        return factory
    if _is_auto(penalty):
        return _default(model, x, target)
    wanted = OBJECTIVES[getattr(penalty, "objective", ANYWHERE)]
    suits: Any = getattr(wanted, "suits", None)
    return wanted if suits is None or suits(model, x, target) else OBJECTIVES[ANYWHERE]


def _default(model: InvariantModel, x: Any, target: Any) -> Factory:
    """The default rule, or the joint loss where it does not suit, with a warning that names the reason.

    Where nothing of the augmentation learns, there is nothing to be found, and nothing to warn of.
    """
    if not any(parameter.requires_grad for parameter in model.augmentation.parameters()):
        return OBJECTIVES[ANYWHERE]
    rule: Any = OBJECTIVES[DEFAULT]
    reason = rule.unsuited(model, x, target)
    if reason is None:
        return rule  # type: ignore[no-any-return]
    warnings.warn(fallback(f"{reason}."), stacklevel=2)
    return OBJECTIVES[ANYWHERE]


def choose_penalty(factory: Factory, penalty: Any) -> Any:
    """Returns the penalty, or the default of the objective where the caller leaves the choice to it (`"auto"`).

    Raises:
        ArgumentError: the objective would ignore the penalty.
    """
    takes = declared(factory, "takes_penalty")
    if _is_auto(penalty):
        default = declared(factory, "default_penalty")
        return default if default is not None else DisplacementPenalty() if takes in (None, True) else None
    if penalty is not None and takes is False:
        raise ArgumentError(
            f"penalty is not used by the objective {named(factory)}, but got {penalty!r}. Leave it out, or pass None.",
            argument="penalty",
        )
    return penalty


def make_objective(factory: Factory, model: InvariantModel, criterion: Any, penalty: Any) -> Any:
    """Makes an objective, with its default penalty where the caller leaves the choice to it.

    Args:
        factory: as `choose_objective` returned it.
        model: the model to train.
        criterion: maps output and target to a scalar; None for an objective without labels.
        penalty: maps `AugmentationModule.state()` to a value to add to the loss; None for none; `"auto"` for the
            default of the objective.

    Raises:
        ArgumentError: the penalty would be ignored, or the objective refuses an argument.
        ArgumentTypeError: the factory returns no objective.
    """
    penalty = choose_penalty(factory, penalty)
    return check_objective(factory(model, criterion, penalty), named(factory))


def declared(factory: Any, name: str) -> Any:
    """An attribute of an objective's class, seen through `functools.partial`; None if the factory does not say."""
    while isinstance(factory, partial):
        factory = factory.func
    return getattr(factory, name, None)


def name_of(factory: Any) -> str | None:
    """The name under which a factory stands in `OBJECTIVES`; None for a factory of the caller's own.

    Example:
        >>> name_of(joint), name_of(CrossFitted(n_folds=3))
        ('joint', None)
    """
    return next((name for name, known in OBJECTIVES.items() if known == factory), None)


def named(factory: Any) -> str:
    """The name of a factory, for messages."""
    while isinstance(factory, partial):
        factory = factory.func
    return str(getattr(factory, "__qualname__", type(factory).__qualname__))


def _listed(options: Any) -> str:
    return f" It has: {', '.join(options)}." if options else " It has none."


def _is_auto(penalty: Any) -> bool:
    return isinstance(penalty, str) and penalty == AUTO
