"""Relations between channels: swapped, missing, unequally loud. Uses level.py, signals.py."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Generator, Tensor

from augrad import Range
from augrad.errors import ArgumentError, InputError
from augrad.options import count
from augrad_audio.level import amplitude
from augrad_audio.signals import SignalTransform, working_dtype

_SHARPNESS = 3
# Inverse temperature of the relaxed draws. At 1 most draws would lie half-way between 0 and 1. At higher values the
# gradient comes from fewer and fewer draws.

_EDGE = 1e-3
# Margin that keeps uniform draws inside (0, 1), where the odds are finite.


def relaxed_bernoulli(
    probability: Float[Tensor, " batch"], uniform: Float[Tensor, "batch *event"]
) -> Float[Tensor, "batch *event"]:
    """Draws relaxed coins: mostly near 0 or 1, above 0.5 with the given probability, differentiable in it.

    The formula is `o^3 / (1 + o^3)` with the odds `o = p u / ((1 - p) (1 - u))`, written without the division. It is
    exactly 0 at probability 0 and exactly 1 at probability 1, and has a finite slope at both.

    Args:
        probability: probability of 1, in [0, 1].
        uniform: independent uniform draws in (0, 1).

    Example:
        >>> coins = relaxed_bernoulli(torch.tensor([0.0, 0.5, 0.5, 1.0]), torch.tensor([0.9, 0.9, 0.1, 0.1]))
        >>> (100 * coins).round().tolist()
        [0.0, 100.0, 0.0, 100.0]

    References:
        Maddison, Mnih, Teh: The concrete distribution, ICLR 2017.
    """
    probability = probability.to(uniform.dtype).reshape(-1, *[1] * (uniform.ndim - 1))
    heads = (probability * uniform) ** _SHARPNESS
    tails = ((1 - probability) * (1 - uniform)) ** _SHARPNESS
    return heads / (heads + tails)


def _coins(size: torch.Size, x: Tensor, generator: Generator | None) -> Tensor:
    uniform = torch.rand(size, generator=generator, device=x.device, dtype=working_dtype(x))
    return _EDGE + (1 - 2 * _EDGE) * uniform


class _Coins(SignalTransform):
    """Base class of the transforms that toss coins: relaxed coins in train mode, hard coins in eval mode."""

    gradient = "relaxed"

    def toss(
        self, probability: Float[Tensor, " batch"], uniform: Float[Tensor, "batch *event"]
    ) -> Float[Tensor, "batch *event"]:
        coins = relaxed_bernoulli(probability, uniform)
        return coins if self.training else (coins > 0.5).to(coins.dtype)


class ChannelSwap(_Coins):
    """Swaps channels with a learned probability, such as left and right; more than two channels take turns.

    Each channel gets the signal of another channel. The assignment is inner noise: a random cycle through all channels.
    A signal with a single channel does not change. Parameter: `probability` of a swap.

    Train / eval: in train mode each signal has a relaxed coin, so some signals are only partly swapped, which mixes
    channels. In eval mode a signal is either swapped or not.

    Example:
        >>> x = torch.tensor([[[1.0], [2.0]]])
        >>> noise = (torch.tensor([0.5]), torch.tensor([[1, 0]]))
        >>> ChannelSwap().eval()(x, probability=torch.tensor([0.9]), noise=noise).flatten().tolist()
        [2.0, 1.0]
    """

    assumes = "the label does not depend on the channel that a signal is on"
    probability = Range(1.0)

    def draw_noise(self, x: Any, generator: Generator | None) -> Any:
        coins = _coins(x.shape[:1], x, generator)
        order = torch.rand(x.shape[:2], generator=generator, device=x.device).argsort(dim=1)
        partner = torch.empty_like(order).scatter(1, order, order.roll(1, dims=1))
        return coins, partner

    def forward(
        self,
        x: Any,
        *,
        probability: Float[Tensor, " batch"],
        noise: tuple[Float[Tensor, " batch"], Int[Tensor, "batch channels"]],
    ) -> Any:
        coins, partner = noise
        swapped = x.gather(1, partner[:, :, None].expand_as(x))
        return x + self.toss(probability, coins).to(x.dtype)[:, None, None] * (swapped - x)


class ChannelDropout(_Coins):
    """Silences each channel with a learned probability, like a microphone or an electrode that fails.

    The other channels are not made louder. Parameter: `probability` that a channel is silent.

    Train / eval: in train mode each channel has a relaxed coin, so some channels are only made softer. In eval mode a
    channel is either silenced or not.

    Example:
        >>> x, noise = torch.ones(1, 2, 1), torch.tensor([[0.9, 0.1]])
        >>> ChannelDropout().eval()(x, probability=torch.tensor([0.5]), noise=noise).flatten().tolist()
        [0.0, 1.0]
    """

    assumes = "the label stays the same when any channel is missing, with the learned probability"
    probability = Range(0.5)

    def draw_noise(self, x: Any, generator: Generator | None) -> Any:
        return _coins(x.shape[:2], x, generator)

    def forward(self, x: Any, *, probability: Float[Tensor, " batch"], noise: Float[Tensor, "batch channels"]) -> Any:
        return x * (1 - self.toss(probability, noise)).to(x.dtype)[:, :, None]


class ChannelGain(SignalTransform):
    """Makes each channel louder or softer by its own `gain_db`. A range is learned for each channel.

    A policy can then say, for example, that the level of one electrode does not matter while another's does.

    Args:
        n_channels: number of channels of the signals, at least 1. Required.
        channel_names: a name per channel, so that policies show `gain_db[left]` instead of `gain_db[0]`.
        **ranges: a different `Range` or limit for `gain_db`, in dB.

    Raises:
        ArgumentError: `n_channels` is missing or not an int of at least 1, or the number of names differs from it.

    Example:
        >>> x, gain_db = torch.ones(1, 2, 1), torch.tensor([[0.0, 20.0]])
        >>> ChannelGain(n_channels=2)(x, gain_db=gain_db).flatten().tolist()
        [1.0, 10.0]
    """

    assumes = "the label does not depend on the level of each channel relative to the others"
    gain_db = Range(12.0, unit="dB", signed=True, per="channel")

    def __init__(
        self,
        *,
        n_channels: int | None = None,
        channel_names: Sequence[str] | None = None,
        **ranges: float | Range,
    ) -> None:
        super().__init__(**ranges)
        hint = (
            "Pass it to the constructor, as in n_channels=2, or to a whole layer: "
            'AugmentationLayer([...], arguments={"n_channels": 2}).'
        )
        count("n_channels", n_channels, owner=self.name, hint=hint, transform=self.name)
        if channel_names is not None and (isinstance(channel_names, str) or len(channel_names) != n_channels):
            raise ArgumentError(
                f"{self.name}: channel_names must hold one name per channel ({n_channels}), but got {channel_names!r}.",
                argument="channel_names",
                value=channel_names,
            )
        self.n_channels = n_channels
        self.channel_names = None if channel_names is None else tuple(channel_names)

    @classmethod
    def example_arguments(cls) -> dict[str, Any]:
        """Returns the number of channels of the example batch."""
        return {"n_channels": 2}

    def validate(self, x: Any) -> None:
        """Raises `InputError` unless `x` is a batch of signals with `n_channels` channels."""
        super().validate(x)
        if x.shape[1] != self.n_channels:
            raise InputError(
                f"{self.name} was built for n_channels={self.n_channels}, but got {x.shape[1]} in shape "
                f"{tuple(x.shape)}. Build it with n_channels={x.shape[1]}.",
                transform=self.name,
                shape=tuple(x.shape),
            )

    def forward(self, x: Any, *, gain_db: Float[Tensor, "batch channels"]) -> Any:
        return x * amplitude(gain_db).to(x.dtype)[:, :, None]

    def invert(self, y: Any, *, gain_db: Float[Tensor, "batch channels"]) -> Any:
        return self.forward(y, gain_db=-gain_db)
