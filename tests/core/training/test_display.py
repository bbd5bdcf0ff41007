"""What a run shows while it trains."""

from __future__ import annotations

import io
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console

from augrad.learning.stage import Computation, Stage
from augrad.training import display as displays
from augrad.training import fit
from augrad.training.display import RichDisplay, is_shown, leading_transform


def row(**values: Any) -> SimpleNamespace:
    return SimpleNamespace(**{"layer": 0, "weight": 0.5, "magnitude": 0.1, "unit": "", **values})


def test_the_leading_transform_has_the_largest_weight_and_all_its_parameters() -> None:
    policy = [
        row(transform="a", parameter="x", weight=0.2, low=0.0, high=1.0),
        row(transform="b", parameter="y", weight=0.8, low=-3.0, high=3.0, unit="deg"),
        row(transform="b", parameter="z", weight=0.8, low=0.0, high=0.25, unit="s"),
    ]
    assert leading_transform(policy) == "b y ±3 deg, z 0..0.25 s (weight 0.80)"


def test_a_transform_without_parameters_and_an_empty_policy_have_a_text_too() -> None:
    assert leading_transform([row(transform="flip", parameter=None, low=None, high=None)]) == "flip (weight 0.50)"
    assert leading_transform([]) == ""


def test_what_rests_does_not_lead() -> None:
    resting = row(transform="a", parameter="x", low=0.0, high=0.0, weight=1.0)
    moving = {"transform": "b", "parameter": "y", "low": 0.0, "high": 1.0}
    assert leading_transform([resting, row(**moving, weight=0.25)]) == "b y 0..1 (weight 0.25)"
    assert leading_transform([resting, row(**moving, weight=0.0)]) == "nothing"


def test_a_terminal_shows_every_epoch_and_the_running_loss(
    make_parts: Callable[[], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=True, width=160)
    monkeypatch.setattr(displays, "REFRESH_SECONDS", 0.0)
    made: list[RichDisplay] = []

    def display(shown: bool, max_epochs: int, n_steps: int | None, stage: Stage, place: tuple[int, int]) -> RichDisplay:
        assert shown
        made.append(RichDisplay(max_epochs, n_steps, stage, place, console))
        return made[-1]

    monkeypatch.setattr("augrad.training.assembly.make_display", display)
    fit(*make_parts(), max_epochs=2, progress=True, objective="cross_fitted")
    text = stream.getvalue()
    assert "stage 1 of 6: judges, epoch 1/2" in text
    assert "left in all" in text
    assert "judges 1/2  train_loss" in text
    assert "search 2/2  train_loss" in text
    assert "with nothing: lost 0." in text
    assert "with nothing 1/1  train_loss" not in text
    assert "training 1/2  train_loss" in text
    assert "training 2/2  train_loss" in text
    assert "val_accuracy" in text
    assert "signal." in text
    assert all(each._bar.finished for each in made)


def test_off_a_terminal_there_are_lines_and_nothing_between_them() -> None:
    stream = io.StringIO()
    display = RichDisplay(2, 1, Stage(None), console=Console(file=stream, width=160))
    display.begin_epoch(1, 0)
    display.step(lambda: 0.5)
    display.close()
    display.say("with nothing: judges err by 0.1")
    assert stream.getvalue() == "with nothing: judges err by 0.1\n"


def test_a_computation_says_what_it_does_and_how_long_all_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.StringIO()
    monkeypatch.setattr(displays, "REFRESH_SECONDS", 0.0)
    monkeypatch.setattr(displays, "time", SimpleNamespace(monotonic=iter([0.0, 0.0, 10.0, 20.0]).__next__))
    computation = Computation(lambda loader, report: {}, label="evidence", n_stages=2, later=3.0)
    console = Console(file=stream, force_terminal=True, width=160)
    display = RichDisplay(1, displays.SHARES, computation, (1, 2), console)
    display.report(0.0, "")
    display.report(0.5, "strengths in [0, 1] [/]")
    assert "stage 1 of 2: evidence, strengths in [0, 1] [/]" in stream.getvalue()
    assert "1 min 10 s left in all" in stream.getvalue()  # 10 s of its own, and 3 times 20 s
    display.report(1.0, "ready")
    display.close()
    assert "1 min 0 s left in all" in stream.getvalue()


def test_a_run_that_is_stopped_says_why() -> None:
    stream = io.StringIO()
    display = RichDisplay(2, 1, Stage(None), console=Console(file=stream, force_terminal=True, width=160))
    display.say("stopped: signal.noise std 0..3 V [0.5] runs away")
    assert "stopped: signal.noise std 0..3 V [0.5] runs away\n" in stream.getvalue()


def test_progress_is_shown_as_asked_or_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    assert is_shown(True)
    assert not is_shown(False)
    monkeypatch.setattr("sys.stdout", SimpleNamespace(isatty=lambda: True))
    assert is_shown(None)
    monkeypatch.setattr("sys.stdout", SimpleNamespace(isatty=lambda: False))
    assert not is_shown(None)
