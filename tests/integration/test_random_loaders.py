"""A loader that changes its samples at each reading gives the same verdicts as one that does not.

Evidence reads each sample once. So it does not need to recognise a sample that it has seen before.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, one_hot, pad
from torch.utils.data import DataLoader, Dataset, default_collate

import augrad
from augrad import Evidence, find_policy

sklearn_datasets = pytest.importorskip("sklearn.datasets")
pytest.importorskip("augrad_vision")

N_SAMPLES = 300
CANDIDATES = ["vision.solarize", "vision.rotate", "vision.erase"]


@functools.cache
def digits(turned: float) -> tuple[Tensor, Tensor]:
    """Handwritten digits, turned by any angle between minus and plus this number of degrees."""
    found = sklearn_datasets.load_digits()
    small = torch.tensor(found.images[:N_SAMPLES], dtype=torch.float32)[:, None] / 16
    images = interpolate(small, size=(16, 16), mode="bilinear")
    angles = turned * (2 * torch.rand(N_SAMPLES, generator=augrad.keyed_generator("turned", 0)) - 1)
    return augrad.get_transform("vision.rotate")()(images, angle=angles), torch.tensor(found.target[:N_SAMPLES])


def noisy(image: Tensor) -> Tensor:
    return image + 0.02 * torch.randn_like(image)


def cropped(image: Tensor) -> Tensor:
    down, right = torch.randint(0, 3, (2,)).tolist()
    return pad(image, (1, 1, 1, 1))[..., down : down + 16, right : right + 16]


def mirrored(image: Tensor) -> Tensor:
    return image.flip(-1) if torch.rand(()) < 0.5 else image


def mixed(pairs: list[Any]) -> Any:
    """Mixes each image, and its target, with another one of its batch."""
    images, classes = default_collate(pairs)
    targets = one_hot(classes, 10).float()
    share = 0.8 + 0.2 * torch.rand(len(images))
    other = torch.randperm(len(images))
    kept = share[:, None, None, None]
    return kept * images + (1 - kept) * images[other], share[:, None] * targets + (1 - share[:, None]) * targets[other]


class Digits(Dataset[tuple[Tensor, Tensor]]):
    """Changes an image anew each time that it is read."""

    def __init__(self, turned: float, change: Callable[[Tensor], Tensor]) -> None:
        self._images, self._classes = digits(turned)
        self._change = change

    def __len__(self) -> int:
        return N_SAMPLES

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        return self._change(self._images[index]), self._classes[index]


def clean(image: Tensor) -> Tensor:
    return image


@functools.cache
def found(turned: float, change: Callable[[Tensor], Tensor], collate: Any = None) -> Evidence:
    torch.manual_seed(0)
    trunk = nn.Sequential(
        *(nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(8, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.Linear(256, 10)),
    )
    loader = DataLoader(Digits(turned, change), 64, shuffle=True, collate_fn=collate)
    return find_policy(trunk, loader, CANDIDATES)


def verdicts(evidence: Evidence) -> list[str]:
    return [each.verdict for each in evidence.candidates]


def test_the_samples_do_change():
    data = Digits(60.0, noisy)
    assert not torch.equal(data[3][0], data[3][0])
    for change in (cropped, mirrored):
        assert len({float((change(data[3][0]) * torch.arange(256).view(16, 16)).sum()) for _ in range(20)}) > 1


LOADERS = {"noise": (noisy, None), "crops": (cropped, None), "flips": (mirrored, None), "mixtures": (clean, mixed)}


@pytest.mark.parametrize("loader", LOADERS)
def test_turned_digits(loader: str):
    evidence = found(60.0, *LOADERS[loader])
    assert verdicts(evidence) == verdicts(found(60.0, clean)) == ["harms", "helps", "harms"]
    assert 45 < evidence.candidates[1].ranges[0].high < 90
    assert evidence.facts.n_samples == N_SAMPLES


@pytest.mark.parametrize("loader", LOADERS)
def test_upright_digits(loader: str):
    """A few degrees may help or not; more harms, as the digits are upright."""
    for evidence in (found(0.0, *LOADERS[loader]), found(0.0, clean)):
        solarize, rotate, erase = evidence.candidates
        assert (solarize.verdict, erase.verdict) == ("harms", "harms")
        assert rotate.verdict == "harms" or rotate.ranges[0].high < 20
