"""The finding of the runaway guard in words: layer, transform, physical ranges, losses, and the way out.

Uses runaway.py, table.py; used by loop.py and lightning/range_watch.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from augrad.errors import RunawayWarning
from augrad.layers.layer import AugmentationLayer
from augrad.layers.parameter_columns import ParameterColumns
from augrad.model import InvariantModel
from augrad.policies.table import reach_text
from augrad.training.runaway import Runaway


def notice(
    found: Runaway, model: InvariantModel, *, penalty: str | None, kept: str, checkpoint: Any = None
) -> RunawayWarning:
    """The warning for a range that ran away.

    Args:
        found: the finding of the guard.
        model: whose range it is.
        penalty: how the penalty describes itself, or None for none.
        kept: a sentence on how to go on, and on the checkpoints that are left.
        checkpoint: the one that it names, kept as a fact.
    """
    transform, parameter, entry = _names(found, model)
    subject = "weight" if parameter is None else parameter + entry
    then, now = (_state(found, model, row) for row in (found.then, found.now))
    ways = [
        *([] if penalty is None else [f"weaken the penalty ({penalty})"]),
        "lower augmentation_lr",
        *([] if parameter is None else [f"give {transform} a smaller Range for {parameter}"]),
        f"leave {transform} out",
    ]
    advice = ", ".join(ways)
    return RunawayWarning(
        f"training stopped after epoch {found.now['epoch']}: a range ran away. Since epoch {found.then['epoch']} "
        f"{transform} in layer {found.layer} kept growing, its {subject} from {then} to {now}, while train_loss rose "
        f"from {found.then['train_loss']:.3g} to {found.now['train_loss']:.3g}: what it destroys is paid for. "
        f"{advice[0].upper()}{advice[1:]}. {kept}",
        layer=found.layer,
        transform=transform,
        parameter=None if parameter is None else subject,
        since=found.then["epoch"],
        epoch=found.now["epoch"],
        checkpoint=checkpoint,
    )


def headline(found: Runaway, model: InvariantModel) -> str:
    """One line for a display.

    Example:
        >>> from augrad import AugmentationLayer, Range, Transform
        >>> import torch
        >>> class Shift(Transform):
        ...     modality = "notice_example"
        ...     offset = Range(2.0, unit="V", signed=True)
        ...     def forward(self, x, *, offset):
        ...         return x + offset[:, None]
        >>> model = InvariantModel(torch.nn.Linear(4, 4), AugmentationLayer([Shift]))
        >>> row = {"epoch": 9, "layers": [{"weights": [1.0], "magnitudes": [0.5]}]}
        >>> headline(Runaway(0, 0, 0, row, row), model)
        'stopped: notice_example.shift offset ±1 V (weight 1.00) in layer 0 runs away, and the training loss with it'
    """
    transform, parameter, entry = _names(found, model)
    state = _state(found, model, found.now)
    words = [transform, f"(weight {state})"] if parameter is None else [transform, parameter + entry, state]
    where = f"in layer {found.layer} runs away, and the training loss with it"
    return f"stopped: {' '.join(words)} {where}"


def _names(found: Runaway, model: InvariantModel) -> tuple[str, str | None, str]:
    """Names of the transform and of the parameter; and `"[age]"` for one that is learned per axis entry."""
    transform = list(_layer(found, model))[found.transform]
    columns = _columns(found, model)
    if columns is None or found.column is None:
        return transform.name, None, ""
    labels = transform.labels(columns.parameter)
    return transform.name, columns.parameter, f"[{labels[found.column - columns.start]}]" if labels else ""


def _state(found: Runaway, model: InvariantModel, row: Mapping[str, Any]) -> str:
    """Range and weight in an epoch: `"0..1.7 V (weight 0.82)"`; without a parameter `"0.82"`."""
    entry = row["layers"][found.layer]
    weight = f"{entry['weights'][found.transform]:.2f}"
    columns = _columns(found, model)
    if columns is None or found.column is None:
        return weight
    low, high = columns.range.interval(entry["magnitudes"][found.column])
    return f"{reach_text(low, high, columns.range.unit)} (weight {weight})"


def _layer(found: Runaway, model: InvariantModel) -> AugmentationLayer:
    layer: AugmentationLayer = list(model.augmentation)[found.layer]
    return layer


def _columns(found: Runaway, model: InvariantModel) -> ParameterColumns | None:
    columns, column = _layer(found, model).columns, found.column
    return None if column is None else next(each for each in columns if each.start <= column < each.stop)
