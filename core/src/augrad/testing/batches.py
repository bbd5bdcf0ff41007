"""Checks on batches: any size, independent samples, no waiting for the device, no loop. Uses watch.py."""

from __future__ import annotations

import torch

from augrad import batch
from augrad.errors import ConformanceError
from augrad.testing.examples import (
    call,
    example_batch,
    gap,
    inner_values,
    noise_for,
    noise_parts,
    noise_rows,
)
from augrad.testing.registry import check, require
from augrad.testing.watch import SyncError, Tally, sync_guard
from augrad.transform.transform import Transform

TOLERANCE = 1e-9
"""Accepted difference between a batch and its single samples, in double precision. Sums may run in another order."""


def _mixes_samples(transform: Transform) -> bool:
    return transform.mixes_samples


def _keeps_samples_apart(transform: Transform) -> bool:
    return not transform.mixes_samples


@check()
def check_batch_sizes(transform: Transform) -> None:
    """It accepts batches of 0, 1 and 3 samples."""
    for n_samples in (0, 1, 3):
        x = example_batch(transform, n_samples)
        try:
            y = call(transform, x, inner_values(transform, n_samples), noise_for(transform, x))
        except Exception as error:
            raise ConformanceError(
                f"{transform.name}: a batch of {n_samples} raises {type(error).__name__}: {error}",
                transform=transform.name,
            ) from error
        require(batch.count(y) == n_samples, transform, f"for {n_samples} samples it returns {batch.count(y)}.")


@check(_keeps_samples_apart)
def check_samples_independent(transform: Transform) -> None:
    """A batch of n samples gives the same result as n batches of 1, each with its own values and noise."""
    n_samples = 4
    x = example_batch(transform, n_samples)
    values, noise = inner_values(transform, n_samples), noise_for(transform, x)
    together = call(transform, x, values, noise)
    for index in range(n_samples):
        at = torch.tensor([index])
        own = {name: value[at] for name, value in values.items()}
        alone = call(transform, batch.select(x, at), own, noise_rows(noise, at))
        apart = gap(batch.select(together, at), alone)
        require(
            bool(apart <= TOLERANCE),
            transform,
            f"a sample's result differs by up to {float(apart):.3g} between a batch of {n_samples} and a batch of this "
            "sample alone. Compute statistics per sample, or declare mixes_samples = True.",
        )


@check(_mixes_samples)
def check_mixing_is_declared_truly(transform: Transform) -> None:
    """If it declares `mixes_samples`, its results depend on the other samples of the batch."""
    n_samples = 6
    x, other = example_batch(transform, n_samples), example_batch(transform, n_samples, seed=1)
    values, noise = inner_values(transform, n_samples), noise_for(transform, x)
    changed = batch.concatenate(batch.select(other, torch.tensor([0])), batch.select(x, torch.arange(1, n_samples)))
    rest = torch.arange(1, n_samples)
    before, after = call(transform, x, values, noise), call(transform, changed, values, noise)
    moved = gap(batch.select(before, rest), batch.select(after, rest))
    require(bool(moved > 0), transform, "it declares mixes_samples = True, but no sample's result depends on another.")


@check()
def check_noise_has_one_row_per_sample(transform: Transform) -> None:
    """Its noise has a row for each sample and is on the batch's device."""
    for n_samples in (1, 3):
        x = example_batch(transform, n_samples)
        for part in noise_parts(noise_for(transform, x)):
            require(
                part.ndim > 0 and part.shape[0] == n_samples,
                transform,
                f"draw_noise must return tensors with one row per sample ({n_samples}), but returned shape "
                f"{tuple(part.shape)}.",
            )
            device = batch.device(x)
            require(part.device == device, transform, f"draw_noise draws on {part.device} for a batch on {device}.")


@check()
def check_no_host_sync(transform: Transform) -> None:
    """It never waits for the device: no `.item()`, no tensor as a condition, no boolean mask as an index."""
    x = example_batch(transform, dtype=torch.float32)
    values = inner_values(transform, batch.count(x), torch.float32)
    try:
        with sync_guard():
            call(transform, x, values, noise_for(transform, x))
    except SyncError as error:
        raise ConformanceError(
            f"{transform.name}: its path waits for the device in {error}; use tensor operations of fixed shape "
            "(torch.where, gather, linalg.inv_ex).",
            transform=transform.name,
        ) from error


@check()
def check_no_loop_over_samples(transform: Transform) -> None:
    """The number of operations does not grow with the number of samples."""
    counts = {}
    for n_samples in (2, 9):
        x = example_batch(transform, n_samples, torch.float32)
        values, noise = inner_values(transform, n_samples, torch.float32), noise_for(transform, x)
        tally = Tally()
        with tally:
            call(transform, x, values, noise)
        counts[n_samples] = tally.count
    require(
        counts[2] == counts[9],
        transform,
        f"it runs {counts[2]} operations for 2 samples and {counts[9]} for 9: it loops over samples.",
    )
