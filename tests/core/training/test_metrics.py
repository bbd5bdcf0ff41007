"""Losses and metrics by kind of target."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from augrad.errors import ArgumentError, ArgumentTypeError, InputError
from augrad.training.metrics import (
    accuracy_sums,
    check_metrics,
    cross_entropy,
    default_criterion,
    mse,
    r2_sums,
    r2_value,
    ratio,
    resolve_metrics,
)


@given(st.integers(1, 20), st.integers(0, 2**30))
def test_sums_over_parts_give_the_metric_of_the_whole(cut: int, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    output, target = torch.randn(2, 21, 3, generator=generator)
    whole = r2_value(r2_sums(output, target).tolist())
    parts = r2_sums(output[:cut], target[:cut]) + r2_sums(output[cut:], target[cut:])
    expected = 1 - (output - target).square().sum() / (target - target.mean(0)).square().sum()
    assert r2_value(parts.tolist()) == pytest.approx(whole, rel=1e-9)
    assert whole == pytest.approx(expected.item(), rel=1e-4)


def test_r2_of_the_mean_is_zero_for_one_output_and_for_dense_ones() -> None:
    target = torch.tensor([1.0, 2.0, 6.0])
    assert r2_value(r2_sums(torch.full((3,), 3.0), target).tolist()) == pytest.approx(0.0)
    dense = torch.arange(24.0).reshape(2, 3, 2, 2)
    mean = dense.mean((0, 2, 3), keepdim=True).expand_as(dense)
    assert r2_value(r2_sums(mean, dense).tolist()) == pytest.approx(0.0)


def test_accuracy_counts_pixels_and_leaves_out_the_ignored() -> None:
    output = torch.zeros(1, 2, 1, 3)
    output[0, 1, 0, 0] = 1.0
    assert accuracy_sums(output, torch.tensor([[[1, 1, -100]]])).tolist() == [1, 2]
    assert ratio([0.0, 0.0]) != ratio([0.0, 0.0])  # NaN: there was nothing to count


class Counted:
    """A metric with a state, but no place for it in a checkpoint."""

    def reset(self) -> None:
        self.n = 0

    def update(self, output: Any, target: Any) -> None:
        self.n += len(output)

    def compute(self) -> int:
        return self.n


@pytest.mark.parametrize(
    ("metrics", "message"),
    [
        ([max], r"metrics must map names to metrics, but got list\. Write \{'name': metric\}, or dict"),
        ({"loss": max}, r"names other than 'loss' and 'penalty' to metrics, but got 'loss'"),
        ({"n": Counted}, r"metrics\['n'\] is the class Counted; pass an instance: Counted\(\.\.\.\)"),
        ({"n": 3}, r"metrics\['n'\] must be a function of outputs and targets or an object with update, compute"),
    ],
)
@pytest.mark.usefixtures("unchecked")
def test_what_is_no_metric_is_refused(metrics: Any, message: str) -> None:
    with pytest.raises(ArgumentTypeError, match=message):
        check_metrics(metrics)


def test_a_state_that_cannot_be_stored_is_refused_where_it_would_have_to_be() -> None:
    check_metrics({"n": Counted()})
    with pytest.raises(ArgumentError, match=r"Counted has no state_dict and load_state_dict.*checkpoint_every=None"):
        check_metrics({"n": Counted()}, stored_within_epochs=True)


def test_the_default_criterion_and_metric_follow_the_target() -> None:
    assert default_criterion(torch.zeros(2, dtype=torch.int32)) is cross_entropy
    assert default_criterion(torch.zeros(2)) is mse
    assert list(resolve_metrics(None, torch.zeros(2, dtype=torch.long))) == ["accuracy"]
    assert list(resolve_metrics(None, torch.zeros(2))) == ["r2"]
    assert resolve_metrics(None, {"boxes": 1}) == {}
    assert resolve_metrics({}, torch.zeros(2)) == {}


@pytest.mark.parametrize(("target", "kind"), [(torch.zeros(2, dtype=torch.bool), r"torch\.bool"), ([1, 2], "list")])
def test_other_targets_need_a_criterion(target: Any, kind: str) -> None:
    with pytest.raises(ArgumentError, match=f"criterion has a default for integer targets .* first target is {kind}"):
        default_criterion(target)


def test_cross_entropy_takes_logits_and_log_probabilities() -> None:
    logits, target = torch.randn(5, 3), torch.tensor([0, 1, 2, 0, 1], dtype=torch.int16)
    expected = nn.functional.cross_entropy(logits, target.long())
    torch.testing.assert_close(cross_entropy(logits, target), expected)
    torch.testing.assert_close(cross_entropy(logits.log_softmax(1), target), expected)


@pytest.mark.parametrize("loss", [mse, r2_sums])
def test_shapes_are_never_broadcast(loss: Any) -> None:
    with pytest.raises(InputError, match=r"returned \(4, 1\) for a target of shape \(4,\). Reshape one of them"):
        loss(torch.zeros(4, 1), torch.zeros(4))


@pytest.mark.parametrize("loss", [cross_entropy, accuracy_sums])
def test_classes_need_a_class_axis(loss: Any) -> None:
    with pytest.raises(InputError, match=r"returned shape \(4,\) for a target of shape \(4,\)"):
        loss(torch.zeros(4), torch.zeros(4, dtype=torch.long))
