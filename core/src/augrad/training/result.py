"""What `fit` returns. Made by trainer.py from what loop.py recorded."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from augrad.model import InvariantModel

if TYPE_CHECKING:
    from augrad.policies.policy import Policy

Row = dict[str, Any]
"""One epoch of the history."""


@dataclass(frozen=True)
class FitResult:
    """What training led to.

    Attributes:
        history: one row per epoch: `epoch` (from 1), `step` (updates so far), `train_loss` and `val_loss` (the
            criterion, without penalty), `penalty`, the metrics as `train_<name>` and `val_<name>`, `seconds` (of this
            epoch), and `layers`: for each the `names` of its transforms, their selection `weights`, the `magnitudes`,
            and the `owners`: for each magnitude the position of its transform.
        best: `metric` and `value`, the `epoch` and `step` at which it was reached, and its `checkpoint` (None without a
            directory). The metric is what early stopping watches, else `val_loss`, else `train_loss`. Empty if it was
            never a number.
        policy: what was learned, in physical units.
        checkpoint: the last checkpoint, or None without a directory.
        search: for the cross-fitted objective one row per epoch of the search that came before, as in `history`:
            `train_loss` is what judges lose while they learn, and then what the augmentation costs, as a share of what
            they know. `layers` stand still in `history`, and move here. Empty for the joint loss.
        confirmation: for the cross-fitted objective one row per policy that the search proposed: the `transforms` that
            stayed, what judges that learned on with these `lost` on new samples, from 0 to 1, the `seconds` it took,
            and whether it was `kept`. `lost` is None where there was nothing to choose between, or where their loss was
            not finite. Empty for the joint loss.
        stopped: why training ended: `"max_epochs"`, `"early_stopping"`, `"callback"` or `"runaway"` (see
            `RunawayGuard`).
    """

    history: list[Row]
    best: dict[str, Any]
    policy: Policy
    checkpoint: Path | None
    stopped: str
    search: list[Row] = field(default_factory=list)
    confirmation: list[Row] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        """Of all epochs, those of the search and of its confirmation too."""
        return float(sum(row["seconds"] for row in (*self.search, *self.confirmation, *self.history)))


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
