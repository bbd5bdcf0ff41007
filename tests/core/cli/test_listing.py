from __future__ import annotations

import json

import pytest
from tests.core.plugin_factory import BROKEN, GOOD, Kind, hook

from augrad.cli import status


def test_transforms_as_a_table(good_site, capsys):
    assert status(["transforms"]) == 0
    shown = capsys.readouterr().out
    for part in ("good.shift", "offset: -2 .. 2 V", "pathwise", "the level carries no information about the target"):
        assert part in shown


def test_transforms_as_json(good_site, capsys):
    assert status(["transforms", "--modality", "good", "--json"]) == 0
    (described,) = json.loads(capsys.readouterr().out)
    assert described["name"] == "good.shift"
    assert described["parameters"]["offset"]["bounds"] == [-2.0, 2.0]
    assert described["parameters"]["offset"]["unit"] == "V"
    assert (described["gradient"], described["invertible"]) == ("pathwise", False)


def test_unknown_modality(good_site, capsys):
    assert status(["transforms", "--modality", "god"]) == 2
    assert "modalities: good. Did you mean 'good'?" in capsys.readouterr().err


def test_nothing_installed(site, capsys):
    site()
    assert status(["transforms"]) == 0
    assert "pip install augrad-vision" in capsys.readouterr().out
    assert status(["plugins"]) == 0
    assert "pip install augrad-vision" in capsys.readouterr().out
    assert status(["plugins", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == []


def test_transforms_point_to_what_is_broken(site, capsys):
    site(GOOD, BROKEN["sys.exit"], BROKEN["not a transform"])
    assert status(["transforms", "--json"]) == 0
    shown = capsys.readouterr()
    assert [described["name"] for described in json.loads(shown.out)] == ["good.shift"]
    assert shown.err == ""
    assert status(["transforms"]) == 0
    assert capsys.readouterr().err == "2 broken: see `augrad plugins`.\n"


def test_plugins_as_a_table(site, capsys):
    site(GOOD, *BROKEN.values())
    assert status(["plugins"]) == 0
    shown = capsys.readouterr().out
    assert "augrad-good 1.0" in shown
    assert shown.count("left out") >= 10
    assert "note: prints on import" in shown


def test_one_cause_is_said_once(site, capsys):
    names = "{'odd.a': 'broken_odd.absent:A', 'odd.b': 'broken_odd.absent:B'}"
    site(Kind("broken-odd", "odd", "", {"plugin.py": hook(names)}))
    assert status(["plugins", "--json"]) == 0
    (report,) = json.loads(capsys.readouterr().out)
    assert report["causes"] == ["odd.a, odd.b: points to 'broken_odd.absent', a module that does not exist"]


@pytest.mark.parametrize(
    ("notes", "said"),
    [
        (
            "def notes():\n    return ['torchaudio: no native library']\n",
            "torchaudio: no native library",
        ),
        ("def notes():\n    return 3\n", "its notes() must return a list of strings, but returns 3"),
        ("def notes():\n    raise ValueError('x')\n", "its notes() raises ValueError: x (plugin.py, line 4)"),
    ],
)
def test_notes_of_a_plugin(site, capsys, notes, said):
    site(Kind("broken-odd", "odd", "", {"plugin.py": hook("{}") + notes}))
    assert status(["plugins", "--json"]) == 0
    (report,) = json.loads(capsys.readouterr().out)
    assert (report["status"], report["notes"]) == ("ok", [said])


def test_range_per_feature(site, capsys):
    source = """
        import augrad

        class Jitter(augrad.Transform):
            modality = "mine"
            std = augrad.Range(1.0, per="feature")

            def forward(self, x, *, std):
                return x
    """
    site(Kind("mine", "mine", "", {"plugin.py": hook("{'mine.jitter': 'mine.jitters:Jitter'}"), "jitters.py": source}))
    assert status(["transforms"]) == 0
    assert "std: 0 .. 1 per feature" in capsys.readouterr().out


NEEDY = """
    import augrad
    from augrad import Range

    class Delay(augrad.Transform):
        modality = "mine"
        cutoff = Range(9000.0, unit="Hz")

        def __init__(self, *, sample_rate, **ranges):
            super().__init__(**{"cutoff": sample_rate / 2, **ranges})

        @classmethod
        def example_arguments(cls):
            return {"sample_rate": 8000.0}

        def forward(self, x, *, cutoff):
            return x

    class Mute(Delay):
        @classmethod
        def example_arguments(cls):
            raise RuntimeError("no example")
"""


def test_transforms_that_need_arguments(site, capsys):
    names = "{'mine.delay': 'mine.delays:Delay', 'mine.mute': 'mine.delays:Mute'}"
    site(Kind("mine", "mine", "", {"plugin.py": hook(names), "delays.py": NEEDY}))
    assert status(["transforms"]) == 0
    shown = capsys.readouterr().out
    assert "cutoff: 0 .. 4000 Hz" in shown
    assert "needs sample_rate" in shown
    assert status(["transforms", "--json"]) == 0
    delay, mute = json.loads(capsys.readouterr().out)
    assert (delay["needs"], delay["parameters"]["cutoff"]["bounds"]) == (["sample_rate"], [0.0, 4000.0])
    assert (mute["needs"], mute["parameters"]["cutoff"]["bounds"]) == ([], [0.0, 9000.0])
