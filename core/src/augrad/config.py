"""Configuration files of `augrad train` and `augrad audit`, validated before anything is built.

A file holds names and numbers, never code. Uses files/yaml_mapping.py.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from augrad.errors import AugradError, ConfigError, suggestion
from augrad.files.yaml_mapping import YamlMapping, read_mapping


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class PenaltyConfig(_Section):
    """The penalty, which rewards strong augmentation. Without it, training would prefer no augmentation at all.

    Attributes:
        name: `"displacement"`, `"magnitude"` (the penalty of the paper) or `"none"`.
        strength: factor of the penalty, at least 0. If None, the penalty's own default is used.
        schedule: how the factor changes during training: `"constant"`, `"warm_up"` or `"decay"`.
    """

    name: Literal["displacement", "magnitude", "none"] = "displacement"
    strength: float | None = Field(default=None, ge=0)
    schedule: Literal["constant", "warm_up", "decay"] = "constant"


class EarlyStoppingConfig(_Section):
    """When to stop before the last epoch; see `augrad.EarlyStopping`."""

    metric: str = Field(default="val_loss", min_length=1)
    patience: int = Field(default=5, ge=1)
    mode: Literal["min", "max"] = "min"
    min_delta: float = Field(default=0.0, ge=0)


class RunawayConfig(_Section):
    """When to stop because a range and the training loss keep growing together; see `augrad.RunawayGuard`."""

    patience: int = Field(default=5, ge=1)
    rise: float = Field(default=0.25, gt=0, allow_inf_nan=False)


class TrainConfig(_Section):
    """A training run: augmentation, objective and optimisation.

    `AugmentationLayer` and `augrad.fit` explain the options in detail.

    Attributes:
        transforms: registered names; every layer chooses among these transforms.
        arguments: constructor arguments of the transforms, such as `{sample_rate: 8000}`. Each transform gets the
            arguments that it takes, and those under its own name. Ranges are also set here:
            `{vision.rotate: {angle: 30}}`.
        layers: number of stacked layers, at least 1.
        temperature: temperature of the softmax over the selection weights, above 0.
        magnitude: initial value of the learned magnitudes, in [0, 1]; a number for all transforms, or a mapping from
            transform name to number.
        selection: `"straight_through"` or `"mixture"`.
        distribution: `"uniform"` or `"ends"`.
        copies, train_copies: number of augmented copies in eval and in train mode, at least 1.
        aggregation: how the outputs for the copies are combined.
        objective: the learning rule: `"leave_one_out"`, `"cross_fitted"`, `"joint"`, `"worst_of_k"`, or a mapping of a
            name and options, `{name: cross_fitted, n_folds: 2}`. None: as for `fit`, by whether there is a penalty.
        penalty: see `PenaltyConfig`.
        epochs: number of passes over the training data.
        batch_size: samples per batch.
        optimizer: `"adam"`, `"adamw"` or `"sgd"`.
        lr, augmentation_lr: learning rates of the trunk and of the augmentation. If `augmentation_lr` is None, `fit`
            chooses it.
        weight_decay: weight decay of the trunk.
        gradient_clip: largest norm of the gradient; None for no limit.
        accumulation_steps: batches per update.
        mixed_precision: `"no"`, `"fp16"` or `"bf16"`.
        early_stopping: see `EarlyStoppingConfig`. If None, training runs to the last epoch.
        runaway: see `RunawayConfig`. If None, training is not stopped when a range runs away.
        checkpoint_every: steps between checkpoints, in addition to the checkpoint after each epoch.
        trackers: names of accelerate's trackers, such as `"tensorboard"`.
        seed: seed of all random draws.

    Example:
        >>> TrainConfig(transforms=["vision.rotate"], lr=0.01).layers
        1
    """

    transforms: list[str] = Field(min_length=1)
    arguments: dict[str, Any] = {}
    layers: int = Field(default=1, ge=1)
    temperature: float = Field(default=1.0, gt=0)
    magnitude: float | dict[str, float] = 0.3
    selection: Literal["straight_through", "mixture"] = "straight_through"
    distribution: Literal["uniform", "ends"] = "uniform"
    copies: int = Field(default=10, ge=1)
    train_copies: int = Field(default=1, ge=1)
    aggregation: Literal["log_prob", "prob", "logit", "mean", "equivariant"] = "log_prob"
    objective: str | dict[str, Any] | None = None
    penalty: PenaltyConfig = PenaltyConfig()
    epochs: int = Field(default=20, ge=1)
    batch_size: int = Field(default=64, ge=1)
    optimizer: Literal["adam", "adamw", "sgd"] = "adam"
    lr: float = Field(default=1e-3, gt=0)
    augmentation_lr: float | None = Field(default=None, gt=0)
    weight_decay: float = Field(default=0.0, ge=0)
    gradient_clip: float | None = Field(default=None, gt=0)
    accumulation_steps: int = Field(default=1, ge=1)
    mixed_precision: Literal["no", "fp16", "bf16"] = "no"
    early_stopping: EarlyStoppingConfig | None = None
    runaway: RunawayConfig | None = RunawayConfig()
    checkpoint_every: int | None = Field(default=None, ge=1)
    trackers: list[str] = []
    seed: int = 0

    @field_validator("objective")
    @classmethod
    def _known(cls, given: str | dict[str, Any] | None) -> str | dict[str, Any] | None:
        from augrad.learning.objectives import resolve_objective

        try:
            resolve_objective(given)
        except AugradError as error:
            raise ValueError(str(error)) from error
        return given


class AuditConfig(_Section):
    """An audit: the transforms, their strengths and the number of samples.

    `augrad.audit` explains the options in detail.

    Attributes:
        transforms: a modality, or a list of registered names. If None, all registered transforms that fit the samples.
        arguments: constructor arguments of the transforms, such as `{sample_rate: 8000}`.
        strengths: shares of the declared ranges, in (0, 1].
        layers: names of submodules whose invariance is also measured.
        output: position or key of the prediction in the model's output. If None, the whole output is the prediction.
        epsilon: share of labels, and of predictions, that may change.
        max_samples: number of samples to read at most; None for all.
        batch_size: passed to the callable of `--data`, and used for demos.
        seed: seed of all random draws.
        fail_on: verdicts that make the command fail, such as `[over-invariant]`, in addition to those of `--fail-on`.

    Example:
        >>> AuditConfig(transforms="vision").epsilon
        0.1
    """

    transforms: str | list[str] | None = None
    arguments: dict[str, Any] = {}
    strengths: list[float] = Field(default=[0.2, 0.4, 0.6, 0.8, 1.0], min_length=1)
    layers: list[str] = []
    output: int | str | None = None
    epsilon: float = Field(default=0.1, gt=0, lt=0.5)
    max_samples: int | None = Field(default=2000, ge=2)
    batch_size: int = Field(default=64, ge=1)
    seed: int = 0
    fail_on: list[Literal["over-invariant", "missed", "sensitive", "invariant", "undecided"]] = []


Config = TypeVar("Config", TrainConfig, AuditConfig)


def read_config(
    path: str | os.PathLike[str],
    defaults: Mapping[str, Any] | None = None,
    kind: type[Config] = TrainConfig,  # type: ignore[assignment]
) -> Config:
    """Reads and validates a configuration file.

    Args:
        path: a YAML file with the keys of `kind`.
        defaults: values for keys that the file leaves out, such as those of a demo.
        kind: `TrainConfig` or `AuditConfig`.

    Raises:
        ConfigError: the file cannot be read, is not a YAML mapping, or contains a key or value that is not accepted.
            The message names the line, the key and the nearest accepted name.
    """
    read = read_mapping(path)
    return _validated({**(defaults or {}), **read.values}, kind, read)


def parse_config(
    given: Mapping[str, Any],
    kind: type[Config] = TrainConfig,  # type: ignore[assignment]
) -> Config:
    """Validates a configuration.

    Args:
        given: the keys of `kind`.
        kind: `TrainConfig` or `AuditConfig`.

    Raises:
        ConfigError: a key or value is not accepted.

    Example:
        >>> parse_config({"transforms": ["vision.rotate"], "epoch": 3})
        Traceback (most recent call last):
        augrad.errors.ConfigError: epoch is not a known key. Did you mean 'epochs'?
    """
    return _validated(given, kind)


@contextmanager
def located(path: str | os.PathLike[str] | None) -> Iterator[None]:
    """Adds the configuration file and the line to an error that names something in that file.

    For example, "no transform named 'vision.rotat'" becomes "run.yaml, line 2: no transform named 'vision.rotat'".

    Args:
        path: the configuration file, or None if there is none.

    Raises:
        ConfigError: in place of the error that the block raised.
    """
    try:
        yield
    except AugradError as error:
        named = [str(error.facts[fact]) for fact in ("name", "value", "argument") if fact in error.facts]
        words = {} if path is None else read_mapping(path).words
        line = next((words[word] for word in named if word in words), None)
        if line is None:
            raise
        raise ConfigError(f"{path}, line {line}: {error}", **error.facts) from error


def _validated(given: Mapping[str, Any], kind: type[Config], read: YamlMapping | None = None) -> Config:
    try:
        return kind.model_validate(dict(given))
    except ValidationError as error:
        # A misspelt key comes first: it is often the reason why another key is missing.
        faults = [fault for fault in error.errors(include_url=False) if _meant(fault)]
        faults.sort(key=lambda fault: fault["type"] != "extra_forbidden")
        sentences = [_sentence(fault, kind) for fault in faults]
        faults = [fault for fault in faults if not _explained(fault, sentences)]
        more = f" ({len(faults) - 1} more to mend.)" if len(faults) > 1 else ""
        place = _place(faults[0])
        source = "" if read is None else f"{read.where(*place)}: "
        key = ".".join(map(str, place))
        raise ConfigError(source + sentences[0] + more, argument=key, value=faults[0]["input"]) from error


_BRANCH = re.compile(r"float|str|dict\[.*\]")
"""Names that pydantic adds to the place of an error, for each branch that it tried of `float | dict[str, float]`."""


def _place(fault: Mapping[str, Any]) -> list[str | int]:
    return [part for part in fault["loc"] if not _BRANCH.fullmatch(str(part))]


def _meant(fault: Mapping[str, Any]) -> bool:
    """Whether a fault is in the branch that was meant: for a mapping not the number, otherwise not the mapping."""
    last = str(fault["loc"][-1])
    return not (last in ("float", "str") and isinstance(fault["input"], dict)) and not last.startswith("dict[")


def _explained(fault: Mapping[str, Any], sentences: list[str]) -> bool:
    """Whether a key is missing only because it is misspelt, which another sentence says."""
    return fault["type"] == "missing" and any(f"Did you mean {fault['loc'][-1]!r}" in each for each in sentences)


def _sentence(fault: Mapping[str, Any], kind: type[BaseModel]) -> str:
    """An error of pydantic as a sentence that names the key, the value that was given and the accepted values."""
    *outer, last = (str(part) for part in _place(fault))
    key = ".".join([*outer, last])
    if fault["type"] == "extra_forbidden":
        if key in _MOVED:
            return f"{key} is an option of the objective. Write {_MOVED[key]}."
        known = list(_SECTIONS.get(".".join(outer), kind).model_fields)
        return f"{key} is not a known key." + (suggestion(last, known) or f" Known are: {', '.join(known)}.")
    if fault["type"] == "missing":
        return f"{key} is missing."
    if fault["type"] == "value_error":
        return str(fault["ctx"]["error"])
    wanted = str(fault["msg"]).replace("Input should be", "must be").replace("a valid integer", "an integer")
    wanted = re.sub(r"^\w+ should have", "must have", wanted).replace("valid ", "").partition(" after validation")[0]
    if fault["loc"][-1] in ("float", "str"):
        wanted = _BRANCHES.get(key, "must be a number, or a mapping from transform name to number")
    given = fault["input"]
    near = suggestion(given, re.findall(r"'(\w+)'", wanted)) if isinstance(given, str) else ""
    return f"{key} {wanted}, but got {given!r}.{near}"


_MOVED = dict.fromkeys(("confirm", "n_folds"), "objective: {name: cross_fitted, n_folds: 2, confirm: false}")

_BRANCHES = {"objective": "must be a name, or a mapping of a name and options"}

_SECTIONS: dict[str, type[BaseModel]] = {
    "penalty": PenaltyConfig,
    "early_stopping": EarlyStoppingConfig,
    "runaway": RunawayConfig,
}
