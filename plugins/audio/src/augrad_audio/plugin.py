"""What this distribution brings to augrad, as import strings. Read at discovery, so it imports no framework."""

from __future__ import annotations

from augrad.plugins.hookspecs import hookimpl, names_of

_MODULES = {
    "time": ("TimeShift", "Speed", "TimeReverse"),
    "stretching": ("TimeStretch",),
    "warping": ("TimeWarp",),
    "masks": ("TimeMask", "FrequencyMask"),
    "filters": ("LowPass", "HighPass", "BandStop", "EqualizerTilt"),
    "frequency": ("FrequencyShift", "PhaseNoise"),
    "level": ("Gain", "Polarity", "DcOffset", "Overdrive"),
    "channels": ("ChannelSwap", "ChannelDropout", "ChannelGain"),
    "noise": ("WhiteNoise", "ColouredNoise"),
    "pitch": ("PitchShift",),
    "room": ("Reverberation",),
}

_TASKS = {
    "digits-gain": "digits:GAIN",
    "appliances-shift": "appliances:SHIFT",
    "vowels-offset": "vowels:OFFSET",
    "power-limit": "power:LIMIT",
    "switches-nothing": "appliances:NOTHING",
}


@hookimpl
def augrad_transforms() -> dict[str, str]:
    """Names of the audio transforms and where their classes are.

    Example:
        >>> augrad_transforms()["audio.time_shift"]
        'augrad_audio.time:TimeShift'
    """
    return names_of("audio", "augrad_audio", _MODULES)


@hookimpl
def augrad_demos() -> dict[str, str]:
    """The demo of audio transforms and where it is.

    Example:
        >>> augrad_demos()
        {'audio': 'augrad_audio.demo:DEMO'}
    """
    return {"audio": "augrad_audio.demo:DEMO"}


@hookimpl
def augrad_tasks() -> dict[str, str]:
    """The benchmark tasks on signals and where they are.

    Example:
        >>> augrad_tasks()["audio-digits-gain"]
        'augrad_audio.tasks.digits:GAIN'
    """
    return {f"audio-{name}": f"augrad_audio.tasks.{place}" for name, place in _TASKS.items()}


def notes() -> list[str]:
    """What `augrad plugins` should say of this installation; imports torchaudio.

    Example:
        >>> len(notes()) in (0, 1)
        True
    """
    from augrad.errors import MissingDependencyError
    from augrad_audio.backend import native_library_loads

    try:
        loads = native_library_loads()
    except MissingDependencyError as error:
        return [f"{error} (every transform works without it)"]
    if loads:
        return []
    note = "torchaudio's native library cannot be loaded (it was built for another torch); its Python part is used"
    return [f"{note}, and every transform works"]
