"""The paper's experiments in examples/paper run at tiny size, print, write and draw; full runs are in the docs."""

from __future__ import annotations

import importlib
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import matplotlib as mpl
import pytest
import torch

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "examples" / "paper"
SHARED = {"reporting", "sprites", "waves"}
SCRIPTS = {path.stem for path in FOLDER.glob("*.py")} - SHARED

# Of kornia and torch_geometric on import, where a script is the first to import them.
pytestmark = [pytest.mark.filterwarnings("ignore:.torch.jit.script:DeprecationWarning"), pytest.mark.no_cover]


@pytest.fixture(autouse=True)
def as_scripts_import(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A script finds its neighbours by plain names, as when it is run; one torch thread is put back."""
    mpl.use("Agg")
    n_threads = torch.get_num_threads()
    monkeypatch.syspath_prepend(FOLDER)
    yield
    torch.set_num_threads(n_threads)
    for name in SCRIPTS | SHARED:
        sys.modules.pop(name, None)


def script(name: str) -> ModuleType:
    return importlib.import_module(name)


def run(name: str, folder: Path, *arguments: str) -> dict[str, Any]:
    """Runs a script with --quick; what it wrote, by file name."""
    script(name).main(["--quick", "--output", str(folder), *arguments])
    assert all(path.with_suffix(".png").stat().st_size > 1000 for path in folder.glob("*.json"))
    return {path.stem: json.loads(path.read_text()) for path in folder.glob("*.json")}


def test_rotated_sprites(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = run("rotated_sprites", tmp_path)["rotated_sprites"]
    assert {"AugNet", "AugNet, magnitudes only", "AugNet, no penalty", "Augerino", "augrad"} < set(found["mean"])
    for each in found["mean"].values():
        assert 0 < each["angle"] < 180
        assert each["of_true"] == pytest.approx(each["angle"] / 45, abs=1e-3)
    assert 0.2 < found["time_ratio"] < 1
    last = capsys.readouterr().out.splitlines()[-2]
    assert re.match(r"AugNet: range [\d.]+ of pi/4, weight [\d.]+, in [\d.]+ of the time", last)


@pytest.mark.slow
def test_sinusoids(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = run("sinusoids", tmp_path)
    for rule in ("AugNet", "augrad"):
        assert set(found["sinusoids_learning"]["curves"][rule]) == {"1", "2", "4"}
    means = found["sinusoids_capacity"]["mean"]["1x1"]
    assert list(means) == ["none", "oracle", "oracle, averaged", "AugNet", "augrad"]
    assert all(0 <= each["accuracy"] <= 1 and each["invariance"] <= 1 for each in means.values())
    assert "shift [Hz]" in capsys.readouterr().out


@pytest.mark.slow
def test_copies(tmp_path: Path) -> None:
    means = run("copies", tmp_path)["copies"]["mean"]
    assert list(means) == ["1", "4", "10", "20", "40"]
    assert means["40"]["seconds"] > 2 * means["1"]["seconds"]
    assert means["40"]["invariance"] > means["1"]["invariance"]


def test_penalty_strength(tmp_path: Path) -> None:
    found = run("penalty_strength", tmp_path)["penalty_strength"]
    assert max(found["factors"]) == pytest.approx(100 * min(found["factors"]))
    for each in found["recovery"].values():
        assert {name: len(values) for name, values in each.items()} == {"augrad": 5, "AugNet": 5}


def test_strengths_are_multiples_of_the_defaults() -> None:
    import augrad

    penalties = script("penalty_strength").PENALTIES
    assert penalties["AugNet"](3.0).strength == pytest.approx(3 * augrad.MagnitudePenalty().strength)
    assert penalties["augrad"](0.1).strength == pytest.approx(0.1 * script("penalty_strength").DEFAULT.strength)


def test_gain_recovery_is_that_of_means_over_seeds() -> None:
    study = script("penalty_strength")
    learned = {f"{name}-{factor}": 0.8 for name in study.PENALTIES for factor in study.FACTORS}
    runs = [{"none": 0.6, "oracle": 0.9, **learned}, {"none": 0.6, "oracle": 1.1, **learned, "AugNet-0.1": 0.4}]
    found = study.recoveries(runs)
    assert found["augrad"] == pytest.approx([0.5] * 5)
    assert found["AugNet"] == pytest.approx([0.0, 0.5, 0.5, 0.5, 0.5], abs=1e-9)


def extent(images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Spread of an image's light across and along it, in pixels."""
    light = images.sum(dim=1)
    place = torch.arange(light.shape[-1]) - (light.shape[-1] - 1) / 2
    across, along = light.sum(dim=1), light.sum(dim=2)
    return tuple(((each * place**2).sum(dim=1) / each.sum(dim=1)).sqrt() for each in (across, along))


def test_sprites_differ_in_their_proportions(monkeypatch: pytest.MonkeyPatch) -> None:
    sprites = script("sprites")
    tower = sprites.draw_tower()
    assert (tower - tower.flip(-1)).abs().mean() > 0.01
    assert (tower - tower.flip(-2)).abs().mean() > 0.01
    monkeypatch.setattr(sprites, "TRUE_ANGLE", 0.0)
    images, labels = sprites.rotated_sprites(64, seed=0)
    assert images.shape == (64, 3, sprites.SIZE, sprites.SIZE)
    assert sorted(set(labels.tolist())) == [0, 1, 2, 3]
    across, along = extent(images)
    proportions = across / along
    assert proportions[labels % 2 == 0].max() < proportions[labels % 2 == 1].min()
    assert along.max() > 1.2 * along.min()  # of any size


def test_sprites_are_turned_within_the_true_angle() -> None:
    sprites = script("sprites")
    images, labels = sprites.rotated_sprites(256, seed=0)
    place = torch.arange(sprites.SIZE) - (sprites.SIZE - 1) / 2
    # The ground, with the lower end of the tower, is where the light is; the flag is thin.
    light = images.sum(dim=1)
    down = (light * place[:, None]).sum(dim=(1, 2)) / light.sum(dim=(1, 2))
    right = (light * place).sum(dim=(1, 2)) / light.sum(dim=(1, 2))
    turned = torch.rad2deg(torch.atan2(right, down))[labels < 2]
    assert turned.abs().max() < sprites.TRUE_ANGLE + 25
    assert turned.abs().max() > sprites.TRUE_ANGLE - 15
    assert (down[labels >= 2] < 0).all()


def test_waves_lie_within_half_a_hertz_of_their_class() -> None:
    waves = script("waves")
    windows, labels = waves.waves(80, "test", seed=0)
    assert windows.shape == (80, 1, waves.N_TIMES)
    loudest = torch.fft.rfft(windows[:, 0]).abs()[:, 1:].argmax(dim=1) + 1
    hertz = loudest * waves.SAMPLE_RATE / waves.N_TIMES
    off = hertz - torch.tensor(waves.FREQUENCIES)[labels]
    assert off.abs().max() <= waves.TRUE_SHIFT + 0.06
    assert off.abs().max() > 0.3
    assert waves.true_shifts(3, 50).abs().max() <= waves.TRUE_SHIFT


def test_arguments(capsys: pytest.CaptureFixture[str]) -> None:
    reporting = script("reporting")
    given = reporting.arguments([], "name: what it does", seeds=3)
    assert (given.quick, given.seeds, given.output) == (False, [0, 1, 2], Path("runs/paper/name"))
    assert reporting.arguments(["--quick"], "name: what", seeds=3).seeds == [0]
    assert reporting.arguments(["--quick", "--seeds", "2"], "name: what", seeds=3).seeds == [0, 1]
    reporting.show_table(("a", "b"), [("x", 0.5), ("longer", 12)])
    assert capsys.readouterr().out.splitlines() == ["a           b", "x       0.500", "longer     12"]


def test_readme_and_tests_name_every_script() -> None:
    tested = set(re.findall(r'run\("(\w+)"', Path(__file__).read_text()))
    listed = set(re.findall(r"\]\((\w+)\.py\)", (FOLDER / "README.md").read_text()))
    assert tested == SCRIPTS
    assert listed == SCRIPTS
