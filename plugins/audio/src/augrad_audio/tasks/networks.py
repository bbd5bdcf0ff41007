"""Small networks for the benchmark tasks, each suited to a kind of signal. Used by every task."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn


def perceptron(n_values: int, n_classes: int, n_hidden: int = 64) -> nn.Module:
    """Builds two hidden layers on all values of a signal; this network has no prior knowledge of signals.

    Args:
        n_values: number of channels times number of points.
        n_classes: number of classes.
        n_hidden: number of neurons of each hidden layer.
    """
    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(n_values, n_hidden),
        nn.ReLU(),
        nn.Linear(n_hidden, n_hidden),
        nn.ReLU(),
        nn.Linear(n_hidden, n_classes),
    )


def convolutional(n_channels: int, n_classes: int, *, n_hidden: int = 16, n_stretches: int = 10) -> nn.Module:
    """Builds two strided convolutions and a linear layer that knows the position of each stretch of the signal.

    Args:
        n_channels: number of channels of the signals, which are at least 20 points long.
        n_classes: number of classes.
        n_hidden: number of channels of both convolutions.
        n_stretches: number of stretches into which the signal is divided.
    """
    return nn.Sequential(
        *_convolution(n_channels, n_hidden),
        *_convolution(n_hidden, n_hidden),
        nn.AdaptiveAvgPool1d(n_stretches),
        nn.Flatten(),
        nn.Linear(n_stretches * n_hidden, n_classes),
    )


def spectral(n_classes: int, *, n_fft: int = 128, n_hidden: int = 24, n_stretches: int = 4) -> nn.Module:
    """Builds a log spectrogram, two strided convolutions over time, and a linear layer on stretches of the result.

    Args:
        n_classes: number of classes.
        n_fft: length of a window in points; the next window starts half a window later.
        n_hidden: number of channels of both convolutions.
        n_stretches: number of stretches into which the signal is divided.
    """
    return nn.Sequential(
        LogSpectrogram(n_fft), convolutional(n_fft // 2 + 1, n_classes, n_hidden=n_hidden, n_stretches=n_stretches)
    )


class LogSpectrogram(nn.Module):
    """Computes the log power of windows of the first channel, `(batch, n_fft // 2 + 1, frames)`; silence is -6.9.

    Args:
        n_fft: length of a window in points; the next window starts half a window later.

    Example:
        >>> LogSpectrogram(8)(torch.zeros(1, 1, 16)).shape
        torch.Size([1, 5, 3])
    """

    FLOOR = 1e-3
    """Power added to each bin, so that silence has a logarithm."""

    window: Tensor

    def __init__(self, n_fft: int) -> None:
        super().__init__()
        self.n_fft = n_fft
        self.register_buffer("window", torch.hann_window(n_fft), persistent=False)

    def forward(self, x: Float[Tensor, "batch channels time"]) -> Float[Tensor, "batch freq frames"]:
        stretches = x[:, 0].unfold(-1, self.n_fft, self.n_fft // 2) * self.window
        spectrum = torch.fft.rfft(stretches)
        power: Tensor = spectrum.real.square() + spectrum.imag.square()
        return (power + self.FLOOR).log().transpose(1, 2)


def _convolution(n_in: int, n_out: int) -> list[nn.Module]:
    """Builds a convolution over 5 points that halves the length, with batch normalisation and ReLU."""
    return [nn.Conv1d(n_in, n_out, 5, stride=2, padding=2, bias=False), nn.BatchNorm1d(n_out), nn.ReLU()]
