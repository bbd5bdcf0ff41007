"""Signal values between samples: band-limited, differentiable in the places. Used by time.py, warping.py."""

from __future__ import annotations

from functools import cache, lru_cache

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import pad

from augrad.options import one_of
from augrad.precision import full_precision
from augrad_audio.signals import working_dtype

PADDINGS = ("zeros", "cyclic", "reflection")
"""Continuation before and after a signal: silence, the signal repeated, or the mirrored signal."""

HALF_WIDTH = 16
"""Number of samples on each side from which a value between two samples is computed."""

_BETA = 9.0
# Shape of the Kaiser window: errors stay below -80 dB up to 80 % of the highest frequency (tests/plugins/audio).
_DEGREE = 6
# Degree of the polynomials that approximate the windowed sinc between two samples, within 2e-5 (-95 dB).
_MARGIN = 2 * HALF_WIDTH
# Zeros around a signal that is padded with silence: room for ringing.
_ROLLOFF = 0.1
# Fraction of the pass band over which a low-pass falls from 1 to 0; a steeper fall rings longer.


def check_padding(padding: str) -> None:
    """Raises `ArgumentError` unless `padding` is one of `PADDINGS`."""
    one_of("padding", padding, PADDINGS)


def sample(
    x: Float[Tensor, "batch *event time"],
    places: Float[Tensor, "batch places"],
    *,
    padding: str = "zeros",
    speed: Float[Tensor, " batch"] | None = None,
) -> Float[Tensor, "batch *event places"]:
    """Reads each signal at places between its samples, by a windowed sinc of 32 samples.

    At a whole place the result is the sample there. Between any two samples the sinc is a polynomial (Farrow's
    structure). It costs 8 Fourier transforms of the signal and a look-up per place, instead of a sinc per place and
    tap. In training it keeps about 27 times the memory of the signal.

    Args:
        x: signals, with any number of axes between batch and time.
        places: in samples, 0 at the first sample; any real number.
        padding: `"zeros"`, `"cyclic"` or `"reflection"`.
        speed: distance between places in samples, per signal. If given, frequencies too high for that distance are
            removed first.

    Example:
        >>> x = torch.tensor([[[1.0, 2.0, 3.0]]])
        >>> sample(x, torch.tensor([[1.0, 2.0, 3.0]]), padding="cyclic").round(decimals=4).tolist()
        [[[2.0, 3.0, 1.0]]]

    References:
        Farrow: A continuously variable digital delay element, ISCAS 1988.
        Smith: Digital audio resampling home page, 2002 (windowed sinc).
    """
    if x.shape[0] == 0:
        return x.new_zeros(*x.shape[:-1], places.shape[1])
    n_samples = x.shape[-1]
    signals = x.reshape(x.shape[0], -1, n_samples)
    loop = _loop(signals.to(working_dtype(x)), padding)
    near = torch.floor(places.detach())
    past = (2 * (places - near) - 1).to(loop.dtype)[:, None]
    powers = _polynomials(loop, speed)
    index = _index(near, n_samples, loop.shape[-1], padding)[:, None, None]
    coefficients = powers.gather(-1, index.expand(-1, signals.shape[1], powers.shape[2], -1)).unbind(2)
    y = coefficients[0]
    for coefficient in coefficients[1:]:
        y = torch.addcmul(coefficient, y, past)
    if padding == "zeros":
        inside = (places > -_MARGIN) & (places < n_samples - 1 + _MARGIN)
        y = torch.where(inside[:, None], y, torch.zeros_like(y))
    return y.to(x.dtype).reshape(*x.shape[:-1], -1)


def place_dtype(x: Tensor) -> torch.dtype:
    """Returns the dtype for places on long signals: float32 places jitter by 0.03 samples after 480000 samples.

    Example:
        >>> place_dtype(torch.zeros(1))
        torch.float64
    """
    # Apple's accelerator has no double precision.
    return torch.float32 if x.device.type == "mps" else torch.float64


def _loop(x: Float[Tensor, "batch channels time"], padding: str) -> Float[Tensor, "batch channels loop"]:
    """Builds a single period of the endless signal that the padding defines."""
    if padding == "cyclic":
        return x
    if padding == "reflection":
        return torch.cat([x, x.flip(-1)], dim=-1)
    # Padded to a multiple of 32, because Fourier transforms of prime lengths take several times as long.
    return pad(x, (_MARGIN, _MARGIN + -x.shape[-1] % 32))


def _index(near: Float[Tensor, "batch places"], n_samples: int, n_loop: int, padding: str) -> Tensor:
    """Finds the position in the loop of the sample before each place."""
    if padding == "zeros":
        near = near.clamp(-_MARGIN, n_samples - 1 + _MARGIN) + _MARGIN
    # A NaN place must not index out of memory; its weights still carry the NaN.
    return torch.remainder(near.nan_to_num(), n_loop).to(torch.int64)


def _polynomials(
    loop: Float[Tensor, "batch channels loop"], speed: Float[Tensor, " batch"] | None
) -> Float[Tensor, "batch channels powers loop"]:
    """Computes the coefficients of the polynomial after each sample of the signal, highest power first."""
    n_loop = loop.shape[-1]
    spectrum = torch.fft.rfft(loop)
    # In units of the highest frequency that the samples can hold.
    frequency = torch.arange(spectrum.shape[-1], device=loop.device, dtype=loop.dtype) * (2 / n_loop)
    if speed is not None:
        spectrum = spectrum * _kept(frequency, speed)[:, None]
    # Measured: a tenth of the time of a convolution with the filters, which has few channels and many samples.
    powers: Tensor = torch.fft.irfft(spectrum[:, :, None] * _response(n_loop, loop.dtype, loop.device), n=n_loop)
    return powers


@lru_cache(maxsize=16)
def _response(n_loop: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """Computes the response of the filter of each power, `(powers, frequencies)`; cached, as lengths tend to repeat."""
    # The cached tensor must also serve passes with gradients, even if it was made in inference mode.
    with torch.inference_mode(mode=False), torch.no_grad(), full_precision(device):
        frequency = torch.arange(n_loop // 2 + 1, device=device, dtype=dtype) * (2 / n_loop)
        taps = torch.arange(1 - HALF_WIDTH, HALF_WIDTH + 1, device=device, dtype=dtype)
        angle = torch.pi * taps[:, None] * frequency
        filters = torch.as_tensor(_filters(), dtype=dtype, device=device)
        return torch.complex(filters @ torch.cos(angle), filters @ torch.sin(angle))


def _kept(frequency: Float[Tensor, " frequencies"], speed: Float[Tensor, " batch"]) -> Float[Tensor, "batch _"]:
    """Computes the low-pass gain of each frequency that prevents aliasing at this speed; 1 up to speed 1."""
    above = (speed.to(frequency.dtype).abs()[:, None] * frequency - 1) / _ROLLOFF
    kept: Tensor = (1 + torch.cos(torch.pi * above.clamp(0, 1))) / 2
    return kept


@cache
def _filters() -> np.ndarray:
    """Computes the filter of each power, highest first: they interpolate the windowed sinc, exactly at both ends."""
    points = -np.cos(np.pi * np.arange(_DEGREE + 1) / _DEGREE)
    offset = (points[:, None] + 1) / 2 - np.arange(1 - HALF_WIDTH, HALF_WIDTH + 1)
    window = np.i0(_BETA * np.sqrt(np.clip(1 - (offset / HALF_WIDTH) ** 2, 0, None))) / np.i0(_BETA)
    filters: np.ndarray = np.linalg.solve(np.vander(points, _DEGREE + 1), np.sinc(offset) * window)
    return filters
