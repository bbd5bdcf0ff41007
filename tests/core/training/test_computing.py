"""Computations of a plan: their result arrives, is stored, is the same everywhere, and leaves no trace."""

from __future__ import annotations

import io
import json
import math
import subprocess
import sys
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from rich.console import Console
from tests.core.training.conftest import small_model
from torch import Tensor
from torch.utils.data import DataLoader

from augrad import Computation, JointLoss, Stage, StageResult
from augrad.errors import ArgumentError, ArgumentTypeError
from augrad.learning.stage import Report
from augrad.training import EarlyStopping, FitResult, fit
from augrad.training import display as displays
from augrad.training.display import RichDisplay


class Killed(BaseException):
    """Ends a run at once, as a signal does."""


def thirds(loader: Any, report: Report) -> dict[str, Any]:
    report(0.25, "reading")
    first = next(iter(loader))[0]
    report(1.0, "ready")
    draw = torch.rand(()).item()
    return {"third": 1 / 3, "first": first.flatten().tolist(), "draw": draw, "pair": (1, None), "most": math.inf}


class Computing:
    """The objective: a computation, and then the joint loss. Counts how often it computes."""

    def __init__(self, compute: Callable[[Any, Report], Any] = thirds) -> None:
        self.compute, self.n_calls = compute, 0
        self.found: list[Any] = []
        self.training: list[bool] = []

    def __call__(self, model: Any, criterion: Any, penalty: Any) -> Any:
        outer = self

        class Planned(JointLoss):
            evidence: Any = None

            def plan(self, model: Any, budget: Any) -> Generator[Any, StageResult, None]:
                answer = yield Computation(self.counted, label="count", n_stages=2, later=4.0)
                outer.found.append(answer)
                outer.training.append(model.trunk.training)
                self.evidence = answer.found
                with torch.no_grad():
                    next(model.trunk.parameters()).mul_(1 + answer.found.get("third", 0))
                yield Stage(self, n_stages=2)

            def counted(self, loader: Any, report: Report) -> Any:
                outer.n_calls += 1
                return outer.compute(loader, report)

        return Planned(criterion, penalty)

    def describe(self) -> dict[str, Any]:
        return {"name": "computing"}


def trained(objective: Any, loader: Any, **options: Any) -> tuple[dict[str, Tensor], FitResult]:
    model = small_model()
    result = fit(model, loader, objective=objective, **{"max_epochs": 2, "progress": False, **options})
    return model.state_dict(), result


def test_the_result_arrives_as_json_holds_it(make_loader: Callable[..., DataLoader[Any]]) -> None:
    objective = Computing()
    _, result = trained(objective, make_loader())
    (answer,) = objective.found
    assert (answer.label, answer.history, answer.stopped) == ("count", [], "computed")
    assert answer.found["third"] == 1 / 3
    assert answer.found["pair"] == [1, None]
    assert answer.found["most"] == math.inf
    assert [stage.label for stage in result.stages] == ["count", "training"]
    assert result.evidence == answer.found
    assert result.search == []
    assert result.seconds == pytest.approx(answer.seconds + sum(row["seconds"] for row in result.history))
    assert answer.seconds > 0


def test_objectives_without_evidence_have_none(make_loader: Callable[..., DataLoader[Any]]) -> None:
    assert trained("joint", make_loader(), max_epochs=1)[1].evidence is None


def test_it_draws_by_key_and_leaves_no_trace(make_loader: Callable[..., DataLoader[Any]]) -> None:
    def spoils(loader: Any, report: Report) -> dict[str, Any]:
        found = thirds(loader, report)
        model.trunk.train()
        model.trunk(next(iter(loader))[0])  # moves the running statistics
        return found

    founds, states = [], []
    for seed in (1, 2):
        generator = torch.Generator().manual_seed(seed)
        loader, model, kept = make_loader(generator=generator), small_model().eval(), generator.get_state()
        objective = Computing(spoils if seed == 1 else thirds)
        torch.manual_seed(seed)
        rng = torch.get_rng_state()
        fit(model, loader, objective=objective, max_epochs=1, progress=False)
        assert torch.equal(torch.get_rng_state(), rng)
        assert torch.equal(generator.get_state(), kept)
        assert objective.training == [False]
        founds.append(objective.found[0].found)
        states.append(model.state_dict())
    assert founds[0]["first"] == founds[1]["first"]
    for name, value in states[0].items():
        assert torch.equal(value, states[1][name]), name


def test_a_run_resumed_in_the_second_stage_does_not_compute_again(
    make_loader: Callable[..., DataLoader[Any]], tmp_path: Path
) -> None:
    def stop(row: dict[str, Any], model: Any) -> None:
        if row["epoch"] == 1:
            raise Killed

    options: dict[str, Any] = {"checkpoint_every": 2}
    unbroken, _ = trained(Computing(), make_loader())
    first, second = Computing(), Computing()
    with pytest.raises(Killed):
        trained(first, make_loader(), directory=tmp_path, callbacks=[stop], **options)
    resumed, result = trained(second, make_loader(), directory=tmp_path, resume=True, **options)
    assert (first.n_calls, second.n_calls) == (1, 0)
    assert second.found == first.found
    assert len(result.history) == 2
    for name, value in unbroken.items():
        assert torch.equal(resumed[name], value), name
    prolonged = Computing()
    _, longer = trained(prolonged, make_loader(), directory=tmp_path, resume=True, max_epochs=3, **options)
    assert (prolonged.n_calls, len(longer.history)) == (0, 3)


def test_an_interrupted_computation_is_made_again(make_loader: Callable[..., DataLoader[Any]], tmp_path: Path) -> None:
    def killed(loader: Any, report: Report) -> dict[str, Any]:
        thirds(loader, report)
        raise Killed

    with pytest.raises(Killed):
        trained(Computing(killed), make_loader(), directory=tmp_path)
    again, whole = Computing(), Computing()
    resumed, _ = trained(again, make_loader(), directory=tmp_path, resume=True)
    unbroken, _ = trained(whole, make_loader())
    assert again.n_calls == 1
    assert again.found[0].found == whole.found[0].found
    assert all(torch.equal(resumed[name], value) for name, value in unbroken.items())


@pytest.mark.parametrize(
    ("found", "message"),
    [
        ([1], "must return a mapping, but returned list"),
        ({"fine": 1, "bad": torch.ones(2)}, "returned Tensor at the key 'bad', which JSON"),
        ({"rows": [{"error": np.float32(1)}]}, "returned float32 at the key 'rows', entry 0, 'error', which JSON"),
        ({3: 1}, "returned the key 3, a int. JSON holds only strings"),
    ],
)
def test_what_json_cannot_hold_is_refused(
    found: Any, message: str, make_loader: Callable[..., DataLoader[Any]], unchecked: None
) -> None:
    with pytest.raises((ArgumentError, ArgumentTypeError), match=message):
        trained(Computing(lambda loader, report: found), make_loader())


def test_an_error_names_the_computation(make_loader: Callable[..., DataLoader[Any]]) -> None:
    def fails(loader: Any, report: Report) -> dict[str, Any]:
        raise ZeroDivisionError("nothing to divide by")

    with pytest.raises(ZeroDivisionError, match="nothing to divide by") as caught:
        trained(Computing(fails), make_loader())
    assert caught.value.__notes__ == ["augrad: in the computation 'count' (1 of 2); its result is not stored."]


def test_what_the_training_would_refuse_is_refused_before(make_loader: Callable[..., DataLoader[Any]]) -> None:
    for options in ({"optimizer": lambda groups: None}, {"early_stopping": EarlyStopping(metric="val_loss")}):
        objective = Computing()
        with pytest.raises((ArgumentError, ArgumentTypeError)):
            trained(objective, make_loader(), **options)
        assert objective.n_calls == 0


def test_a_plan_that_trains_nothing_is_refused(make_loader: Callable[..., DataLoader[Any]]) -> None:
    class Idle(JointLoss):
        def plan(self, model: Any, budget: Any) -> Generator[Any, StageResult, None]:
            yield Computation(lambda loader, report: {}, label="count")

    with pytest.raises(ArgumentError, match="yields no stage that trains"):
        trained(lambda model, criterion, penalty: Idle(criterion, penalty), make_loader())


def test_a_terminal_shows_what_is_computed(
    make_loader: Callable[..., DataLoader[Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=True, width=160)
    monkeypatch.setattr(displays, "REFRESH_SECONDS", 0.0)
    monkeypatch.setattr(
        "augrad.training.computing.make_display",
        lambda shown, epochs, steps, stage, place: RichDisplay(epochs, steps, stage, place, console),
    )
    trained(Computing(), make_loader(), max_epochs=1, progress=True)
    text = stream.getvalue()
    assert "stage 1 of 2: count, reading" in text
    assert "left in all" in text
    assert "count: 0 s" in text


PROGRAM = """
import json, sys
from pathlib import Path
from augrad.training import fit
from tests.core.training.conftest import small_data, small_model
from tests.core.training.test_computing import Computing, thirds
from torch.utils.data import DataLoader
import os
def fails(loader, report):
    raise ZeroDivisionError("nothing to divide by")
report = {}
for name, compute in (("good", thirds), ("bad", fails)):
    objective, model = Computing(compute), small_model()
    try:
        fit(model, DataLoader(small_data(), batch_size=4), objective=objective, max_epochs=1, progress=False)
        found, total = objective.found[0].found, float(sum(p.double().sum() for p in model.parameters()))
        report[name] = [objective.n_calls, found, total]
    except Exception as error:
        report[name] = [objective.n_calls, type(error).__name__, str(error)]
Path(sys.argv[1], os.environ["RANK"]).write_text(json.dumps(report))
"""


@pytest.mark.slow
def test_two_processes_share_what_one_computes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    monkeypatch.setenv("PYTHONPATH", ":".join([str(Path(__file__).parents[3]), *filter(None, sys.path)]))
    (tmp_path / "run.py").write_text(PROGRAM)
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
    command = [*launcher, str(tmp_path / "run.py"), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=180, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    first, second = (json.loads((tmp_path / rank).read_text()) for rank in "01")
    assert (first["good"][0], second["good"][0]) == (1, 0)
    assert first["good"][1:] == second["good"][1:]
    assert first["bad"] == [1, "ZeroDivisionError", "nothing to divide by"]
    assert second["bad"][:2] == [0, "TrainingError"]
    assert "'count' (1 of 2)" in second["bad"][2]
    assert "ZeroDivisionError: nothing to divide by" in second["bad"][2]
