"""Optimizer and scheduler state as tensors and JSON."""

from __future__ import annotations

import json
import math
from collections import Counter
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from augrad.errors import StorageError
from augrad.training.optimizer_codec import decode, encode, load_optimizer_state, optimizer_state

leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
trees = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=5) | st.integers(), inner, max_size=3)
        | st.tuples(inner, inner)
    ),
    max_leaves=8,
)


@given(trees)
def test_whatever_is_encoded_comes_back_through_json_with_its_types(tree: Any) -> None:
    text = json.dumps(encode(tree), allow_nan=False)
    assert repr(decode(json.loads(text))) == repr(tree)


def test_counters_and_tensors_come_back() -> None:
    counter = decode(encode(Counter({3: 2})))
    tensor = decode(encode(torch.tensor([1.5, math.inf], dtype=torch.float64)))
    assert isinstance(counter, Counter)
    assert counter == Counter({3: 2})
    assert torch.equal(tensor, torch.tensor([1.5, math.inf], dtype=torch.float64))


def test_what_needs_code_to_load_is_refused_by_name() -> None:
    with pytest.raises(StorageError, match=r"scheduler\.lambdas\[0\] is function, which cannot be stored"):
        encode({"lambdas": [lambda epoch: epoch]}, "scheduler")


OPTIMIZERS = [
    torch.optim.SGD,
    torch.optim.Adam,
    torch.optim.AdamW,
    torch.optim.RMSprop,
    torch.optim.Adagrad,
    torch.optim.NAdam,
    torch.optim.Adamax,
    torch.optim.ASGD,
    torch.optim.Rprop,
]


@pytest.mark.parametrize("kind", OPTIMIZERS, ids=lambda kind: kind.__name__)
def test_an_optimizer_goes_on_as_if_never_stored(kind: Any) -> None:
    def build() -> tuple[nn.Module, torch.optim.Optimizer]:
        torch.manual_seed(0)
        model = nn.Linear(3, 2)
        return model, kind([{"params": [model.weight], "lr": 0.1}, {"params": [model.bias], "lr": 0.2}])

    def step(model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
        optimizer.zero_grad()
        model(torch.ones(4, 3)).square().sum().backward()
        optimizer.step()

    model, optimizer = build()
    step(model, optimizer)
    tensors, rest = optimizer_state(optimizer)
    stored = {name: tensor.clone() for name, tensor in tensors.items()}, json.loads(json.dumps(rest, allow_nan=False))
    other, resumed = build()
    other.load_state_dict(model.state_dict())
    load_optimizer_state(resumed, *stored)
    step(model, optimizer)
    step(other, resumed)
    assert torch.equal(model.weight, other.weight)
    assert torch.equal(model.bias, other.bias)
    assert [group["lr"] for group in resumed.param_groups] == [0.1, 0.2]
