"""`augrad audit`: what it prints, writes and refuses, and its exit status."""

from __future__ import annotations

import json

import pytest

from augrad.cli import status

MAKE = """
import torch

class Blind(torch.nn.Module):
    def forward(self, x):
        score = x[:, 0] - x[:, 1]
        return torch.stack([-score, score], dim=1)

class Sees(torch.nn.Module):
    def forward(self, x):
        score = x.mean(dim=1)
        return torch.stack([-score, score], dim=1)

def data(config):
    generator = torch.Generator().manual_seed(0)
    target = torch.randint(2, (400,), generator=generator)
    x = 0.2 * torch.randn(400, 4, generator=generator) + (2 * target - 1)[:, None]
    return list(zip(x.split(config.batch_size), target.split(config.batch_size)))

def blind(config):
    return Blind(), data(config)

def sees(config):
    return Sees(), data(config)

def junk(config):
    return Sees()
"""


CONFIG = "transforms: [good.shift]\nstrengths: [1.0]\n"


@pytest.fixture
def folder(demo_site):
    (demo_site / "made_audit.py").write_text(MAKE)
    (demo_site / "config.yaml").write_text(CONFIG)
    return demo_site


def test_an_audit_is_printed_and_written(folder, capsys):
    assert status(["audit", "config.yaml", "--data", "made_audit.py:sees", "--output", "out"]) == 0
    shown = capsys.readouterr().out
    assert "good.shift" in shown
    assert "sensitive, rightly so" in shown
    assert {path.name for path in (folder / "out").iterdir()} == {"audit.json", "card.md", "report.html"}
    document = json.loads((folder / "out" / "audit.json").read_text())
    assert document["verdicts"][0]["kind"] == "sensitive"


def test_it_guards_a_pipeline(folder, capsys):
    command = ["audit", "config.yaml", "--data", "made_audit.py:blind"]
    assert status(command) == 0
    assert status([*command, "--fail-on", "over-invariant"]) == 1
    assert "good.shift is over-invariant: at ±2 V" in capsys.readouterr().err
    assert (folder / "runs" / "audit" / "report.html").exists()
    assert status(["audit", "config.yaml", "--data", "made_audit.py:sees", "--fail-on", "over-invariant"]) == 0
    (folder / "config.yaml").write_text(CONFIG + "fail_on: [over-invariant]\n")
    assert status(command) == 1


def test_a_demos_model_is_trained_and_audited(folder, capsys):
    assert status(["audit", "--demo", "good", "--rule", "none", "--output", "out"]) == 0
    assert (folder / "out" / "card.md").read_text().startswith("# Invariance card: demo good, trained by none")
    assert "good.shift" in capsys.readouterr().out


def test_two_models_are_compared(folder):
    base = ["audit", "config.yaml", "--data"]
    assert status([*base, "made_audit.py:blind", "--output", "first"]) == 0
    assert status([*base, "made_audit.py:sees", "--output", "second", "--against", "first/audit.json"]) == 0
    assert (folder / "second" / "comparison.html").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "give either --data"),
        (["--data", "made_audit.py:sees", "--demo", "vision"], "give either --data"),
        (["--data", "made_audit.py:junk"], "must return (model, loader), but returned Sees"),
        (["--data", "made_audit.py:sees", "--fail-on", "over-invarant"], "Did you mean 'over-invariant'?"),
        (["--data", "made_audit.py:sees", "--against", "none.json"], "none.json cannot be read"),
        (["--demo", "no-demo"], "no-demo"),
    ],
    ids=["no model", "two models", "junk", "verdict", "earlier", "demo"],
)
def test_mistakes_are_named_in_one_line(folder, capsys, arguments, message):
    code = status(["audit", "config.yaml", *arguments])
    shown = capsys.readouterr().err
    assert code in (1, 2)
    assert message in shown
    assert shown.count("\n") == 1


def test_a_configuration_is_validated(folder, capsys):
    (folder / "config.yaml").write_text("strenghts: [0.5]\n")
    assert status(["audit", "config.yaml", "--data", "made_audit.py:sees"]) == 2
    assert "strenghts is not a known key. Did you mean 'strengths'?" in capsys.readouterr().err
