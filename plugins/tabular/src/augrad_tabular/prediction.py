"""Predictions that depend on a single row: every row is averaged over the same augmented copies.

Used by estimators.py.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import torch
from jaxtyping import Float
from torch import Generator, Tensor

import augrad
from augrad import batch
from augrad.aggregation import resolve_aggregation, split_copies
from augrad.layers.draw import LayerDraw

CHUNK = 32768
"""Largest number of augmented rows in the trunk at a time; it bounds the memory, however long the table is."""


@torch.no_grad()
def predict_rows(model: augrad.InvariantModel, x: Float[Tensor, "rows features"]) -> Float[Tensor, "rows outputs"]:
    """Predicts each row as the average over `model.copies` augmentations, the same augmentations for all rows.

    `model(x)` draws by a row's position in the batch, so its prediction of a row depends on the other rows. Here a
    prediction is a fixed function of the row. If a transform mixes rows, the draws are those of `model(x)`.

    Args:
        model: in eval mode.
        x: the table, in the model's dtype.
    """
    device = next(model.parameters()).device
    parts = torch.split(x, max(1, CHUNK // model.copies))
    return torch.cat([_predicted(model, part.to(device)) for part in parts])


def _predicted(model: augrad.InvariantModel, x: Tensor) -> Tensor:
    generator = augrad.keyed_generator(model.seed, "predict", device=x.device)
    if any(transform.mixes_samples for layer in model.augmentation for transform in layer):
        mixed: Tensor = model(x, generator=generator)
        return mixed
    draws = shared_draws(model, x, generator)
    augmented, _ = model.augmentation.augment(batch.repeat(x, model.copies), draws=draws)
    outputs = split_copies(model.trunk(augmented), model.copies, len(x), model.aggregation)
    return resolve_aggregation(model.aggregation)(outputs)


def shared_draws(model: augrad.InvariantModel, x: Tensor, generator: Generator) -> list[LayerDraw]:
    """Makes a draw per copy and layer, repeated for every row, which `AugmentationModule.augment` can replay.

    Args:
        model: in eval mode, with transforms that do not mix rows.
        x: the table; only its width, device and dtype matter.
        generator: source of the draws.
    """
    n_rows = len(x)
    one_row_per_copy = x[:1].expand(model.copies, -1)
    return [_repeated(layer.draw(one_row_per_copy, generator), n_rows) for layer in model.augmentation]


def _repeated(draw: LayerDraw, n_rows: int) -> LayerDraw:
    """Repeats a draw copy by copy: all rows of the first copy, then all rows of the second."""
    return dataclasses.replace(
        draw,
        choice=_each(draw.choice, n_rows),
        values=tuple({name: _each(value, n_rows) for name, value in values.items()} for values in draw.values),
        noise=tuple(_each(noise, n_rows) for noise in draw.noise),
        groups=None,
        applied=_each(draw.applied, n_rows),
        magnitudes=_each(draw.magnitudes, n_rows),
        weights=_each(draw.weights, n_rows),
    )


def _each(entry: Any, n_rows: int) -> Any:
    if isinstance(entry, tuple):
        return tuple(_each(part, n_rows) for part in entry)
    return entry if entry is None else entry.repeat_interleave(n_rows, dim=0)
