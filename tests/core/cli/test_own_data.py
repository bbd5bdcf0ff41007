"""Tests of `augrad bench --config`: rules compared on a user's own data."""

from __future__ import annotations

import json
import pickle
import sys

import pytest
import torch

from augrad.cli import status
from augrad.cli.own_data import own_data

DATA = """
import torch

def make(config):
    x = torch.randn(30, 3, generator=torch.Generator().manual_seed(0))
    y = (x[:, 0] > x[:, 1]).long()
    return torch.nn.Linear(3, 2), [(x[:20], y[:20])], [(x[20:], y[20:])]

def junk(config):
    return [1, 2]

def broken(config):
    raise RuntimeError("no such disk")

def bare(config):
    return torch.nn.Linear(3, 2), [torch.ones(4, 3)], None
"""
CONFIG = "transforms: [good.shift]\nepochs: 1\nbatch_size: 8\ncopies: 2\n"
COMMAND = ["bench", "--config", "mine.yaml", "--data", "own_bench.py:make", "--jobs", "1"]


@pytest.fixture
def folder(demo_site):
    (demo_site / "mine.yaml").write_text(CONFIG)
    (demo_site / "own_bench.py").write_text(DATA)
    return demo_site


def test_rules_are_compared_and_not_repeated(folder, capsys):
    assert status([*COMMAND, "--rules", "none,trivialaugment", "--seeds", "0,1"]) == 0
    printed = capsys.readouterr().out
    assert "4 trainings in 1 process." in printed
    assert "mine: 10 validation samples, 2 seeds" in printed
    assert "Gain recovery" not in printed
    written = folder / "runs" / "bench"
    assert "## Rules on mine" in (written / "table.md").read_text()
    assert "rows" not in json.loads((written / "summary.json").read_text())
    assert status([*COMMAND, "--rules", "none,trivialaugment", "--seeds", "0,1"]) == 0
    assert "0 trainings in 1 process; 4 are there already." in capsys.readouterr().out
    (folder / "mine.yaml").write_text(CONFIG + "weight_decay: 0.1\n")
    assert status([*COMMAND, "--rules", "none", "--seeds", "0"]) == 0
    assert "1 were made under other settings" in capsys.readouterr().out


def test_without_names_all_rules_but_the_oracle_run_and_options_of_one_way_are_named(folder, monkeypatch, capsys):
    seen = {}

    def run_bench(tasks, rules, **options):
        seen.update(tasks=tasks, rules=[rule.name for rule in rules])
        raise KeyboardInterrupt

    monkeypatch.setattr("augrad.bench.run_bench", run_bench)
    (folder / "mine.yaml").write_text(CONFIG + "layers: 2\nobjective: joint\noptimizer: sgd\naggregation: prob\n")
    status(COMMAND)
    assert {"none", "joint", "augrad"} <= set(seen["rules"])
    assert "oracle" not in seen["rules"]
    assert "not used, because each rule brings its own: layers, objective in mine.yaml." in capsys.readouterr().err
    (task,) = seen["tasks"]
    assert (task.name, task.epochs, task.aggregation) == ("mine", 1, "prob")
    assert task.options["optimizer"] is torch.optim.SGD


def test_a_worker_imports_the_callable_again(folder):
    task = own_data(folder / "mine.yaml", "own_bench.py:make", 0)
    sent = pickle.dumps(task)
    del sys.modules["own_bench"]
    assert torch.equal(pickle.loads(sent).load(1).test_x, task.load(1).test_x)


@pytest.mark.parametrize(
    ("config", "arguments", "message"),
    [
        (CONFIG, ["--config", "mine.yaml"], "--config CONFIG.yaml and --data module:callable go together"),
        (CONFIG, ["--data", "own_bench:make"], "--config CONFIG.yaml and --data module:callable go together"),
        (CONFIG, [*COMMAND[1:], "--quick"], "leave out names of tasks, --group, --quick and --list"),
        (CONFIG, ["vision-a", *COMMAND[1:]], "leave out names of tasks, --group, --quick and --list"),
        (CONFIG, [*COMMAND[1:], "--rules", "none,oracle"], "the rule 'oracle' is told the truth, but nobody knows"),
        (CONFIG, ["--config", "no.yaml", "--data", "own_bench:make"], "no.yaml"),
        (CONFIG, ["--config", "mine.yaml", "--data", "own_bench:nothing"], "--data names 'nothing', but"),
        (CONFIG, ["--config", "mine.yaml", "--data", "own_bench:junk"], "--data 'own_bench:junk' must return (trunk,"),
        (CONFIG, ["--config", "mine.yaml", "--data", "own_bench:broken"], "failed: RuntimeError: no such disk"),
        (CONFIG, ["--config", "mine.yaml", "--data", "own_bench:bare"], "train_loader must yield pairs (x, target)"),
        (CONFIG.replace("shift", "shfit"), COMMAND[1:], "mine.yaml, line 1: no transform named 'good.shfit'"),
        (CONFIG + "epoch: 3\n", COMMAND[1:], "mine.yaml, line 5: epoch is not a known key. Did you mean 'epochs'?"),
    ],
)
def test_mistakes(folder, config, arguments, message, capsys):
    (folder / "mine.yaml").write_text(config)
    assert status(["bench", *arguments]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
