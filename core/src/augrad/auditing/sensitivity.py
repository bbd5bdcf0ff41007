"""First-order sensitivity: how fast an output changes where a transform begins. Uses probing.py; run by audits.py."""

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
from augrad.auditing.intervals import Estimate, median
from augrad.auditing.probing import applied, like_of, values_at
from augrad.auditing.samples import Samples
from augrad.auditing.subject import Subject
from augrad.invariance import partners
from augrad.randomness import keyed_generator
from augrad.transform.transform import Transform

MOST_SAMPLES = 64
"""On so many samples at most: a derivative takes three passes for each, of which an audit has few to spare."""

STEP = 1e-3
"""Of strength, for derivatives of transforms whose operations have none in forward mode."""


def sensitivity(
    subject: Subject, samples: Samples, outputs: Float[Tensor, "samples *output"], transform: Transform, seed: int = 0
) -> Estimate | None:
    r"""Change of the output per unit of strength at the identity, in units of the distance between two samples.

    The product of the model's Jacobian with the transform's generator, `d/ds f(T_s(x))` at `s = 0`, by forward-mode
    differentiation, on `MOST_SAMPLES` samples at most; the median of its norm over the mean norm of the difference
    between the outputs for two samples. 1: a strength of 1 would move the output as far as another sample is, if it
    went on as it begins. Where an operation of the transform has no derivative in forward mode, its generator is a
    difference quotient.

    Args:
        subject: the model.
        samples: the data.
        outputs: of the model for them.
        transform: whose parameters move together, all from their identity.
        seed: of signs and noise.

    Returns:
        The median; None where there is no derivative: transforms without parameters or with a gradient that is an
        estimate, models that are not differentiable, or outputs that do not move smoothly.
    """
    if not transform.ranges or transform.gradient != "pathwise" or not subject.differentiable or len(samples) < 2:
        return None
    n_samples = min(len(samples), MOST_SAMPLES)
    x = batch.first_of(samples.x, n_samples)
    with subject.examined():
        try:
            with _differentiable():
                tangent = _along(subject, transform, x, n_samples, seed)
        except NotImplementedError:  # torch's word for an operation without a derivative in forward mode
            return None
    if tangent is None or not bool(tangent.isfinite().all()):
        return None
    other = partners(len(outputs), keyed_generator("audit", "sensitivity", seed)).to(outputs.device)
    apart = torch.linalg.vector_norm((outputs - outputs[other]).reshape(len(outputs), -1).double(), dim=1).mean()
    norms = torch.linalg.vector_norm(tangent.reshape(n_samples, -1).double(), dim=1)
    return median(norms / apart.clamp_min(1e-12))


def _along(subject: Subject, transform: Transform, x: Any, n_samples: int, seed: int) -> Tensor | None:
    """The derivative of the output by the strength."""
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
    """The derivative of the transformed samples by the strength, as a difference quotient in float64."""
    wide = x.double()
    step = torch.tensor(STEP, dtype=torch.float64, device=x.device)
    ends = [_at(transform, wide, each, n_samples, seed) for each in (step, 0 * step)]
    found: Tensor = ((ends[0] - ends[1]) / STEP).to(x.dtype)
    return found


def _at(transform: Transform, x: Any, strength: Tensor, n_samples: int, seed: int) -> Any:
    """The samples at a strength that may carry a tangent; the same signs and noise whatever it is."""
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
    """Attention by its formula, for its fused kernels have no derivative in forward mode; no warnings of torch's."""
    from torch.nn.attention import SDPBackend, sdpa_kernel

    with sdpa_kernel(SDPBackend.MATH), warnings.catch_warnings():
        # torch scripts its formulas for tangents when the first one is asked for, and warns that scripts are of old.
        warnings.simplefilter("ignore", DeprecationWarning)
        fused = torch.backends.mha.get_fastpath_enabled()
        torch.backends.mha.set_fastpath_enabled(False)
        try:
            yield
        finally:
            torch.backends.mha.set_fastpath_enabled(fused)
