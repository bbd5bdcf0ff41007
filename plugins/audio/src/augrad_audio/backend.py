"""The only import of torchaudio: on first use, with or without its native library. Used by trunks and notes."""

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
    """Replaces `torchaudio._extension` and reports every part of the native library as missing."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        setattr(self, _FLAG, False)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return False if name.startswith("_IS_") else _refused


def _refused(*_: Any) -> Callable[..., Any]:
    # torchaudio uses this to decorate the functions that need the library.
    def refuse(*_: Any, **__: Any) -> Any:
        raise OSError("this part of torchaudio needs its native library, which cannot be loaded here.")

    return refuse


@cache
def torchaudio() -> ModuleType:
    """Imports `torchaudio`, even where its native library cannot be loaded.

    The library fails to load when torchaudio was built for another build of torch, such as a CUDA wheel beside a CPU
    build of torch. Importing torchaudio then raises `OSError`, although most of torchaudio is Python. In
    that case a replacement for the library's loader reports the library as missing, and only functions that need it
    fail. The replacement stays for the whole process, so a later `import torchaudio` returns the same module.

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
        # torchaudio raises RuntimeError when it compares CUDA versions.
        sys.modules[_EXTENSION] = _NoExtension(_EXTENSION)
        return importlib.import_module("torchaudio")


def native_library_loads() -> bool:
    """Tells whether torchaudio's native library is loaded. Imports torchaudio.

    Example:
        >>> native_library_loads() in (True, False)
        True
    """
    torchaudio()
    # sys.modules holds torchaudio's own module or its replacement; the replacement is no attribute of the package.
    loads: bool = vars(sys.modules[_EXTENSION])[_FLAG]
    return loads


def resample(x: Float[Tensor, "*batch time"], from_hz: int, to_hz: int) -> Float[Tensor, "*batch resampled"]:
    """Resamples signals to another sample rate by torchaudio's windowed sinc; differentiable in the signals.

    Args:
        x: signals.
        from_hz: sample rate of `x` in Hz.
        to_hz: new sample rate in Hz.

    Example:
        >>> resample(torch.zeros(2, 1, 80), 8000, 4000).shape
        torch.Size([2, 1, 40])
    """
    resampled: Tensor = torchaudio().functional.resample(x, from_hz, to_hz)
    return resampled


class LogMelSpectrogram(nn.Module):
    """Turns waveforms into log-mel spectrograms, the usual input of a network for sound: `log(mel(x) + floor)`.

    Bins are not normalised; do that in the trunk.

    Args:
        sample_rate: sample rate of the signals in Hz.
        n_mels: number of mel bands.
        n_fft: length of a window in samples.
        hop_length: distance from a window to the next in samples.
        floor: power added to each bin, above 0, so that the logarithm of silence is finite.

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
