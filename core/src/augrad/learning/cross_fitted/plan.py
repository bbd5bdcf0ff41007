"""After a search: judges learn on with each policy that it proposes, and the one that helps them most is kept.

Uses proposals.py, confirmation.py, assembly.py, loop.py; run by trainer.py.
"""

from __future__ import annotations

import copy
import json
import math
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from torch.optim.lr_scheduler import CosineAnnealingLR

from augrad.errors import CheckpointError, NonFiniteLossError
from augrad.files.storage import write_file
from augrad.learning.cross_fitted.confirmation import ConfirmationLoss, n_epochs
from augrad.learning.cross_fitted.proposals import proposals, retain
from augrad.model import InvariantModel
from augrad.training.assembly import SEARCH, assemble, updates_per_epoch
from augrad.training.loop import train_until_stopped
from augrad.training.result import Row
from augrad.training.run import Run
from augrad.training.settings import Settings

RECORD = "confirmation.json"
"""File, in the folder of the search, of what was found so far."""

LEAD = 0.01
"""By how much less the judges must lose with a part of the policy, or nothing, than with all of it."""


def confirmed(search: Run, settings: Settings) -> list[Row]:
    """Keeps of the model's augmentation what training with it is best with, in place.

    Args:
        search: a run that is over, with a `CrossFittedLoss`; nothing of its model requires a gradient.
        settings: of the training that follows.

    Returns:
        A row per proposal, in their order: `transforms` that stayed, `lost` by judges on new samples, `seconds`, and
        whether it is the one that is `kept`. `lost` is None where there is nothing to choose between, and where the
        judges' loss turned NaN or infinite, which refuses that policy.

    Raises:
        CheckpointError: the record of what was found before a resume is damaged.
        NonFiniteLossError: the judges' loss did so with nothing, or in one of several processes.
    """
    model, accelerator = search.model, search.accelerator
    wanted = proposals(model.augmentation)
    if len(wanted) < 2:
        retain(model.augmentation, wanted[0])
        return [{"transforms": list(wanted[0]), "lost": None, "seconds": 0.0, "kept": True}]
    record = None if settings.directory is None else settings.directory / SEARCH / RECORD
    rows = _read(record) if settings.resume else []
    loss = ConfirmationLoss(search.objective, examined=1 - 1 / n_epochs(settings.max_epochs)).to(search.device)
    own = _settings(settings, updates_per_epoch(search.train, settings))
    for names in wanted[len(rows) :]:
        started = time.perf_counter()
        label = f"with {', '.join(names) or 'nothing'}:"
        run = assemble(
            _candidate(model, names), search.train, None, own, accelerator, objective=loss, label=label, lines=False
        )
        try:
            lost = _lost(run, loss)
        except NonFiniteLossError:
            # Other processes would wait for this one; and the trunk would fare no better with nothing.
            if accelerator.num_processes > 1 or not names:
                raise
            lost = None
        said = "the judges' loss is not finite: refused"
        if lost is not None:
            said = f"judges err by {lost:.4f} on samples new to them"
        run.display.say(f"{label} {said}")
        rows.append({"transforms": list(names), "lost": lost, "seconds": time.perf_counter() - started})
        if record is not None and accelerator.is_main_process:
            write_file(record, json.dumps(rows).encode())
    best = chosen(rows)
    retain(model.augmentation, best["transforms"])
    return [{**row, "kept": row is best} for row in rows]


def chosen(rows: list[Row]) -> Row:
    """The row with the least loss, or the first, the whole policy's, if that is less than `LEAD` behind.

    Example:
        >>> rows = [{"transforms": ["a", "b"], "lost": 0.3}, {"transforms": ["a"], "lost": 0.299}]
        >>> chosen(rows)["transforms"], chosen([*rows, {"transforms": [], "lost": 0.2}])["transforms"]
        (['a', 'b'], [])
    """
    whole = rows[0]
    best = min(rows, key=_loss)
    return best if _loss(best) < _loss(whole) - LEAD else whole


def _loss(row: Row) -> float:
    return math.inf if row["lost"] is None else float(row["lost"])


def _settings(settings: Settings, n_steps: int | None) -> Settings:
    """Those of the run, for judges that learn on: nothing is logged or stored."""
    epochs = n_epochs(settings.max_epochs)
    return replace(
        settings,
        max_epochs=epochs,
        # The user's scheduler knows the length of another training.
        scheduler=partial(CosineAnnealingLR, T_max=epochs * (n_steps or 1)),
        scheduler_interval="epoch" if n_steps is None else "step",
        metrics={},
        callbacks=(),
        trackers=(),
        early_stopping=None,
        runaway=None,
        directory=None,
        checkpoint_every=None,
        resume=False,
    )


def _lost(run: Run, loss: ConfirmationLoss) -> float:
    """What the judges lose on new samples, after they learned on from where the search left them."""
    loss.begin()
    try:
        train_until_stopped(run)
    finally:
        run.display.close()
    sums = loss.sums()
    lost, seen = (run.accelerator.reduce(sums, "sum") if run.accelerator.num_processes > 1 else sums).tolist()
    return float(lost / max(seen, 1.0))


def _candidate(model: InvariantModel, names: Sequence[str]) -> InvariantModel:
    """The model with these transforms alone; with none, there is nothing to average over."""
    augmentation = copy.deepcopy(model.augmentation)
    retain(augmentation, names)
    return InvariantModel(
        model.trunk,
        augmentation,
        copies=model.copies if names else 1,
        train_copies=model.train_copies if names else 1,
        aggregation=model.aggregation,
        seed=model.seed,
    )


def _read(record: Path | None) -> list[Row]:
    """What was found before a resume."""
    if record is None or not record.exists():
        return []
    try:
        rows: list[Row] = json.loads(record.read_bytes())
    except ValueError as error:
        raise CheckpointError(
            f"{record} is damaged: {error}. Delete it, and what it held is found again.", path=record
        ) from error
    return rows
