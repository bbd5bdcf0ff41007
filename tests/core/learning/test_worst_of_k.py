"""The worst of k copies: which copy is trained on, what stands still, and that it is named, resumed and refused."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from tests.core.training.conftest import small_data, small_model
from torch import nn
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader

import augrad
from augrad import batch, keyed_generator
from augrad.errors import ArgumentError
from augrad.learning.worst_of_k import WorstOfK

X, TARGET = small_data()[:]


def test_the_loss_is_that_of_the_worst_copy_of_each_sample() -> None:
    model = small_model(nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3)))
    step = WorstOfK(model, nn.CrossEntropyLoss(), n_copies=5).step(
        model, X, TARGET, progress=0.0, generator=keyed_generator(1)
    )
    augmented, _ = model.augmentation.augment(batch.repeat(X, 5), generator=keyed_generator(1))
    each = cross_entropy(model.trunk(augmented), TARGET.repeat(5), reduction="none").reshape(5, -1)
    torch.testing.assert_close(step.loss, each.max(dim=0).values.mean().detach())
    assert step.output.shape == (len(X), 3)


def test_the_trunk_learns_and_the_policy_stands_still() -> None:
    model = small_model()
    policy, weight = model.policy.to_rows(), model.trunk[0].weight.clone()
    loader = DataLoader(small_data(), batch_size=11)
    result = augrad.fit(model, loader, max_epochs=2, objective={"name": "worst_of_k", "n_copies": 3}, lr=0.01)
    assert model.policy.to_rows() == policy
    assert not torch.equal(model.trunk[0].weight, weight)
    assert len(result.history) == 2


def test_scoring_leaves_the_statistics_of_batch_normalisation_alone() -> None:
    model = small_model()
    model.train()
    objective = WorstOfK(model, nn.CrossEntropyLoss(), n_copies=4)
    objective.step(model, X, TARGET, progress=0.0, generator=keyed_generator(0))
    assert int(model.trunk[1].num_batches_tracked) == 1
    assert model.trunk.training


def test_what_it_does_not_take(tmp_path: Any) -> None:
    with pytest.raises(ArgumentError, match=r"n_copies must be an int of at least 2, but got 1\. There must be copies"):
        WorstOfK(None, nn.CrossEntropyLoss(), n_copies=1)
    loader = DataLoader(small_data(), batch_size=11)
    with pytest.raises(ArgumentError, match=r"penalty is not used by the objective WorstOfK"):
        augrad.fit(small_model(), loader, objective="worst_of_k", penalty=augrad.MagnitudePenalty())
    augrad.fit(small_model(), loader, objective="worst_of_k", max_epochs=1, directory=tmp_path)
    with pytest.raises(augrad.AugradError, match="objective was 'WorstOfK' and is 'WorstOfK.n_copies=2.'"):
        options = {"name": "worst_of_k", "n_copies": 2}
        augrad.fit(small_model(), loader, objective=options, max_epochs=1, directory=tmp_path, resume=True)
