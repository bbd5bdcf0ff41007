"""Spoken digits: synthesised once, kept in a cache, cut and resampled. Runs synthesis.py; used by digits.py."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn.functional import pad

from augrad.errors import MissingDependencyError
from augrad.files.storage import write_file
from augrad_audio.tasks import synthesis
from augrad_audio.tasks.synthesis import DIGITS, N_TAKES, RATE

SAMPLE_RATE = 4000
"""Sample rate of the words of `spoken_digits`, in Hz; two or three resonances of the voice lie below 2000 Hz."""

SECONDS = 0.5

_LOUDNESS = 0.02
_LEAD = 0.02
# Seconds kept before the first sample that is louder than _LOUDNESS.


def spoken_digits() -> tuple[Float[Tensor, "words 1 time"], Int[Tensor, " words"], Int[Tensor, " words"]]:
    """Loads 1440 words of half a second, the digit of each word, and the number of its voice in `synthesis.VOICES`.

    The first call speaks them, which takes some seconds, and keeps the recording (25 MB) in `cache_directory()`.

    Raises:
        MissingDependencyError: espeakng-loader is not installed, or its eSpeak NG does not work.
    """
    content = _recording().read_bytes()
    words, at = [], 0
    while at < len(content):
        n_bytes = int.from_bytes(content[at : at + 4], "little")
        words.append(content[at + 4 : at + 4 + n_bytes])
        at += 4 + n_bytes
    number = torch.arange(len(words))
    n_of_voice = len(DIGITS) * N_TAKES
    return torch.stack([_cut(word) for word in words])[:, None], number % n_of_voice // N_TAKES, number // n_of_voice


def cache_directory() -> Path:
    """Returns augrad's folder for data made from other packages: `$XDG_CACHE_HOME/augrad`, or `~/.cache/augrad`."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "augrad"


def _recording() -> Path:
    """Returns the file with the recording; its name changes with the program that makes it."""
    program = Path(synthesis.__file__)
    kept = cache_directory() / f"spoken-digits-{sha256(program.read_bytes()).hexdigest()[:12]}.bin"
    if kept.is_file():
        return kept
    if find_spec("espeakng_loader") is None:
        raise MissingDependencyError(
            "spoken digits are synthesised by the package espeakng-loader, which is not installed: "
            "pip install 'augrad-audio[demo]'",
            dependency="espeakng-loader",
        )
    with tempfile.TemporaryDirectory() as folder:
        said = Path(folder) / "words.bin"
        # -P keeps the modules of this folder from replacing modules of the standard library.
        command = [sys.executable, "-P", str(program), str(said)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own program
        if done.returncode:
            reason = done.stderr.strip().rpartition("\n")[2] or f"exit status {done.returncode}"
            raise MissingDependencyError(
                f"espeakng-loader could not speak the digits: {reason}. Try pip install --force-reinstall "
                "espeakng-loader",
                dependency="espeakng-loader",
            )
        return write_file(kept, said.read_bytes())


def _cut(word: bytes) -> Float[Tensor, " time"]:
    """Cuts half a second from the start of the word and resamples it to `SAMPLE_RATE`, without aliasing."""
    wave = torch.frombuffer(bytearray(word), dtype=torch.int16).float() / 2**15
    begin = max(0, int((wave.abs() > _LOUDNESS).int().argmax()) - round(_LEAD * RATE))
    n_times = round(SECONDS * RATE)
    wave = wave[begin : begin + n_times]
    # A whole number of periods of the new rate fits, so leaving out high frequencies resamples.
    spectrum = torch.fft.rfft(pad(wave, (0, n_times - len(wave))))
    n_short = round(SECONDS * SAMPLE_RATE)
    short: Tensor = torch.fft.irfft(spectrum[: n_short // 2 + 1], n=n_short) * (n_short / n_times)
    return short
