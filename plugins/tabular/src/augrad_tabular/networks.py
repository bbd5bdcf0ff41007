"""Networks for tables: an encoder of columns by kind, and a multi-layer perceptron behind it. Used by models.py."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from augrad.errors import ArgumentError
from augrad_tabular.schema import Schema


class TableEncoder(nn.Module):
    """Encodes columns for a network: numbers in units of their spread, codes as one-hot, missing values flagged.

    - Continuous and ordinal columns are centred and divided by their spread. A constant column becomes 0.
    - A column of codes becomes a column per code. It is linear between neighbouring codes, so that relaxed transforms
      have a gradient. An unknown code becomes all zeros.
    - One-hot columns stay as they are.
    - A missing value becomes the column's mean (all zeros for codes). If the schema allows missing values, a further
      column per column flags them.

    Args:
        schema: schema of the table.

    Raises:
        ArgumentError: the schema has no mean or no spread.

    Attributes:
        n_outputs: number of encoded columns.

    Shape:
        Input: `(batch, features)`. Output: `(batch, n_outputs)`.

    Example:
        >>> schema = Schema.from_data(torch.tensor([[1.0, 0.0], [3.0, 1.0], [5.0, 1.0]]), categorical=[1])
        >>> TableEncoder(schema)(torch.tensor([[3.0, 1.0]])).tolist()
        [[0.0, 0.0, 1.0]]
    """

    _centre: Tensor
    _scale: Tensor
    _plain: Tensor
    _coded: Tensor
    _codes: Tensor

    def __init__(self, schema: Schema) -> None:
        super().__init__()
        if schema.mean is None or schema.spread is None:
            raise ArgumentError(
                "schema has no mean and spread of the columns, which the network needs. Make it with "
                "Schema.from_data(X).",
                argument="schema",
            )
        kinds = schema.kinds
        numeric = torch.tensor([kind in ("continuous", "ordinal") for kind in kinds])
        spread = torch.as_tensor(schema.spread, dtype=torch.float64)
        centre = torch.as_tensor(schema.mean, dtype=torch.float64)
        scale = torch.where(spread > 0, 1 / spread.clamp_min(torch.finfo(torch.float32).tiny), 0.0)
        pairs = [
            (i, code) for i, column in enumerate(schema.columns) if kinds[i] == "categorical" for code in column.codes
        ]
        buffers = {
            "_centre": torch.where(numeric, centre, 0.0).float(),
            "_scale": torch.where(numeric, scale, 1.0).float(),
            "_plain": torch.tensor([i for i, kind in enumerate(kinds) if kind != "categorical"], dtype=torch.long),
            "_coded": torch.tensor([i for i, _ in pairs], dtype=torch.long),
            "_codes": torch.tensor([code for _, code in pairs], dtype=torch.float32),
        }
        for name, value in buffers.items():
            self.register_buffer(name, value)
        self.flags_missing = schema.allow_missing
        self.n_outputs = len(buffers["_plain"]) + len(pairs) + (len(kinds) if self.flags_missing else 0)

    def forward(self, x: Float[Tensor, "batch features"]) -> Float[Tensor, "batch encoded"]:
        """Encodes a batch; differentiable in it, with gradient 0 at missing values."""
        missing = x.isnan()
        # Replaced before the arithmetic, because a NaN would return through the gradient of any operation on it.
        plain = torch.where(missing, self._centre, x)
        standardised = (plain - self._centre) * self._scale
        codes = (1 - (plain[:, self._coded] - self._codes).abs()).clamp_min(0)
        seen = torch.where(missing[:, self._coded], 0.0, codes)
        parts = [standardised[:, self._plain], seen.to(x.dtype)]
        return torch.cat([*parts, missing.to(x.dtype)] if self.flags_missing else parts, dim=1)


def perceptron(n_inputs: int, n_outputs: int, hidden_layer_sizes: Sequence[int]) -> nn.Sequential:
    """Builds linear layers with rectifiers between them.

    Example:
        >>> [type(layer).__name__ for layer in perceptron(4, 2, [8])]
        ['Linear', 'ReLU', 'Linear']
    """
    sizes = [n_inputs, *hidden_layer_sizes, n_outputs]
    layers: list[nn.Module] = []
    for inner, outer in itertools.pairwise(sizes):
        layers += [nn.Linear(inner, outer), nn.ReLU()]
    return nn.Sequential(*layers[:-1])
