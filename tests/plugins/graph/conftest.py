"""Loads torch_geometric before any test module does: the import warns, and warnings are errors here. Fixtures."""

from __future__ import annotations

from collections.abc import Iterator

import jaxtyping
import pytest

import augrad_graph.backend  # noqa: F401


@pytest.fixture
def unchecked() -> Iterator[None]:
    """Switches the import hook's type checks off, as they are for users, so that augrad's own errors are reached."""
    jaxtyping.config.update("jaxtyping_disable", True)
    yield
    jaxtyping.config.update("jaxtyping_disable", False)
