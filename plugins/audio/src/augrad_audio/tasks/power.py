"""Days of electrical power in Italy, by a clock that is off. Uses splits.py, networks.py; declared by plugin.py."""

from __future__ import annotations

from functools import partial

import torch
from jaxtyping import Float, Int
from torch import Tensor

from augrad import Range
from augrad.bench import Task
from augrad.demo import DemoData
from augrad_audio.archive import archive_directory, read_ts
from augrad_audio.drawing import draw_series
from augrad_audio.tasks.networks import perceptron
from augrad_audio.tasks.splits import disturbed, split
from augrad_audio.time import TimeShift

HOURS, QUARTERS = 24, 4
N_TRAIN = 100
TRUE_HOURS = 2.0
"""Largest error of a clock in hours. From 3 hours on, a record begins nearer to another quarter of the day."""


def load_days(seed: int) -> DemoData:
    """Loads 1096 days of electrical power, a value per hour: 100 for training, 996 for testing; 8 classes.

    The record of a day, `(1, 24)`, begins at about midnight, 6, noon or 18 o'clock and goes once round the clock. The
    class is `4 * season + quarter`, from the season (October to March or April to September) and the quarter of the day
    at which the record begins. Clocks are off by up to 2 hours, so each record is shifted cyclically by up to 2 hours,
    also by fractions of an hour. From 3 hours on it would be nearer to another class.

    The data are ItalyPowerDemand of the UCR archive, which names no licence, as the package sktime ships it, scaled to
    mean 0 and standard deviation 1 per day. The archive's 67 training and 1029 test days are joined and split anew.
    Quarters, split and the clocks of test days are the same for every seed; the clocks of training days differ.

    Args:
        seed: seed of the training clocks.

    Raises:
        MissingDependencyError: sktime is not installed.
    """
    directory = archive_directory("ItalyPowerDemand")
    parts = [read_ts(directory / f"ItalyPowerDemand_{part}.ts") for part in ("TRAIN", "TEST")]
    series, classes = by_quarter(torch.cat([days for days, _ in parts]), torch.cat([season for _, season in parts]))
    clock = TimeShift(unit="samples", padding="cyclic", offset=TRUE_HOURS)
    return disturbed("days", seed, split("days", series, classes, N_TRAIN), clock, offset=TRUE_HOURS)


def by_quarter(
    days: Float[Tensor, "days 1 24"], season: Int[Tensor, " days"]
) -> tuple[Float[Tensor, "days 1 24"], Int[Tensor, " days"]]:
    """Shifts each day cyclically so that it begins in one of the quarters, by turns; the class is also returned.

    Example:
        >>> days, classes = by_quarter(torch.arange(24.0).repeat(2, 1, 1), torch.tensor([0, 1]))
        >>> days[:, 0, 0].tolist(), classes.tolist()
        ([0.0, 6.0], [0, 5])
    """
    quarter = torch.arange(len(days)) % QUARTERS
    hour = (torch.arange(HOURS) + HOURS // QUARTERS * quarter[:, None]) % HOURS
    return days.gather(-1, hour[:, None]), QUARTERS * season + quarter


LIMIT = Task(
    name="audio-power-limit",
    title="Learning how far a clock may be off",
    description=(
        "100 days of electrical power in Italy, hour by hour, to learn from; 996 to be tested on. Is it winter or "
        "summer, and does the record begin at midnight, at 6, at noon or at 18 o'clock? Clocks are off by up to two "
        "hours, which does not matter; from three hours on, the answer would be different. Noise, missing hours, "
        "waves that are moved against one another, and days that run backwards are offered too."
    ),
    load=load_days,
    trunk=partial(perceptron, HOURS, 2 * QUARTERS),
    transforms=(
        "audio.time_shift",
        "audio.white_noise",
        "audio.time_mask",
        "audio.phase_noise",
        "audio.time_reverse",
    ),
    oracle={"audio.time_shift": {"offset": TRUE_HOURS}},
    arguments={
        "audio.time_shift": {"unit": "samples", "padding": "cyclic", "offset": HOURS / 2},
        "audio.white_noise": {"snr_db": Range(30.0, low=-20.0, unit="dB", identity=30.0)},
        "audio.time_mask": {"fraction": 1.0},
    },
    draw=draw_series,
    epochs=120,
    batch_size=20,
    lr=3e-3,
    kind="limit",
)
"""The task is to find a cyclic shift within 2 hours, in a range of 12; beyond 3 hours the class changes."""
