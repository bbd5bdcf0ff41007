"""accelerate, held at one place: its trackers, and the launches that fit does not take."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from accelerate import PartialState
from accelerate.tracking import GeneralTracker

from augrad.errors import ArgumentError, ConfigError
from augrad.training import fit
from augrad.training.engine import _check_launch


class Notebook(GeneralTracker):
    """Keeps what it is told."""

    name = "notebook"
    requires_logging_directory = False
    main_process_only = False

    def __init__(self) -> None:
        super().__init__()
        self.config: dict[str, Any] = {}
        self.rows: list[tuple[int, dict[str, Any]]] = []
        self.finished = 0

    @property
    def tracker(self) -> Notebook:
        return self

    def store_init_configuration(self, values: dict[str, Any]) -> None:
        self.config = values

    def log(self, values: dict[str, Any], step: int | None = None, **kwargs: Any) -> None:
        assert step is not None
        self.rows.append((step, values))

    def finish(self) -> None:
        self.finished += 1


def test_trackers_get_configuration_rows_and_an_end(make_parts: Callable[[], Any]) -> None:
    notebook = Notebook()
    result = fit(*make_parts(), max_epochs=2, objective="cross_fitted", trackers=[notebook], config={"note": "a"})
    assert notebook.config["lr"] == 1e-3
    assert notebook.config["config"] == "{'note': 'a'}"
    lost = {tuple(row["transforms"]): row["lost"] for row in result.confirmation}
    verdicts = [values for _, values in notebook.rows[4:-2]]
    assert [step for step, _ in notebook.rows] == [6, 12, 18, 24, *[24] * len(lost), 30, 36]
    assert verdicts[-1] == {"with nothing/lost": lost[()]}
    moving, standing = (notebook.rows[index][1] for index in (3, -1))
    assert moving["search/layer0/weight/signal.gain"] == result.search[3]["layers"][0]["weights"][1]
    assert not any(name.startswith("search/") for name in standing)
    last = notebook.rows[-1][1]
    assert last["val_loss"] == result.history[-1]["val_loss"]
    assert last["layer0/weight/signal.gain"] == result.history[-1]["layers"][0]["weights"][1]
    assert notebook.finished == 1


def test_trackers_are_finished_after_an_error_too(make_parts: Callable[[], Any]) -> None:
    notebook = Notebook()
    with pytest.raises(ZeroDivisionError):
        fit(*make_parts(), max_epochs=1, trackers=[notebook], callbacks=[lambda row, model: 1 / 0])
    assert notebook.finished == 1


def test_a_tracker_that_writes_files_needs_a_directory(
    make_parts: Callable[[], Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("accelerate.tracking.get_available_trackers", lambda: ["tensorboard"])
    with pytest.raises(ArgumentError, match="'tensorboard' writes files, but directory is None"):
        fit(*make_parts(), trackers=["tensorboard"])


def test_training_on_the_cpu_leaves_accelerates_own_choice_alone(make_parts: Callable[[], Any]) -> None:
    chosen = dict(PartialState._shared_state)
    try:
        # As after a run on an accelerator: this is what the next Accelerator of the process would take.
        PartialState._shared_state.clear()
        PartialState._shared_state.update({**vars(PartialState()), "device": torch.device("meta")})
        model, train, val = make_parts()
        assert fit(model, train, val, max_epochs=1, device="cpu").history[0]["train_loss"] > 0
        assert next(model.parameters()).device.type == "cpu"
        assert PartialState().device.type == "meta"
    finally:
        PartialState._shared_state.clear()
        PartialState._shared_state.update(chosen)


def test_one_of_several_processes_cannot_choose_its_device(
    make_parts: Callable[[], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(ConfigError, match="device='cpu' is for one process"):
        fit(*make_parts(), device="cpu")


@pytest.mark.parametrize("kind", ["FSDP", "DEEPSPEED"])
@pytest.mark.usefixtures("unchecked")
def test_launches_that_split_the_parameters_are_refused(kind: str) -> None:
    accelerator = SimpleNamespace(distributed_type=SimpleNamespace(value=kind), device=torch.device("cpu"))
    with pytest.raises(ConfigError, match=f"data-parallel .* but was launched with {kind}"):
        _check_launch(accelerator, SimpleNamespace(mixed_precision="no"))  # type: ignore[arg-type]
