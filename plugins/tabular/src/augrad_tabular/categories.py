"""Categories swapped for other categories of the column, as codes and as one-hot blocks. Uses masks.py, tables.py."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Generator, Tensor

from augrad import Range
from augrad_tabular.masks import relaxed_bernoulli
from augrad_tabular.schema import Schema
from augrad_tabular.tables import Cells, TableTransform, uniform

Groups = Float[Tensor, "batch groups"]
"""An entry for each categorical column and each one-hot block."""


def other_category(
    current: Int[Tensor, "batch groups"],
    frequencies: Float[Tensor, "groups categories"],
    draws: Groups,
) -> tuple[Int[Tensor, "batch groups"], Groups]:
    """Draws a category other than the current category, in proportion to the frequencies.

    Args:
        current: position of the current category.
        frequencies: of the categories; 0 for categories that must not be drawn, and as padding of shorter groups.
        draws: uniform in [0, 1).

    Returns:
        Positions of the drawn categories, and 1 where there was another category to draw, else 0.

    Example:
        >>> frequencies = torch.tensor([[0.5, 0.4, 0.1]])
        >>> drawn, possible = other_category(torch.tensor([[0]]), frequencies, torch.tensor([[0.7]]))
        >>> drawn.item(), possible.item()
        (1, 1.0)
    """
    n_categories = frequencies.shape[1]
    places = torch.arange(n_categories, device=current.device)
    weights = torch.where(current[:, :, None] == places, 0, frequencies)
    reached = weights.cumsum(dim=2)
    total = reached[:, :, -1]
    # If rounding lets no category be reached, the last category that can be drawn is taken.
    last = torch.where(weights > 0, places, 0).amax(dim=2)
    drawn = (reached <= (draws * total)[:, :, None]).sum(dim=2)
    return torch.minimum(drawn, last), (total > 0).to(frequencies.dtype)


class CategorySwap(TableTransform):
    """Replaces each category by another category of its column, with a learned `probability`.

    The new category is drawn by how often it occurred when the schema was made. It is never the current category, so
    `probability` is the fraction of categories that change. A column with a single category does not change.

    Codes (categorical columns) stay codes: a category is either replaced or not, and the gradient is that of a gradual
    replacement (straight-through). The gradient flows through the value of the code. A trunk that looks codes up in an
    embedding table therefore passes no gradient; give such a trunk one-hot blocks instead. In train mode a one-hot
    block becomes a mixture of both categories, mostly close to one of them (see `relaxed_bernoulli`). In eval mode it
    is exactly one of them.

    Example:
        >>> schema = Schema.from_data([["red"], ["blue"], ["red"]], names=["colour"])
        >>> noise = (torch.tensor([[0.9]]), torch.tensor([[0.5]]))
        >>> swapped = CategorySwap(schema=schema)(torch.tensor([[1.0]]), probability=torch.tensor([0.25]), noise=noise)
        >>> schema.decode(swapped)
        {'colour': ['blue']}
    """

    assumes = "the label stays the same when any single category is another one, with the learned probability"
    gradient = "relaxed"
    kinds = ("categorical", "one-hot")
    probability = Range(0.5)

    codes: Tensor
    code_frequencies: Tensor
    block_frequencies: Tensor
    code_places: Tensor
    block_places: Tensor
    block_of: Tensor
    place_of: Tensor

    def __init__(self, *, schema: Schema | Mapping[str, Any], **ranges: float | Range) -> None:
        super().__init__(schema=schema, **ranges)
        columns, blocks = self.schema.columns, self.schema.blocks
        at_of = {column: at for at, column in enumerate(self.acts_on(self.schema))}
        coded = self.schema.of_kind("categorical")
        self._keep("codes", _padded([columns[at].codes for at in coded]))
        self._keep("code_frequencies", _padded([columns[at].frequencies for at in coded]))
        shares = [[columns[at].frequencies[0] if columns[at].frequencies else 0.0 for at in b] for b in blocks.values()]
        self._keep("block_frequencies", _padded(shares))
        members = [(number, place, at) for number, b in enumerate(blocks.values()) for place, at in enumerate(b)]
        self._keep("code_places", torch.tensor([at_of[at] for at in coded], dtype=torch.long))
        self._keep("block_places", torch.tensor([at_of[at] for _, _, at in members], dtype=torch.long))
        self._keep("block_of", torch.tensor([number for number, _, _ in members], dtype=torch.long))
        self._keep("place_of", torch.tensor([place for _, place, _ in members], dtype=torch.long))

    def _keep(self, name: str, value: Tensor) -> None:
        # The frequencies are saved with the policy; the positions follow from the schema.
        self.register_buffer(name, value, persistent=value.is_floating_point())

    @property
    def n_groups(self) -> int:
        """Number of categorical columns and one-hot blocks."""
        return self.codes.shape[0] + self.block_frequencies.shape[0]

    def draw_noise(self, x: Any, generator: Generator | None) -> Any:
        swap, which = uniform(x, self.n_groups, 2, generator=generator).unbind(2)
        return swap, which

    def forward(self, x: Any, *, probability: Float[Tensor, " batch"], noise: tuple[Groups, Groups]) -> Any:
        n_coded = self.codes.shape[0]
        mask = relaxed_bernoulli(probability[:, None], noise[0], hard=not self.training)

        def swapped(part: Cells) -> Cells:
            coded, hot = part.index_select(1, self.code_places), part.index_select(1, self.block_places)
            codes = self._swapped_codes(coded, mask[:, :n_coded], noise[1][:, :n_coded])
            blocks = self._swapped_blocks(hot, mask[:, n_coded:] * self._complete(x), noise[1][:, n_coded:])
            changed = part.index_copy(1, self.code_places, codes.to(part.dtype))
            return changed.index_copy(1, self.block_places, blocks.to(part.dtype))

        return self.on_columns(x, swapped)

    def _complete(self, x: Tensor) -> Groups | int:
        """Returns 1 for the blocks without a missing value and 0 for the others, which are left alone."""
        if not self.schema.allow_missing:
            return 1
        missing = self.missing(x).index_select(1, self.block_places).to(x.dtype)
        n_missing = missing.new_zeros(x.shape[0], self.block_frequencies.shape[0]).index_add(1, self.block_of, missing)
        return (n_missing == 0).to(x.dtype)

    def _swapped_codes(self, part: Cells, mask: Groups, draws: Groups) -> Cells:
        if not self.codes.shape[0]:
            return part
        apart = (part.detach()[:, :, None] - self.codes).abs()
        current = torch.where(self.code_frequencies > 0, apart, math.inf).argmin(dim=2)
        drawn, possible = other_category(current, self.code_frequencies, draws)
        new = self.codes.expand(part.shape[0], -1, -1).gather(2, drawn[:, :, None])[:, :, 0]
        mask = mask * possible
        soft = part + mask * (new - part)
        return torch.where(mask > 0.5, new.to(part.dtype), part).detach() + (soft - soft.detach())

    def _swapped_blocks(self, part: Cells, mask: Groups, draws: Groups) -> Cells:
        if not self.block_frequencies.shape[0]:
            return part
        shape = (part.shape[0], *self.block_frequencies.shape)
        scores = part.new_full(shape, -math.inf)
        scores[:, self.block_of, self.place_of] = part.detach()
        drawn, possible = other_category(scores.argmax(dim=2), self.block_frequencies, draws)
        target = (drawn[:, self.block_of] == self.place_of).to(part.dtype)
        return part + (mask * possible)[:, self.block_of] * (target - part)


def _padded(rows: Sequence[Sequence[float]]) -> Float[Tensor, "groups categories"]:
    width = max((len(row) for row in rows), default=0)
    filled = [[*row, *[0.0] * (width - len(row))] for row in rows]
    return torch.tensor(filled, dtype=torch.get_default_dtype()).reshape(len(rows), width)
