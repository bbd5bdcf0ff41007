"""Spoken digits, near to the microphone or far. Uses speech.py, splits.py, networks.py; declared by plugin.py."""

from __future__ import annotations

from functools import partial

import torch

from augrad import Range, keyed_generator
from augrad.bench import Task
from augrad.demo import DemoData
from augrad_audio.drawing import draw_sound
from augrad_audio.level import Gain
from augrad_audio.tasks.networks import spectral
from augrad_audio.tasks.speech import SAMPLE_RATE, spoken_digits
from augrad_audio.tasks.splits import disturbed
from augrad_audio.tasks.synthesis import ACCENTS, TIMBRES

N_TRAIN = 100
TRAIN_TIMBRES = ("f1", "linda", "m1", "m4")
TRUE_GAIN_DB = 30.0


def load_digits(seed: int) -> DemoData:
    """Loads 1060 spoken digits: 100 by 4 timbres of voice for training, 960 by 8 other timbres for testing.

    Each is half a second at 4 kHz, `(1, 2000)`, spoken by eSpeak NG of the package espeakng-loader (GPL-3) in four
    accents of English, at changing speed and pitch; see `speech.py`. Each word is made louder or softer by up to 30 dB.
    The words, the split and the gains of test words are the same for every seed; the gains of training words differ.

    Args:
        seed: seed of the training gains.

    Raises:
        MissingDependencyError: espeakng-loader is not installed, and the cache has no words.
    """
    words, digits, voices = spoken_digits()
    timbre = voices // len(ACCENTS)
    known = torch.isin(timbre, torch.tensor([TIMBRES.index(each) for each in TRAIN_TIMBRES]))
    (candidates,), (test,) = known.nonzero(as_tuple=True), (~known).nonzero(as_tuple=True)
    order = torch.randperm(len(candidates), generator=keyed_generator("digits", "split"))
    train = candidates[order[:N_TRAIN]]
    data = DemoData(words[train], digits[train], words[test], digits[test])
    return disturbed("digits", seed, data, Gain(gain_db=TRUE_GAIN_DB), gain_db=TRUE_GAIN_DB)


GAIN = Task(
    name="audio-digits-gain",
    title="Learning that a word may be said near or far",
    description=(
        "100 spoken digits to learn from, by four timbres of voice; 960 by eight others to be tested on. Each is "
        "louder or softer by up to 30 dB, which says nothing about the digit. Noise, phases at "
        "random, frequencies moved, and time run backwards make the words hard to understand."
    ),
    load=load_digits,
    trunk=partial(spectral, 10),
    transforms=(
        "audio.gain",
        "audio.white_noise",
        "audio.phase_noise",
        "audio.frequency_shift",
        "audio.time_reverse",
    ),
    oracle={"audio.gain": {"gain_db": TRUE_GAIN_DB}},
    arguments={
        "sample_rate": SAMPLE_RATE,
        "audio.gain": {"gain_db": 45.0},
        "audio.white_noise": {"snr_db": Range(30.0, low=-20.0, unit="dB", identity=30.0)},
        "audio.frequency_shift": {"shift_hz": 1000.0},
    },
    draw=draw_sound,
    epochs=100,
    batch_size=25,
    lr=3e-3,
    kind="invariance",
)
"""The task is to find gain within 30 dB among candidates that make words hard to understand."""
