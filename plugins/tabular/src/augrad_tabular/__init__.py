"""augrad-tabular: transforms of tables whose strengths augrad learns, and estimators for users of scikit-learn.

A name is imported when it is first used. augrad finds the transforms through an entry point.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from augrad_tabular.estimators import AugradClassifier, AugradRegressor
    from augrad_tabular.schema import Schema

__all__ = ["AugradClassifier", "AugradRegressor", "Schema"]

_HOME = {"AugradClassifier": "estimators", "AugradRegressor": "estimators", "Schema": "schema"}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'augrad_tabular' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"augrad_tabular.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
