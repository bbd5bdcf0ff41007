"""Early stopping and the best epoch."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from augrad.errors import ArgumentError
from augrad.training import EarlyStopping
from augrad.training.early_stopping import best_row, check_logged, is_better

values = st.lists(st.floats(-10, 10), min_size=1, max_size=12)


def rows(numbers: list[float]) -> list[dict[str, Any]]:
    return [{"epoch": index, "m": number} for index, number in enumerate(numbers)]


@given(values, st.integers(1, 4))
def test_it_stops_exactly_when_the_best_is_patience_epochs_old(numbers: list[float], patience: int) -> None:
    age = len(numbers) - 1 - numbers.index(min(numbers))
    assert EarlyStopping("m", patience=patience).exhausted(rows(numbers)) == (age >= patience)


@given(values)
def test_max_is_min_of_the_negative(numbers: list[float]) -> None:
    low, high = EarlyStopping("m", 2), EarlyStopping("m", 2, mode="max")
    assert low.exhausted(rows(numbers)) == high.exhausted(rows([-number for number in numbers]))


@given(values)
def test_the_best_row_holds_the_first_minimum(numbers: list[float]) -> None:
    best = best_row(rows(numbers), "m", "min")
    assert best is not None
    assert best["epoch"] == numbers.index(min(numbers))


def test_nan_is_never_best_and_never_blocks() -> None:
    assert best_row(rows([math.nan]), "m", "min") is None
    assert best_row(rows([math.nan, 2.0, math.nan]), "m", "min") == {"epoch": 1, "m": 2.0}
    assert not is_better(math.nan, math.nan, "min")


def test_small_gains_do_not_count() -> None:
    rule = EarlyStopping("m", patience=2, min_delta=0.5)
    assert rule.exhausted(rows([1.0, 0.9, 0.8]))
    assert not rule.exhausted(rows([1.0, 0.9, 0.4]))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"metric": ""}, "metric must be the name"),
        ({"patience": 0}, "patience must be an int of at least 1"),
        ({"patience": True}, "patience must be an int of at least 1"),
        ({"mode": "low"}, "mode must be one of 'min', 'max', but got 'low'"),
        ({"min_delta": -1.0}, "min_delta must be a finite number of at least 0"),
        ({"min_delta": math.nan}, "min_delta must be a finite number of at least 0"),
    ],
)
def test_arguments_are_checked(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        EarlyStopping(**options)


def test_an_unlogged_metric_is_refused_with_those_that_are() -> None:
    with pytest.raises(ArgumentError, match=r"'val_los', which is not logged; logged are: train_loss, val_loss\. Did"):
        check_logged("val_los", ["train_loss", "val_loss"])
    with pytest.raises(ArgumentError, match="Pass val_loader"):
        check_logged("val_loss", ["train_loss"])
