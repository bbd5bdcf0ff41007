"""The one place that torch_geometric is first imported from: its import is slow, and warns. Used by all files here."""

from __future__ import annotations

import warnings

with warnings.catch_warnings():
    # Importing it compiles with torch.jit, which torch deprecates: nothing that a user could change.
    warnings.simplefilter("ignore", DeprecationWarning)
    from torch_geometric.data import Batch, Data, HeteroData

__all__ = ["Batch", "Data", "HeteroData"]
