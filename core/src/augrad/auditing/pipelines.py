"""`audit_pipeline`: the effects of an existing augmentation pipeline on data. Uses measuring.py; see result.py."""

from __future__ import annotations

import time
from typing import Any

import torch
from torch import Tensor

from augrad import batch
from augrad.auditing.audits import reported
from augrad.auditing.measuring import Measuring
from augrad.auditing.result import AuditReport
from augrad.auditing.samples import MAX_SAMPLES, read
from augrad.auditing.verdicts import EPSILON, check_epsilon
from augrad.errors import ArgumentError, ArgumentTypeError, InputError
from augrad.plugins.registry import transforms as registered
from augrad.randomness import preserved_generators, seed_global_generators
from augrad.transform.transform import Transform


def audit_pipeline(
    pipeline: Any,
    loader: Any,
    *,
    modality: str | None = None,
    name: str | None = None,
    assumes: str = "",
    per_sample: bool = False,
    reference: Any = "neighbours",
    epsilon: float = EPSILON,
    max_samples: int | None = MAX_SAMPLES,
    seed: int = 0,
) -> AuditReport:
    """Measures the effects of an existing augmentation pipeline on data. No model is needed.

    It measures how far samples move, whether their labels survive, whether samples leave the data, and whether the
    pipeline leaves traces that reveal labels.

    Args:
        pipeline: a function or module from a batch to a batch with the same number of samples, such as a kornia
            `AugmentationSequential`, a transform of torch-geometric, or a callable in the style of torchvision or
            albumentations.
        loader: batches `(x, target)`, or `x` alone.
        modality: the plugin whose features are used to compare samples, such as `"graph"`. If None, all values of
            tensors are compared.
        name: name in reports; if None, the pipeline's own name.
        assumes: the invariance that the pipeline assumes, for the card.
        per_sample: whether the pipeline takes and returns a single sample, without the batch axis.
        reference, epsilon, max_samples, seed: as for `audit`. The seed also controls the pipeline's own draws from the
            global generators of torch, numpy and Python.

    Raises:
        ArgumentError, ArgumentTypeError: an argument is not accepted, or the pipeline changes the number of samples.
        InputError: the pipeline returns numbers that are not finite, although the samples are finite.
    """
    started = time.perf_counter()
    check_epsilon(epsilon)
    if not callable(pipeline):
        raise ArgumentTypeError(
            f"pipeline must be a function or module from a batch to a batch, but got {type(pipeline).__name__}.",
            argument="pipeline",
        )
    kind = _kind_of(modality)
    samples = read(loader, max_samples, at_least=2)
    called = str(name or getattr(pipeline, "__name__", type(pipeline).__name__))
    with preserved_generators(), torch.no_grad():
        measuring = Measuring(samples, None, kind=kind, reference=reference, seed=seed, n_verdicts=1)
        seed_global_generators("audit", "pipeline", seed)
        row, pictures = measuring.measure_pipeline(_checked(pipeline, called, per_sample=per_sample), called)
    return reported(
        called,
        measuring.baseline,
        [row],
        {called: pictures},
        {called: assumes},
        epsilon=epsilon,
        started=started,
    )


def _kind_of(modality: str | None) -> type[Transform]:
    """Returns the transform class whose features compare samples of a modality.

    This also registers the plugin's batch type.
    """
    if modality is not None:
        kinds = [kind for name, kind in registered().items() if name.partition(".")[0] == modality]
        if kinds:
            return kinds[0]
        known = ", ".join(sorted({name.partition(".")[0] for name in registered()}))
        raise ArgumentError(
            f"modality must be one that a plugin is installed for ({known}), but got {modality!r}.",
            argument="modality",
            value=modality,
        )
    return _Plain


class _Plain(Transform):
    """Represents tensors of unknown modality. Samples are compared by all of their values."""

    modality = "any"

    def forward(self, x: Any) -> Any:
        return x


def _checked(pipeline: Any, name: str, *, per_sample: bool) -> Any:
    def run(x: Any) -> Any:
        moved = _one_by_one(pipeline, x, name) if per_sample else pipeline(x)
        if isinstance(moved, tuple | list) and len(moved) == 1:
            moved = moved[0]
        try:
            n_samples = batch.count(moved)
        except TypeError as error:
            raise ArgumentTypeError(
                f"{name} must return a batch, but returned {type(moved).__name__}. Wrap it so that it does.",
                argument="pipeline",
            ) from error
        if n_samples != batch.count(x):
            raise ArgumentError(
                f"{name} must return as many samples as it gets, but for {batch.count(x)} returned {n_samples}. For a "
                "function of one sample pass per_sample=True.",
                argument="pipeline",
            )
        if isinstance(moved, Tensor) and isinstance(x, Tensor):
            if moved.shape != x.shape:
                raise ArgumentError(
                    f"{name} must return samples of the shape that it gets, {tuple(x.shape[1:])}, but returned "
                    f"{tuple(moved.shape[1:])}. Resize them back, or take the cropping out.",
                    argument="pipeline",
                )
            if bool(x.isfinite().all()) and not bool(moved.isfinite().all()):
                raise InputError(f"{name} returns NaN or infinities for samples that are finite.", argument="pipeline")
        return moved

    return run


def _one_by_one(pipeline: Any, x: Any, name: str) -> Tensor:
    if not isinstance(x, Tensor):
        raise ArgumentError(
            f"per_sample=True takes a tensor apart, but a batch is of type {type(x).__name__}. Pass a function of the "
            "batch; of graphs: lambda batch: Batch.from_data_list([transform(each) for each in batch.to_data_list()]).",
            argument="per_sample",
        )
    moved = [pipeline(each) for each in x]
    strange = next((each for each in moved if not isinstance(each, Tensor)), None)
    if strange is not None:
        raise ArgumentTypeError(
            f"{name} must return a tensor for each sample, but returned {type(strange).__name__}. Wrap it so that it "
            "does; one of albumentations takes image= as an array with channels last, and returns it under 'image'.",
            argument="pipeline",
        )
    if len({each.shape for each in moved}) > 1:
        shapes = " and ".join(sorted({str(tuple(each.shape)) for each in moved})[:2])
        raise ArgumentError(
            f"{name} must return samples of one shape, but returned {shapes}. Resize them back.", argument="pipeline"
        )
    return torch.stack(moved)
