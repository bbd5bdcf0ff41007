"""A run to a checkpoint and back, whole or not at all.

Uses checkpoints.py, state.py; used by loop.py and trainer.py.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import nn

from augrad.learning.objective import hook
from augrad.learning.stage import Stage
from augrad.model import InvariantModel
from augrad.training.checkpoints import Checkpoints, check_same
from augrad.training.fingerprints import described
from augrad.training.optimizer_codec import decode, encode, join, load_optimizer_state, optimizer_state, split
from augrad.training.progress import RunState
from augrad.training.run import Run
from augrad.training.settings import Settings

if TYPE_CHECKING:
    from augrad.files.manifest import Checkpoint


def fingerprint(
    settings: Settings,
    model: InvariantModel,
    factory: Any,
    objective: Any,
    *,
    n_batches: int | None,
    n_processes: int,
) -> dict[str, Any]:
    """The facts that decide the weights of a run: its settings, the model's shape, and how the data are dealt out."""
    found = {
        **settings.fingerprint(),
        "objective": described(factory),
        **hook(objective, "marks")(settings.max_epochs),
        "n_batches": n_batches,
        "n_processes": n_processes,
        "aggregation": described(model.aggregation),
        "copies": [model.copies, model.train_copies],
        "eval_seed": model.seed,
        "layers": [_layer(layer) for layer in model.augmentation],
        "tensors": {name: f"{value.dtype} {tuple(value.shape)}" for name, value in model.state_dict().items()},
    }
    # As it will be read back: tuples become lists.
    return dict(json.loads(json.dumps(encode(found))))


def stage_marks(marks: dict[str, Any], stage: Stage, settings: Settings) -> dict[str, Any]:
    """The fingerprint of a run with that of one of its stages."""
    own = {
        "label": stage.label,
        "learns": list(stage.learns),
        "epochs": None if stage.epochs is None else settings.max_epochs,
        **hook(stage.objective, "marks")(settings.max_epochs),
    }
    return {**marks, "stage": json.loads(json.dumps(encode(own)))}


def save(run: Run, checkpoints: Checkpoints, *, best: bool) -> Path | None:
    """Writes a checkpoint of where the run stands, from the main process; all processes wait for it.

    Raises:
        StorageError: it could not be written; the previous one is intact, and the run in memory too.
    """
    from augrad.saving import model_config

    if run.accelerator.is_main_process:
        tensors, rest = optimizer_state(run.optimizer)
        measured, of_metrics = split(run.at.metrics, "the state of metrics")
        config = {
            "model": model_config(run.model),
            "run": run.fingerprint,
            "state": run.at.to_json(),
            "optimizer": rest,
            "metrics": of_metrics,
            **_stateful(run),
        }
        checkpoints.save(
            run.at.step,
            {
                "model": run.model.state_dict(),
                "optimizer": tensors,
                **_objective_state(run.objective),
                **({"metrics": measured} if measured else {}),
            },
            config,
            [transform for layer in run.model.augmentation for transform in layer],
            best=best,
        )
    run.accelerator.wait_for_everyone()
    return checkpoints.pointed("latest")


def check_storable(model: InvariantModel, optimizer: Any, scheduler: Any) -> None:
    """Raises at once the errors that the first checkpoint would raise after hours.

    Raises:
        PolicyError, StorageError: something cannot be stored without running code when it is loaded.
    """
    from augrad.saving import model_config

    model_config(model)
    optimizer_state(optimizer)
    encode(None if scheduler is None else scheduler.state_dict(), "scheduler")


def matching(checkpoints: Checkpoints, marks: dict[str, Any]) -> Checkpoint | None:
    """The latest checkpoint, verified and of a run with this fingerprint, or None if there is none.

    Raises:
        CheckpointError: it is damaged, or of another run.
    """
    found = checkpoints.read()
    if found is not None:
        check_same(found.config["run"], marks, found.path)
    return found


def restore(run: Run, found: Checkpoint) -> None:
    """Puts a run where a matching checkpoint stands."""
    model, optimizer = found.tensors("model"), found.tensors("optimizer")
    at = RunState.from_json(found.config["state"])
    guard = run.settings.runaway
    if at.stopped == "runaway" and (guard is None or guard.find(at.history) is None):
        at.stopped = "max_epochs"
    if at.stopped == "max_epochs" and at.epoch < run.settings.max_epochs:
        at.stopped = None
    run.model.load_state_dict(model)
    load_optimizer_state(run.optimizer, optimizer, found.config["optimizer"])
    for name, holder in (("scheduler", run.scheduler), ("scaler", run.accelerator.scaler)):
        if holder is not None:
            holder.load_state_dict(decode(found.config[name]))
    if found.config["metrics"]:
        at.metrics = join(found.tensors("metrics"), found.config["metrics"])
    run.at, run.checkpoint = at, found.path


def _objective_state(objective: Any) -> dict[str, dict[str, Any]]:
    return {"objective": objective.state_dict()} if isinstance(objective, nn.Module) else {}


def restore_objective(objective: Any, found: Checkpoint) -> None:
    """Restores the state of an objective from a matching checkpoint."""
    if isinstance(objective, nn.Module):
        objective.load_state_dict(found.tensors("objective"))


def _stateful(run: Run) -> dict[str, Any]:
    holders = {"scheduler": run.scheduler, "scaler": run.accelerator.scaler}
    return {name: None if holder is None else encode(holder.state_dict(), name) for name, holder in holders.items()}


def _layer(layer: Any) -> dict[str, Any]:
    ranges = {transform.name: transform.extra_repr() for transform in layer}
    return {
        "transforms": ranges,
        "temperature": layer.temperature,
        "selection": layer.selection.name,
        "distribution": layer.distribution,
        "strength": [described(type(layer.strength)), described(layer.strength.config)],
        "preference": None if layer.preference is None else described(type(layer.preference)),
    }
