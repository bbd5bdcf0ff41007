"""The first import of torch_geometric, which is slow and warns. All files here import its classes from this file."""

from __future__ import annotations

import warnings

with warnings.catch_warnings():
    # The import compiles with torch.jit, which torch deprecates; users can do nothing about that warning.
    warnings.simplefilter("ignore", DeprecationWarning)
    from torch_geometric.data import Batch, Data, HeteroData

__all__ = ["Batch", "Data", "HeteroData"]
