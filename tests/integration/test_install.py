"""Every distribution builds into a wheel that holds its own package and licence, and is imported from there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import zipfile
from email.message import Message
from email.parser import Parser
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DISTRIBUTIONS = [ROOT / "core", *sorted(path.parent for path in ROOT.glob("plugins/*/pyproject.toml"))]
FRAMEWORKS = r"kornia|torchaudio|torchvision|torch.geometric|augrad.\w+"


def package_of(distribution: Path) -> str:
    return next(path.parent.name for path in distribution.glob("src/*/__init__.py"))


@pytest.fixture(scope="module", params=DISTRIBUTIONS, ids=package_of)
def built(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A distribution, and the folder into which its wheel was unpacked."""
    wheels, unpacked = tmp_path_factory.mktemp("wheels"), tmp_path_factory.mktemp("unpacked")
    options = ["--no-deps", "--no-build-isolation", "--no-index", "--quiet", "--wheel-dir", str(wheels)]
    subprocess.run([sys.executable, "-m", "pip", "wheel", *options, str(request.param)], check=True)
    (wheel,) = wheels.glob("*.whl")
    zipfile.ZipFile(wheel).extractall(unpacked)
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
