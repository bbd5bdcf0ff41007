"""The estimators' parameters: what is refused, in which words, and what is taken as what."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import augrad
from augrad.errors import ArgumentError, ArgumentTypeError
from augrad_tabular import AugradClassifier
from augrad_tabular.parameters import checked

DEFAULTS = AugradClassifier().get_params(deep=False)

BAD: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({"n_layers": 0}, ArgumentError, "n_layers must be an int of at least 1, but got 0"),
    ({"copies": True}, ArgumentTypeError, "copies must be an int of at least 1, but got True"),
    ({"max_epochs": 1.5}, ArgumentTypeError, r"max_epochs must be an int of at least 1, but got 1\.5"),
    ({"batch_size": -3}, ArgumentError, "batch_size must be an int of at least 1, but got -3"),
    ({"n_iter_no_change": None}, ArgumentTypeError, "n_iter_no_change must be an int of at least 1, but got None"),
    ({"hidden_layer_sizes": (8, 0)}, ArgumentError, "hidden_layer_sizes must be an int of at least 1, but got 0"),
    ({"hidden_layer_sizes": "wide"}, ArgumentTypeError, "hidden_layer_sizes must be an int .* but got 'wide'"),
    ({"lr": "fast"}, ArgumentTypeError, "lr must be a finite number above 0, but got 'fast'"),
    ({"lr": 0.0}, ArgumentError, r"lr must be a finite number above 0, but got 0\.0"),
    ({"lr": float("nan")}, ArgumentError, "lr must be a finite number above 0, but got nan"),
    ({"augmentation_lr": -1}, ArgumentError, "augmentation_lr must be a finite number above 0, but got -1"),
    (
        {"validation_fraction": 1.0},
        ArgumentError,
        r"validation_fraction must be .* above 0 and below 1, but got 1\.0",
    ),
    (
        {"validation_fraction": "a tenth"},
        ArgumentTypeError,
        r"validation_fraction must be .* above 0 and below 1",
    ),
    ({"early_stopping": "yes"}, ArgumentTypeError, "early_stopping must be True or False, but got 'yes'"),
    ({"allow_missing": 1}, ArgumentTypeError, "allow_missing must be True or False, but got 1"),
    ({"verbose": None}, ArgumentTypeError, "verbose must be True or False, but got None"),
    ({"device": "gpu"}, ArgumentError, "device must be one of 'auto', 'cpu', 'cuda', but got 'gpu'"),
    ({"penalty": "displacment"}, ArgumentError, "penalty must be one of .*Did you mean 'displacement'"),
    ({"objective": "crosfitted"}, ArgumentError, "one of 'leave_one_out', 'cross_fitted', .*mean 'cross_fitted'"),
    ({"objective": {"n_folds": 2}}, ArgumentTypeError, "objective must be a name, .* or a callable .* but got {"),
    ({"objective": {"name": "cross_fitted", "n_fold": 2}}, ArgumentError, "has no option 'n_fold'.*mean 'n_folds'"),
    ({"penalty": None, "objective": "cross_fitted"}, ArgumentError, "needs a penalty"),
    ({"penalty": 2.0}, ArgumentTypeError, r"must be 'auto', 'displacement', 'magnitude', None or .* but got 2\.0"),
    (
        {"penalty": augrad.DisplacementPenalty},
        ArgumentTypeError,
        "penalty must be .* or an augrad.Penalty, but got <",
    ),
    ({"transforms": "tabular.feature_noise"}, ArgumentTypeError, r"transforms must be 'default' or a list .* Write \["),
    ({"transforms": None}, ArgumentTypeError, "transforms must be 'default' or a list of names.* but got None"),
    ({"trunk": nn.Linear(2, 2)}, ArgumentTypeError, "trunk must be None or a callable .* got Linear. Each fit makes"),
    ({"trunk": 3}, ArgumentTypeError, "trunk must be None or a callable .* but got int"),
]


@pytest.mark.parametrize(("given", "error", "message"), BAD, ids=[message for *_, message in BAD])
def test_what_is_refused(given: dict[str, Any], error: type[Exception], message: str) -> None:
    estimator = AugradClassifier(**given)
    with pytest.raises(error, match=message) as caught:
        estimator.fit([[0.0], [1.0]], [0, 1])
    assert caught.value.argument == next(iter(given))  # type: ignore[attr-defined]


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without a GPU")
def test_a_gpu_that_is_not_there() -> None:
    with pytest.raises(ArgumentError, match="device is 'cuda', but torch finds no CUDA device"):
        checked({**DEFAULTS, "device": "cuda"})


def test_numbers_of_numpy_are_taken_as_pythons() -> None:
    found = checked({**DEFAULTS, "copies": np.int64(3), "lr": np.float32(0.5), "hidden_layer_sizes": np.array([4, 5])})
    assert (found.copies, found.lr, found.hidden_layer_sizes) == (3, 0.5, (4, 5))
    assert [type(value) for value in (found.copies, found.lr, found.hidden_layer_sizes[0])] == [int, float, int]
    assert checked({**DEFAULTS, "verbose": np.True_}).verbose is True
    assert checked({**DEFAULTS, "hidden_layer_sizes": 7}).hidden_layer_sizes == (7,)


def test_objectives_by_name_and_as_callables() -> None:
    assert checked({**DEFAULTS, "objective": None}).objective is None
    assert checked({**DEFAULTS, "objective": "cross_fitted"}).objective == augrad.CrossFitted()
    given = {"name": "cross_fitted", "n_folds": 3}
    assert checked({**DEFAULTS, "objective": given}).objective == augrad.CrossFitted(n_folds=3)
    own = augrad.CrossFitted(confirm=False)
    assert checked({**DEFAULTS, "objective": own}).objective is own


def test_penalties_by_name() -> None:
    assert repr(checked({**DEFAULTS, "penalty": "displacement"}).penalty) == repr(augrad.DisplacementPenalty())
    assert repr(checked({**DEFAULTS, "penalty": "magnitude"}).penalty) == "MagnitudePenalty(strength=0.5)"
    own = augrad.DisplacementPenalty(0.2)
    assert checked({**DEFAULTS, "penalty": own}).penalty is own
    assert checked({**DEFAULTS, "penalty": None}).penalty is None
