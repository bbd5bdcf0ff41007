"""Targets of every form become columns of mean 0 and total variance 1, in which classes and numbers count alike."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from augrad.errors import ArgumentError, ArgumentTypeError, InputError
from augrad.learning.leave_one_out.targets import LEAST_SAMPLES, targets_of

N = 40
NUMBERS = torch.arange(N) * 0.5
CLASSES = torch.arange(N) % 4


@pytest.mark.parametrize(
    ("target", "words", "n_columns"),
    [
        (CLASSES, "4 classes", 4),
        (CLASSES[:, None], "4 classes", 4),
        (CLASSES.to(torch.uint8), "4 classes", 4),
        (100 * CLASSES, "4 classes", 4),
        (CLASSES > 1, "2 classes", 2),
        (CLASSES.float(), "numbers", 1),
        ((CLASSES > 1).float(), "numbers", 1),
        (NUMBERS.double()[:, None], "numbers", 1),
        (torch.stack([NUMBERS, -NUMBERS.square()], 1), "2 numbers", 2),
        (torch.stack([CLASSES, CLASSES.flip(0)], 1), "2 numbers", 2),
        (torch.stack([CLASSES > 1, CLASSES == 2, CLASSES == 0], 1), "3 labels", 3),
        (torch.stack([CLASSES > 1, CLASSES == 2], 1).float(), "2 labels", 2),
        (torch.stack([CLASSES > 1, CLASSES == 2], 1).long(), "2 labels", 2),
    ],
)
def test_forms(target: Tensor, words: str, n_columns: int):
    found = targets_of(target, N)
    assert found.words == words
    assert found.columns.shape == (N, n_columns)
    assert found.columns.dtype == torch.float64
    torch.testing.assert_close(found.columns.mean(dim=0), torch.zeros(n_columns, dtype=torch.float64))
    assert float(found.columns.square().sum(dim=1).mean()) == pytest.approx(1)
    assert found.kept.all()


def test_rare_classes_count_like_common_ones():
    given = torch.tensor([0] * 30 + [1] * 6 + [2] * 4)
    columns = targets_of(given, N).columns
    share = torch.tensor([30, 6, 4], dtype=torch.float64) / N
    torch.testing.assert_close(columns.square().mean(dim=0), (1 - share) / 2)


def test_several_numbers_count_alike_whatever_their_units():
    columns = targets_of(torch.stack([NUMBERS.double(), 1e6 * NUMBERS.double().sin() + 1e7], 1), N).columns
    torch.testing.assert_close(columns.square().mean(dim=0), torch.full((2,), 0.5, dtype=torch.float64))
    shifted = targets_of(torch.stack([3 * NUMBERS.double() - 5, NUMBERS.double().sin()], 1), N).columns
    torch.testing.assert_close(shifted, columns, rtol=1e-6, atol=1e-8)


def test_a_number_that_does_not_vary_is_left_out():
    found = targets_of(torch.stack([NUMBERS, torch.full((N,), 0.1)], 1), N)
    assert found.columns.shape == (N, 1)
    assert found.words == "2 numbers"


def test_a_negative_class_is_no_target():
    given = CLASSES.clone()
    given[[0, 7]] = torch.tensor([-100, -1])
    found = targets_of(given, N)
    assert (~found.kept).nonzero().flatten().tolist() == [0, 7]
    assert found.columns.shape == (N - 2, 4)
    torch.testing.assert_close(found.columns, targets_of(given[given >= 0], N - 2).columns)


def test_negative_numbers_are_numbers():
    assert targets_of(-NUMBERS - 1, N).kept.all()


def test_the_order_of_samples_stays():
    columns = targets_of(NUMBERS, N).columns[:, 0]
    assert columns.tolist() == sorted(columns.tolist())


@pytest.mark.parametrize(
    ("target", "n_samples", "kind", "words"),
    [
        (CLASSES.tolist(), N, ArgumentTypeError, "as tensors, one for each sample, but yields list"),
        (CLASSES[:10], N, ArgumentError, r"yields \(10,\) for 40 samples"),
        (CLASSES.view(10, 2, 2), 10, ArgumentError, r"yields \(10, 2, 2\) for 10 samples"),
        (CLASSES[: LEAST_SAMPLES - 1], LEAST_SAMPLES - 1, InputError, "19 samples with a target"),
        (NUMBERS[: LEAST_SAMPLES - 1], LEAST_SAMPLES - 1, InputError, "19 samples with a target"),
        (torch.where(torch.arange(N) < 19, 1, -1), N, InputError, "19 samples with a target"),
        (torch.full((N,), 2), N, InputError, r"a single class \(2\)"),
        (torch.full((N, 2), 0.1), N, InputError, "the same target for all 40 samples"),
        (torch.arange(N), N, InputError, "40 classes in 40 samples, too few for each"),
        (torch.arange(2400) % 1200, 2400, InputError, "1200 classes in 2400 samples"),
        (
            NUMBERS.index_fill(0, torch.tensor([3, 5]), torch.nan),
            N,
            InputError,
            r"sample 3, counted from 0 \(2 of 40\)",
        ),
    ],
)
def test_refused(target: object, n_samples: int, kind: type[Exception], words: str):
    with pytest.raises(kind, match=words):
        targets_of(target, n_samples)


def test_enough_samples():
    assert targets_of(CLASSES[:LEAST_SAMPLES], LEAST_SAMPLES).kept.sum() == LEAST_SAMPLES


def test_an_error_calls_a_sample_by_its_index():
    given = NUMBERS.index_fill(0, torch.tensor(3), torch.inf)
    with pytest.raises(InputError, match="sample 97,") as caught:
        targets_of(given, N, torch.arange(N).flip(0) + 61)
    assert caught.value.facts["index"] == 97
