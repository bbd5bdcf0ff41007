"""The one place that imports torchaudio, on first use, with or without its native library. Used by trunks and notes."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from functools import cache
from types import ModuleType
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from augrad.errors import MissingDependencyError

_EXTENSION, _FLAG = "torchaudio._extension", "_IS_TORCHAUDIO_EXT_AVAILABLE"


class _NoExtension(ModuleType):
    """Stands in for `torchaudio._extension`: says of every part of the native library that it is not there."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        setattr(self, _FLAG, False)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return False if name.startswith("_IS_") else _refused


def _refused(*_: Any) -> Callable[..., Any]:
    # torchaudio decorates with it what needs the library.
    def refuse(*_: Any, **__: Any) -> Any:
        raise OSError("this part of torchaudio needs its native library, which cannot be loaded here.")

    return refuse


@cache
def torchaudio() -> ModuleType:
    """The module `torchaudio`; without what needs its native library, where that cannot be loaded.

    That happens beside a build of torch that torchaudio was not built for, such as a CPU build beside the CUDA wheel
    of the package index. Importing torchaudio then raises `OSError`, although most of it is Python. Here a stand-in
    takes the place of the library's loader, which says that the library is not there; it stays for the process, so
    that a later `import torchaudio` finds the same module.

    Raises:
        MissingDependencyError: torchaudio is not installed.

    Example:
        >>> torchaudio().functional.resample(torch.zeros(1, 80), 8000, 4000).shape
        torch.Size([1, 40])
    """
    try:
        return importlib.import_module("torchaudio")
    except ModuleNotFoundError as error:
        if error.name != "torchaudio":
            raise
        raise MissingDependencyError(
            "augrad-audio needs torchaudio for this, which is not installed: pip install torchaudio"
        ) from error
    except (OSError, RuntimeError):
        # A RuntimeError comes from torchaudio's comparison of CUDA versions.
        sys.modules[_EXTENSION] = _NoExtension(_EXTENSION)
        return importlib.import_module("torchaudio")


def native_library_loads() -> bool:
    """Whether torchaudio's native library is loaded; imports torchaudio.

    Example:
        >>> native_library_loads() in (True, False)
        True
    """
    torchaudio()
    # torchaudio's own module or its stand-in: only the first is an attribute of the package.
    loads: bool = vars(sys.modules[_EXTENSION])[_FLAG]
    return loads


def resample(x: Float[Tensor, "*batch time"], from_hz: int, to_hz: int) -> Float[Tensor, "*batch resampled"]:
    """Signals at another sample rate, by torchaudio's windowed sinc; differentiable in the signals.

    Args:
        x: signals.
        from_hz: their sample rate.
        to_hz: the new one.

    Example:
        >>> resample(torch.zeros(2, 1, 80), 8000, 4000).shape
        torch.Size([2, 1, 40])
    """
    resampled: Tensor = torchaudio().functional.resample(x, from_hz, to_hz)
    return resampled


class LogMelSpectrogram(nn.Module):
    """The usual features of a trunk that listens: the logarithm of torchaudio's mel spectrogram.

    `log(mel(x) + floor)`. No bin is normalised; do that in the trunk.

    Args:
        sample_rate: of the signals, in Hz.
        n_mels: how many bands.
        n_fft: samples of one window.
        hop_length: samples from one window to the next.
        floor: power that is added, above 0, so that silence is finite.

    Shape:
        Input `(batch, channels, time)`, output `(batch, channels, n_mels, 1 + time // hop_length)`.

    Example:
        >>> LogMelSpectrogram(8000, n_mels=20)(torch.zeros(2, 1, 800)).shape
        torch.Size([2, 1, 20, 7])
    """

    def __init__(
        self, sample_rate: int, *, n_mels: int = 40, n_fft: int = 256, hop_length: int = 128, floor: float = 1e-6
    ) -> None:
        super().__init__()
        self.mel: nn.Module = torchaudio().transforms.MelSpectrogram(
            sample_rate, n_fft=n_fft, hop_length=hop_length, n_mels=n_mels
        )
        self.floor = floor

    def forward(self, x: Float[Tensor, "batch channels time"]) -> Float[Tensor, "batch channels mels frames"]:
        features: Tensor = self.mel(x)
        return torch.log(features + self.floor)
