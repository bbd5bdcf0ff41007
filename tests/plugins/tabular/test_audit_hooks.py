"""What an audit asks of transforms of tables: rows as they are, what is missing in them, and a picture."""

from __future__ import annotations

import pytest
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from augrad.errors import InputError, InputTypeError
from augrad_tabular.noise import FeatureNoise
from augrad_tabular.tables import TableTransform, example_rows


@pytest.fixture
def axes() -> Axes:
    made = Figure().subplots()
    made.set(xticks=[], yticks=[])
    return made


@pytest.mark.parametrize("n_samples", [0, 1, 4])
def test_rows_stay_as_they_are(n_samples: int) -> None:
    rows = example_rows(n_samples, None)
    assert torch.equal(TableTransform.features(rows), rows)
    assert TableTransform.side_effects(rows).shape == (n_samples, 4)
    assert FeatureNoise(**FeatureNoise.example_arguments()).features(rows.float()).dtype is torch.float32


def test_missing_values_stay_missing_and_are_a_side_effect() -> None:
    rows = example_rows(2, None)
    rows[0, 1] = torch.nan
    assert torch.equal(TableTransform.features(rows).isnan(), rows.isnan())
    assert TableTransform.side_effects(rows)[:, 3].tolist() == [1 / 8, 0]


def test_draw_shows_a_bar_per_column_before_the_original(axes: Axes) -> None:
    original = torch.tensor([[0.01, -2.0, 5000.0, torch.nan]])
    TableTransform.draw(axes, 2 * original, original=original, colour="red")
    lengths = [bar.get_width() for bar in axes.patches]
    assert lengths[:3] == pytest.approx(torch.asinh(original[0, :3]).tolist(), rel=1e-5)
    assert lengths[4:7] == pytest.approx(torch.asinh(2 * original[0, :3]).tolist(), rel=1e-5)
    assert axes.get_xlim()[1] > max(lengths[:3])
    assert not axes.get_xticks().size
    Figure.savefig(axes.figure, "/dev/null", format="svg")


@pytest.mark.parametrize("value", [0.0, torch.nan, torch.inf])
def test_rows_of_nothing_can_be_drawn(axes: Axes, value: float) -> None:
    TableTransform.draw(axes, torch.full((1, 3), value))
    assert axes.get_xlim() == (-1.25, 1.25)


def test_what_is_no_row_is_refused_or_drawn_as_tensors_are(axes: Axes) -> None:
    with pytest.raises(InputError, match=r"can draw .* got shape \(2, 8\)"):
        TableTransform.draw(axes, example_rows(2, None))
    with pytest.raises(InputTypeError, match="can draw a tensor"):
        TableTransform.draw(axes, {})
