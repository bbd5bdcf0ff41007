"""Every distribution builds into a wheel that holds its own package and licence; each plugin works alone.

Alone means in an environment with augrad, the plugin and what the two declare. AUGRAD_FROM_REGISTRY=1 has pip install
that, into environments that are empty but for pip; else the packages of this environment are linked there.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from email.message import Message
from email.parser import Parser
from importlib import import_module
from importlib.metadata import distribution, distributions
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
DISTRIBUTIONS = [ROOT / "core", *sorted(path.parent for path in ROOT.glob("plugins/*/pyproject.toml"))]
FRAMEWORKS = r"kornia|torchaudio|torchvision|torch.geometric|augrad.\w+"
FRAMEWORK_OF = {"vision": "kornia", "audio": "torchaudio", "tabular": "sklearn", "graph": "torch_geometric"}
OF_EXTRAS = ["matplotlib", "pandas", "lightning", "torchmetrics"]
"""What only extras of the core bring."""


def package_of(distribution: Path) -> str:
    return next(path.parent.name for path in distribution.glob("src/*/__init__.py"))


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The wheel of every distribution, by the name of its package."""
    folder = tmp_path_factory.mktemp("wheels")
    options = ["--no-deps", "--no-build-isolation", "--no-index", "--quiet", "--wheel-dir", str(folder)]
    subprocess.run([sys.executable, "-m", "pip", "wheel", *options, *map(str, DISTRIBUTIONS)], check=True)
    return {wheel.name.partition("-")[0]: wheel for wheel in folder.glob("*.whl")}


@pytest.fixture(scope="module", params=DISTRIBUTIONS, ids=package_of)
def built(
    request: pytest.FixtureRequest, wheels: dict[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, Path]:
    """A distribution, and the folder into which its wheel was unpacked."""
    unpacked = tmp_path_factory.mktemp("unpacked")
    zipfile.ZipFile(wheels[package_of(request.param)]).extractall(unpacked)
    return request.param, unpacked


def metadata(unpacked: Path) -> Message:
    (file,) = unpacked.glob("*.dist-info/METADATA")
    return Parser().parsestr(file.read_text())


def test_it_holds_one_typed_package_with_its_licence(built: tuple[Path, Path]) -> None:
    distribution, unpacked = built
    package = package_of(distribution)
    assert [path.name for path in unpacked.iterdir() if not path.name.endswith(".dist-info")] == [package]
    sources = {
        str(path.relative_to(distribution / "src")) for path in distribution.rglob("src/**/*") if is_source(path)
    }
    assert {str(path.relative_to(unpacked)) for path in unpacked.glob(f"{package}/**/*") if path.is_file()} == sources
    assert f"{package}/py.typed" in sources
    (licence,) = unpacked.glob("*.dist-info/licenses/LICENSE")
    assert licence.read_text() == (ROOT / "LICENSE").read_text()


def is_source(path: Path) -> bool:
    return path.is_file() and "__pycache__" not in path.parts


def test_it_says_what_it_is(built: tuple[Path, Path]) -> None:
    distribution, unpacked = built
    written = metadata(unpacked)
    assert written["License-Expression"] == "BSD-3-Clause"
    assert written["Requires-Python"] == ">=3.11"
    assert written.get_payload().startswith(f"# {written['Name']}")
    requires = [re.split(r"[<>=!~;\[ ]", line)[0] for line in written.get_all("Requires-Dist")]
    if distribution.name == "core":
        assert [name for name in requires if re.fullmatch(FRAMEWORKS, name)] == []
    else:
        assert [name for name in requires if name.startswith("augrad")] == ["augrad"]


def test_it_is_imported_from_the_wheel(built: tuple[Path, Path]) -> None:
    distribution, unpacked = built
    package = package_of(distribution)
    code = f"import {package}; print({package}.__file__)"
    path = os.pathsep.join([str(unpacked), str(ROOT / "core" / "src")])
    run = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, check=True
    )
    assert Path(run.stdout.strip()).is_relative_to(unpacked)


USE = """
import json, sys
from importlib.util import find_spec
import augrad
from augrad.plugins import registry

modality, *others = sys.argv[1:]
for kind in augrad.transforms(modality).values():
    transform = kind(**kind.example_arguments())
    module = augrad.AugmentationModule([augrad.AugmentationLayer([transform])])
    module(transform.example_batch(3, None))
    augrad.DisplacementPenalty()(module.state()).backward()
registry.get_demo(modality)
print(json.dumps({"loaded": sorted(sys.modules), "there": [name for name in others if find_spec(name)]}))
"""


ASK = """
import json
import augrad
from augrad.bench import run_bench
from augrad.demo import run_demo
from augrad.plugins import registry

demos, tasks, rules = (list(found().values()) for found in (registry.demos, registry.tasks, registry.rules))
asked = {}
for extra, ask in {"report": lambda: run_demo(demos[0]), "bench": lambda: run_bench(tasks, rules)}.items():
    try:
        ask()
    except augrad.errors.MissingDependencyError as error:
        asked[extra] = str(error).partition("Install it: ")[2]
print(json.dumps(asked))
"""


@dataclass(frozen=True)
class Environment:
    """A virtual environment with augrad and one plugin.

    Args:
        folder: where it is.
        modality: of the plugin.
    """

    folder: Path
    modality: str

    def run(self, *command: str) -> Any:
        """What a command prints there, as JSON."""
        hidden = {"PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV"}
        environment = {name: value for name, value in os.environ.items() if name not in hidden}
        program = [str(self.folder / "bin" / command[0]), *command[1:]]
        run = subprocess.run(
            program,
            env={**environment, "PYTHONNOUSERSITE": "1"},
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
        )
        assert run.returncode == 0, f"{command}\n{run.stdout}\n{run.stderr}"
        return json.loads(run.stdout)


def others_than(modality: str) -> list[str]:
    """Packages and frameworks of the other plugins."""
    pairs = {f"augrad_{other}": framework for other, framework in FRAMEWORK_OF.items() if other != modality}
    return [*pairs, *pairs.values()]


def strangers(modality: str, loaded: list[str]) -> list[str]:
    """Modules of the other plugins and of their frameworks; what discovery reads of a plugin is none."""
    others = others_than(modality)
    read = {name for other in others if other.startswith("augrad_") for name in (other, f"{other}.plugin")}
    return [name for name in loaded if name.partition(".")[0] in others and name not in read]


def link_what_is_declared(packages: Path) -> None:
    """Makes visible in an environment what the distributions there need, taken from the one that runs the tests."""
    needing = [(found, {""}) for found in distributions(path=[str(packages)])]
    known = {found.name for found, _ in needing}
    while needing:
        found, extras = needing.pop()
        for requirement in map(Requirement, found.requires or ()):
            applies = requirement.marker is None or any(requirement.marker.evaluate({"extra": e}) for e in extras)
            if not applies or str(requirement) in known or requirement.name in known:
                continue
            known.add(str(requirement))
            needed = distribution(requirement.name)
            needing.append((needed, {"", *requirement.extras}))
            for name in {file.parts[0] for file in needed.files or ()} - {"..", "__pycache__"}:
                if not (packages / name).exists():
                    (packages / name).symlink_to(Path(str(needed.locate_file(name))))


FROM_REGISTRY = [
    pytest.mark.slow,
    pytest.mark.skipif(not os.environ.get("AUGRAD_FROM_REGISTRY"), reason="AUGRAD_FROM_REGISTRY=1 asks for it"),
]
QUICKEST = "audio"
"""The plugin that `make test` installs alone; `make test-all` installs each."""

CASES = [
    *(
        pytest.param((modality, False), id=modality, marks=[] if modality == QUICKEST else pytest.mark.slow)
        for modality in FRAMEWORK_OF
    ),
    *(
        pytest.param((modality, True), id=f"{modality}, from the registry", marks=FROM_REGISTRY)
        for modality in FRAMEWORK_OF
    ),
]


@pytest.fixture(scope="module", params=CASES)
def alone(
    request: pytest.FixtureRequest, wheels: dict[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> Environment:
    """An environment in which one plugin is installed with augrad and what they declare, and nothing else."""
    modality, from_registry = request.param
    folder = tmp_path_factory.mktemp(modality)
    install = ["install", "--quiet", str(wheels["augrad"]), str(wheels[f"augrad_{modality}"])]
    if from_registry:
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        pip = [str(folder / "bin" / "python"), "-m", "pip"]
        subprocess.run([*pip, *install, "--constraint", str(ROOT / "constraints.txt")], check=True)
        subprocess.run([*pip, "check"], check=True)
        return Environment(folder, modality)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    pip = [sys.executable, "-m", "pip", "--python", str(folder / "bin" / "python")]
    subprocess.run([*pip, *install, "--no-deps", "--no-index"], check=True)
    (packages,) = folder.glob("lib/python*/site-packages")
    link_what_is_declared(packages)
    return Environment(folder, modality)


class TestAlone:
    def test_it_is_the_only_plugin_and_whole(self, alone: Environment) -> None:
        (report,) = alone.run("augrad", "plugins", "--json")
        assert (report["name"], report["distribution"]) == (alone.modality, f"augrad-{alone.modality}")
        assert (report["status"], report["causes"]) == ("ok", [])

    def test_its_transforms_are_listed(self, alone: Environment) -> None:
        listed = alone.run("augrad", "transforms", "--modality", alone.modality, "--json")
        declared = import_module(f"augrad_{alone.modality}.plugin").augrad_transforms()
        assert [described["name"] for described in listed] == sorted(declared)

    def test_all_of_it_works_and_the_others_are_not_there(self, alone: Environment) -> None:
        used = alone.run("python", "-c", USE, alone.modality, *others_than(alone.modality), *OF_EXTRAS)
        assert f"augrad_{alone.modality}.demo" in used["loaded"]
        assert used["there"] == []

    def test_what_an_extra_brings_is_asked_for_by_its_name(self, alone: Environment) -> None:
        asked = alone.run("python", "-c", ASK)
        assert asked == {extra: f'pip install "augrad[{extra}]"' for extra in ("bench", "report")}


class TestBesideTheOthers:
    @pytest.mark.parametrize("modality", FRAMEWORK_OF)
    def test_it_imports_nothing_of_them(self, modality: str) -> None:
        command = [sys.executable, "-c", USE, modality, *others_than(modality)]
        used = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
        assert used["there"] == others_than(modality)
        assert f"augrad_{modality}.demo" in used["loaded"]
        assert strangers(modality, used["loaded"]) == []

    def test_the_guard_would_fire(self) -> None:
        loaded = ["augrad_audio", "augrad_audio.plugin", "augrad_audio.time", "kornia", "sklearn.base", "torchaudio"]
        assert strangers("vision", loaded) == ["augrad_audio.time", "sklearn.base", "torchaudio"]
