"""Speaks the ten digits in many voices and writes the recording. speech.py runs it as a program of its own.

The output of eSpeak NG depends on everything the process has said before. It therefore runs in a fresh process, in a
fixed order. This file imports neither torch nor augrad, so that it starts quickly.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterator, Sequence
from importlib import import_module
from itertools import product

DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")

ACCENTS = ("en", "en-us", "en-gb-scotland", "en-029")
"""Accents of Britain, America, Scotland and the Caribbean."""

TIMBRES = ("f1", "f4", "linda", "belinda", "annie", "m1", "m2", "m3", "m4", "m5", "m6", "m7")
"""Five female and seven male timbres. f2, f3 and f5 add breath noise seeded by the clock, so they are left out."""

VOICES = tuple(f"{accent}+{timbre}" for timbre in TIMBRES for accent in ACCENTS)
"""Voices of eSpeak NG, timbre by timbre."""

N_TAKES = 3
"""How often each voice says each digit, each time at another speed and pitch."""

RATE = 22050
"""Sample rate of eSpeak NG in Hz."""

_SYNCHRONOUS, _CHUNK_MS = 2, 1 << 15
_SPEED, _PITCH, _PITCH_RANGE = 1, 3, 4
_UTF8 = 1


class Speaker:
    """eSpeak NG, loaded from the package espeakng-loader.

    Raises:
        ImportError: the package is not installed.
        RuntimeError: the library cannot start, or speaks at another sample rate.
    """

    def __init__(self) -> None:
        espeakng_loader = import_module("espeakng_loader")
        self._library = ctypes.CDLL(espeakng_loader.get_library_path())
        data = espeakng_loader.get_data_path().encode()
        rate = self._library.espeak_Initialize(_SYNCHRONOUS, _CHUNK_MS, data, 0)
        if rate != RATE:
            raise RuntimeError(f"espeak_Initialize must return a rate of {RATE} Hz, but returned {rate}.")
        self._spoken = bytearray()
        # The library keeps only a pointer, so without this reference the callback would be garbage-collected.
        signature = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)
        self._callback = signature(self._hear)
        self._library.espeak_SetSynthCallback(self._callback)

    def _hear(self, samples: ctypes._Pointer[ctypes.c_short], n_samples: int, events: int | None) -> int:
        if n_samples > 0:
            self._spoken += ctypes.string_at(samples, 2 * n_samples)
        return 0

    def say(self, text: str, voice: str, speed: int, pitch: int, pitch_range: int) -> bytes:
        """Speaks a text and returns the recording: 16-bit samples in this machine's byte order.

        Args:
            text: English text.
            voice: a name from `VOICES`.
            speed: words per minute.
            pitch: 0 to 100.
            pitch_range: 0 (monotone) to 100.

        Raises:
            RuntimeError: eSpeak NG does not know the voice.
        """
        if self._library.espeak_SetVoiceByName(voice.encode()):
            raise RuntimeError(f"voice must be one that eSpeak NG knows, but got {voice!r}.")
        for parameter, value in ((_SPEED, speed), (_PITCH, pitch), (_PITCH_RANGE, pitch_range)):
            self._library.espeak_SetParameter(parameter, value, 0)
        self._spoken.clear()
        content = text.encode() + b"\0"
        self._library.espeak_Synth(content, ctypes.c_size_t(len(content)), 0, 0, 0, _UTF8, None, None)
        self._library.espeak_Synchronize()
        return bytes(self._spoken)


def words(speaker: Speaker) -> Iterator[bytes]:
    """Speaks each digit `N_TAKES` times by each voice, voice by voice and digit by digit."""
    for number, (voice, digit, _) in enumerate(product(VOICES, DIGITS, range(N_TAKES))):
        # The steps share no divisor with the sizes of their ranges, so each word gets another combination.
        yield speaker.say(digit, voice, 165 + 29 * number % 71, 25 + 17 * number % 50, 30 + 11 * number % 41)


def main(arguments: Sequence[str]) -> None:
    """Writes all words to the named file: for each word its number of bytes, in 4 bytes, and its samples."""
    with open(arguments[0], "wb") as file:
        file.writelines(len(word).to_bytes(4, "little") + word for word in words(Speaker()))


if __name__ == "__main__":
    main(sys.argv[1:])
