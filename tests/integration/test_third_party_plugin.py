"""Plugins by third parties in an environment of their own: the example's wheel, and what `augrad new-plugin` writes."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import site
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from augrad.cli.new_plugin import skeleton

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "third_party_plugin"
PAGE = ROOT / "docs" / "howto" / "write-a-plugin.md"
NAMES = [f"pointcloud.{name}" for name in ("drop", "jitter", "rotate", "scale", "shear")]
ADDED = ["src/augrad_pointcloud/clouds.py", "src/augrad_pointcloud/demo.py", "tests/conftest.py", "tests/test_demo.py"]

TRAINING = """
import json
import torch
from torch import nn
import augrad

torch.manual_seed(0)
size = torch.arange(128) % 2  # short and long bars, each turned about the vertical axis
bar = torch.linspace(-1, 1, 9)[:, None] * torch.tensor([1.0, 0.0, 0.0])
clouds = (0.5 + 0.5 * size)[:, None, None] * bar
clouds = augrad.get_transform("pointcloud.rotate")()(clouds, angle=360 * torch.rand(128))
trunk = nn.Sequential(nn.Flatten(), nn.Linear(27, 16), nn.ReLU(), nn.Linear(16, 2))
layer = augrad.AugmentationLayer(["pointcloud.rotate", "pointcloud.scale", "pointcloud.jitter"])
model = augrad.InvariantModel(trunk, layer, copies=4)
batches = [(clouds[i], size[i]) for i in torch.randperm(128).split(32)]
result = augrad.fit(model, batches, max_epochs=20, lr=0.01, seed=0, progress=False)
right = (model(clouds).argmax(dim=1) == size).float().mean().item()
print(json.dumps({"accuracy": right, **{row.transform: [row.weight, row.high] for row in result.policy}}))
"""


@dataclass(frozen=True)
class Environment:
    """A virtual environment in which augrad and all it needs are visible, and plugins can be installed."""

    folder: Path

    def run(self, command: str, cwd: Path) -> str:
        """What a shell command prints there; fails the test unless it succeeds. No network is used."""
        environment = {
            **os.environ,
            "PATH": f"{self.folder / 'bin'}{os.pathsep}{os.environ['PATH']}",
            "PIP_NO_INDEX": "1",
            "PIP_NO_BUILD_ISOLATION": "0",  # pip reads this as: no isolation, which would fetch hatchling
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "COLUMNS": "160",
        }
        done = subprocess.run(
            ["/bin/sh", "-c", command], cwd=cwd, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        return done.stdout


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    folder = tmp_path_factory.mktemp("environment")
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    (packages,) = folder.glob("lib/python*/site-packages")
    # Unlike a bare path, addsitedir follows the .pth files of editable installs.
    lines = [f"import site; site.addsitedir({path!r})" for path in site.getsitepackages()]
    (packages / "beside.pth").write_text("\n".join(lines))
    for name, module in (("augrad", "augrad.cli"), ("pip", "pip"), ("pytest", "pytest")):
        script = folder / "bin" / name
        start = "-c 'from augrad.cli import main; main()'" if name == "augrad" else f"-m {module}"
        script.write_text(f'#!/bin/sh\nexec {shlex.quote(str(folder / "bin" / "python"))} {start} "$@"\n')
        script.chmod(0o755)
    return Environment(folder)


@pytest.fixture(scope="module")
def wheel(scratch: Environment, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example's wheel, built and installed."""
    folder = tmp_path_factory.mktemp("wheel")
    scratch.run(f"pip wheel --quiet --no-deps --wheel-dir . {shlex.quote(str(EXAMPLE))}", folder)
    (built,) = folder.glob("*.whl")
    scratch.run(f"pip install --quiet {built}", folder)
    return built


def sources(folder: Path) -> list[str]:
    found = (path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    names = sorted(str(path.relative_to(folder)) for path in found)
    return [name for name in names if not name.startswith((".", "dist/"))]


def test_the_example_has_the_layout_of_a_new_plugin() -> None:
    assert sources(EXAMPLE) == sorted([*skeleton("pointcloud"), *ADDED])


def test_the_example_is_linted_as_augrad_is() -> None:
    options = ["--no-cache", "--config", str(ROOT / "pyproject.toml"), "--config", f'src = ["{EXAMPLE}/src"]']
    tests = ["--config", 'lint.per-file-ignores = {"tests/**" = ["D", "PLR", "S"]}']
    for command in (["check", *options, *tests], ["format", "--check", *options]):
        run = subprocess.run(
            [sys.executable, "-m", "ruff", *command, "."], cwd=EXAMPLE, capture_output=True, text=True, check=False
        )
        assert run.returncode == 0, run.stdout


@pytest.mark.slow
class TestTheWheel:
    def test_it_holds_the_package_and_its_licence(self, wheel: Path) -> None:
        names = zipfile.ZipFile(wheel).namelist()
        own = [name.removeprefix("src/") for name in sources(EXAMPLE) if name.startswith("src/")]
        assert sorted(name for name in names if ".dist-info/" not in name) == own
        assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)

    def test_it_is_listed(self, scratch: Environment, wheel: Path) -> None:
        reports = {report["name"]: report for report in json.loads(scratch.run("augrad plugins --json", wheel.parent))}
        found = reports["pointcloud"]
        assert (found["distribution"], found["status"], found["n_transforms"]) == ("augrad-pointcloud", "ok", 5)
        assert reports["vision"]["status"] == "ok"
        shown = scratch.run("augrad transforms --modality pointcloud --json", wheel.parent)
        assert [described["name"] for described in json.loads(shown)] == NAMES

    def test_it_passes_every_check(self, scratch: Environment, wheel: Path) -> None:
        results = json.loads(scratch.run("augrad check augrad_pointcloud --json", wheel.parent))
        assert sorted(results) == NAMES
        assert all(len(found) > 20 for found in results.values())
        assert {result["status"] for found in results.values() for result in found} == {"passed"}

    def test_it_is_trained_with(self, scratch: Environment, wheel: Path) -> None:
        (wheel.parent / "training.py").write_text(TRAINING)
        learned = json.loads(scratch.run("python training.py", wheel.parent))
        assert learned["accuracy"] > 0.95
        weight, degrees = learned["pointcloud.rotate"]
        assert weight > 0.8  # it started at a third
        assert degrees > 90  # it started at 18

    def test_its_own_tests_pass_on_what_is_installed(self, scratch: Environment, wheel: Path, tmp_path: Path) -> None:
        shutil.copytree(EXAMPLE / "tests", tmp_path / "tests", ignore=shutil.ignore_patterns("__pycache__"))
        # The conformance tests among them are what `augrad check` ran above.
        shown = scratch.run("pytest -q -p no:cacheprovider -k 'not conformance' tests", tmp_path)
        assert re.search(r"^\d{2} passed", shown, re.MULTILINE)


def commands(page: Path) -> list[tuple[str, list[str]]]:
    """Each command of a page's console blocks, with the lines of output that the page shows; `...` stands for any."""
    found: list[tuple[str, list[str]]] = []
    for block in re.findall(r"^```console\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE):
        for line in block.splitlines():
            if line.startswith("$ "):
                found.append((line.removeprefix("$ "), []))
            elif line.strip() not in ("", "..."):
                found[-1][1].append(line.strip())
    return found


@pytest.mark.slow
def test_the_guide_can_be_followed(scratch: Environment, tmp_path: Path) -> None:
    folder = tmp_path
    for command, output in commands(PAGE):
        if command.startswith("cd "):
            folder = folder / command.removeprefix("cd ")
            continue
        shown = scratch.run(command, folder)
        missing = [line for line in output if " ".join(line.split()) not in " ".join(shown.split())]
        assert missing == [], shown
    assert list(folder.glob("augrad_ecg-0.1.0-*.whl"))


def test_a_guide_that_shows_something_else_is_found_out(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("```console\n$ cd a\n$ echo b\nb\n...\nc\n```\n\n```text\n$ no command\n```\n")
    assert commands(page) == [("cd a", []), ("echo b", ["b", "c"])]
