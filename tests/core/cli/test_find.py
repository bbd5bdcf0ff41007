"""`augrad find`: what it prints, writes and refuses, and its exit status."""

from __future__ import annotations

import json

import pytest

from augrad import Policy
from augrad.cli import status

MAKE = """
import torch

def data(config):
    generator = torch.Generator().manual_seed(0)
    y = torch.arange(120) % 2
    x = torch.stack([y.float(), 1.0 - y, y.float()], 1) + 3 * torch.rand(120, 1, generator=generator)
    torch.manual_seed(0)
    loader = list(zip(x.split(config.batch_size), y.split(config.batch_size)))
    return torch.nn.Sequential(torch.nn.Linear(3, 2)), loader, None

def short(config):
    trunk, loader, _ = data(config)
    return trunk, [(loader[0][0][:9], loader[0][1][:9])], None
"""
CONFIG = "transforms: [good.shift]\nbatch_size: 40\n"
COMMAND = ["find", "config.yaml", "--data", "made_find.py:data"]


@pytest.fixture
def folder(demo_site):
    (demo_site / "made_find.py").write_text(MAKE)
    (demo_site / "config.yaml").write_text(CONFIG)
    return demo_site


def facts(path):
    return json.loads((path / "evidence.json").read_text())["facts"]


def test_verdicts_are_printed_and_the_page_the_numbers_and_the_policy_are_written(folder, capsys):
    assert status([*COMMAND, "--output", "out"]) == 0
    shown = capsys.readouterr().out
    assert "good.shift" in shown
    assert "helps" in shown
    out = folder / "out"
    for name in ("report.html", "evidence.json", "policy.json"):
        assert f"{name}" in shown
        assert (out / name).stat().st_size > 100
    (row,) = Policy.from_json(out / "policy.json")
    assert row.transform == "good.shift"
    assert row.high > 0
    assert facts(out)["n_samples"] == 120


def test_a_demo_needs_no_file(folder, capsys):
    assert status(["find", "--demo", "good"]) == 0
    assert "good.shift" in capsys.readouterr().out
    assert facts(folder / "runs" / "find")["n_samples"] == 24


def test_a_file_changes_a_demo(folder):
    (folder / "config.yaml").write_text("seed: 3\n")
    assert status(["find", "config.yaml", "--demo", "good"]) == 0
    assert facts(folder / "runs" / "find")["seed"] == 3
    assert status(["find", "config.yaml", "--demo", "good", "--seed", "5"]) == 0
    assert facts(folder / "runs" / "find")["seed"] == 5


def test_options_reach_the_search(folder):
    assert status([*COMMAND, "--n-samples", "50", "--features", "0", "--max-seconds", "60", "--output", "out"]) == 0
    told = facts(folder / "out")
    assert told["n_samples"] == 50
    assert told["features"] == "output of the module 0"
    assert told["complete"]


def test_the_seed_decides_the_result(folder):
    for name in ("a", "b"):
        assert status([*COMMAND, "--output", name]) == 0
    first, second = (json.loads((folder / name / "evidence.json").read_text()) for name in ("a", "b"))
    assert first["candidates"] == second["candidates"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["config.yaml"], "give either --demo NAME or --data module:callable"),
        (["config.yaml", "--demo", "good", "--data", "made_find.py:data"], "give either --demo NAME or --data"),
        (["--data", "made_find.py:data"], "CONFIG.yaml is missing"),
        (["config.yaml", "--demo", "goood"], "Did you mean 'good'?"),
        (["nowhere.yaml", "--demo", "good"], "nowhere.yaml"),
        ([*COMMAND[1:], "--n-samples", "5"], "n_samples must be an int of at least 20, but got 5"),
        ([*COMMAND[1:], "--features", "head"], "no module 'head'"),
        ([*COMMAND[1:], "--max-seconds", "0"], "max_seconds must be"),
        (["config.yaml", "--data", "made_find.py:short"], "loader yields 9 samples"),
    ],
)
def test_a_mistake_gets_a_line_and_status_2(folder, capsys, arguments, words):
    assert status(["find", *arguments]) == 2
    line = capsys.readouterr().err
    assert words in line
    assert line.startswith("augrad: ")
    assert line.count("\n") == 1
