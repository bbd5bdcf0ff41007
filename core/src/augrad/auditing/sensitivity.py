"""First-order sensitivity: how fast an output changes when a transform begins. Uses probing.py; run by audits.py."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd import forward_ad

from augrad import batch
from augrad.auditing.intervals import median
from augrad.auditing.probing import applied, like_of, values_at
from augrad.auditing.samples import Samples
from augrad.auditing.subject import Subject
from augrad.invariance import partners
from augrad.randomness import keyed_generator
from augrad.report.estimate import Estimate
from augrad.transform.transform import Transform

MOST_SAMPLES = 64
"""Largest number of samples. A derivative takes three passes for each sample, which is expensive for an audit."""

STEP = 1e-3
"""Step in strength of the difference quotient, for transforms without derivatives in forward mode."""


def sensitivity(
    subject: Subject, samples: Samples, outputs: Float[Tensor, "samples *output"], transform: Transform, seed: int = 0
) -> Estimate | None:
    r"""Returns the change of the output per unit of strength at the identity, in distances between two samples.

    This is the product of the model's Jacobian and the transform's generator, `d/ds f(T_s(x))` at `s = 0`, by
    forward-mode differentiation on at most `MOST_SAMPLES` samples. The result is the median of its norm, divided by the
    mean distance between the outputs for two samples. For example, 1 means that a strength of 1 would move the output
    as far as to another sample if the change continued at this rate. If an operation of the transform has no derivative
    in forward mode, a difference quotient is used for the generator.

    Args:
        subject: the model.
        samples: the data.
        outputs: the model's outputs for the data.
        transform: the transform. All its parameters move together from their identity.
        seed: seed of signs and noise.

    Returns:
        The median. None if there is no derivative: the transform has no parameters or its gradient is an estimate, the
        model is not differentiable, or the outputs do not change smoothly.
    """
    if not transform.ranges or transform.gradient != "pathwise" or not subject.differentiable or len(samples) < 2:
        return None
    n_samples = min(len(samples), MOST_SAMPLES)
    x = batch.first_of(samples.x, n_samples)
    with subject.examined():
        try:
            with _differentiable():
                tangent = _along(subject, transform, x, n_samples, seed)
        except NotImplementedError:  # torch raises it for an operation without a derivative in forward mode
            return None
    if tangent is None or not bool(tangent.isfinite().all()):
        return None
    other = partners(len(outputs), keyed_generator("audit", "sensitivity", seed)).to(outputs.device)
    apart = torch.linalg.vector_norm((outputs - outputs[other]).reshape(len(outputs), -1).double(), dim=1).mean()
    norms = torch.linalg.vector_norm(tangent.reshape(n_samples, -1).double(), dim=1)
    return median(norms / apart.clamp_min(1e-12))


def _along(subject: Subject, transform: Transform, x: Any, n_samples: int, seed: int) -> Tensor | None:
    """Returns the derivative of the output with respect to the strength."""
    with forward_ad.dual_level():
        try:
            like = like_of(x)
            moved = _at(transform, x, _dual(like.new_zeros(()), like.new_ones(())), n_samples, seed)
            return _tangent(subject.forward(moved))
        except NotImplementedError:
            if not isinstance(x, Tensor):
                raise
            generator = _generator(transform, x, n_samples, seed)
        return _tangent(subject.forward(_dual(x, generator)))


def _generator(transform: Transform, x: Tensor, n_samples: int, seed: int) -> Tensor:
    """Returns the derivative of the transformed samples by the strength, as a difference quotient in float64."""
    wide = x.double()
    step = torch.tensor(STEP, dtype=torch.float64, device=x.device)
    ends = [_at(transform, wide, each, n_samples, seed) for each in (step, 0 * step)]
    found: Tensor = ((ends[0] - ends[1]) / STEP).to(x.dtype)
    return found


def _at(transform: Transform, x: Any, strength: Tensor, n_samples: int, seed: int) -> Any:
    """Returns the samples at a strength that may carry a tangent. Signs and noise do not depend on the strength."""
    generator = keyed_generator("audit", "sensitivity", seed, transform.name, device=batch.device(x))
    like = like_of(x)
    identity = transform.identity(n_samples, like)
    full = values_at(transform, 1.0, n_samples, like, generator)
    values = {name: start + strength.to(like) * (full[name] - start) for name, start in identity.items()}
    moved, _ = applied(transform, x, values, generator)
    return moved


def _dual(value: Tensor, tangent: Tensor) -> Tensor:
    dual: Tensor = forward_ad.make_dual(value, tangent)  # type: ignore[no-untyped-call]
    return dual


def _tangent(output: Float[Tensor, "samples *output"]) -> Tensor | None:
    found: Tensor | None = forward_ad.unpack_dual(output).tangent  # type: ignore[no-untyped-call]
    return found


@contextmanager
def _differentiable() -> Iterator[None]:
    """Computes attention by its formula, as fused kernels lack forward-mode derivatives; silences torch's warnings."""
    from torch.nn.attention import SDPBackend, sdpa_kernel

    with sdpa_kernel(SDPBackend.MATH), warnings.catch_warnings():
        # At the first tangent, torch compiles its formulas with TorchScript, and warns that TorchScript is deprecated.
        warnings.simplefilter("ignore", DeprecationWarning)
        fused = torch.backends.mha.get_fastpath_enabled()
        torch.backends.mha.set_fastpath_enabled(False)
        try:
            yield
        finally:
            torch.backends.mha.set_fastpath_enabled(fused)
