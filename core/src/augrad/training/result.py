"""What `fit` returns. Made by trainer.py from the stages that stages.py ran."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from augrad.learning.stage import COMPUTED, Row, StageResult
from augrad.model import InvariantModel

if TYPE_CHECKING:
    from augrad.policies.policy import Policy


@dataclass(frozen=True)
class FitResult:
    """The result of a training.

    Attributes:
        history: one row per epoch of the main stage: `epoch` (from 1), `step` (updates so far), `train_loss` and
            `val_loss` (the criterion, without penalty), `penalty`, the metrics as `train_<name>` and `val_<name>`,
            `seconds` (of this epoch), and `layers`: for each layer the `names` of its transforms, their selection
            `weights`, the `magnitudes`, and the `owners`: for each magnitude the position of its transform.
        best: `metric` and `value`, the `epoch` and `step` at which it was reached, and its `checkpoint` (None without a
            directory). The metric is the one that early stopping watches, else `val_loss`, else `train_loss`. Empty if
            it was never a number.
        policy: the learned policy, in physical units.
        checkpoint: the last checkpoint, or None without a directory.
        stopped: why training ended: `"max_epochs"`, `"early_stopping"`, `"callback"` or `"runaway"` (see
            `RunawayGuard`).
        stages: the result of each stage, in order: `label`, `history`, `stopped`, `measured`, `seconds`, `found`. The
            leave-one-out rule has two, `"evidence"` and `"training"`; the joint loss has one, `"training"`.
        confirmation: for the cross-fitted objective one row per policy that the search proposed: its `transforms`, the
            judges' mistakes on held-out samples after they learned on with it (`lost`, from 0 to 1), the `seconds` it
            took, and whether it was `kept`. `lost` is None where there was nothing to choose between, or where the loss
            was not finite. Empty for other objectives.
        evidence: what the objective found before it trained: `augrad.Evidence` from the leave-one-out rule, `fit`'s
            default; None from objectives without it, and where no evidence could be had.
    """

    history: list[Row]
    best: dict[str, Any]
    policy: Policy
    checkpoint: Path | None
    stopped: str
    stages: list[StageResult] = field(default_factory=list)
    confirmation: list[Row] = field(default_factory=list)
    evidence: Any = None

    @property
    def search(self) -> list[Row]:
        """One row per epoch of the stages before the last in which epochs were stored; their epochs count on.

        For the cross-fitted objective `train_loss` is first the judges' loss, and then the cost of the augmentation as
        a share of the judges' knowledge. `layers` change here and stand still in `history`. Empty for the leave-one-out
        rule, which trains nothing before the trunk, and for the joint loss.
        """
        rows: list[Row] = []
        trained = [stage for stage in self.stages if stage.stopped != COMPUTED]
        for stage in trained[:-1]:
            epoch, step = (rows[-1]["epoch"], rows[-1]["step"]) if rows else (0, 0)
            rows += [{**row, "epoch": row["epoch"] + epoch, "step": row["step"] + step} for row in stage.history]
        return rows

    @property
    def seconds(self) -> float:
        """Of all epochs of all stages, and of all computations."""
        return float(sum(stage.seconds for stage in self.stages))


def learned(model: InvariantModel) -> list[dict[str, list[Any]]]:
    """The weights and magnitudes of every layer, as a history row holds them."""
    return [
        {
            "names": list(layer.names),
            "weights": layer.weights.tolist(),
            "magnitudes": layer.magnitudes.tolist(),
            "owners": layer.owners.tolist(),
        }
        for layer in model.augmentation.state().layers
    ]
