"""Runs a computation of a plan: in the main process, keyed, and with a result that every process and resume shares.

Uses display.py, records.py, rehearsal.py; used by stages.py.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from augrad.errors import ArgumentError, ArgumentTypeError, TrainingError
from augrad.learning.stage import COMPUTED, Computation, StageResult
from augrad.randomness import preserved_generators, seed_global_generators
from augrad.training.display import SHARES, duration, is_shown, make_display
from augrad.training.records import Records
from augrad.training.rehearsal import untouched

if TYPE_CHECKING:
    from augrad.training.task import Task


def computed(task: Task, computation: Computation, records: Records, place: tuple[int, int]) -> StageResult:
    """The result of a computation, stored or made now. All processes must call this, and get the same.

    Args:
        task: as `prepared` returned it.
        computation: the computation.
        records: where its result is found, or stored as soon as it is over.
        place: its number, and the number of stages, for the display and errors.

    Raises:
        ArgumentError, ArgumentTypeError: it returned what JSON cannot hold.
        TrainingError: it failed in the main process, and this is another.
    """
    task.model.to(task.accelerator.device)
    answer: dict[str, Any] = {}
    failure: Exception | None = None
    if task.accelerator.is_main_process:
        try:
            # The main process alone decides, for the others may see another disk.
            result = records.find(computation.label)
            if not isinstance(result, StageResult):
                result = _made(task, computation, place)
                records.add(computation.label, result)
            answer = {"found": dict(result.found), "seconds": result.seconds}
        except Exception as error:  # noqa: BLE001 - raised below, when the other processes know
            error.add_note(_where(computation, place))
            failure, answer = error, {"error": f"{type(error).__name__}: {error}"}
    answer = _shared(task.accelerator, answer)
    if failure is not None:
        raise failure
    if "error" in answer:
        raise TrainingError(f"The main process failed. {_where(computation, place)} {answer['error']}")
    return StageResult(computation.label, stopped=COMPUTED, seconds=answer["seconds"], found=answer["found"])


def _made(task: Task, computation: Computation, place: tuple[int, int]) -> StageResult:
    """Computes, leaves generators and model as they were, and shows how far it is."""
    started, label = time.perf_counter(), computation.label
    display = make_display(is_shown(task.settings.progress), 1, SHARES, computation, place)
    try:
        with preserved_generators(), task.train.preserved(), untouched(task.model):
            seed_global_generators(task.settings.seed, label)
            task.train.seed_generators(label)
            display.report(0.0, "")
            found = _as_stored(computation.compute(task.train.whole, display.report), label)
        seconds = time.perf_counter() - started
        display.say(f"{label}: {duration(seconds)}")
    finally:
        display.close()
        task.model.augmentation.forget()
    return StageResult(label, stopped=COMPUTED, seconds=seconds, found=found)


def _shared(accelerator: Any, answer: dict[str, Any]) -> dict[str, Any]:
    """The main process's answer, in every process."""
    if accelerator.num_processes == 1:
        return answer
    from accelerate.utils import broadcast_object_list

    shared: dict[str, Any] = broadcast_object_list([answer])[0]
    return shared


def _where(computation: Computation, place: tuple[int, int]) -> str:
    return f"augrad: in the computation {computation.label!r} ({place[0]} of {place[1]}); its result is not stored."


def _as_stored(found: Any, label: str) -> dict[str, Any]:
    """The mapping as JSON gives it back, so that a resumed run sees the same values; floats are exact."""
    if not isinstance(found, Mapping):
        raise ArgumentTypeError(
            f"objective: the computation {label!r} must return a mapping, but returned {type(found).__name__}. Return "
            "a dict of strings, numbers, lists and None.",
            argument="objective",
        )
    for name, value in found.items():
        _check_storable(name, value, f"the key {name!r}", label)
    stored: dict[str, Any] = json.loads(json.dumps(_plain(found)))
    return stored


def _check_storable(name: Any, value: Any, place: str, label: str) -> None:
    """Refuses what JSON does not hold; `place` is the way to the value from the top."""
    if not isinstance(name, str):
        raise ArgumentError(
            f"objective: the computation {label!r} returned {place}, a {type(name).__name__}. JSON holds only strings "
            "as keys: use str(key).",
            argument="objective",
            value=name,
        )
    if isinstance(value, Mapping):
        for key, entry in value.items():
            _check_storable(key, entry, f"{place}, {key!r}", label)
    elif isinstance(value, list | tuple):
        for position, entry in enumerate(value):
            _check_storable(name, entry, f"{place}, entry {position}", label)
    elif value is not None and not isinstance(value, str | int | float):
        raise ArgumentTypeError(
            f"objective: the computation {label!r} returned {type(value).__name__} at {place}, which JSON cannot hold. "
            "Return strings, numbers, lists and None; a tensor by its tolist().",
            argument="objective",
            value=value,
        )


def _plain(value: Any) -> Any:
    """Any mapping as a dict."""
    if isinstance(value, Mapping):
        return {key: _plain(entry) for key, entry in value.items()}
    return [_plain(entry) for entry in value] if isinstance(value, list | tuple) else value
