"""Honest audits in each modality: models that ignore a transform exactly, not at all, or for a known share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Tensor

import augrad
from augrad import Transform
from augrad_graph.backend import Batch, Data
from augrad_tabular import Schema


@dataclass(frozen=True)
class Case:
    """A transform that, at full strength, turns a side of each sample over, and leaves a mark of it alone.

    Attributes:
        transform: the transform.
        draw: `(n_samples, generator)` to a batch.
        side: `(batch,)`, of which the transform turns the sign over.
        mark: `(batch,)` uniform numbers in [0, 1) that it leaves alone.
    """

    transform: Transform
    draw: Callable[[int, torch.Generator], Any]
    side: Callable[[Any], Tensor]
    mark: Callable[[Any], Tensor]


def _mark(values: Tensor) -> Tensor:
    return (1e3 * values.double()).remainder(1.0)


def _graphs(n_samples: int, generator: torch.Generator) -> Batch:
    edges = torch.tensor([[0, 1, 2, 3, 4], [1, 2, 3, 4, 0]])
    return Batch.from_data_list(
        [
            Data(x=torch.rand(5, 1, generator=generator), pos=torch.randn(5, 2, generator=generator), edge_index=edges)
            for _ in range(n_samples)
        ]
    )


def _skew(x: Any) -> Tensor:
    """Where the nodes with large features lie: right of the others, or left of them."""
    offset = x.pos[:, 0] - augrad_mean(x, x.pos[:, 0])[x.batch]
    return augrad_mean(x, offset * x.x[:, 0])


def augrad_mean(x: Any, values: Tensor) -> Tensor:
    return values.reshape(-1, 5).mean(dim=1)


def _table(n_samples: int, generator: torch.Generator) -> Tensor:
    return 2 ** (4 * torch.rand(n_samples, 4, generator=generator))


SCHEMA = Schema.from_data(_table(50, augrad.keyed_generator("schema")))

CASES = {
    "vision": Case(
        augrad.get_transform("vision.horizontal_flip")(),
        lambda n, generator: torch.rand(n, 1, 8, 8, generator=generator),
        lambda x: x[..., :4].mean(dim=(1, 2, 3)) - x[..., 4:].mean(dim=(1, 2, 3)),
        lambda x: _mark(x.double().mean(dim=(1, 2, 3))),
    ),
    "audio": Case(
        augrad.get_transform("audio.polarity")(),
        lambda n, generator: torch.randn(n, 1, 64, generator=generator),
        lambda x: x.mean(dim=(1, 2)),
        lambda x: _mark(x.abs().mean(dim=(1, 2))),
    ),
    "tabular": Case(
        augrad.get_transform("tabular.common_scale")(schema=SCHEMA, log2_factor=1.0),
        _table,
        lambda x: torch.where(x[:, 0].log2().floor() % 2 == 0, 1.0, -1.0),
        lambda x: _mark(x[:, 1] / x[:, 2]),
    ),
    "graph": Case(
        augrad.get_transform("graph.position_rotate")(),
        _graphs,
        _skew,
        lambda x: _mark(augrad_mean(x, x.x[:, 0])),
    ),
}


def misled(case: Case, share: float) -> Callable[[Any], Tensor]:
    """A model that looks at the side of a known share of the samples, and at their mark otherwise."""

    def model(x: Any) -> Tensor:
        mark = case.mark(x)
        score = torch.where(mark < share, case.side(x).double(), (mark - 0.5))
        return torch.stack([-score, score], dim=1).float()

    return model


def flip_rate(case: Case, share: float, number: int) -> augrad.auditing.Estimate:
    x = case.draw(120, augrad.keyed_generator("audit", number))
    report = augrad.audit(misled(case, share), [x], [case.transform], strengths=(1.0,), seed=number)
    return report.measurements[0].flip_rate


@pytest.mark.parametrize("n_audits", [50, pytest.param(100, marks=pytest.mark.slow)])
@pytest.mark.parametrize("modality", CASES)
def test_intervals_cover_the_share_that_is_known(modality: str, n_audits: int) -> None:
    case = CASES[modality]
    found = [flip_rate(case, 0.3, number) for number in range(n_audits)]
    assert sum(not each.low <= 0.3 <= each.high for each in found) <= 7


@pytest.mark.parametrize("modality", CASES)
def test_exactly_invariant_and_exactly_not_and_between(modality: str) -> None:
    case = CASES[modality]
    rates = [flip_rate(case, share, 1000).value for share in (0.0, 0.1, 0.3, 0.7, 1.0)]
    assert rates == sorted(rates)
    assert (rates[0], rates[-1]) == (0.0, 1.0)
