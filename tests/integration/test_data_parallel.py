"""Two processes under torchrun: they draw differently, stay equal, and resume."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

RUN = Path(__file__).with_name("resumable_run.py")


def launch(directory: Path, report: Path, epochs: int) -> list[dict[str, object]]:
    report.mkdir(exist_ok=True)
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
    command = [*launcher, str(RUN), str(directory), "--epochs", str(epochs), "--report", str(report)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=180, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return [json.loads((report / f"rank-{rank}.json").read_text()) for rank in range(2)]


@pytest.mark.slow
def test_two_processes_draw_differently_and_stay_equal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    first, second = launch(tmp_path / "run", tmp_path / "report", epochs=1)
    assert first["parameters"] == second["parameters"]
    assert first["draws"][0] != second["draws"][0]
    assert [row["step"] for row in first["rows"]] == [3]  # 11 batches, 6 for each process, 2 per update
    timeless = [[{**row, "seconds": 0} for row in rank["rows"]] for rank in (first, second)]
    assert timeless[0] == timeless[1]
    for row in first["rows"]:  # a function and torchmetrics see the samples of both processes
        assert (row["train_samples"], row["val_samples"]) == (2 * 6 * 6 - 2, 64)
        assert row["val_accuracy"] == pytest.approx(row["val_micro"])
        assert row["train_accuracy"] == pytest.approx(row["train_micro"])
