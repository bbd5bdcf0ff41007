"""Which Lightning is taken, and what is said if there is none."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from types import ModuleType

import pytest

import augrad
from augrad.errors import MissingDependencyError
from augrad.lightning import JointModule
from augrad.lightning.backend import lightning_module


def test_it_is_found_without_an_import_of_its_own() -> None:
    assert augrad.lightning.JointModule is JointModule
    assert "lightning" not in augrad.__all__


def absent(patch: pytest.MonkeyPatch, *names: str) -> None:
    """Makes modules look as if they were not installed."""
    for loaded in [module for module in sys.modules if module.partition(".")[0] in names]:
        patch.delitem(sys.modules, loaded)
    for name in names:
        patch.setitem(sys.modules, name, None)


def test_without_lightning_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    absent(monkeypatch, "lightning", "pytorch_lightning")
    for module in [name for name in sys.modules if name.startswith("augrad.lightning")]:
        monkeypatch.delitem(sys.modules, module)
    with pytest.raises(MissingDependencyError, match=r'not installed. Install it: pip install "augrad\[lightning\]"'):
        importlib.import_module("augrad.lightning")


def test_the_lightning_that_the_program_uses_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    assert lightning_module().__name__ == "lightning.pytorch"
    other = ModuleType("pytorch_lightning")
    monkeypatch.setitem(sys.modules, "pytorch_lightning", other)
    assert lightning_module().__name__ == "lightning.pytorch"
    absent(monkeypatch, "lightning")
    assert lightning_module() is other


def test_what_lightning_itself_lacks_is_not_hidden(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    absent(monkeypatch, "pytorch_lightning")
    for loaded in [module for module in sys.modules if module.partition(".")[0] == "lightning"]:
        monkeypatch.delitem(sys.modules, loaded)
    (tmp_path / "lightning").mkdir()
    (tmp_path / "lightning" / "__init__.py").write_text("import something_that_is_not_there\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="something_that_is_not_there"):
        lightning_module()
