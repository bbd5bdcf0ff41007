from __future__ import annotations

import json

import pytest
from tests.core.cli.conftest import WITH_DEMO
from tests.core.plugin_factory import hook, kind

from augrad.cli import status

BAD = '''
import augrad


class Gain(augrad.Transform):
    """Multiplies."""

    modality = "mine"
    assumes = "the level carries no information about the target"
    gain = augrad.Range(1.0)

    def forward(self, x, *, gain):
        return x.mul_(1 + gain.detach().reshape(-1, *[1] * (x.ndim - 1)))


class Base(augrad.Transform):
    modality = "mine"
'''


def test_good_transforms_pass(good_site, capsys):
    assert status(["check", "augrad_good.transforms"]) == 0
    shown = capsys.readouterr().out
    assert "gradient reaches parameters" in shown
    assert "FAILED" not in shown
    assert shown.rstrip().endswith("checks passed, 1 transforms.")


@pytest.mark.parametrize("module", ["augrad_good.plugin", "augrad_good"])
def test_what_a_plugin_brings_from_a_package_is_checked(good_site, capsys, module):
    assert status(["check", module, "--json"]) == 0
    assert list(json.loads(capsys.readouterr().out)) == ["good.shift"]


def test_failures_are_listed_below_the_table(site, capsys):
    folder = site()
    (folder / "mine.py").write_text(BAD)
    assert status(["check", "mine.py"]) == 1
    table, _, below = capsys.readouterr().out.partition("└")
    assert "FAILED" in table
    assert "mine.base" not in table
    assert "FAILED mine.gain check_input_untouched: " in below
    assert "FAILED mine.gain check_gradient_reaches_parameters: " in below


def test_failures_as_json(site, capsys):
    (site() / "mine.py").write_text(BAD)
    assert status(["check", "mine", "--json"]) == 1
    (results,) = json.loads(capsys.readouterr().out).values()
    failed = {result["check"] for result in results if result["status"] == "failed"}
    assert "check_input_untouched" in failed
    assert "check_assumes_declared" not in failed


def test_nothing_to_check(site, capsys):
    (site() / "mine.py").write_text("import augrad\nfrom augrad import Transform\n")
    assert status(["check", "mine"]) == 2
    assert "MODULE 'mine' holds no transforms" in capsys.readouterr().err


NEEDY = BAD.replace(
    "    def forward",
    "    def __init__(self, size):\n        super().__init__()\n        self.size = 1 / size\n\n    def forward",
)


def test_a_transform_that_needs_arguments(site, capsys):
    (site() / "mine.py").write_text(NEEDY)
    assert status(["check", "mine"]) == 2
    shown = capsys.readouterr().err
    assert "mine.gain cannot be built without arguments: " in shown
    assert "Let its classmethod example_arguments() return what its constructor needs." in shown


@pytest.mark.parametrize(("size", "code"), [("2", 1), ("None", 2)])
def test_a_transform_is_built_with_its_example_arguments(site, capsys, size, code):
    example = f"    @classmethod\n    def example_arguments(cls):\n        return {{'size': {size}}}\n\n"
    (site() / "mine.py").write_text(NEEDY.replace("    def __init__", f"{example}    def __init__"))
    assert status(["check", "mine"]) == code
    shown = capsys.readouterr()
    if code == 1:
        assert "mine.gain" in shown.out
    else:
        assert "mine.gain cannot be built with size of its example_arguments(): unsupported operand" in shown.err


def test_a_module_that_cannot_be_imported(site, capsys):
    (site() / "mine.py").write_text("import no_such_thing\n")
    assert status(["check", "mine"]) == 2
    assert (
        "MODULE 'mine' cannot be imported: it imports 'no_such_thing', which is not installed"
        in capsys.readouterr().err
    )


def test_broken_transforms_of_a_plugin_are_named(site, capsys):
    site(WITH_DEMO, kind("odd", "", hook("{'odd.x': 'broken_odd.absent:X'}")))
    assert status(["check", "broken_odd.plugin"]) == 2
    assert "'odd.x' of plugin 'odd' (broken-odd 1.0) is broken" in capsys.readouterr().err


def test_more_transforms_than_one_table_holds(site, capsys):
    source = "".join(
        f"class G{i}(augrad.Transform):\n    modality = 'mine'\n    def forward(self, x):\n        return x\n"
        for i in range(4)
    )
    (site() / "mine.py").write_text(f"import augrad\n{source}")
    assert status(["check", "mine"]) == 1
    shown = capsys.readouterr().out
    assert shown.count("┏") == 2
    assert shown.rstrip().endswith("4 transforms.")
