"""Building the model: the default candidates, layers of their own, weights by seed, trunks that are none."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

import augrad
from augrad.errors import ArgumentTypeError, UnknownTransformError
from augrad_tabular import AugradClassifier, Schema
from augrad_tabular.models import build_model, default_transforms, encoder_of
from augrad_tabular.networks import TableEncoder
from augrad_tabular.parameters import checked
from augrad_tabular.schema import Schema as Table

NUMBERS = Schema.from_data([[0.0, 1.0], [1.0, 3.0]])
CODES = Schema.from_data([["a", "x"], ["b", "y"]])


def built(schema: Table = NUMBERS, seed: int = 0, **given: Any) -> augrad.InvariantModel:
    parameters = checked({**AugradClassifier().get_params(deep=False), **given})
    return build_model(parameters, schema, 2, aggregation="log_prob", seed=seed)


def test_default_candidates_fit_the_table() -> None:
    assert default_transforms(NUMBERS) == ["tabular.feature_noise", "tabular.feature_dropout"]
    assert default_transforms(CODES) == ["tabular.category_swap"]
    assert not any(augrad.get_transform(name).mixes_samples for name in default_transforms(NUMBERS))
    (layer,) = built(CODES).augmentation
    assert layer.names == ("tabular.category_swap",)


def test_weights_come_from_the_seed_alone() -> None:
    state = torch.get_rng_state()
    first, again, other = built(seed=1), built(seed=1), built(seed=2)
    assert torch.equal(torch.get_rng_state(), state)
    for name, value in first.state_dict().items():
        assert torch.equal(value, again.state_dict()[name])
    assert not torch.equal(first.trunk[1][0].weight, other.trunk[1][0].weight)
    assert isinstance(encoder_of(first), TableEncoder)


def test_layers_and_users_transforms_share_nothing() -> None:
    mine = augrad.get_transform("tabular.feature_noise")(schema=NUMBERS)
    one, two = built(transforms=[mine], n_layers=2).augmentation
    assert next(iter(one)) is not next(iter(two))
    assert mine not in [*one, *two]


def test_what_is_refused() -> None:
    with pytest.raises(ArgumentTypeError, match=r"trunk must return a torch.nn.Module .* but returned int"):
        built(trunk=lambda n_inputs, n_outputs: n_inputs)
    with pytest.raises(UnknownTransformError, match=r"Did you mean 'tabular.feature_noise'"):
        built(transforms=["tabular.feature_nose"])
    assert isinstance(built(trunk=nn.Linear).trunk[1], nn.Linear)
