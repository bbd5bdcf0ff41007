"""The task of `fit`: model, loaders, objective and budget, checked before anything is trained.

Uses assembly.py, persistence.py, rehearsal.py; used by stages.py.
"""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any

from torch.nn.parameter import is_lazy

from augrad import batch
from augrad.errors import ArgumentError
from augrad.learning.objectives import choose_objective, choose_penalty, declared, make_objective, resolve_objective
from augrad.learning.stage import Budget
from augrad.model import InvariantModel
from augrad.training.assembly import check_existing, updates_per_epoch
from augrad.training.loading import KeyedLoader
from augrad.training.metrics import default_criterion, resolve_metrics
from augrad.training.persistence import fingerprint
from augrad.training.rehearsal import rehearse
from augrad.training.settings import Settings


@dataclass(frozen=True)
class Task:
    """Everything a plan is run with.

    Attributes:
        model: the model to train.
        train, val: the loaders; `val` may be None.
        settings: the arguments of `fit`.
        accelerator: accelerate's.
        objective: the objective, as its factory made it.
        budget: epochs, updates and samples.
        marks: the fingerprint of the run, without that of a stage.
    """

    model: InvariantModel
    train: KeyedLoader
    val: KeyedLoader | None
    settings: Settings
    accelerator: Any
    objective: Any
    budget: Budget
    marks: dict[str, Any]


def prepared(
    model: InvariantModel,
    train_loader: Any,
    val_loader: Any,
    settings: Settings,
    *,
    accelerator: Any,
    stack: ExitStack,
) -> Task:
    """Makes the objective and looks at all that can be refused before anything is trained.

    Args:
        model, train_loader, val_loader, settings: as `fit` got them.
        accelerator: accelerate's.
        stack: gives the loaders' own generators back when it unwinds.
    """
    lazy = [name for name, value in model.state_dict().items() if is_lazy(value)]
    if lazy:
        raise ArgumentError(
            f"model must know the shapes of its weights, but {lazy[0]} is still lazy. Pass a first batch through the "
            "trunk: model.trunk(x).",
            argument="model",
        )
    labels = declared(resolve_objective(settings.objective), "labels")
    train = _keyed("train_loader", train_loader, accelerator, settings, labels=labels is None or bool(labels))
    stack.enter_context(train.preserved())
    val = None
    if val_loader is not None:
        val = _keyed("val_loader", val_loader, accelerator, settings, labels=train.labels)
        stack.enter_context(val.preserved())
        val.first()
    x, target = train.first()
    criterion = settings.criterion
    if criterion is None and train.labels:
        criterion = default_criterion(target)
    factory = choose_objective(settings.objective, model, settings.penalty, x=x, target=target)
    settings = replace(settings, penalty=choose_penalty(factory, settings.penalty))
    objective = make_objective(factory, model, criterion, settings.penalty)
    if not train.labels and settings.metrics is None:
        settings = replace(settings, metrics={})
    n_samples = None if train.n_batches is None else train.n_batches * train.n_ranks * batch.count(x)
    budget = Budget(
        settings.max_epochs, updates_per_epoch(train, settings), n_samples, settings.early_stopping is not None
    )
    marks = fingerprint(
        settings, model, factory, objective, n_batches=train.n_batches, n_processes=accelerator.num_processes
    )
    check_existing(settings, marks)
    resolve_metrics(settings.metrics, target)
    rehearse(model, objective, (x, target), settings, accelerator)
    return Task(model, train, val, settings, accelerator, objective, budget, marks)


def _keyed(name: str, loader: Any, accelerator: Any, settings: Settings, *, labels: bool) -> KeyedLoader:
    """This process's share of a loader."""
    return KeyedLoader(
        name,
        loader,
        seed=settings.seed,
        rank=accelerator.process_index,
        n_ranks=accelerator.num_processes,
        even=name == "train_loader",
        labels=labels,
    )
