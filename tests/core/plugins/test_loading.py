from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from tests.core.plugin_factory import BROKEN, GOOD, Kind, hook, install, install_all, kind

from augrad.errors import PluginError
from augrad.plugins.loading import installed, load_plugin


@pytest.fixture
def host(tmp_path, monkeypatch):
    """Installs plugins where this process finds them; gives a loader. Their modules are forgotten afterwards."""
    monkeypatch.syspath_prepend(tmp_path)
    before = set(sys.modules)

    def load(plugin: Kind, owners: dict[str, str] | None = None):
        install(tmp_path, plugin)
        (entry,) = [entry for entry in installed() if entry.dist.name == plugin.distribution]
        return load_plugin(entry, owners or {})

    yield load
    for name in set(sys.modules) - before:
        del sys.modules[name]


def run(folder: Path, code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(folder), "OMP_NUM_THREADS": "1", "COLUMNS": "200"}
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


@pytest.fixture(scope="module")
def everything_broken(tmp_path_factory):
    """One host with the good plugin and all the broken ones: what `augrad plugins` and a few questions answer."""
    folder = tmp_path_factory.mktemp("site")
    install_all(folder)
    command = run(folder, "from augrad.cli import main; main()", "plugins", "--json")
    table = run(folder, "from augrad.cli import main; main()", "plugins")
    host = run(
        folder,
        "import augrad, torch\n"
        "layer = augrad.AugmentationLayer(['good.shift'])\n"
        "print(sorted(augrad.transforms('good')), tuple(layer(torch.zeros(2, 3)).shape))\n"
        "print(len(augrad.plugin_errors()), 'halfway.half' in augrad.transforms())\n"
        "for name in ('exit.anything', 'class.thing', 'vision.hum', 'good.shfit'):\n"
        "    try:\n"
        "        augrad.get_transform(name)\n"
        "    except augrad.AugradError as error:\n"
        "        print(type(error).__name__, error)\n",
    )
    return command, table, host


def test_host_survives_all_of_them_at_once(everything_broken):
    _, _, host = everything_broken
    assert host.returncode == 0, host.stderr
    lines = host.stdout.splitlines()
    assert lines[0] == "['good.shift'] (2, 3)"
    # All but the one that merely prints, and the one whose class nobody has asked for yet.
    assert lines[1] == "10 False"


def test_asking_for_what_a_broken_plugin_brings_names_the_cause(everything_broken):
    exits, no_transform, foreign, misspelt = everything_broken[2].stdout.splitlines()[2:]
    assert re.match(
        r"PluginError no transform named 'exit.anything', because plugin 'exit' .*calls sys.exit\(3\)", exits
    )
    assert re.match(r"PluginError 'class.thing' of plugin 'class' .*not a subclass of augrad.Transform", no_transform)
    assert re.match(r"PluginError no transform named 'vision.hum', because plugin 'foreign' .*may only name", foreign)
    assert misspelt == "UnknownTransformError no transform named 'good.shfit'. Did you mean 'good.shift'?"


@pytest.mark.parametrize("name", BROKEN)
def test_command_names_each_cause(everything_broken, name):
    command = everything_broken[0]
    assert command.returncode == 0, command.stderr
    reports = {report["name"]: report for report in json.loads(command.stdout)}
    broken = BROKEN[name]
    report = reports[broken.key or broken.entry]
    assert re.search(broken.cause, "\n".join([*report["causes"], *report["notes"]]))
    assert report["distribution"] == broken.distribution
    expected = {"prints on import": "ok", "not a transform": "in part"}.get(name, "left out")
    assert report["status"] == expected


def test_command_leaves_the_good_plugin_alone(everything_broken):
    (report,) = [r for r in json.loads(everything_broken[0].stdout) if r["name"] == "good"]
    assert report == {
        "name": "good",
        "distribution": "augrad-good",
        "version": "1.0",
        "status": "ok",
        "n_transforms": 1,
        "causes": [],
        "notes": [],
    }


def test_command_prints_a_table(everything_broken):
    table = everything_broken[1]
    assert table.returncode == 0
    for broken in BROKEN.values():
        assert f"{broken.distribution} 1.0" in table.stdout
    assert "note: prints on import" in table.stdout


@pytest.mark.parametrize("name", sorted(BROKEN.keys() - {"taken name", "not a transform", "prints on import"}))
def test_error_keeps_its_facts(host, name):
    error = host(BROKEN[name]).error
    assert isinstance(error, PluginError)
    assert (error.plugin, error.distribution) == (BROKEN[name].entry, BROKEN[name].distribution)
    assert re.search(BROKEN[name].cause, error.cause)


def test_output_of_a_plugin_is_kept_from_the_host(host, capsys):
    assert host(BROKEN["prints on import"]).printed == "hello from the plugin"
    assert capsys.readouterr().out == ""


def test_keyboard_interrupt_is_the_users(host):
    with pytest.raises(KeyboardInterrupt):
        host(kind("interrupt", "", "raise KeyboardInterrupt\n"))


@pytest.mark.parametrize(
    ("source", "cause"),
    [
        ("", "implements no hook"),
        ("def augrad_transforms():\n    return None\n", "returns NoneType from augrad_transforms"),
        (hook("{'odd.x': 3}"), r"returns 'odd.x': 3 from augrad_transforms\(\); it must map names to strings"),
        (hook("{'odd.x': 'module.Class'}"), "returns 'odd.x': 'module.Class' from"),
        (hook("{'odd.CamelCase': 'm:C'}"), "claims 'odd.CamelCase', but"),
        (hook("{'odd.x': 'm:C'}").replace("()", "(config)"), "raises PluginValidationError: .*config"),
        ("requires_augrad = 9\n" + hook("{}"), "sets requires_augrad to 9; it must be a specifier"),
        ("requires_augrad = 'new'\n" + hook("{}"), "sets requires_augrad to 'new'; it must be"),
        (
            "def augrad_demos():\n    return {'vision': 'm:demo'}\n",
            "claims the demo 'vision', but an entry point called 'odd'",
        ),
        (
            "def augrad_tasks():\n    return {'oddity-a': 'm:task'}\n",
            "claims the task 'oddity-a', but an entry point called 'odd' may only name 'odd' or 'odd-<name>'",
        ),
        ("def augrad_rules():\n    return {'none': 'm:rule'}\n", "claims the rule 'none', but"),
    ],
)
def test_other_faults(host, source, cause):
    assert re.search(cause, host(kind("odd", "", source)).error.cause)


def test_core_version_is_read_from_the_requirements_before_anything_is_imported(host):
    plugin = host(kind("odd", "", "raise RuntimeError\n", requires="augrad>=9"))
    assert re.search("needs augrad >=9, but .* pip install -U augrad", plugin.error.cause)


@pytest.mark.parametrize("requires", ["numpy>=99", "augrad>=9; extra == 'new'", "augrad>=0.0.1", "???"])
def test_other_requirements_do_not_matter(host, requires):
    assert host(kind("odd", "", hook("{}"), requires=requires)).error is None


def test_attribute_of_an_entry_point_may_hold_the_hooks(host):
    source = "class hooks:\n    @staticmethod\n    def augrad_transforms():\n        return {'odd.x': 'm:C'}\n"
    assert host(kind("odd", "", source, target="broken_odd.plugin:hooks")).transforms == {"odd.x": "m:C"}


def test_missing_attribute_of_an_entry_point(host):
    plugin = host(kind("odd", "", "hooks = None\n", target="broken_odd.plugin:hoks"))
    assert re.search(
        "points to 'broken_odd.plugin:hoks', but .* has no 'hoks'. Did you mean 'hooks'?", plugin.error.cause
    )


def test_marked_hook_implementations_are_hooks_too(host):
    marked = "from augrad import hookimpl\n@hookimpl(specname='augrad_transforms')\n"
    assert host(kind("odd", "", marked + "def mine():\n    return {'odd.x': 'm:C'}\n")).transforms == {"odd.x": "m:C"}


def test_taken_demo_name(host):
    plugin = host(kind("odd", "", "def augrad_demos():\n    return {'odd-a': 'm:d'}\n"), {"odd-a": "someone"})
    assert plugin.error.cause == "claims 'odd-a', which someone has already."


def test_malformed_metadata_of_strangers_is_not_read(tmp_path, monkeypatch):
    install(tmp_path, Kind("stranger", "x", "", {}))
    (tmp_path / "stranger-1.0.dist-info" / "entry_points.txt").write_text("[console_scripts]\nnonsense\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert "stranger" not in [entry.dist.name for entry in installed()]


def test_first_of_equal_distributions_wins(tmp_path, monkeypatch):
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        install(tmp_path / folder, GOOD)
        monkeypatch.syspath_prepend(tmp_path / folder)
    assert [entry.dist.name for entry in installed()].count("augrad-good") == 1
