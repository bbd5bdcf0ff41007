"""Audits of networks on handwritten digits: what was planted is found, and its twin is not accused."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn

import augrad
from augrad_vision.geometric import Rotate

ROTATE = Rotate()


def digits() -> tuple[Tensor, Tensor]:
    found = load_digits()
    images = torch.tensor(found.images, dtype=torch.float32)[:, None] / 16
    order = torch.randperm(len(images), generator=augrad.keyed_generator("digits"))
    return images[order], torch.tensor(found.target)[order]


def trained(x: Tensor, y: Tensor, changed: Callable[[Tensor], Tensor] = lambda x: x) -> nn.Module:
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(512, 64), nn.ReLU(), nn.Linear(64, 10),
    )  # fmt: skip
    optimizer = torch.optim.Adam(model.parameters(), 2e-3)
    for _ in range(12):
        for index in torch.randperm(len(x)).split(50):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(changed(x[index])), y[index]).backward()
            optimizer.step()
    return model.eval()


def turned_over(x: Tensor) -> Tensor:
    return torch.where(torch.rand(len(x), 1, 1, 1) < 0.5, x.flip(-1, -2), x)


@pytest.fixture(scope="module")
def data() -> tuple[Tensor, Tensor]:
    return digits()


def test_digits_trained_upside_down_are_over_invariant_and_their_twin_is_not(data: tuple[Tensor, Tensor]) -> None:
    x, y = data
    loader = [(x[1000:], y[1000:])]
    (verdict,) = augrad.audit(trained(x[:1000], y[:1000], turned_over), loader, [ROTATE], strengths=(1.0,))
    assert verdict.kind == "over-invariant"
    (twin,) = augrad.audit(trained(x[:1000], y[:1000]), loader, [ROTATE], strengths=(1.0,))
    assert twin.kind == "sensitive"


def test_a_missed_invariance_is_found_and_its_twin_is_not(data: tuple[Tensor, Tensor]) -> None:
    """The data are turned within 45 degrees; one network was trained on them, the other on digits as they are."""
    x, y = data
    angles = 90 * torch.rand(len(x), generator=augrad.keyed_generator("angles")) - 45
    turned = ROTATE(x, angle=angles)
    little = Rotate(angle=20.0)
    loader = [(turned[900:], y[900:])]
    missed = augrad.audit(trained(x[:900], y[:900]), loader, [little])
    assert missed.verdicts[0].kind == "missed"
    assert missed.verdicts[0].expected_gain.value > 0.05
    anew = trained(x[:900], y[:900], lambda some: ROTATE(some, angle=120 * torch.rand(len(some)) - 60))
    assert augrad.audit(anew, loader, [little]).verdicts[0].kind in ("invariant", "undecided")


def test_a_whole_modality_is_audited_and_what_does_not_fit_is_named(data: tuple[Tensor, Tensor]) -> None:
    x, y = data
    report = augrad.audit(trained(x[:300], y[:300]), [(x[300:500], y[300:500])], "vision", strengths=(0.5,))
    names = {verdict.transform for verdict in report}
    assert {"vision.rotate", "vision.gaussian_noise", "vision.horizontal_flip"} <= names
    assert names.isdisjoint(report.facts.skipped)
    assert names | {name for name in report.facts.skipped if name.startswith("vision.")} == set(
        augrad.transforms("vision")
    )
