"""Results of stages without checkpoints: stored, found again, and refused if they are of another run."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from augrad.errors import CheckpointError, NonFiniteLossError
from augrad.learning.stage import StageResult
from augrad.training.records import RECORD, Records


def records(directory: Path | None, *, resume: bool, marks: dict[str, Any] | None = None) -> Records:
    settings: Any = SimpleNamespace(directory=directory, resume=resume)
    return Records(settings, marks or {"seed": 0}, main=True)


def test_results_and_errors_are_found_again(tmp_path: Path, unchecked: None) -> None:
    first = records(tmp_path, resume=False)
    assert first.find("a") is None
    first.add("a", StageResult("a", [], "max_epochs", {"lost": 0.5}, 2.0))
    first.add("b", NonFiniteLossError("bad", step=3))
    again = records(tmp_path, resume=True)
    assert again.find("a") == StageResult("a", [], "max_epochs", {"lost": 0.5}, 2.0)
    error = again.find("b")
    assert isinstance(error, NonFiniteLossError)
    assert (str(error), error.facts["step"]) == ("bad", 3)


def test_a_run_that_starts_anew_forgets_them(tmp_path: Path, unchecked: None) -> None:
    records(tmp_path, resume=False).add("a", StageResult("a"))
    assert records(tmp_path, resume=False).find("a") is None
    assert not (tmp_path / RECORD).exists()


def test_without_a_directory_nothing_is_written(unchecked: None) -> None:
    kept = records(None, resume=False)
    kept.add("a", StageResult("a"))
    assert kept.find("a") == StageResult("a")


def test_those_of_another_run_are_refused(tmp_path: Path, unchecked: None) -> None:
    records(tmp_path, resume=False).add("a", StageResult("a"))
    with pytest.raises(CheckpointError, match="seed was 0 and is 1"):
        records(tmp_path, resume=True, marks={"seed": 1})


@pytest.mark.parametrize("content", [b"[{", b"[]", json.dumps({"run": {}}).encode()])
def test_a_damaged_file_says_what_to_do(tmp_path: Path, content: bytes, unchecked: None) -> None:
    (tmp_path / RECORD).write_bytes(content)
    with pytest.raises(CheckpointError, match=r"stages\.json is damaged: .* Delete it, and the stages"):
        records(tmp_path, resume=True)
