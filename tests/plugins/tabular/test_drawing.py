"""Tests of the picture of a row: bars in units of the columns' spread."""

from __future__ import annotations

import pytest
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from augrad_tabular.drawing import draw_columns
from augrad_tabular.schema import Schema

SCHEMA = Schema.from_data(
    [[0.0, 10.0, 7.0], [2.0, 50.0, 7.0]], names=["length", "weight", "constant"], continuous=[0, 1, 2]
)


@pytest.fixture
def axes() -> Axes:
    """Without ticks, as reports hand them out."""
    made = Figure().subplots()
    made.set(xticks=[], yticks=[])
    return made


def widths(axes: Axes) -> list[float]:
    return [bar.get_width() for bar in axes.patches]


def test_bars_count_in_spreads(axes: Axes) -> None:
    draw_columns(axes, torch.tensor([[3.0, 10.0, 7.0]]), schema=SCHEMA)
    assert widths(axes) == pytest.approx([2.0, -1.0, 0.0])
    heights = [bar.get_y() for bar in axes.patches]
    assert heights == sorted(heights, reverse=True)
    assert [label.get_text() for label in axes.get_yticklabels()] == ["length", "weight", "constant"]


def test_the_original_stands_behind_and_sets_the_scale(axes: Axes) -> None:
    original = torch.tensor([[3.0, 10.0, 7.0]])
    draw_columns(axes, torch.tensor([[9.0, 30.0, 7.0]]), original=original, schema=SCHEMA.to_dict())
    assert widths(axes) == pytest.approx([2.0, -1.0, 0.0, 8.0, 0.0, 0.0])
    assert axes.patches[0].get_height() > axes.patches[3].get_height()
    assert axes.get_xlim() == pytest.approx((-2.5, 2.5))
    assert not axes.get_yticklabels()


def test_missing_values_and_constant_columns(axes: Axes) -> None:
    row = torch.tensor([[float("nan"), 50.0, 9.0]], requires_grad=True)
    draw_columns(axes, row, original=row, schema=SCHEMA)
    assert axes.get_xlim() == pytest.approx((-1.25, 1.25))
    assert widths(axes)[1:3] == pytest.approx([1.0, 0.0])
    Figure.savefig(axes.figure, "/dev/null", format="svg")
