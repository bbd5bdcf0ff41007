from __future__ import annotations

from pathlib import Path

import pytest
from tests.core.cli.conftest import WITH_DEMO
from tests.core.plugin_factory import GOOD

from augrad.cli import status
from augrad.demo import DemoResult, Findings

RESULT = object.__new__(DemoResult)
"""Stands for the result of a demo that ran."""


@pytest.fixture
def seen(monkeypatch):
    """What `run_demo` and `run_demos` are called with."""
    seen = {}

    def one(demo, **options):
        seen.update(options, name=demo.name)

    def many(demos, **options):
        seen.update(options, names=[demo.name for demo in demos])
        return seen.get("findings", Findings((RESULT,)))

    monkeypatch.setattr("augrad.demo.run_demo", one)
    monkeypatch.setattr("augrad.demo.run_demos", many)
    return seen


@pytest.fixture
def two_demos(site):
    files = {
        **WITH_DEMO.files,
        "plugin.py": WITH_DEMO.files["plugin.py"].replace('{"good":', '{"good-b": "augrad_good.b:b", "good":'),
        "b.py": "import dataclasses\nfrom augrad_good.demo import demo\nb = dataclasses.replace(demo, name='good-b')\n",
    }
    return lambda **changed: site(type(WITH_DEMO)("augrad-good", "good", "", {**files, **changed}))


def test_all_run_without_a_name(two_demos, seen):
    two_demos()
    assert status(["demo", "--quick", "--output", "out"]) == 0
    assert seen == {"names": ["good", "good-b"], "seeds": None, "output": Path("out"), "jobs": 1, "quick": True}


def test_several_run_by_name(two_demos, seen):
    two_demos()
    assert status(["demo", "good-b", "good", "good-b"]) == 0
    assert seen["names"] == ["good-b", "good"]


def test_one_runs_on_its_own(demo_site, seen):
    assert status(["demo", "good", "--seeds", "3, 4"]) == 0
    assert seen == {"name": "good", "seeds": (3, 4), "output": None, "jobs": 1, "quick": False}


@pytest.mark.parametrize(
    ("findings", "code"),
    [
        (Findings((RESULT,), skipped={"good": "install it"}), 0),
        (Findings((RESULT,), failed={"good": "it broke"}), 1),
        (Findings((), skipped={"good": "install it"}), 1),
    ],
)
def test_exit_status(demo_site, seen, findings, code):
    seen["findings"] = findings
    assert status(["demo"]) == code


def test_a_demo_that_cannot_be_imported_is_named(two_demos, seen, capsys):
    two_demos(**{"b.py": "import no_such_data\n"})
    assert status(["demo"]) == 1
    assert seen["names"] == ["good"]
    assert "'good-b' of plugin 'good' (augrad-good 1.0) is broken: it imports 'no_such_data'" in capsys.readouterr().err


def test_runs_for_real(demo_site, capsys):
    assert status(["demo"]) == 0
    assert (demo_site / "runs" / "demo" / "report.html").exists()
    assert status(["demo", "good"]) == 0
    assert (demo_site / "runs" / "demo-good" / "report.html").exists()


def test_missing_dependency_of_the_only_one(site, capsys):
    source = WITH_DEMO.files["demo.py"].replace(
        "generator = torch.Generator()",
        "from augrad.errors import MissingDependencyError as E; raise E('pip install it'); ()",
    )
    site(type(WITH_DEMO)("augrad-good", "good", "", {**WITH_DEMO.files, "demo.py": source}))
    assert status(["demo", "good"]) == 2
    assert capsys.readouterr().err == "augrad: pip install it\n"
    assert status(["demo"]) == 1
    assert "good is skipped: pip install it" in capsys.readouterr().out


def test_unknown_demo(demo_site, capsys):
    assert status(["demo", "god"]) == 2
    assert capsys.readouterr().err == "augrad: no demo named 'god'; demos: good. Did you mean 'good'?\n"


def test_no_demo(site, capsys):
    site(GOOD)
    assert status(["demo"]) == 2
    assert capsys.readouterr().err == "augrad: no demos are installed. The first one: pip install augrad-vision\n"


def test_seeds_must_be_numbers(demo_site, capsys):
    assert status(["demo", "good", "--seeds", "1;2"]) == 2
    assert (
        "--seeds must be whole numbers with commas between them, such as 0,1,2, but got '1;2'"
        in capsys.readouterr().err
    )
    assert status(["demo", "good", "--seeds", "1,1"]) == 2
    assert "seeds must hold at least one int and none twice" in capsys.readouterr().err
