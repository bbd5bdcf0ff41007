"""Keyed use of the global generators."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from augrad.training.keyed import preserved_generators, seed_global_generators


def draws() -> tuple[float, float, float]:
    return torch.rand(()).item(), random.random(), float(np.random.rand())  # noqa: NPY002


def test_generators_are_given_back_as_they_were_even_after_an_error() -> None:
    torch.manual_seed(3), random.seed(3), np.random.seed(3)  # noqa: NPY002
    expected = draws()
    torch.manual_seed(3), random.seed(3), np.random.seed(3)  # noqa: NPY002
    with pytest.raises(ZeroDivisionError), preserved_generators():
        seed_global_generators(int(draws()[0]) // 0)
    assert draws() == expected


@given(st.integers(), st.integers(0, 2**40))
def test_equal_keys_draw_alike_and_others_do_not(seed: int, step: int) -> None:
    with preserved_generators():
        seed_global_generators(seed, "step", step)
        first = draws()
        seed_global_generators(seed, "step", step)
        assert draws() == first
        seed_global_generators(seed, "step", step + 1)
        assert all(a != b for a, b in zip(draws(), first, strict=True))
