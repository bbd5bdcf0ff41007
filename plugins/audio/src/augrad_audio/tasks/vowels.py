"""Two vowels by nine speakers, each from another zero point. Uses splits.py, networks.py; named by plugin.py."""

from __future__ import annotations

from functools import partial

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import interpolate

from augrad.bench import Task
from augrad.demo import DemoData
from augrad_audio.archive import archive_directory, read_series
from augrad_audio.drawing import draw_series
from augrad_audio.level import DcOffset
from augrad_audio.tasks.networks import perceptron
from augrad_audio.tasks.splits import disturbed, split

N_CHANNELS, N_TIMES, SPEAKERS = 12, 16, 9
N_TRAIN = 54
TRUE_OFFSET = 6.0


def load_vowels(seed: int) -> DemoData:
    """Loads 640 utterances of two vowels by 9 men: 54 for training, 586 for testing.

    An utterance `(12, 16)` is the course of 12 cepstral coefficients over 7 to 29 frames, stretched to 16. A random
    number within 6 times the RMS of the utterance is added to all its values; this artificial error moves the zero
    point. The data are JapaneseVowels (Kudo, Toyama and Shimbo; CC BY 4.0 at the UCI archive), as the package sktime
    ships them.

    The archive's training and test utterances are joined and split anew, with 6 training utterances per speaker: every
    speaker is in both parts, but no utterance is. The split and the offsets of test utterances are the same for every
    seed; the offsets of training utterances differ.

    Args:
        seed: seed of the training offsets.

    Raises:
        MissingDependencyError: sktime is not installed.
    """
    directory = archive_directory("JapaneseVowels")
    parts = [read_series(directory / f"JapaneseVowels_{part}.ts") for part in ("TRAIN", "TEST")]
    series = torch.stack([stretched(each) for found, _ in parts for each in found])
    data = split("vowels", series, torch.cat([speaker for _, speaker in parts]), N_TRAIN)
    return disturbed("vowels", seed, data, DcOffset(offset=TRUE_OFFSET), offset=TRUE_OFFSET)


def stretched(series: Float[Tensor, "channels _"]) -> Float[Tensor, "channels 16"]:
    """Stretches the series to 16 points, whatever its length, by linear interpolation."""
    return interpolate(series[None], size=N_TIMES, mode="linear", align_corners=True)[0]


OFFSET = Task(
    name="audio-vowels-offset",
    title="Learning that the zero point of a measurement is arbitrary",
    description=(
        "Which of nine men said it? 54 utterances of two vowels to learn from, 586 to be tested on, each as twelve "
        "numbers that describe the sound from moment to moment. The same number has been added to all twelve, a "
        "different number for each utterance, which says nothing about the speaker. Numbers that trade places or go "
        "missing, and changes of scale, hide the differences between the speakers."
    ),
    load=load_vowels,
    trunk=partial(perceptron, N_CHANNELS * N_TIMES, SPEAKERS),
    transforms=(
        "audio.dc_offset",
        "audio.channel_swap",
        "audio.channel_dropout",
        "audio.channel_gain",
        "audio.gain",
    ),
    oracle={"audio.dc_offset": {"offset": TRUE_OFFSET}},
    arguments={
        "n_channels": N_CHANNELS,
        "audio.dc_offset": {"offset": 10.0},
        "audio.channel_dropout": {"probability": 1.0},
        "audio.gain": {"gain_db": 40.0},
    },
    draw=draw_series,
    epochs=150,
    batch_size=18,
    lr=3e-3,
    kind="invariance",
)
"""The task is to find an offset of all channels among candidates that change the proportions of the channels."""
