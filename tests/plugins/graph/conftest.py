"""Loads torch_geometric before any test module does: the import warns, and warnings are errors here."""

from __future__ import annotations

import augrad_graph.backend  # noqa: F401
