from __future__ import annotations

from pathlib import Path

import pytest
from tests.core.cli.conftest import WITH_DEMO
from tests.core.plugin_factory import GOOD

from augrad.cli import status


@pytest.fixture
def seen(monkeypatch):
    """What `run_demo` is called with."""
    seen = {}
    monkeypatch.setattr("augrad.demo.run_demo", lambda demo, **options: seen.update(options, name=demo.name))
    return seen


def test_the_only_demo_runs_without_a_name(demo_site, seen):
    assert status(["demo", "--quick", "--output", "out"]) == 0
    assert seen == {"name": "good", "seeds": None, "output": Path("out"), "quick": True}


def test_arguments_reach_the_demo(demo_site, seen):
    assert status(["demo", "good", "--seeds", "3, 4"]) == 0
    assert seen == {"name": "good", "seeds": (3, 4), "output": None, "quick": False}


def test_several_demos_are_listed(site, capsys):
    files = {
        **WITH_DEMO.files,
        "plugin.py": WITH_DEMO.files["plugin.py"].replace('{"good":', '{"good-b": "augrad_good.b:b", "good":'),
    }
    files["b.py"] = (
        "import dataclasses\nfrom augrad_good.demo import demo\nb = dataclasses.replace(demo, name='good-b')\n"
    )
    site(type(WITH_DEMO)("augrad-good", "good", "", files))
    assert status(["demo"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "Demos, to be run with `augrad demo NAME`:",
        "  good: Levels",
        "  good-b: Levels",
    ]


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
