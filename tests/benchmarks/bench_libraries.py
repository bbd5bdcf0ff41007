"""Our transforms against the functions of kornia and torchaudio that do the same: gradient, identity, cost.

A library's function could take the place of ours if it

- passes the conformance kit's checks of values and gradients, which run on our transform with that function in it,
- has finite gradients at black and white (0 and 1),
- reaches as many values as ours does at nine tenths of the range,
- costs at most twice as much, forward and backward (median over interleaved rounds).

Matrix transforms in a row are one product and one pass over the batch, which any other function between them breaks
into three: `between` is the cost ratio between two others of its kind. A warp is also blurred three times then, and
once with ours. Such a function can therefore take our place only where the transform stands alone.

Run: python tests/benchmarks/bench_libraries.py [--rounds 9] [--only rotate]
"""

from __future__ import annotations

import argparse
import statistics
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from kornia import color, enhance, filters
from kornia.geometry import transform as geometry
from torch import Tensor

from augrad import MatrixTransform, Transform
from augrad.testing.examples import call, example_batch, noise_for, values_at
from augrad.testing.registry import all_checks
from augrad_audio import channels, level, noise, pitch, room, stretching
from augrad_audio import filters as audio_filters
from augrad_audio import time as audio_time
from augrad_audio.backend import torchaudio
from augrad_audio.signals import working_dtype
from augrad_vision import colour, fields, local, tone
from augrad_vision import geometric as ours

MOST = 2.0
"""A library's function may cost so many times what ours costs."""

WANTED = (
    "check_identity_at_zero", "check_finite", "check_shape_kept", "check_dtype_kept", "check_input_untouched",
    "check_samples_independent", "check_gradient_reaches_parameters", "check_gradient_alive_at_ends",
    "check_gradcheck_of_parameters", "check_gradcheck_of_input", "check_gradient_agrees_with_differences",
)  # fmt: skip
RATE = 8000
IMAGES, SOUNDS = (64, 3, 32, 32), (16, 1, 8000)
Q = (0.5412, 1.3066)
"""Of the two biquads that make a Butterworth filter of order 4."""


@dataclass(frozen=True)
class Case:
    """One of our transforms, and a library's function in its place.

    Attributes:
        transform: ours.
        library: how the library's function is called.
        function: takes a batch and the transform's values by name, and its noise if it has some.
    """

    transform: Transform
    library: str
    function: Callable[..., Any]

    def swapped(self) -> Transform:
        """Our transform with the library's function in it."""
        function = self.function

        class Swapped(type(self.transform)):  # type: ignore[misc]
            name = self.transform.name

            def forward(self, x: Any, **values: Any) -> Any:
                noise = {"noise": values.pop("noise")} if "noise" in values else {}
                return function(x, *values.values(), **noise)

        other = Swapped.__new__(Swapped)
        other.__dict__.update(self.transform.__dict__)
        return other


def vision() -> Iterator[Case]:
    """The image transforms that kornia has a function for."""

    def size(x: Tensor, at: int) -> int:
        return int(x.shape[at])

    def moved(x: Tensor, across: Tensor, down: Tensor) -> Tensor:
        return geometry.translate(x, torch.stack([across * size(x, 3), down * size(x, 2)], dim=1))

    def sheared(x: Tensor, across: Tensor, down: Tensor) -> Tensor:
        return geometry.shear(x, torch.stack([across, down], dim=1).deg2rad().tan(), align_corners=True)

    def resized(x: Tensor, across: Tensor, down: Tensor) -> Tensor:
        return geometry.scale(x, torch.exp2(torch.stack([across, down], dim=1)))

    yield Case(ours.Rotate(), "rotate", geometry.rotate)
    yield Case(ours.TranslateX(), "translate", lambda x, offset: moved(x, offset, 0 * offset))
    yield Case(ours.TranslateY(), "translate", lambda x, offset: moved(x, 0 * offset, offset))
    yield Case(ours.ShearX(), "shear(align_corners=True)", lambda x, angle: sheared(x, angle, 0 * angle))
    yield Case(ours.ShearY(), "shear(align_corners=True)", lambda x, angle: sheared(x, 0 * angle, angle))
    yield Case(ours.Scale(), "scale", lambda x, factor: resized(x, factor, factor))
    yield Case(ours.ScaleX(), "scale", lambda x, factor: resized(x, factor, 0 * factor))
    yield Case(ours.ScaleY(), "scale", lambda x, factor: resized(x, 0 * factor, factor))
    yield Case(ours.HorizontalFlip(), "hflip", geometry.hflip)
    yield Case(ours.VerticalFlip(), "vflip", geometry.vflip)
    yield Case(colour.Brightness(), "adjust_brightness", enhance.adjust_brightness)
    yield Case(
        colour.Contrast(), "adjust_contrast", lambda x, factor: enhance.adjust_contrast(x, torch.exp2(factor)),
    )  # fmt: skip
    yield Case(colour.Saturation(), "adjust_saturation", lambda x, amount: enhance.adjust_saturation(x, 1 + amount))
    yield Case(colour.Hue(), "adjust_hue", lambda x, angle: enhance.adjust_hue(x, angle.deg2rad()))
    yield Case(colour.Grayscale(), "rgb_to_grayscale", lambda x: color.rgb_to_grayscale(x).expand_as(x))
    yield Case(colour.Invert(), "invert", enhance.invert)
    yield Case(tone.Gamma(), "adjust_gamma", lambda x, factor: enhance.adjust_gamma(x, torch.exp2(factor)))
    yield Case(tone.Sharpness(), "sharpness", lambda x, amount: enhance.sharpness(x, 1 + amount))
    yield Case(tone.Solarize(), "solarize", enhance.solarize)
    yield Case(
        tone.Posterize(), "posterize",
        lambda x, step: enhance.posterize(x, (1 / step.clamp_min(1 / 255) + 1).log2().round().int()),
    )  # fmt: skip
    yield Case(tone.Equalize(), "equalize", enhance.equalize)
    yield Case(
        local.GaussianBlur(), "gaussian_blur2d(25x25)",
        lambda x, sigma: filters.gaussian_blur2d(x, (25, 25), sigma[:, None].expand(-1, 2)),
    )  # fmt: skip
    yield Case(
        fields.Elastic(), "elastic_transform2d",
        lambda x, displacement, noise: geometry.elastic_transform2d(
            x, torch.nn.functional.interpolate(noise, x.shape[2:]), kernel_size=(11, 11), sigma=(4.0, 4.0),
            alpha=displacement[:, None, None, None] / x.shape[-1], align_corners=True,
        ),
    )  # fmt: skip


def audio() -> Iterator[Case]:
    """The transforms of signals that torchaudio has a function for; its floats are given tensors, one per signal."""
    sound = torchaudio().functional
    rate = {"sample_rate": RATE}

    def cascade(filter_: Callable[..., Tensor], x: Tensor, cutoff_hz: Tensor) -> Tensor:
        for q in Q:
            x = filter_(x, RATE, cutoff_hz[:, None, None], q)
        return x

    yield Case(level.Gain(), "gain", lambda x, gain_db: sound.gain(x, gain_db[:, None, None]))
    yield Case(
        level.DcOffset(), "dcshift", lambda x, offset: sound.dcshift(x, offset[:, None, None] * level.own_rms(x))
    )
    yield Case(
        audio_filters.LowPass(**rate), "lowpass_biquad, twice",
        lambda x, cutoff_hz: cascade(sound.lowpass_biquad, x, cutoff_hz),
    )  # fmt: skip
    yield Case(
        audio_filters.HighPass(**rate), "highpass_biquad, twice",
        lambda x, cutoff_hz: cascade(sound.highpass_biquad, x, cutoff_hz),
    )  # fmt: skip
    yield Case(
        audio_filters.BandStop(**rate), "bandreject_biquad",
        lambda x, width_hz, noise: sound.bandreject_biquad(x, RATE, noise[:, None, None] * RATE / 2, 1000 / width_hz),
    )  # fmt: skip
    yield Case(
        audio_filters.EqualizerTilt(), "treble_biquad",
        lambda x, tilt: sound.treble_biquad(x, RATE, tilt[:, None, None], 1000.0),
    )  # fmt: skip
    yield Case(level.Overdrive(), "overdrive", lambda x, drive_db: sound.overdrive(x, drive_db[:, None, None]))
    yield Case(
        noise.WhiteNoise(), "add_noise",
        lambda x, snr_db, noise: sound.add_noise(x, noise, snr_db[:, None].expand(-1, x.shape[1])),
    )  # fmt: skip
    yield Case(pitch.PitchShift(), "pitch_shift", lambda x, semitones: sound.pitch_shift(x, RATE, semitones))
    yield Case(audio_time.Speed(), "speed", lambda x, rate: sound.speed(x, RATE, torch.exp2(rate))[0])
    yield Case(stretching.TimeStretch(n_fft=64), "phase_vocoder", lambda x, rate: _vocoded(x, torch.exp2(rate)))
    yield Case(room.Reverberation(**rate), "fftconvolve", _in_a_room)
    yield Case(
        channels.ChannelGain(n_channels=2), "gain", lambda x, gain_db: sound.gain(x, gain_db[:, :, None])
    )  # fmt: skip


def _vocoded(x: Tensor, rate: Tensor) -> Tensor:
    window = torch.hann_window(64, dtype=x.dtype)
    spectrum = torch.stft(x.flatten(0, 1), 64, 16, window=window, return_complex=True)
    advance = torch.linspace(0, torch.pi * 16, spectrum.shape[1], dtype=x.dtype)[:, None]
    stretched = torchaudio().functional.phase_vocoder(spectrum, rate, advance)
    return torch.istft(stretched, 64, 16, window=window, length=x.shape[-1]).reshape(x.shape)


def _in_a_room(x: Tensor, decay: Tensor, noise: Tensor) -> Tensor:
    """`room.reverberate` with torchaudio's convolution in place of our three lines of FFT."""
    kept, x, noise = x.dtype, x.to(working_dtype(x)), noise.to(working_dtype(x))
    n_times, decay_samples = x.shape[-1], decay.to(x.dtype) * RATE / 1000
    place = torch.arange(n_times, dtype=x.dtype)
    tail = noise * torch.exp(-6.907755278982137 * place / (decay_samples[:, None, None] + 1e-3))
    tail = tail * (tail.square().sum(dim=-1, keepdim=True) + 1e-12).rsqrt()
    wet = (decay / 500).to(x.dtype)[:, None, None]
    mixed: Tensor = (x + wet * torchaudio().functional.fftconvolve(x, tail)[..., :n_times]) * (1 + wet.square()).rsqrt()
    return mixed.to(kept)


def fault(transform: Transform) -> str:
    """The first promise of values or gradients that a transform breaks, in few words; empty if none."""
    checks = {check.name: check for check in all_checks(transform)}
    for name in WANTED:
        if name in checks:
            try:
                checks[name](transform)
            except Exception as error:  # noqa: BLE001 - whatever breaks it is the answer
                said = " ".join(str(error).removeprefix(f"{transform.name}: ").split())
                kind = "" if isinstance(error, AssertionError) else f"{type(error).__name__}: "
                return f"{name.removeprefix('check_')}: {kind}{said}"[:110]
    return ""


def inputs_of(
    transform: Transform,
    fraction: float = 0.5,
    dtype: torch.dtype = torch.float32,
    shape: tuple[int, ...] | None = None,
) -> tuple[Tensor, dict[str, Tensor], Any]:
    """A batch of usual size, values at a fraction of the range, and the noise."""
    example = example_batch(transform, 1)
    usual = IMAGES if example.ndim == 4 else (SOUNDS[0], example.shape[1], SOUNDS[2])
    x = torch.rand(shape or usual, generator=torch.Generator().manual_seed(0), dtype=dtype)
    values = {name: value.to(dtype) for name, value in values_at(transform, torch.full((len(x),), fraction)).items()}
    return x, values, noise_for(transform, x)


def at_the_ends(transform: Transform, own: Transform) -> str:
    """What goes wrong at black and white, or far out in the range, where it does not in our own; empty if nothing."""
    usual = inputs_of(own)[0].shape
    x, values, noise = inputs_of(transform, 0.9, torch.float64, (4, *usual[1:-1], 32 if len(usual) == 4 else 256))
    x[..., :4], x[..., 4:8] = 0.0, 1.0
    leaves = {name: value.clone().requires_grad_() for name, value in values.items()}
    inner = x.clone().requires_grad_()
    y = call(transform, inner, leaves, noise)
    gradients = torch.autograd.grad(y.square().sum(), [inner, *leaves.values()])
    if not all(bool(gradient.isfinite().all()) for gradient in gradients):
        return "infinite gradient at black or white"
    theirs, mine = reached(transform, x, values, noise), reached(own, x, values, noise)
    return "" if theirs >= 0.9 * mine else f"gradient at {theirs:.0%} of the values (ours: {mine:.0%})"


def reached(transform: Transform, x: Tensor, values: dict[str, Tensor], noise: Any, step: float = 1e-5) -> float:
    """The share of values that change with the parameter; without one, of those that pass a gradient to the input."""
    if not values:
        inner = x.clone().requires_grad_()
        y = call(transform, inner, {}, noise)
        weights = torch.rand(y.shape, generator=torch.Generator().manual_seed(0), dtype=y.dtype)
        return float((torch.autograd.grad((y * weights).sum(), inner)[0] != 0).double().mean())
    ends = [call(transform, x, {n: v * (1 + sign * step) for n, v in values.items()}, noise) for sign in (-1, 1)]
    return float((ends[1] - ends[0] != 0).double().mean())


def step_of(transform: Transform) -> Callable[[], Tensor]:
    """Forward and backward, in the values and the input."""
    x, values, noise = inputs_of(transform)

    def step() -> Tensor:
        leaves = {name: value.clone().requires_grad_() for name, value in values.items()}
        y: Tensor = call(transform, x.clone().requires_grad_(), leaves, noise)
        y.square().sum().backward()
        return y.detach()

    return step


def costs(steps: Sequence[Callable[[], Tensor]], rounds: int) -> list[float]:
    """Median seconds of each, all taken in turn in every round."""
    seconds: list[list[float]] = [[] for _ in steps]
    for round_ in range(rounds + 1):
        for kept, step in zip(seconds, steps, strict=True):
            started = time.perf_counter()
            step()
            if round_:
                kept.append(time.perf_counter() - started)
    return [statistics.median(kept) for kept in seconds]


def between(case: Case) -> tuple[Callable[[], Tensor], Callable[[], Tensor]] | None:
    """One between two others of its kind: ours is one product of matrices and one pass, a library's makes it three."""
    own, other = case.transform, case.swapped()
    partner = next((p for p in (ours.Rotate(), colour.Brightness(), level.Gain()) if _fuse(own, p)), None)
    if partner is None:
        return None
    x, values, _ = inputs_of(own)
    turn = partner.matrix(**inputs_of(partner)[1])[:1]

    def leaves() -> dict[str, Tensor]:
        return {name: value.clone().requires_grad_() for name, value in values.items()}

    def mine() -> Tensor:
        matrix = (turn @ own.matrix(**leaves()) @ turn).expand(len(x), -1, -1)
        y: Tensor = own.action.act(x.clone().requires_grad_(), matrix)
        y.square().sum().backward()
        return y.detach()

    def theirs() -> Tensor:
        some = turn.expand(len(x), -1, -1)
        inner = call(other, own.action.act(x.clone().requires_grad_(), some), leaves(), None)
        y: Tensor = own.action.act(inner, some)
        y.square().sum().backward()
        return y.detach()

    return mine, theirs


def _fuse(one: Transform, other: MatrixTransform) -> bool:
    return isinstance(one, MatrixTransform) and one.action == other.action


def row(case: Case, rounds: int) -> tuple[str, bool]:
    """What is said of a case, and whether the library's function could take our place."""
    other = case.swapped()
    broken = fault(other)
    cells = ["-"] * 5
    ratio = stacked = float("inf")
    try:
        broken = broken or at_the_ends(other, case.transform)
        mine, theirs = step_of(case.transform), step_of(other)
        apart = (mine() - theirs()).abs().max().item()
        own_s, other_s = costs([mine, theirs], rounds)
        ratio = stacked = other_s / own_s
        cells = [f"{1e3 * own_s:.2f}", f"{1e3 * other_s:.2f}", f"{ratio:.2f}", "-", f"{apart:.1e}"]
        three = between(case)
        if three is not None:
            own_s, other_s = costs(three, rounds)
            stacked = other_s / own_s
            cells[3] = f"{stacked:.2f}"
    except Exception as error:  # noqa: BLE001 - it does not take a value per sample, or has no gradient
        broken = broken or f"{type(error).__name__}: {error}"[:110]
    fits = not broken and ratio <= MOST
    if not broken and not fits:
        broken = f"costs {ratio:.1f} times as much"
    alone = f"could take its place alone; {stacked:.1f} times the cost between two others, in three passes for one"
    verdict = broken or (alone if cells[3] != "-" else "could take its place")
    numbers = " ".join(f"{cell:>8}" for cell in cells)
    return f"{case.transform.name:24} {case.library:26} {numbers}  {verdict}", fits


def main(argv: Sequence[str] | None = None) -> int:
    """Prints one line per transform."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9, help="timed rounds; the median counts (default 9)")
    parser.add_argument("--only", default="", help="transforms whose name holds this")
    options = parser.parse_args(argv)
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    heads = " ".join(f"{head:>8}" for head in ("ours ms", "lib. ms", "ratio", "between", "apart"))
    print(f"{'transform':24} {'library':26} {heads}  verdict")
    fitting = []
    for case in (*vision(), *audio()):
        if options.only in case.transform.name:
            line, fits = row(case, options.rounds)
            print(line, flush=True)
            fitting += [case.transform.name] if fits else []
    print(f"\nCould take the place of ours: {', '.join(fitting) or 'none'}.")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
