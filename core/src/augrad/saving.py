"""`save` and `load` for models. Uses manifest.py and document.py; the trainer stores the same `model_config`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from augrad.aggregation import AGGREGATIONS, Aggregation
from augrad.errors import AugradError, CheckpointError, PolicyError
from augrad.files.manifest import Checkpoint, read_checkpoint, write_checkpoint
from augrad.files.storage import read_pointer
from augrad.model import InvariantModel, unwrapped
from augrad.policies.document import check_rebuildable, to_document

KIND = "model"


def save(model: nn.Module, path: str | os.PathLike[str]) -> Path:
    """Saves a model: all parameters and buffers, and the description from which the augmentation is built again.

    Code is not saved. `load` takes the trunk, and the aggregation if that is a callable.

    Args:
        model: the `InvariantModel`, or a wrapper around it such as DistributedDataParallel.
        path: a directory. A model that was saved there before is replaced completely.

    Returns:
        The path written to.

    Raises:
        ArgumentTypeError: `model` is not an `InvariantModel` or a wrapper around it.
        PolicyError: the augmentation contains custom code that cannot be restored from a file.
        StorageError: the directory could not be written. An earlier model there is untouched.

    Example:
        >>> import tempfile
        >>> import torch
        >>> from augrad import AugmentationLayer, InvariantModel, Range, Transform, register
        >>> @register
        ... class Offset(Transform):
        ...     modality = "saving_example"
        ...     level = Range(2.0, unit="V", signed=True)
        ...     def forward(self, x, *, level):
        ...         return x + level[:, None]
        >>> model = InvariantModel(torch.nn.Linear(4, 2), AugmentationLayer([Offset])).eval()
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = save(model, f"{folder}/model")
        ...     again = load(path, torch.nn.Linear(4, 2))
        >>> x = torch.rand(3, 4)
        >>> torch.equal(again(x), model(x))
        True
    """
    inner = unwrapped(model)
    check_rebuildable(inner.augmentation)
    config = {"model": model_config(inner)}
    transforms = [transform for layer in inner.augmentation for transform in layer]
    return write_checkpoint(path, {"model": inner.state_dict()}, kind=KIND, config=config, transforms=transforms)


def load(
    path: str | os.PathLike[str], trunk: nn.Module, *, aggregation: str | Aggregation | None = None
) -> InvariantModel:
    """Loads a model that `save` or `fit` wrote, into a trunk. No code is loaded: transforms come from the registry.

    Args:
        path: the directory, or a pointer to one such as `runs/x/best`.
        trunk: a module built as the saved one was; its parameters and buffers are overwritten, once everything fits.
        aggregation: replaces the saved aggregation. It is required if the model was saved with a callable; parameters
            of a `torch.nn.Module` are loaded.

    Returns:
        The model in eval mode, with its augmentation on the trunk's device.

    Raises:
        CheckpointError: the directory is missing, damaged, altered since it was written, written by a newer augrad,
            contains no model, uses a transform that is not registered, or does not fit the trunk. The trunk is
            unchanged.
        ArgumentError, ArgumentTypeError: another argument is not accepted.
    """
    checkpoint = read_checkpoint(_followed(Path(path)))
    config = checkpoint.config.get("model")
    if not isinstance(config, dict):
        raise CheckpointError(
            f"{checkpoint.path} holds no model (it is of kind {checkpoint.kind!r}).", path=checkpoint.path
        )
    model = _built(config, trunk, aggregation, checkpoint)
    tensors = checkpoint.tensors("model")
    _check_fit(tensors, model.state_dict(), checkpoint.path)
    model.load_state_dict(tensors)
    return model.eval()


def model_config(model: InvariantModel) -> dict[str, Any]:
    """All that builds a model again, besides its trunk and its tensors, JSON-able: `config["model"]` of a checkpoint.

    A callable aggregation is None in it. Of a selection or strength of the user's own it holds the name only.

    Raises:
        PolicyError: a transform or a strength was constructed with something that is not JSON-able.
    """
    return {
        "aggregation": model.aggregation if isinstance(model.aggregation, str) else None,
        "copies": model.copies,
        "train_copies": model.train_copies,
        "seed": model.seed,
        "augmentation": to_document(model.augmentation, tensors=False),
    }


def _followed(path: Path) -> Path:
    pointed = read_pointer(path.parent, path.name) if path.is_file() else None
    return path if pointed is None else pointed


def _built(
    config: dict[str, Any], trunk: nn.Module, aggregation: str | Aggregation | None, checkpoint: Checkpoint
) -> InvariantModel:
    from augrad.policies.document_reader import from_document

    try:
        augmentation = from_document(config.get("augmentation"), tensors=False)
    except PolicyError as error:
        brought = {name: source for name, source in checkpoint.transforms.items() if source is not None}
        with_what = ", ".join(sorted(set(brought.values())))
        hint = f" It was written with: {with_what}." if with_what else ""
        raise CheckpointError(
            f"cannot build the model of {checkpoint.path}: {error}{hint}", path=checkpoint.path
        ) from error
    chosen = config.get("aggregation") if aggregation is None else aggregation
    if chosen is None:
        raise CheckpointError(
            f"{checkpoint.path} was saved with an aggregation of your own, and code is not saved. Pass it: "
            f"load(path, trunk, aggregation=...); by name there are {', '.join(map(repr, AGGREGATIONS))}.",
            path=checkpoint.path,
        )
    first = next(iter([*trunk.parameters(), *trunk.buffers()]), None) if isinstance(trunk, nn.Module) else None
    if first is not None:
        augmentation.to(first.device)
    counts: dict[str, Any] = {name: config.get(name) for name in ("copies", "train_copies", "seed")}
    try:
        return InvariantModel(trunk, augmentation, aggregation=chosen, **counts)
    except AugradError as error:
        if aggregation is not None or not isinstance(trunk, nn.Module):
            raise
        raise CheckpointError(f"cannot build the model of {checkpoint.path}: {error}", path=checkpoint.path) from error


def _check_fit(saved: dict[str, Tensor], wanted: dict[str, Any], path: Path) -> None:
    """Raises unless names and shapes are equal, so that nothing is half loaded."""
    missing = sorted(set(wanted) - set(saved))
    unexpected = sorted(set(saved) - set(wanted))
    shapes = [
        f"{name} is {tuple(saved[name].shape)} in the file and {tuple(wanted[name].shape)} in the trunk"
        for name in sorted(set(wanted) & set(saved))
        if not is_lazy(wanted[name]) and saved[name].shape != wanted[name].shape
    ]
    faults = [
        *_listed("missing in the file: ", missing),
        *_listed("missing in the trunk: ", unexpected),
        *_listed("", shapes),
    ]
    if faults:
        raise CheckpointError(
            f"{path} does not fit the trunk: {'; '.join(faults)}. Build the trunk as it was when the model was saved.",
            path=path,
            missing=missing,
            unexpected=unexpected,
        )


def _listed(title: str, names: list[str]) -> list[str]:
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return [f"{title}{', '.join(names[:5])}{more}"] if names else []
