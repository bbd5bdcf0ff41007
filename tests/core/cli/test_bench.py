from __future__ import annotations

from pathlib import Path

import pytest
from tests.core.cli.conftest import WITH_DEMO
from tests.core.plugin_factory import GOOD, Kind

from augrad.bench import BenchResult
from augrad.bench.records import failed
from augrad.cli import status
from augrad.plugins.registry import get_task

PLUGIN = (
    WITH_DEMO.files["plugin.py"]
    + """
    def augrad_tasks():
        return {"good-b": "augrad_good.tasks:b", "good-a": "augrad_good.tasks:a", "good-c": "augrad_good.tasks:c"}

    def augrad_rules():
        return {"good-rule": "augrad_good.tasks:rule"}

    def augrad_presets():
        return {"good-preset": "augrad_good.tasks:preset"}
"""
)
TASKS = """
    from augrad import presets
    from augrad.bench import Configuration, Rule, Task
    from augrad.demo.rules import no_augmentation
    from augrad_good.demo import demo, load

    fields = dict(
        title="Levels", description="The level means nothing.", load=load, trunk=demo.trunk,
        transforms=("good.shift",), epochs=1, batch_size=8, copies=2, seeds=(0,),
    )
    a = Task(name="good-a", oracle={"good.shift": {"offset": 1.0}}, **fields)
    b = Task(name="good-b", oracle={}, kind="nothing", **fields)

    def build(task, transforms, seed):
        return Configuration(no_augmentation(), {"penalty": None})

    def preset(transforms, *, strength=0.5):
        return presets.augnet(transforms, strength=strength)

    c = Task(name="good-c", oracle={}, kind="nothing", group="more", **fields)
    rule = Rule("good-rule", "Mine", build, citation="me, 2026")
"""
WITH_TASKS = Kind("augrad-good", "good", "", {**WITH_DEMO.files, "plugin.py": PLUGIN, "tasks.py": TASKS})


@pytest.fixture
def bench_site(site):
    return site(WITH_TASKS)


@pytest.fixture
def seen(monkeypatch):
    """What `run_bench` is called with; `seen["result"]` is what it returns, a row by default."""
    seen = {}

    class Result(BenchResult):
        rows = ("a row",)

    def run_bench(tasks, rules, **options):
        seen.update(options, tasks=[task.name for task in tasks], rules=[rule.name for rule in rules])
        return seen.get("result") or Result(tuple(tasks), tuple(rules), ())

    monkeypatch.setattr("augrad.bench.run_bench", run_bench)
    return seen


OWN = [
    *("none", "oracle", "cross_fitted", "full", "randaugment-0.1", "randaugment-0.3", "randaugment-1.0"),
    *("trivialaugment", "augerino", "augnet", "joint", "augrad"),
]


def test_all_tasks_and_rules_run_without_a_name(bench_site, seen):
    assert status(["bench"]) == 0
    assert seen == {
        "tasks": ["good-a", "good-b"],
        "rules": [*OWN, "good-rule"],
        "seeds": None,
        "jobs": None,
        "backend": None,
        "output": Path("runs/bench"),
        "quick": False,
    }


def test_options(bench_site, seen):
    arguments = [
        "--rules",
        "none, randaugment",
        "--seeds",
        "3,4",
        "--jobs",
        "1",
        "--backend",
        "loky",
        "--output",
        "out",
        "--quick",
    ]
    assert status(["bench", "good-b", "good-b", *arguments]) == 0
    assert seen == {
        "tasks": ["good-b"],
        "rules": ["none", "randaugment-0.1", "randaugment-0.3", "randaugment-1.0"],
        "seeds": (3, 4),
        "jobs": 1,
        "backend": "loky",
        "output": Path("out"),
        "quick": True,
    }


def test_a_preset_is_a_rule_when_it_is_named(bench_site, seen):
    assert status(["bench", "--rules", "none,good-preset"]) == 0
    assert seen["rules"] == ["none", "good-preset"]


def test_list(bench_site, seen, capsys):
    assert status(["bench", "--list"]) == 0
    printed = capsys.readouterr().out
    assert seen == {}
    for words in (
        ("good-a", "invariance", "Levels"),
        ("good-b", "nothing", "standard"),
        ("good-c", "more"),
        ("good-rule", "Mine", "me, 2026"),
    ):
        (line,) = [line for line in printed.splitlines() if words[0] in line]
        assert all(word in line for word in words)


def test_a_group_runs_when_it_is_named(bench_site, seen):
    assert status(["bench", "--group", "more"]) == 0
    assert seen["tasks"] == ["good-c"]
    assert status(["bench", "good-c", "good-a"]) == 0
    assert seen["tasks"] == ["good-c", "good-a"]


def test_runs_for_real_and_is_not_repeated(bench_site, capsys):
    assert status(["bench", "--rules", "none,oracle,good-rule", "--jobs", "1"]) == 0
    assert "6 trainings in 1 process." in capsys.readouterr().out
    names = {path.name for path in (bench_site / "runs" / "bench").iterdir()}
    assert names == {"results.jsonl", "table.md", "summary.json", "bench.png"}
    assert status(["bench", "--rules", "none,oracle,good-rule", "--jobs", "1"]) == 0
    assert "0 trainings in 1 process; 6 are there already." in capsys.readouterr().out


def test_a_failed_run_is_status_1(bench_site, seen, capsys):
    bad = failed(get_task("good-a"), "none", 0, "0f", "it broke")
    seen["result"] = BenchResult((), (), (bad,))
    assert status(["bench"]) == 1
    assert capsys.readouterr().err == "augrad: 1 of 1 runs failed: what they say is above.\n"


def test_nothing_that_ran_is_status_1(bench_site, seen, capsys):
    seen["result"] = BenchResult((), (), (), {"good-a": "pip install it"})
    assert status(["bench"]) == 1
    assert capsys.readouterr().err == "augrad: no run went through.\n"


def test_a_task_that_cannot_be_imported_is_named(site, seen, capsys):
    files = {**WITH_TASKS.files, "plugin.py": PLUGIN.replace("augrad_good.tasks:b", "augrad_good.late:b")}
    site(Kind("augrad-good", "good", "", {**files, "late.py": "import no_such_data\n"}))
    assert status(["bench"]) == 1
    assert seen["tasks"] == ["good-a"]
    assert "'good-b' of plugin 'good' (augrad-good 1.0) is broken: it imports 'no_such_data'" in capsys.readouterr().err


def test_an_interruption_has_a_status_of_its_own(bench_site, monkeypatch, capsys):
    def interrupted(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr("augrad.bench.run_bench", interrupted)
    assert status(["bench"]) == 130


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["good-d"], "no task named 'good-d'; tasks: good-b, good-a, good-c. Did you mean 'good-"),
        (["--rules", "augnot"], "no rule, group of rules or preset is named 'augnot'; rules: none, oracle, "),
        (["--rules", "augnot"], "Did you mean 'augnet'?"),
        (["--group", "mroe"], "no task is in the group 'mroe'; groups: standard, more. Did you mean 'more'?"),
        (["good-a", "--group", "more"], "give either names of tasks or --group NAME, not both"),
        (["--seeds", "a"], "--seeds must be whole numbers with commas between them"),
        (["--jobs", "0"], "Invalid value for '--jobs'"),
    ],
)
def test_mistakes(bench_site, arguments, message, capsys):
    assert status(["bench", *arguments]) == 2
    assert message in capsys.readouterr().err


def test_no_task(site, capsys):
    site(GOOD)
    assert status(["bench"]) == 2
    assert "no benchmark tasks are installed. The first ones: pip install augrad-vision" in capsys.readouterr().err
