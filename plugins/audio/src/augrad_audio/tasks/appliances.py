"""Currents of appliances that are switched on: kind and direction. Uses splits.py, networks.py; named by plugin.py."""

from __future__ import annotations

from functools import partial

import torch
from jaxtyping import Float, Int
from torch import Tensor

from augrad import Range, keyed_generator
from augrad.bench import Task
from augrad.demo import DemoData
from augrad_audio.archive import archive_directory, read_series
from augrad_audio.drawing import draw_series
from augrad_audio.level import amplitude
from augrad_audio.tasks.networks import convolutional
from augrad_audio.tasks.splits import disturbed, split, uniform
from augrad_audio.time import TimeShift

N_TIMES = 200
APPLIANCES = 11
N_TRAIN = 200
TRUE_SHIFT = 40.0

_OFF, _ON = 0.05, 0.1
# Fractions of a record's maximum: below _OFF nothing runs, above _ON something does.
_BEFORE, _AFTER = 10, 50
# Number of points at the start and at the end of a record.
_LEVELS_DB, _LEVEL_SPREAD_DB = 12.0, 3.0


def load_appliances(seed: int) -> DemoData:
    """Loads 1059 records of appliances of 11 kinds being switched on: 200 for training, 859 for testing.

    A record `(1, 200)` is the first part of the current, with about five values per period of the mains, in units of
    its maximum. Each record is shifted by up to 40 points to either side: zeros come in, and points that leave the
    record are lost. See `_records` for the data. The split and the shifts of test records are the same for every seed;
    the shifts of training records differ.

    Args:
        seed: seed of the training shifts.

    Raises:
        MissingDependencyError: sktime is not installed.
    """
    data = split("appliances", *_records(), N_TRAIN)
    return disturbed("appliances", seed, data, TimeShift(unit="samples", offset=TRUE_SHIFT), offset=TRUE_SHIFT)


def load_switches(seed: int) -> DemoData:
    """Loads records of appliances being switched: on or off, drawing power or feeding it in, small or large. 8 classes.

    The records are those of `load_appliances` whose current is off at the start and on at the end. By turns they run
    backwards (off instead of on), are turned upside down (power is fed in), and have one of two levels, 12 dB apart and
    spread by 3 dB to either side. The class is `off + 2 * fed + 4 * large`. 200 are for training, 610 for testing. The
    split and the levels of test records are the same for every seed; the levels of training records differ within their
    classes.

    Args:
        seed: seed of the training levels.

    Raises:
        MissingDependencyError: sktime is not installed.
    """
    records, _ = _records()
    begins = records[:, 0, :_BEFORE].abs().amax(dim=-1) < _OFF
    ends = records[:, 0, -_AFTER:].mean(dim=-1) > _ON
    records = records[begins & ends]
    data = split("switches", records, torch.arange(len(records)) % 8, N_TRAIN)
    return DemoData(
        train_x=_switched(data.train_x, data.train_y, keyed_generator("switches", "train", seed)),
        train_y=data.train_y,
        test_x=_switched(data.test_x, data.test_y, keyed_generator("switches", "test")),
        test_y=data.test_y,
    )


def _records() -> tuple[Float[Tensor, "records 1 200"], Int[Tensor, " records"]]:
    """Reads records and kinds of appliance: PLAID of the UCR archive in sktime, training and test records joined.

    A record is the first 200 points of a series, divided by their maximum. Shorter series and duplicates are left out.
    The data are by Gao et al. (PLAID, BuildSys 2014); the archive names no licence.
    """
    directory = archive_directory("PLAID")
    parts = [read_series(directory / f"PLAID_{part}.ts") for part in ("TRAIN", "TEST")]
    kinds = torch.cat([kind for _, kind in parts]).tolist()
    series = [each for found, _ in parts for each in found]
    # Keyed by content, in the order of the files, so that a duplicate occurs once.
    unique = {
        tuple(each[0, :N_TIMES].tolist()): kind
        for each, kind in zip(series, kinds, strict=True)
        if each.shape[1] >= N_TIMES
    }
    records = torch.tensor(list(unique))[:, None]
    return records / records.abs().amax(dim=-1, keepdim=True), torch.tensor(list(unique.values()))


def _switched(
    x: Float[Tensor, "records 1 time"], y: Int[Tensor, " records"], generator: torch.Generator
) -> Float[Tensor, "records 1 time"]:
    off, fed, large = ((y // place % 2)[:, None, None] for place in (1, 2, 4))
    level = _LEVELS_DB * large + uniform(len(x), _LEVEL_SPREAD_DB, generator)[:, None, None]
    return torch.where(off == 1, x.flip(-1), x) * (1 - 2 * fed) * amplitude(level)


_NOISE = Range(30.0, low=-20.0, unit="dB", identity=30.0)

SHIFT = Task(
    name="audio-appliances-shift",
    title="Learning that an appliance may be switched on at any moment",
    description=(
        "200 records of the current of an appliance that is switched on to learn from, 859 to be tested on. Is it a "
        "fan, a lamp, a heater, or one of eight others? When it was switched on says nothing about that: records are "
        "moved by up to 40 of their 200 points. Noise, smoothing and gaps are offered too."
    ),
    load=load_appliances,
    trunk=partial(convolutional, 1, APPLIANCES, n_stretches=16),
    transforms=(
        "audio.time_shift",
        "audio.white_noise",
        "audio.low_pass",
        "audio.time_mask",
    ),
    oracle={"audio.time_shift": {"offset": TRUE_SHIFT}},
    # One sample per point, so that a frequency is the number of waves per record.
    arguments={
        "sample_rate": float(N_TIMES),
        "audio.time_shift": {"unit": "samples", "offset": 100.0},
        "audio.white_noise": {"snr_db": _NOISE},
        "audio.low_pass": {"cutoff_hz": Range(100.0, low=1.0, unit="Hz", identity=100.0)},
        "audio.time_mask": {"fraction": 1.0},
    },
    draw=draw_series,
    epochs=50,
    batch_size=25,
    lr=3e-3,
    kind="invariance",
)
"""The task is to find a shift within 40 points, in a range of 100, among candidates that hide the kind of appliance."""

NOTHING = Task(
    name="audio-switches-nothing",
    title="Learning that direction, sign and level may all matter",
    description=(
        "200 records of the current of an appliance to learn from. Is it switched on or off, does it draw power or "
        "feed it in, and is it small or large? A record that runs backwards, upside down, or larger than it was has "
        "another answer; noise hides it. Nothing should be learned here."
    ),
    load=load_switches,
    trunk=partial(convolutional, 1, 8),
    transforms=(
        "audio.time_reverse",
        "audio.polarity",
        "audio.gain",
        "audio.white_noise",
    ),
    oracle={},
    arguments={"audio.white_noise": {"snr_db": _NOISE}},
    draw=draw_series,
    epochs=50,
    batch_size=25,
    lr=3e-3,
    kind="nothing",
)
"""Direction, sign and level tell the classes apart; every candidate changes or hides one of the three."""
