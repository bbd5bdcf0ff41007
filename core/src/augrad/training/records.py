"""The results of computations, and of stages that write no checkpoints, so that a resumed run does not run them again.

Used by stages.py, computing.py.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from augrad.errors import CheckpointError, NonFiniteLossError
from augrad.files.storage import write_file
from augrad.learning.stage import StageResult
from augrad.training.checkpoints import check_same
from augrad.training.settings import Settings

RECORD = "stages.json"
"""File, in the directory of the run, of the results so far."""


class Records:
    """Stores results of stages by label, in the directory of the run; without a directory nothing is stored.

    Args:
        settings: the arguments of `fit`: its directory, and whether it resumes.
        marks: the fingerprint of the run; a resume must agree with it.
        main: whether this process writes.

    Raises:
        CheckpointError: the file is damaged, or of another run.
    """

    def __init__(self, settings: Settings, marks: dict[str, Any], *, main: bool) -> None:
        self._path = None if settings.directory is None else settings.directory / RECORD
        self._marks, self._main = marks, main
        self._stages: dict[str, Any] = {}
        if self._path is None or not self._path.exists():
            return
        if settings.resume:
            self._read(self._path)
        elif main:
            self._path.unlink()

    def _read(self, path: Path) -> None:
        try:
            content = json.loads(path.read_bytes())
            marks, self._stages = content["run"], dict(content["stages"])
        except (ValueError, TypeError, KeyError) as error:
            raise CheckpointError(
                f"{path} is damaged: {error}. Delete it, and the stages whose results it held are run again.",
                path=path,
            ) from error
        check_same(marks, self._marks, path)

    def find(self, label: str) -> StageResult | NonFiniteLossError | None:
        """Returns the stored result of a stage, or None if there is none."""
        stored = self._stages.get(label)
        if stored is None:
            return None
        if "error" in stored:
            return NonFiniteLossError(stored["error"], step=stored["step"])
        found = stored.get("found", {})
        return StageResult(label, [], stored["stopped"], stored["measured"], stored["seconds"], found)

    def add(self, label: str, result: StageResult | NonFiniteLossError) -> None:
        """Stores the result of a stage."""
        if isinstance(result, NonFiniteLossError):
            self._stages[label] = {"error": str(result), "step": getattr(result, "step", None)}
        else:
            self._stages[label] = {
                "stopped": result.stopped,
                "measured": dict(result.measured),
                "seconds": result.seconds,
                **({"found": dict(result.found)} if result.found else {}),
            }
        if self._path is not None and self._main:
            write_file(self._path, json.dumps({"run": self._marks, "stages": self._stages}).encode())
