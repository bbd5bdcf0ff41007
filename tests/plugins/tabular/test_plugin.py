"""The plugin's hooks and the package: names, import strings, and imports that load no framework."""

from __future__ import annotations

import subprocess
import sys

import pytest

import augrad
import augrad_tabular
from augrad_tabular.plugin import augrad_transforms

FORBIDDEN = ("torch", "sklearn", "pandas", "augrad_tabular.noise")


def _loads(statement):
    program = f"import sys; {statement}; print([name for name in {FORBIDDEN!r} if name in sys.modules])"
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.strip()


def test_the_hook_module_loads_no_framework():
    assert _loads("import augrad_tabular.plugin") == "[]"


def test_schema_and_transforms_load_neither_scikit_learn_nor_pandas():
    statement = "import augrad_tabular.noise; augrad_tabular.Schema.from_data([[1.0], [2.0]])"
    assert _loads(statement) == "['torch', 'augrad_tabular.noise']"


def test_the_guard_would_fire():
    assert _loads("import augrad_tabular.noise, pandas") == "['torch', 'pandas', 'augrad_tabular.noise']"


def test_all_transforms_of_the_design_are_there():
    noise = {"feature_noise", "correlated_noise", "swap_noise", "quantile_noise", "feature_dropout"}
    scale = {"feature_scale", "common_scale", "power_scale"}
    shape = {"monotone_warp", "neighbour_interpolation", "category_swap", "randomised_quantisation"}
    assert set(augrad_transforms()) == {f"tabular.{name}" for name in noise | scale | shape}
    assert set(augrad.transforms("tabular")) == set(augrad_transforms())


def test_the_package_says_what_it_has():
    assert {"AugradClassifier", "AugradRegressor", "Schema"} <= set(dir(augrad_tabular))
    assert augrad_tabular.Schema.__name__ == "Schema"
    with pytest.raises(AttributeError, match="no attribute 'Scheme'"):
        _ = augrad_tabular.Scheme
