"""
Sounds: may a chirp be higher or lower?
=======================================

There are 120 short sounds of four kinds: rising, falling, steady, and trembling. The kind depends on how the pitch
moves, not on how high it is. Among five candidates, augrad finds the transform that changes only the height, a shift in
frequency. Run the example with ``python examples/audio_chirps.py``.
"""

import argparse
import math

import matplotlib.pyplot as plt
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

import augrad
from augrad_audio.backend import LogMelSpectrogram

SAMPLE_RATE = 4000
CANDIDATES = ["frequency_shift", "gain", "white_noise", "low_pass", "time_mask"]


# %%
# The task
# --------
# Each sound lasts 0.3 seconds and has its own central pitch, between 400 and 900 Hz. Waveforms are tensors ``(batch,
# channels, time)``.


def chirps(n_sounds: int, key: str) -> tuple[Tensor, Tensor]:
    generator = augrad.keyed_generator("chirps", key)
    kind = torch.randint(4, (n_sounds,), generator=generator)
    pitch, reach, phase = torch.rand(3, n_sounds, 1, generator=generator)
    time = torch.linspace(0, 0.3, 1200)
    straight, trembling = time / 0.3 - 0.5, 0.25 * torch.sin(2 * math.pi * 12 * time)
    bend = torch.stack([straight, -straight, 0 * time, trembling])[kind] * (0.3 + 0.5 * reach)  # octaves
    hertz = (400 + 500 * pitch) * 2**bend
    waves = torch.sin(2 * math.pi * (hertz.cumsum(dim=1) / SAMPLE_RATE + phase))
    waves = 0.3 * torch.sin(math.pi * time / 0.3) ** 2 * waves
    return (waves + 0.002 * torch.randn(waves.shape, generator=generator))[:, None], kind


# %%
# The model
# ---------
# The trunk is a small convolutional network on torchaudio's mel spectrogram. The augmentation acts before it, on the
# waveform. Candidates with a parameter in hertz, such as ``frequency_shift``, need the sample rate. It is given once,
# as ``arguments``.


def model_with(layer: augrad.AugmentationLayer, copies: int) -> augrad.InvariantModel:
    torch.manual_seed(0)
    trunk = nn.Sequential(
        LogMelSpectrogram(SAMPLE_RATE, n_mels=24, n_fft=256, hop_length=80, floor=1e-4),
        *[nn.Conv2d(1, 16, 3, stride=2, padding=1), nn.BatchNorm2d(16), nn.ReLU()],
        *[nn.Conv2d(16, 32, 3, stride=2, padding=1), nn.BatchNorm2d(32), nn.ReLU()],
        *[nn.Flatten(), nn.Linear(32 * 6 * 4, 4)],
    )
    return augrad.InvariantModel(trunk, layer, copies=copies)


# %%
# Training
# --------
# The model is trained with augmentation and, for comparison, without: a magnitude that starts at 0 stays there.


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Learn what may be done to a chirp.")
    parser.add_argument("--epochs", type=int, default=20)
    epochs = parser.parse_args(argv).epochs

    sounds, kinds = chirps(120, "train")
    new_sounds, new_kinds = chirps(400, "test")
    loader = DataLoader(TensorDataset(sounds, kinds), batch_size=20, shuffle=True)

    names = [f"audio.{name}" for name in CANDIDATES]
    learning = model_with(augrad.AugmentationLayer(names, arguments={"sample_rate": SAMPLE_RATE}), copies=10)
    plain = model_with(augrad.AugmentationLayer(["audio.gain"], magnitude=0.0), copies=1)
    result = augrad.fit(learning, loader, max_epochs=epochs, lr=2e-3, progress=False)
    augrad.fit(plain, loader, max_epochs=epochs, lr=2e-3, penalty=None, progress=False)

    print(result.policy)
    for name, model in (("no augmentation", plain), ("learned augmentation", learning)):
        with torch.no_grad():
            right = model(new_sounds).argmax(dim=1) == new_kinds
        print(f"{name}: {right.float().mean():.1%} of 400 new sounds right")
    draw(result.policy, sounds[kinds == 2][:1])


# %%
# The picture
# -----------
# The pictures are spectrograms of a steady sound. The middle shows the original. The left and the right show the sound
# shifted to either end of the learned range, which is the largest shift that the model sees in training.


def draw(policy: augrad.Policy, sound: Tensor) -> None:
    shift = augrad.get_transform("audio.frequency_shift")(sample_rate=SAMPLE_RATE)
    row = next(row for row in policy if row.transform == shift.name)
    hertz = torch.tensor([row.low, 0.0, row.high])
    _, panels = plt.subplots(1, 3, figsize=(8, 3), sharey=True, layout="constrained")
    for panel, wave, moved in zip(panels, shift(sound.repeat(3, 1, 1), shift_hz=hertz), hertz, strict=True):
        panel.specgram(wave[0], NFFT=512, noverlap=480, Fs=SAMPLE_RATE, vmin=-110)
        panel.set(ylim=(300, 1000), xlabel="time [s]", title=f"{moved:+.0f} Hz")
    panels[0].set_ylabel("frequency [Hz]")
    plt.show()


# %%
# The results
# -----------


if __name__ == "__main__":
    main()
