"""accelerate, held at one place: devices, precision, processes, trackers.

Imported on first use; used by trainer.py and loop.py.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from augrad.errors import ArgumentError, ArgumentTypeError, ConfigError, MissingDependencyError, suggestion
from augrad.training.settings import Settings

SHARDED = ("FSDP", "DEEPSPEED", "MEGATRON_LM")
"""Kinds of distribution that split the parameters, which keyed draws and the checkpoints here do not know."""


@contextmanager
def accelerated(settings: Settings) -> Iterator[Any]:
    """An `accelerate.Accelerator` for one run, with its trackers.

    accelerate keeps its settings in class-wide state that can be set once per process. It is put aside for the run, so
    that runs of different precision follow each other, and an Accelerator of the caller's stays what it was. The choice
    of the device is put aside too where the settings name one.

    Raises:
        ArgumentError, ArgumentTypeError, ConfigError: a tracker, the precision or the launch is not accepted.
        MissingDependencyError: a tracker's package is not installed.
    """
    from accelerate import Accelerator
    from accelerate.state import AcceleratorState, GradientState, PartialState
    from accelerate.utils import DistributedDataParallelKwargs

    trackers = _resolved_trackers(settings)
    if settings.device and int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise ConfigError(
            f"device={settings.device!r} is for one process, but this one was launched with others. Leave it out, or "
            "launch with `accelerate launch --cpu`.",
            argument="device",
        )
    states = [AcceleratorState, GradientState, *([PartialState] if settings.device else [])]
    shared = [state._shared_state for state in states]  # noqa: SLF001 - there is no other way
    kept = [dict(state) for state in shared]
    for state in shared:
        state.clear()
    try:
        accelerator = Accelerator(
            # A draw may miss every transform that has a magnitude, so that a parameter stays without a gradient.
            kwargs_handlers=[DistributedDataParallelKwargs(find_unused_parameters=True)],
            mixed_precision=settings.mixed_precision,
            cpu=settings.device == "cpu" or not torch.accelerator.is_available(),
            log_with=trackers or None,
            project_dir=None if settings.directory is None else str(settings.directory),
            step_scheduler_with_optimizer=False,
        )
        _check_launch(accelerator, settings)
        yield accelerator
    finally:
        for state, content in zip(shared, kept, strict=True):
            state.clear()
            state.update(content)


@contextmanager
def tracking(accelerator: Any, settings: Settings) -> Iterator[None]:
    """Starts the trackers and finishes them, whatever happens between."""
    if not settings.trackers:
        yield
        return
    found = settings.fingerprint().items()
    config = {name: value if isinstance(value, int | float) else str(value) for name, value in found}
    accelerator.init_trackers("augrad", config=config)
    try:
        yield
    finally:
        for tracker in accelerator.trackers:
            tracker.finish()


def scalars(row: dict[str, Any]) -> dict[str, int | float]:
    """A history row as flat names and numbers, as trackers take them.

    Example:
        >>> layer = {"names": ["vision.rotate"], "weights": [1.0], "magnitudes": [0.5]}
        >>> scalars({"epoch": 1, "train_loss": 0.25, "layers": [layer]})
        {'epoch': 1, 'train_loss': 0.25, 'layer0/weight/vision.rotate': 1.0, 'layer0/magnitude/0': 0.5}
    """
    flat = {name: value for name, value in row.items() if name != "layers"}
    for index, layer in enumerate(row["layers"]):
        for name, weight in zip(layer["names"], layer["weights"], strict=True):
            flat[f"layer{index}/weight/{name}"] = weight
        for position, magnitude in enumerate(layer["magnitudes"]):
            flat[f"layer{index}/magnitude/{position}"] = magnitude
    return flat


def _resolved_trackers(settings: Settings) -> list[Any]:
    from accelerate.tracking import LOGGER_TYPE_TO_CLASS, GeneralTracker, get_available_trackers

    available = {str(tracker) for tracker in get_available_trackers()}
    for tracker in settings.trackers:
        if isinstance(tracker, GeneralTracker):
            continue
        if not isinstance(tracker, str):
            raise ArgumentTypeError(
                f"trackers must hold names or accelerate trackers, but got {tracker!r}.", argument="trackers"
            )
        if tracker not in LOGGER_TYPE_TO_CLASS:
            raise ArgumentError(
                f"no tracker is named {tracker!r}; accelerate knows {', '.join(LOGGER_TYPE_TO_CLASS)}."
                + suggestion(tracker, LOGGER_TYPE_TO_CLASS),
                argument="trackers",
                value=tracker,
            )
        if tracker not in available:
            raise MissingDependencyError(
                f"the tracker {tracker!r} is not installed. Install it: pip install {tracker.replace('_', '-')}",
                tracker=tracker,
            )
        if LOGGER_TYPE_TO_CLASS[tracker].requires_logging_directory and settings.directory is None:
            raise ArgumentError(
                f"the tracker {tracker!r} writes files, but directory is None. Pass directory='runs/name'.",
                argument="directory",
            )
    return list(settings.trackers)


def _check_launch(accelerator: Any, settings: Settings) -> None:
    kind = str(accelerator.distributed_type.value)
    if kind in SHARDED:
        raise ConfigError(
            f"fit trains in one process or data-parallel (DistributedDataParallel), but was launched with {kind}. "
            "Launch with torchrun or `accelerate launch --multi_gpu`, or own the loop with JointLoss.",
            distributed_type=kind,
        )
    if settings.mixed_precision == "fp16" and accelerator.device.type == "cpu":
        raise ArgumentError(
            "mixed_precision='fp16' needs a GPU, but training runs on the CPU. Use 'bf16' or 'no'.",
            argument="mixed_precision",
            value="fp16",
        )
