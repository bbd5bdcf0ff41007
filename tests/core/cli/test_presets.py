from __future__ import annotations

import json

from tests.core.cli.conftest import WITH_DEMO
from tests.core.plugin_factory import Kind

from augrad.cli import status

PLUGIN = (
    WITH_DEMO.files["plugin.py"]
    + """
    def augrad_presets():
        return {
            "good-system": "augrad_good.presets:system",
            "good-picky": "augrad_good.presets:picky",
            "good-lost": "augrad_good.presets:lost",
        }
"""
)
PRESETS = """
    from augrad import AugmentationLayer, AugmentationModule, JointLoss
    from augrad.presets import Preset

    def system(transforms):
        module = AugmentationModule([AugmentationLayer(transforms)])
        return Preset("system", module, None, "me, 2026", objective=JointLoss)

    def picky(transforms):
        raise TypeError("images only")
"""
KIND = Kind("augrad-good", "good", "", {**WITH_DEMO.files, "plugin.py": PLUGIN, "presets.py": PRESETS})


def test_presets_are_listed_with_what_they_learn(site, capsys):
    site()
    assert status(["presets"]) == 0
    lines = capsys.readouterr().out.splitlines()
    for name, learned, objective in (
        ("augnet", "weights and magnitudes", "joint"),
        ("augerino", "magnitudes", "joint"),
        ("trivialaugment", "nothing", "-"),
    ):
        (line,) = [line for line in lines if f" {name} " in line]
        assert [cell.strip() for cell in line.split("│")[2:4]] == [learned, objective]


def test_plugins_bring_presets_and_a_broken_one_is_said(site, capsys):
    site(KIND)
    assert status(["presets", "--json"]) == 1
    out, err = capsys.readouterr()
    rows = {row["name"]: row for row in json.loads(out)}
    assert list(rows) == ["augnet", "augerino", "randaugment", "trivialaugment", "good-picky", "good-system"]
    assert rows["good-system"] == {
        "name": "good-system",
        "learns": "weights and magnitudes",
        "objective": "JointLoss",
        "citation": "me, 2026",
    }
    assert "it raises TypeError: images only" in rows["good-picky"]["citation"]
    assert "'good-lost' of plugin 'good'" in err
    assert "has no 'lost'" in err
