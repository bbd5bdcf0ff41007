"""Levels in decibels and in units of the signal; matrices that fuse; overdrive that distorts and does nothing else."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from augrad import AugmentationLayer, AugmentationModule, keyed_generator
from augrad.testing import check_reference
from augrad_audio.level import DcOffset, Gain, LevelAction, Overdrive, Polarity, own_rms


def value(*numbers):
    return torch.tensor(numbers, dtype=torch.float64)


def test_gain_is_in_decibels():
    check_reference(Gain(), lambda sample, gain_db: sample * 10 ** (gain_db / 20))
    assert Gain()(torch.ones(1, 1, 1), gain_db=torch.tensor([6.0206])).item() == pytest.approx(2.0, abs=1e-4)


def test_an_offset_is_in_units_of_the_signals_own_rms():
    def reference(sample, offset):
        return sample + offset * np.sqrt(((sample - sample.mean(-1, keepdims=True)) ** 2).mean())

    check_reference(DcOffset(), reference)


def test_polarity_turns_signals_over():
    check_reference(Polarity(), lambda sample: -sample)


@given(scale=st.floats(1e-3, 1e3), offset=st.floats(-100, 100))
def test_own_rms_goes_with_the_scale_and_not_with_the_offset(scale, offset):
    x = torch.randn(2, 2, 50, generator=keyed_generator(0), dtype=torch.float64)
    assert torch.allclose(own_rms(scale * x + offset), scale * own_rms(x), rtol=1e-6)


def test_stacked_levels_equal_one_after_the_other():
    x = torch.randn(3, 2, 30, generator=keyed_generator(1), dtype=torch.float64)
    gain, offset = value(6.0, -12.0, 3.0), value(0.5, -1.0, 0.2)
    first, second, third = DcOffset(), Gain(), Polarity()
    one_by_one = third(first(second(first(x, offset=offset), gain_db=gain), offset=offset))
    step = first.matrix(offset=offset)
    product = third.matrix().double() @ step @ second.matrix(gain_db=gain) @ step
    assert torch.allclose(LevelAction().act(x, product), one_by_one)


def test_stacked_layers_of_levels_act_once(monkeypatch):
    acted = []
    act = LevelAction.act
    monkeypatch.setattr(LevelAction, "act", lambda self, x, matrix: acted.append(1) or act(self, x, matrix))
    layers = [AugmentationLayer(["audio.gain", "audio.polarity", "audio.dc_offset"]) for _ in range(3)]
    AugmentationModule(layers)(torch.randn(4, 1, 20), generator=keyed_generator(0))
    assert len(acted) == 1


def test_overdrive_is_its_formula():
    def reference(sample, drive_db):
        mean, rms = sample.mean(-1, keepdims=True), np.sqrt(((sample - sample.mean(-1, keepdims=True)) ** 2).mean())
        unit = (sample - mean) / rms
        clipped = unit / np.sqrt(1 + (10 ** (drive_db / 10) - 1) * unit**2)
        return mean + rms * clipped / np.sqrt((clipped**2).mean())

    check_reference(Overdrive(), reference)


@pytest.mark.parametrize("drive_db", [3.0, 12.0, 20.0])
def test_drive_is_how_much_small_values_gain_on_a_value_at_the_rms(drive_db):
    x = value(1.0, -1.0).repeat(500)  # all at the RMS, but for two
    x[:2] = value(1e-4, -1e-4)
    ratio = (Overdrive()(x[None, None], drive_db=value(drive_db))[0, 0] / x)[[0, 2]]
    assert 20 * math.log10(ratio[0] / ratio[1]) == pytest.approx(drive_db, abs=0.02)


@given(drive_db=st.floats(0, 40), scale=st.floats(1e-3, 1e3))
def test_overdrive_keeps_the_level_and_the_mean_of_a_tone(drive_db, scale):
    x = scale * torch.sin(2 * math.pi * torch.arange(100, dtype=torch.float64) / 20)[None, None] + 5
    y = Overdrive()(x, drive_db=value(drive_db))
    assert own_rms(y).item() == pytest.approx(own_rms(x).item(), rel=1e-4)
    assert y.mean().item() == pytest.approx(x.mean().item(), rel=1e-6)


def test_overdrive_brings_odd_harmonics():
    x = torch.sin(2 * math.pi * torch.arange(1000, dtype=torch.float64) / 20)[None, None]
    spectrum = np.abs(np.fft.rfft(Overdrive()(x, drive_db=value(20.0))[0, 0].numpy()))
    assert spectrum[150] > 0.15 * spectrum[50]
    assert spectrum[100] < 1e-9 * spectrum[50]


def test_no_drive_changes_nothing():
    x = torch.randn(3, 2, 40, dtype=torch.float64)
    assert torch.allclose(Overdrive()(x, drive_db=torch.zeros(3, dtype=torch.float64)), x, atol=1e-9)
