"""The picture of the columns: which bars, in which order, with which numbers; nothing overlaps; what it refuses."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest

mpl.use("Agg")

import matplotlib.pyplot as plt

import augrad
from augrad.errors import ArgumentError, ArgumentTypeError, MissingDependencyError
from augrad_tabular import AugradClassifier, Schema
from augrad_tabular.plotting import column_bars, plot_columns

NAMES = ["height", "weight", "a name that is far too long to stand beside a bar", "$cost$"]
SCHEMA = Schema.from_data(np.random.default_rng(0).normal(size=(50, 4)) * [1, 10, 100, 0.1], names=NAMES)


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    plt.close("all")


def learned(*magnitudes: float, transforms: tuple[str, ...] = ("tabular.feature_noise",)) -> augrad.Policy:
    """A policy whose columns have these magnitudes; those of other transforms stay at one half."""
    layer = augrad.AugmentationLayer(transforms, arguments={"schema": SCHEMA}, magnitude=0.5)
    values = layer.magnitudes.detach().clone()
    values[: len(magnitudes)] = values.new_tensor(magnitudes)
    layer.strength.set(values)
    return augrad.Policy.from_module(layer)


def ticks(ax: Any) -> list[str]:
    return [label.get_text() for label in ax.get_yticklabels()]


def test_bars_are_sorted_and_labelled_in_the_columns_own_unit() -> None:
    bars = column_bars(learned(0.2, 0.8, 0.1, 0.4), "tabular.feature_noise")
    assert [bar.column for bar in bars] == ["weight", "$cost$", "height", NAMES[2]]
    assert [bar.reach for bar in bars] == pytest.approx([0.8, 0.4, 0.2, 0.1])
    own = [0.8 * SCHEMA.spread[1], 0.4 * SCHEMA.spread[3], 0.2 * SCHEMA.spread[0], 0.1 * SCHEMA.spread[2]]
    assert [float(bar.label) for bar in bars] == pytest.approx(own, rel=0.01)


def test_the_picture_shows_them_with_the_widest_on_top() -> None:
    ax = plot_columns(learned(0.2, 0.8, 0.1, 0.4))
    assert [bar.get_width() for bar in ax.patches] == pytest.approx([0.8, 0.4, 0.2, 0.1])
    assert ax.get_ylim()[0] > ax.get_ylim()[1]
    assert ticks(ax)[:3] == ["weight", r"\$cost\$", "height"]
    assert ticks(ax)[3].endswith("\N{HORIZONTAL ELLIPSIS}")
    assert len(ticks(ax)[3]) == 28
    assert ax.get_title("left").splitlines()[0] == "How noisy each column may be"
    assert "feature_noise is drawn for 100% of rows" in ax.get_title("left")
    assert "in units of the column's spread" in ax.get_xlabel()


def test_the_title_says_what_else_was_learned() -> None:
    policy = learned(0.2, 0.8, 0.1, 0.4, transforms=("tabular.feature_noise", "tabular.feature_dropout"))
    title = plot_columns(policy).get_title("left").replace("\xa0", " ")
    assert "drawn for 50% of rows" in title
    assert "feature_dropout (0..0.25" in title
    assert title.endswith(") for 50%")


def test_a_transform_that_is_hardly_drawn_is_named_so() -> None:
    layer = augrad.AugmentationLayer(
        ["tabular.feature_noise", "tabular.feature_dropout"], arguments={"schema": SCHEMA}, weights=[0.01, 0.99]
    )
    title = plot_columns(augrad.Policy.from_module(layer)).get_title("left")
    assert "drawn for 1% of rows, so the bars say little" in title


def test_another_transform_by_name() -> None:
    policy = learned(0.1, 0.1, 0.1, 0.1, 0.3, transforms=("tabular.feature_noise", "tabular.feature_scale"))
    ax = plot_columns(policy, transform="tabular.feature_scale")
    assert "How far feature_scale may change each column" in ax.get_title("left")
    assert ax.get_xlabel() == "how far the column may be changed, in doublings"
    assert sorted(bar.get_width() for bar in ax.patches) == pytest.approx([0.3, 0.5, 0.5, 0.5])
    assert "0.3 doublings" in [text.get_text() for text in ax.texts]
    alone = learned(0.3, transforms=("tabular.feature_scale",))
    assert "feature_scale" in plot_columns(alone).get_title("left")


def test_it_draws_into_the_axes_given() -> None:
    figure, (left, right) = plt.subplots(1, 2)
    assert plot_columns(learned(0.2, 0.8, 0.1, 0.4), ax=right) is right
    assert not left.patches
    assert plt.get_fignums() == [figure.number]


def test_of_many_columns_it_shows_both_ends() -> None:
    wide = np.random.default_rng(0).normal(size=(20, 50))
    layer = augrad.AugmentationLayer(["tabular.feature_noise"], arguments={"schema": Schema.from_data(wide)})
    layer.strength.set(layer.magnitudes.new_tensor(np.linspace(0.01, 0.99, 50)))
    ax = plot_columns(augrad.Policy.from_module(layer))
    assert ticks(ax) == [f"x{column}" for column in (*range(49, 34, -1), *range(14, -1, -1))]
    assert "the 15 most and least tolerant of 50 columns" in ax.get_ylabel()


def test_magnitudes_of_zero() -> None:
    ax = plot_columns(learned(0.0, 0.0, 0.0, 0.0))
    assert ax.get_xlim() == (0.0, 1.0)


def test_nothing_overlaps_or_leaves_the_picture() -> None:
    ax = plot_columns(learned(1.0, 0.9, 0.8, 0.7, transforms=("tabular.feature_noise", "tabular.feature_dropout")))
    ax.figure.canvas.draw()
    frame = ax.figure.bbox
    texts = [*ax.texts, *ax.get_yticklabels(), ax.xaxis.label, ax._left_title]
    boxes = [text.get_window_extent() for text in texts]
    assert all(frame.x0 <= box.x0 and box.x1 <= frame.x1 and frame.y0 <= box.y0 and box.y1 <= frame.y1 for box in boxes)
    assert not any(one.overlaps(two) for at, one in enumerate(boxes) for two in boxes[at + 1 :])


def test_estimators_draw_themselves() -> None:
    x = np.random.default_rng(0).normal(size=(30, 3))
    classifier = AugradClassifier(max_epochs=2, copies=2, random_state=0).fit(x, x[:, 0] > 0)
    assert sorted(ticks(classifier.plot_policy())) == ["x0", "x1", "x2"]


def test_what_it_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ArgumentTypeError, match=r"source must be a fitted estimator .* but got int"):
        plot_columns(3)
    with pytest.raises(ArgumentTypeError, match=r"AugradClassifier that is not fitted: call fit\(X, y\) first"):
        plot_columns(AugradClassifier())
    with pytest.raises(ArgumentError, match=r"nothing per column; train with 'tabular.feature_noise'"):
        plot_columns(learned(transforms=("tabular.common_scale",)))
    with pytest.raises(ArgumentError, match=r"learned per column \('tabular.feature_noise'\), but got 'tabular.gone'"):
        plot_columns(learned(0.1), transform="tabular.gone")
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(MissingDependencyError, match="pip install matplotlib"):
        plot_columns(learned(0.1))


def test_matplotlib_is_loaded_on_first_use() -> None:
    code = "import sys, augrad_tabular.estimators, augrad_tabular.plotting; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
