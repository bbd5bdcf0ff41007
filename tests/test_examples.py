"""The examples run, learn what their pages say, and draw a picture; at fewer epochs than by default."""

from __future__ import annotations

import ast
import importlib.util
import re
from collections.abc import Callable
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import pytest

ROOT = Path(__file__).parents[1]
SCRIPTS = {path.stem: path for path in (ROOT / "examples").glob("*.py")}

# Of kornia and torch_geometric on import, where an example is the first to import them.
pytestmark = [pytest.mark.filterwarnings("ignore:.torch.jit.script:DeprecationWarning"), pytest.mark.no_cover]

Run = Callable[..., str]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs an example with arguments, and returns what it prints; it must draw one picture."""
    mpl.use("Agg")

    def run(name: str, *arguments: str, n_pictures: int = 1) -> str:
        spec = importlib.util.spec_from_file_location(f"example_{name}", SCRIPTS[name])
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        shown: list[int] = []
        monkeypatch.setattr(plt, "show", lambda: shown.extend(plt.get_fignums()))
        plt.close("all")
        spec.loader.exec_module(module)
        assert capsys.readouterr().out == ""  # an import runs nothing
        module.main(list(arguments))
        assert len(shown) == n_pictures
        plt.close("all")
        return capsys.readouterr().out

    return run


def weights(printed: str) -> dict[str, float]:
    """Weight by transform, from a printed table of the policy; the last table if there are several."""
    return {
        name: float(weight) for name, weight in re.findall(r"^ +\d+ +(\w+\.\w+) +\w+ +([\d.]+) ", printed, re.MULTILINE)
    }


def reach(printed: str, transform: str) -> float:
    """The largest value of a transform's parameter, from a printed policy."""
    found = re.findall(rf"{transform} +\w+ .*?±([\d.e+]+)", printed)
    return float(found[-1])


def shares(printed: str, line: str) -> list[float]:
    """The percentages in the lines that contain some text, in order."""
    return [float(each) for text in printed.splitlines() if line in text for each in re.findall(r"([\d.]+)%", text)]


def test_images(run: Run) -> None:
    printed = run("vision_digits", "--epochs", "8")
    assert weights(printed)["vision.rotate"] > 0.8
    assert reach(printed, "vision.rotate") > 20  # it starts at 18
    assert shares(printed, "learned augmentation")[0] > 70


@pytest.mark.slow  # make docs runs the script too
def test_sounds(run: Run) -> None:
    printed = run("audio_chirps", "--epochs", "10")
    assert weights(printed)["audio.frequency_shift"] > 0.5
    assert reach(printed, "audio.frequency_shift") > 15  # it starts at 10
    assert shares(printed, "learned augmentation")[0] > 70


def test_tables(run: Run) -> None:
    printed = run("tabular_magnification", "--epochs", "20")
    assert reach(printed, "tabular.power_scale") > 0.6  # it starts at 0.2
    (same_without, worst_without), (same, worst) = shares(printed, "without:"), shares(printed, "learned:")
    assert worst > worst_without + 20
    assert same > same_without - 5


@pytest.mark.slow  # make docs runs the script too
def test_graphs(run: Run) -> None:
    printed = run("graph_digits", "--epochs", "4")
    assert weights(printed)["graph.position_rotate"] > 0.5
    assert reach(printed, "graph.position_rotate") > 40  # it starts at 18
    assert shares(printed, "learned augmentation")[0] > 40


@pytest.mark.slow  # make docs runs the script too
def test_two_modalities(run: Run) -> None:
    printed = run("two_modalities", "--epochs", "10").splitlines()
    assert [line.split()[0] for line in printed] == ["vision.rotate", "audio.time_shift"]
    before, after = shares(printed[1], "audio")
    assert after > before


def test_own_transform(run: Run) -> None:
    printed = run("own_transform", "--epochs", "25")
    assert weights(printed)["heart.drift"] > 0.9
    without, learned = shares(printed, "loose electrode")
    assert learned > without + 15


def test_own_training_loop(run: Run) -> None:
    printed = run("own_training_loop", "--epochs", "25")
    found = {
        name: float(doublings) for name, doublings in re.findall(r"^(.*): tabular.*±([\d.]+)", printed, re.MULTILINE)
    }
    assert found["none"] == 0
    assert found["joint"] > 0.8
    assert found["judged"] < 0.4
    assert found["judged, known wines diluted"] > 0.8
    for factor in ("0.5", "2.0"):
        without, jointly, *_, diluted = shares(printed, f"times {factor}")
        assert min(jointly, diluted) > without + 20


def test_reuse_of_a_policy(run: Run) -> None:
    printed = run("reuse_a_policy", "--epochs", "6")
    assert '"name": "vision.rotate"' in printed
    assert shares(printed, "with policy")[0] > 50
    assert "spectrograms (4, 1, 24, 63)" in printed
    places, lengths = (ast.literal_eval(text) for text in re.findall(r"(?:places|distances) (\[.*\])", printed))
    assert lengths == pytest.approx([2.0, 1.0], abs=0.02)  # turned, so they stay
    assert places[1] != pytest.approx([2.0, 0.0], abs=0.02)


def test_lightning(run: Run) -> None:
    pytest.importorskip("lightning")
    printed = run("train_with_lightning", "--epochs", "2", "--images", "64", n_pictures=0)
    assert sum(weights(printed).values()) == pytest.approx(1.0, abs=0.02)
    assert "accuracy on other digits: " in printed


def test_pages_and_tests_name_every_script() -> None:
    tested = set(re.findall(r'run\("(\w+)"', Path(__file__).read_text()))
    listed = set(re.findall(r"\]\((\w+)\.py\)", (ROOT / "examples" / "README.md").read_text()))
    ordered = set(re.findall(r'^    "(\w+)\.py",$', (ROOT / "docs" / "_ext" / "gallery.py").read_text(), re.MULTILINE))
    assert set(SCRIPTS) == tested == listed == ordered
