"""What channels have to do with each other: swapped, missing, unequally loud. Uses level.py, signals.py."""

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
# Inverse temperature of the relaxed draws: 1 would leave most of them half-way, and with more the gradient comes from
# ever fewer of them.

_EDGE = 1e-3
# Uniform draws stay that far inside (0, 1), where the odds are finite.


def relaxed_bernoulli(
    probability: Float[Tensor, " batch"], uniform: Float[Tensor, "batch *event"]
) -> Float[Tensor, "batch *event"]:
    """Relaxed coins: above 0.5 with the given probability, near 0 or 1 mostly, differentiable in the probability.

    `o^3 / (1 + o^3)` with the odds `o = p u / ((1 - p) (1 - u))`, written without the division: it is exactly 0 at
    probability 0 and 1 at probability 1, with a finite slope at both.

    Args:
        probability: of 1, in [0, 1].
        uniform: independent draws in (0, 1).

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
    """Base of the transforms that toss coins: relaxed ones in train mode, hard ones in eval mode."""

    gradient = "relaxed"

    def toss(
        self, probability: Float[Tensor, " batch"], uniform: Float[Tensor, "batch *event"]
    ) -> Float[Tensor, "batch *event"]:
        coins = relaxed_bernoulli(probability, uniform)
        return coins if self.training else (coins > 0.5).to(coins.dtype)


class ChannelSwap(_Coins):
    """Gives each channel the signal of another, with a probability; two channels are swapped, more take turns.

    Who gets whose is inner noise: one cycle through all channels in random order. With one channel nothing changes.
    Parameter: `probability`, of a swap.

    Train / eval: in train mode the swap is a relaxed coin per signal, which leaves some signals part of the way, mixed;
    in eval mode a signal is swapped or not.

    Example:
        >>> x = torch.tensor([[[1.0], [2.0]]])
        >>> noise = (torch.tensor([0.5]), torch.tensor([[1, 0]]))
        >>> ChannelSwap().eval()(x, probability=torch.tensor([0.9]), noise=noise).flatten().tolist()
        [2.0, 1.0]
    """

    assumes = "which channel a signal is on carries no information about the target"
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
    """Silences each channel with a probability, as a microphone or an electrode that fails.

    What is left is not made louder. Parameter: `probability`, of each channel to be silent.

    Train / eval: in train mode each channel has a relaxed coin, which leaves some of them soft; in eval mode a channel
    is there or not.

    Example:
        >>> x, noise = torch.ones(1, 2, 1), torch.tensor([[0.9, 0.1]])
        >>> ChannelDropout().eval()(x, probability=torch.tensor([0.5]), noise=noise).flatten().tolist()
        [0.0, 1.0]
    """

    assumes = "any channel can be missing, with the learned probability, without changing the target"
    probability = Range(0.5)

    def draw_noise(self, x: Any, generator: Generator | None) -> Any:
        return _coins(x.shape[:2], x, generator)

    def forward(self, x: Any, *, probability: Float[Tensor, " batch"], noise: Float[Tensor, "batch channels"]) -> Any:
        return x * (1 - self.toss(probability, noise)).to(x.dtype)[:, :, None]


class ChannelGain(SignalTransform):
    """Makes each channel louder or softer by its own `gain_db`; one range is learned per channel.

    So it can be found that one electrode's level says nothing, and another's does.

    Args:
        n_channels: of the signals, at least 1. Required.
        channel_names: one per channel, for policies to read `gain_db[left]` rather than `gain_db[0]`.
        **ranges: another range for `gain_db`.

    Raises:
        ArgumentError: `n_channels` is missing, or is not an int of at least 1; there are more or fewer names.

    Example:
        >>> x, gain_db = torch.ones(1, 2, 1), torch.tensor([[0.0, 20.0]])
        >>> ChannelGain(n_channels=2)(x, gain_db=gain_db).flatten().tolist()
        [1.0, 10.0]
    """

    assumes = "how loud each channel is, against the others, carries no information about the target"
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
            'Pass n_channels=2, say, to its constructor, or AugmentationLayer([...], arguments={"n_channels": 2}) '
            "to all of a layer."
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
        """As many channels as the example batch has."""
        return {"n_channels": 2}

    def validate(self, x: Any) -> None:
        """Raises `InputError` unless `x` are signals with `n_channels` channels."""
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
