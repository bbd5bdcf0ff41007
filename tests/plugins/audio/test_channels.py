"""Channels swapped, dropped and unequally loud; coins that are relaxed in training and hard in evaluation."""

from __future__ import annotations

import json

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.autograd import gradcheck

from augrad import AugmentationLayer, Policy, keyed_generator
from augrad.errors import ArgumentError, InputError
from augrad.testing import check_reference
from augrad_audio.channels import ChannelDropout, ChannelGain, ChannelSwap, relaxed_bernoulli


@given(probability=st.floats(0, 1), uniform=st.floats(1e-3, 1 - 1e-3))
def test_a_relaxed_coin_is_a_coin(probability, uniform):
    coin = relaxed_bernoulli(torch.tensor([probability]).double(), torch.tensor([uniform]).double())
    assert 0 <= coin.item() <= 1
    if abs(uniform - (1 - probability)) > 1e-6:
        assert (coin.item() > 0.5) == (uniform > 1 - probability)


def test_a_relaxed_coin_has_the_gradient_it_says_also_at_both_ends():
    uniform = torch.tensor([0.2, 0.5, 0.9], dtype=torch.float64)
    probability = torch.tensor([0.3, 0.5, 0.8], dtype=torch.float64, requires_grad=True)
    assert gradcheck(lambda p: relaxed_bernoulli(p, uniform), (probability,))
    ends = torch.tensor([0.0, 1.0], requires_grad=True)
    coins = relaxed_bernoulli(ends, torch.tensor([0.999, 0.001]))
    coins.sum().backward()
    assert coins.tolist() == [0.0, 1.0]
    assert torch.isfinite(ends.grad).all()


@pytest.mark.parametrize("probability", [0.1, 0.4])
def test_channels_are_dropped_as_often_as_the_probability_says(probability):
    x, drop = torch.ones(2000, 3, 1), ChannelDropout().eval()
    noise = drop.draw_noise(x, keyed_generator(0))
    y = drop(x, probability=torch.full((2000,), probability), noise=noise)
    assert set(y.flatten().tolist()) == {0.0, 1.0}
    assert 1 - y.mean().item() == pytest.approx(probability, abs=0.02)
    soft = drop.train()(x, probability=torch.full((2000,), probability), noise=noise)
    assert torch.equal(soft > 0.5, y > 0.5)
    assert ((soft > 0.01) & (soft < 0.99)).any()


@pytest.mark.parametrize("n_channels", [2, 3, 5])
def test_a_swap_gives_every_channel_anothers_signal(n_channels):
    x = torch.arange(float(n_channels)).expand(50, -1)[..., None].contiguous()
    swap = ChannelSwap().eval()
    y = swap(x, probability=torch.ones(50), noise=swap.draw_noise(x, keyed_generator(1)))
    assert torch.equal(y.sort(dim=1).values, x)
    assert not (y == x).any()


def test_swaps_happen_as_often_as_the_probability_says():
    x, swap = torch.tensor([1.0, 2.0]).expand(2000, -1)[..., None].contiguous(), ChannelSwap().eval()
    y = swap(x, probability=torch.full((2000,), 0.3), noise=swap.draw_noise(x, keyed_generator(2)))
    assert (y[:, 0] == 2).float().mean().item() == pytest.approx(0.3, abs=0.03)


def test_one_channel_has_nothing_to_be_swapped_with():
    x, swap = torch.randn(4, 1, 8), ChannelSwap()
    assert torch.equal(swap(x, probability=torch.full((4,), 0.7), noise=swap.draw_noise(x, keyed_generator(3))), x)


def test_channel_gain_is_in_decibels_and_can_be_undone():
    check_reference(ChannelGain(n_channels=2), lambda sample, gain_db: sample * 10 ** (gain_db / 20))
    x = torch.ones(1, 2, 3)
    y = ChannelGain(n_channels=2)(x, gain_db=torch.tensor([[6.0206, -6.0206]]))
    assert torch.allclose(y[0, :, 0], torch.tensor([2.0, 0.5]), atol=1e-4)
    assert torch.allclose(ChannelGain(n_channels=2).invert(y, gain_db=torch.tensor([[6.0206, -6.0206]])), x)


def test_one_magnitude_is_learned_per_channel():
    layer = AugmentationLayer(["audio.channel_gain"], arguments={"n_channels": 3})
    assert layer.magnitudes.shape == (3,)
    assert [row.parameter for row in Policy.from_module(layer)] == ["gain_db[0]", "gain_db[1]", "gain_db[2]"]


def test_channels_can_have_names():
    named = ChannelGain(n_channels=2, channel_names=["left", "right"])
    assert [row.parameter for row in Policy.from_module(AugmentationLayer([named]))] == [
        "gain_db[left]",
        "gain_db[right]",
    ]
    assert ChannelGain.from_config(json.loads(json.dumps(named.config))).labels("gain_db") == ("left", "right")


@pytest.mark.parametrize("names", [["left"], [], "lr"])
def test_one_name_per_channel(names):
    with pytest.raises(ArgumentError, match=r"audio\.channel_gain: channel_names must hold one name per channel \(2\)"):
        ChannelGain(n_channels=2, channel_names=names)


@pytest.mark.parametrize("n_channels", [None, 0, -1, True])
def test_the_number_of_channels_is_required(n_channels):
    with pytest.raises(
        ArgumentError,
        match=r"channel_gain: n_channels must be an int of at least 1.*as in n_channels=2",
    ):
        ChannelGain(n_channels=n_channels)


def test_another_number_of_channels_is_refused():
    message = r"audio\.channel_gain was built for n_channels=2, but got 3 in shape \(1, 3, 5\)"
    with pytest.raises(InputError, match=message):
        ChannelGain(n_channels=2).validate(torch.zeros(1, 3, 5))
