"""One column: what it may be declared as."""

from __future__ import annotations

import pytest

from augrad.errors import ArgumentError
from augrad_tabular.columns import Column


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"kind": "one-hot"}, r"'a': a one-hot column, and no other, belongs to a block"),
        ({"kind": "continuous", "block": "b"}, r"kind='continuous', block='b'"),
        ({"kind": "categorical", "codes": (0.0,)}, r"one frequency per code, but got 1 codes and 0 frequencies"),
    ],
)
def test_columns_that_are_not_accepted(arguments, message):
    with pytest.raises(ArgumentError, match=message):
        Column("a", **arguments)
