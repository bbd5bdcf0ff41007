"""Configuration files of `augrad train` and `augrad audit`, validated before anything is built. They name no code."""

from __future__ import annotations

import os
import re
from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from augrad.errors import ConfigError, suggestion


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class PenaltyConfig(_Section):
    """What keeps the identity from winning.

    Attributes:
        name: `"displacement"`, `"magnitude"` (the paper's) or `"none"`.
        strength: factor of at least 0; the penalty's own default if None.
        schedule: of the factor over training: `"constant"`, `"warm_up"` or `"decay"`.
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
    """When a range that keeps growing while the loss does stops training; see `augrad.RunawayGuard`."""

    patience: int = Field(default=5, ge=1)
    rise: float = Field(default=0.25, gt=0, allow_inf_nan=False)


class TrainConfig(_Section):
    """A training run: the augmentation, the objective and the optimisation. See `AugmentationLayer` and `fit` for each.

    Attributes:
        transforms: registered names, the candidates of every layer.
        arguments: what the transforms are constructed with, such as `{sample_rate: 8000}`; each gets those it takes,
            and what stands under its own name, ranges too: `{vision.rotate: {angle: 30}}`.
        layers: how many layers are stacked, at least 1.
        temperature: of the softmax over the selection weights, above 0.
        magnitude: where the learned magnitudes start, in [0, 1]; one for all, or one per transform by name.
        selection: `"straight_through"` or `"mixture"`.
        distribution: `"uniform"` or `"ends"`.
        copies, train_copies: augmented copies in eval and in train mode, at least 1.
        aggregation: how the outputs for the copies become one.
        objective: the learning rule by name: `"cross_fitted"`, `"joint"` or `"worst_of_k"`; or a mapping of a name and
            options, such as `{name: cross_fitted, n_folds: 2, confirm: false}`. None: the objective that the penalty is
            made for.
        penalty: see `PenaltyConfig`.
        epochs: how often to go through the training data.
        batch_size: samples per batch.
        optimizer: `"adam"`, `"adamw"` or `"sgd"`.
        lr, augmentation_lr: learning rates of the trunk and of the augmentation (as `fit` chooses it if None).
        weight_decay: of the trunk.
        gradient_clip: largest norm of the gradient; None for no limit.
        accumulation_steps: batches per update.
        mixed_precision: `"no"`, `"fp16"` or `"bf16"`.
        early_stopping: see `EarlyStoppingConfig`; None trains to the end.
        runaway: see `RunawayConfig`; None goes on whatever happens.
        checkpoint_every: steps between checkpoints, besides the one after each epoch.
        trackers: names of accelerate's trackers, such as `"tensorboard"`.
        seed: of all draws.

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


class AuditConfig(_Section):
    """An audit: with which transforms, how far, on how many samples. See `augrad.audit` for each.

    Attributes:
        transforms: a modality, or registered names; None for all registered ones that fit the samples.
        arguments: what the transforms are constructed with, such as `{sample_rate: 8000}`.
        strengths: shares of the declared ranges, in (0, 1].
        layers: names of submodules whose invariance is measured too.
        output: position or key of the prediction in what the model returns; None if that is the prediction.
        epsilon: share of labels, and of predictions, that may change.
        max_samples: how many samples are read at most; None for all.
        batch_size: for the callable of `--data`, and for demos.
        seed: of all draws.
        fail_on: verdicts that make the command fail, such as `[over-invariant]`; beside those of `--fail-on`.

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
        defaults: of keys that the file leaves out, such as a demo's.
        kind: `TrainConfig` or `AuditConfig`.

    Raises:
        ConfigError: the file cannot be read, is no YAML mapping, or a key or value is not accepted; says which.
    """
    source = Path(path)
    try:
        given = yaml.load(source.read_text(encoding="utf-8"), Loader=_Loader)  # noqa: S506 - a SafeLoader
    except OSError as error:
        raise ConfigError(f"{source}: cannot be read: {error.strerror}.", argument="CONFIG") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{source}: is no UTF-8 text.", argument="CONFIG") from error
    except yaml.YAMLError as error:
        raise ConfigError(f"{source}: is no valid YAML: {_yaml_fault(error)}.", argument="CONFIG") from error
    if not isinstance(given, dict):
        raise ConfigError(
            f"{source}: must hold keys and values such as 'epochs: 20', but holds {_kind(given)}.", argument="CONFIG"
        )
    return parse_config({**(defaults or {}), **given}, source=f"{source}: ", kind=kind)


def parse_config(
    given: Mapping[str, Any],
    source: str = "",
    kind: type[Config] = TrainConfig,  # type: ignore[assignment]
) -> Config:
    """Validates a configuration.

    Args:
        given: the keys of `kind`.
        source: put before the message.
        kind: `TrainConfig` or `AuditConfig`.

    Raises:
        ConfigError: a key or value is not accepted.

    Example:
        >>> parse_config({"transforms": ["vision.rotate"], "epoch": 3})
        Traceback (most recent call last):
        augrad.errors.ConfigError: epoch is no known key. Did you mean 'epochs'?
    """
    try:
        return kind.model_validate(dict(given))
    except ValidationError as error:
        faults = error.errors(include_url=False)
        more = f" ({len(faults) - 1} more to mend.)" if len(faults) > 1 else ""
        fault = faults[0]
        key = ".".join(str(part) for part in fault["loc"])
        raise ConfigError(source + _sentence(fault, kind) + more, argument=key, value=fault["input"]) from error


def _sentence(fault: Mapping[str, Any], kind: type[BaseModel]) -> str:
    """One of pydantic's errors as a sentence that names key, what came and what is accepted."""
    *outer, last = (str(part) for part in fault["loc"])
    # For `float | dict[str, float]` pydantic appends the branch it tried.
    branch = bool(outer) and re.search(r"^(float|str|dict\[.*)$", last) is not None
    key = ".".join(outer if branch else [*outer, last])
    if fault["type"] == "extra_forbidden":
        known = list(_SECTIONS.get(".".join(outer), kind).model_fields)
        return f"{key} is no known key." + (suggestion(last, known) or f" Known are: {', '.join(known)}.")
    if fault["type"] == "missing":
        return f"{key} is missing."
    wanted = str(fault["msg"]).replace("Input should be", "must be").replace("a valid integer", "an integer")
    wanted = re.sub(r"^\w+ should have", "must have", wanted).replace("valid ", "").partition(" after validation")[0]
    if branch:
        wanted = _BRANCHES.get(key, "must be a number, or a mapping from transform name to number")
    given = fault["input"]
    near = suggestion(given, re.findall(r"'(\w+)'", wanted)) if isinstance(given, str) else ""
    return f"{key} {wanted}, but got {given!r}.{near}"


_BRANCHES = {"objective": "must be a name, or a mapping of a name and options"}

_SECTIONS: dict[str, type[BaseModel]] = {
    "penalty": PenaltyConfig,
    "early_stopping": EarlyStoppingConfig,
    "runaway": RunawayConfig,
}


def _kind(given: Any) -> str:
    return "nothing" if given is None else f"a {type(given).__name__}"


def _yaml_fault(error: yaml.YAMLError) -> str:
    if not isinstance(error, yaml.MarkedYAMLError):
        return " ".join(str(error).split())
    where = f" (line {error.problem_mark.line + 1})" if error.problem_mark else ""
    return f"{error.problem}{where}"


class _Loader(yaml.SafeLoader):
    """YAML in which `1e-3` is a number, as in YAML 1.2, and a key given twice is a mistake."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        keys = [key.value for key, _ in node.value]
        twice = next((key for key, _ in node.value if keys.count(key.value) > 1), None)
        if twice is not None:
            problem = f"the key {twice.value!r} is given twice"
            raise yaml.constructor.ConstructorError(None, None, problem, twice.start_mark)
        return super().construct_mapping(node, deep)


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?\d+(\.\d*)?[eE][-+]?\d+"), list("-+0123456789")
)
