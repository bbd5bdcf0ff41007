"""Audits small enough for tests of their pages. Used by test_audit_report.py and test_audit_page.py."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from augrad import Range, Transform
from augrad.auditing import AuditReport, audit, audit_pipeline

WIDTH = 8
STRENGTHS = (0.25, 0.5, 0.75, 1.0)


class Lift(Transform):
    """Adds an offset to the half of a sample that says nothing of the target."""

    modality = "audit_page"
    assumes = "the level of the first half carries no information about the target"
    level = Range(4.0, unit="V", signed=True)

    def forward(self, x: Tensor, *, level: Tensor) -> Tensor:
        nuisance = (torch.arange(x.shape[1]) < x.shape[1] // 2).to(x)
        return x + level[:, None] * nuisance


class Turn(Transform):
    """Turns the target's half over by degrees, and with it the target; by two parameters."""

    modality = "audit_page"
    assumes = "the sign carries no information about the target"
    share = Range(2.0)
    gain_db = Range(3.0, low=1.0, unit="dB", identity=1.0)

    def forward(self, x: Tensor, *, share: Tensor, gain_db: Tensor) -> Tensor:
        told = (torch.arange(x.shape[1]) >= x.shape[1] // 2).to(x)
        return x * (1 - share[:, None] * told) * (1 + 0.01 * (gain_db[:, None] - 1))


class Negate(Transform):
    """Turns all signs."""

    modality = "audit_page"

    def forward(self, x: Tensor) -> Tensor:
        return -x


class Blind(nn.Module):
    """Says always the same, whatever the target's half is; its layer sees something."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(WIDTH, 3)

    def forward(self, x: Tensor) -> Tensor:
        seen = self.layer(x)
        return torch.stack([x[:, 0] + 0 * seen[:, 0], -x[:, 0]], dim=1)


class Sharp(Blind):
    """Looks at the target's half alone."""

    def forward(self, x: Tensor) -> Tensor:
        level = x[:, WIDTH // 2 :].mean(dim=1)
        return torch.stack([-level, level], dim=1)


def data(n_samples: int = 160) -> list[tuple[Tensor, Tensor]]:
    generator = torch.Generator().manual_seed(0)
    target = torch.randint(2, (n_samples,), generator=generator)
    x = 0.2 * torch.randn(n_samples, WIDTH, generator=generator)
    x[:, : WIDTH // 2] += 2 * torch.rand(n_samples, 1, generator=generator)
    x[:, WIDTH // 2 :] += (2 * target - 1)[:, None]
    return [(x, target)]


def made_audit(kind: type[nn.Module] = Blind, **changed: Any) -> AuditReport:
    torch.manual_seed(0)
    given: dict[str, Any] = {"transforms": [Lift, Turn, Negate], "strengths": STRENGTHS, "loader": data()}
    return audit(kind(), **{**given, **changed})


def made_pipeline_audit(loader: Any = None) -> AuditReport:
    def twist(x: Tensor) -> Tensor:
        return x.flip(1)

    return audit_pipeline(twist, loader or data(), assumes="the order carries no information about the target")


def renamed(report: AuditReport, old: str, new: str) -> AuditReport:
    """The report as it would be had a transform another name."""

    def swapped(name: str) -> str:
        return new if name == old else name

    return replace(
        report,
        verdicts=tuple(replace(each, transform=swapped(each.transform)) for each in report.verdicts),
        measurements=tuple(replace(each, transform=swapped(each.transform)) for each in report.measurements),
        sensitivities={swapped(name): each for name, each in report.sensitivities.items()},
        shown={swapped(name): replace(each, transform=swapped(name)) for name, each in report.shown.items()},
    )
