"""The arguments of fit: refused before anything changes."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from augrad import DisplacementPenalty, MagnitudePenalty
from augrad.errors import ArgumentError, ArgumentTypeError, MissingDependencyError
from augrad.training import fit
from augrad.training.fingerprints import described

NEEDS_PLACE = "needs a place for checkpoints, but directory is None"
BAD: list[tuple[dict[str, Any], type[Exception], str]] = [
    ({"max_epochs": 0}, ArgumentError, "max_epochs must be an int of at least 1, but got 0"),
    ({"max_epochs": True}, ArgumentError, "max_epochs must be an int of at least 1, but got True"),
    ({"accumulation_steps": 1.5}, ArgumentError, "accumulation_steps must be an int of at least 1"),
    ({"checkpoint_every": 0}, ArgumentError, "checkpoint_every must be an int of at least 1"),
    ({"checkpoint_every": 3}, ArgumentError, f"checkpoint_every {NEEDS_PLACE}"),
    ({"resume": True}, ArgumentError, f"resume {NEEDS_PLACE}"),
    ({"resume": "yes"}, ArgumentTypeError, "resume must be True or False, but got 'yes'"),
    (
        {"objective": {"name": "cross_fitted", "confirm": "no"}},
        ArgumentTypeError,
        "confirm must be True or False, but got 'no'",
    ),
    (
        {"objective": {"name": "cross_fitted", "n_folds": 1}},
        ArgumentError,
        "n_folds must be an int of at least 2, but got 1",
    ),
    ({"objective": {"name": "joint", "n_folds": 3}}, ArgumentError, "'joint' has no option 'n_folds'. It has none"),
    ({"objective": "cross_fited"}, ArgumentError, "but got 'cross_fited'. Did you mean 'cross_fitted'?"),
    ({"objective": 3}, ArgumentTypeError, "objective must be a name, a mapping with a name, or a callable"),
    ({"progress": 2}, ArgumentTypeError, "progress must be"),
    ({"seed": 0.5}, ArgumentTypeError, r"seed must be an int, but got 0\.5"),
    ({"lr": 0}, ArgumentError, "lr must be a finite number above 0, but got 0"),
    ({"lr": "fast"}, ArgumentError, "lr must be a finite number above 0, but got 'fast'"),
    ({"augmentation_lr": -1.0}, ArgumentError, "augmentation_lr must be a finite number above 0"),
    ({"weight_decay": -0.1}, ArgumentError, "weight_decay must be a finite number of at least 0"),
    ({"gradient_clip": math.nan}, ArgumentError, "gradient_clip must be a finite number above 0"),
    ({"mixed_precision": "bf61"}, ArgumentError, "mixed_precision must be one of .* got 'bf61'. Did you mean 'bf16'"),
    ({"scheduler_interval": "day"}, ArgumentError, "scheduler_interval must be one of 'epoch', 'step'"),
    ({"device": "gpu"}, ArgumentError, "device must be one of None, 'cpu', but got 'gpu'"),
    ({"early_stopping": 3}, ArgumentTypeError, "early_stopping must be .*EarlyStopping.* but got 3"),
    ({"runaway": True}, ArgumentTypeError, "runaway must be .*RunawayGuard.* but got True"),
    ({"penalty_schedule": "fast"}, ArgumentError, "penalty_schedule must be one of"),
    ({"criterion": "mse"}, ArgumentTypeError, "criterion must be callable or None, but got str"),
    ({"penalty": 1.0}, ArgumentTypeError, "penalty must be callable or None, but got float"),
    ({"optimizer": None}, ArgumentTypeError, "optimizer must be callable, but got NoneType"),
    ({"scheduler": "cosine"}, ArgumentTypeError, "scheduler must be callable or None, but got str"),
    ({"callbacks": [3]}, ArgumentTypeError, "callbacks must be callables of a row and the model, but got 3"),
    ({"callbacks": print}, ArgumentTypeError, "callbacks must be a list or tuple"),
    ({"trackers": "wandb"}, ArgumentTypeError, r"trackers must be a list or tuple, .* Write \['wandb'\]"),
    ({"trackers": [3]}, ArgumentTypeError, "trackers must hold names or accelerate trackers, but got 3"),
    ({"trackers": ["wandv"]}, ArgumentError, "no tracker is named 'wandv'; .* Did you mean 'wandb'"),
    (
        {"metrics": {"loss": max}},
        ArgumentTypeError,
        "metrics must map names other than 'loss' and 'penalty' to metrics",
    ),
    ({"config": [1]}, ArgumentTypeError, "config must be a mapping or None, but got list"),
    ({"config": {"a": object()}}, ArgumentError, "config is stored with the checkpoints .* JSON"),
    ({"optimizer": lambda groups: 3}, ArgumentTypeError, "return a torch optimizer .* but returned int"),
    ({"optimizer": lambda groups: torch.optim.LBFGS(groups[0]["params"])}, ArgumentTypeError, "without a closure"),
    ({"scheduler": lambda optimizer: 3}, ArgumentTypeError, "return a torch scheduler, but returned int"),
    (
        {"scheduler": torch.optim.lr_scheduler.ReduceLROnPlateau, "scheduler_interval": "step"},
        ArgumentError,
        "scheduler_interval='step' does not fit ReduceLROnPlateau",
    ),
    ({"objective": "crossfitted"}, ArgumentError, "objective must be one of .* Did you mean 'cross_fitted'"),
    ({"mixed_precision": "fp16"}, ArgumentError, "mixed_precision='fp16' needs a GPU"),
]


@pytest.mark.parametrize(("options", "error", "message"), BAD, ids=[message for *_, message in BAD])
@pytest.mark.usefixtures("unchecked")
def test_bad_arguments_are_refused_and_change_nothing(
    options: dict[str, Any], error: type[Exception], message: str, make_parts: Callable[[], Any]
) -> None:
    if options.get("mixed_precision") == "fp16" and torch.accelerator.is_available():
        pytest.skip("needs a machine without a GPU")
    model, train, val = make_parts()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    state = torch.get_rng_state()
    with pytest.raises(error, match=message):
        fit(model, train, val, **options)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert torch.equal(torch.get_rng_state(), state)
    assert model.training


@pytest.mark.usefixtures("unchecked")
def test_only_an_invariant_model_with_something_to_learn_is_trained(make_parts: Callable[[], Any]) -> None:
    model, train, _ = make_parts()
    with pytest.raises(ArgumentTypeError, match=r"model must be an augrad.InvariantModel, but got Linear. Wrap it"):
        fit(nn.Linear(4, 3), train)
    with pytest.raises(ArgumentError, match=r"no parameter that requires a gradient"):
        fit(model.requires_grad_(False), train)


def test_a_tracker_that_is_not_installed_names_its_package(
    make_parts: Callable[[], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("accelerate.tracking.get_available_trackers", list)
    with pytest.raises(MissingDependencyError, match=r"'comet_ml' is not installed. Install it: pip install comet-ml"):
        fit(*make_parts(), trackers=["comet_ml"])


def test_descriptions_name_callables_without_addresses() -> None:
    class Rule:
        def __call__(self) -> None: ...

    assert described(torch.optim.Adam) == "Adam"
    assert described(functools.partial(torch.optim.SGD, momentum=0.9)) == "SGD(momentum=0.9)"
    assert described(DisplacementPenalty(2.0, variety=0.1)) == "DisplacementPenalty(strength=2, variety=0.1)"
    assert described(DisplacementPenalty(2.0)) != described(MagnitudePenalty(2.0))
    assert described(Rule()) == f"{test_descriptions_name_callables_without_addresses.__name__}.<locals>.Rule"
    plain, smooth = nn.CrossEntropyLoss(), nn.CrossEntropyLoss(label_smoothing=0.1)
    assert described(plain) == described(nn.CrossEntropyLoss()) != described(smooth)
