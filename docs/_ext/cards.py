"""Invariance cards of two pipelines of other libraries, audited while the docs are built: `{invariance-card} NAME`."""

from __future__ import annotations

import re
import runpy
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import torch
from docutils import nodes
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

import augrad

EXAMPLES = Path(__file__).parents[2] / "examples"


def kornia() -> augrad.AuditReport:
    """A pipeline for photographs, on handwritten digits."""
    from kornia.augmentation import AugmentationSequential, ColorJiggle, RandomHorizontalFlip, RandomRotation
    from sklearn.datasets import load_digits

    digits = load_digits()
    images = torch.tensor(digits.images, dtype=torch.float32)[:, None].expand(-1, 3, -1, -1) / 16
    pipeline = AugmentationSequential(
        RandomHorizontalFlip(p=0.5), RandomRotation(15.0, p=1.0), ColorJiggle(0.1, 0.1, 0.0, 0.0, p=1.0)
    )
    return augrad.audit_pipeline(
        pipeline,
        [(images, torch.tensor(digits.target))],
        name="AugmentationSequential (kornia)",
        assumes="mirroring, turning within 15 degrees and a little more or less light say nothing about the digit",
    )


def geometric() -> augrad.AuditReport:
    """A pipeline for point clouds, on digits that were turned already."""
    from torch_geometric.data import Batch
    from torch_geometric.transforms import Compose, RandomFlip, RandomJitter, RandomRotate

    graphs = runpy.run_path(str(EXAMPLES / "graph_digits.py"))["turned_graphs"]()
    pipeline = Compose([RandomRotate(180.0, axis=2), RandomFlip(axis=0), RandomJitter(0.05)])
    batch = Batch.from_data_list(graphs)
    return augrad.audit_pipeline(
        lambda some: Batch.from_data_list([pipeline(graph) for graph in some.to_data_list()]),
        [(batch, batch.y)],
        modality="graph",
        name="Compose (torch-geometric)",
        assumes="turning, mirroring and a little jitter of the points say nothing about the digit",
    )


CARDS: dict[str, Callable[[], augrad.AuditReport]] = {"kornia": kornia, "torch-geometric": geometric}


class InvarianceCard(SphinxDirective):
    """The card of a pipeline, as `AuditReport.to_markdown` writes it."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        container = nodes.container()
        lines = StringList(list(_without_headings(CARDS[self.arguments[0]]())), source=f"<{self.name}>")
        self.state.nested_parse(lines, self.content_offset, container)
        return [container]


def _without_headings(report: augrad.AuditReport) -> Iterable[str]:
    # Headings inside a directive would break into the page's own.
    for line in report.to_markdown().splitlines():
        yield re.sub(r"^#+ (.*)$", r"**\1**", line)


def setup(app: Sphinx) -> dict[str, Any]:
    """Registers the directive."""
    app.add_directive("invariance-card", InvarianceCard)
    return {"parallel_read_safe": True}
