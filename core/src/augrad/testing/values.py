"""Checks on the output: identity, shape, dtype, device, finite numbers, inverse, matrix. Uses examples.py."""

from __future__ import annotations

from copy import deepcopy
from functools import partial
from typing import Any

import torch
from torch import Tensor

from augrad import batch
from augrad.testing.examples import (
    call,
    example_batch,
    floats,
    fractions_of_interest,
    gap,
    inner_values,
    mapped,
    noise_for,
    noise_parts,
    tensors,
    values_at,
)
from augrad.testing.gradients import parameter_gradients
from augrad.testing.registry import check, has_parameters, require
from augrad.transform.matrix import MatrixTransform, in_working_units
from augrad.transform.transform import Transform

DTYPES = (torch.float32, torch.float64, torch.bfloat16)

IDENTITY_TOLERANCE = 1e-5

UNDONE = 0.5
"""Largest part of the change that may remain after it is undone. Resampling twice blurs, and borders are lost."""


def _is_matrix(transform: Transform) -> bool:
    return isinstance(transform, MatrixTransform)


def _is_invertible(transform: Transform) -> bool:
    return transform.invertible


@check(has_parameters)
def check_identity_at_zero(transform: Transform) -> None:
    """At the identity of its parameters it changes nothing, whatever the noise is."""
    x = example_batch(transform, dtype=torch.float32)
    identity = ", ".join(f"{name} = {declared.identity:g}" for name, declared in transform.ranges.items())
    for seed in range(3):
        y = call(transform, x, transform.identity(batch.count(x), floats(x)[0]), noise_for(transform, x, seed))
        moved = gap(x, y)
        require(
            bool(moved <= IDENTITY_TOLERANCE),
            transform,
            f"at its identity ({identity}) it changes the input by up to {float(moved):.3g}, but at most "
            f"{IDENTITY_TOLERANCE:g} is allowed. Correct forward or Range(identity=...).",
        )


@check()
def check_input_untouched(transform: Transform) -> None:
    """It never writes into its input, its values or its noise."""
    x = example_batch(transform)
    values, noise = inner_values(transform, batch.count(x)), noise_for(transform, x)
    watched = {"the input": tensors(x), "its noise": noise_parts(noise)}
    watched.update({name: (value,) for name, value in values.items()})
    copies = {what: [part.clone() for part in parts] for what, parts in watched.items()}
    call(transform, x, values, noise)
    for what, parts in watched.items():
        same = all(torch.equal(now, then) for now, then in zip(parts, copies[what], strict=True))
        require(same, transform, f"forward writes into {what}; compute a new tensor instead.")


@check()
def check_shape_kept(transform: Transform) -> None:
    """The output has the type and shape of the input."""
    x = example_batch(transform)
    y = call(transform, x, inner_values(transform, batch.count(x)), noise_for(transform, x))
    require(type(y) is type(x), transform, f"it turns {type(x).__name__} into {type(y).__name__}.")
    before, after = ([tuple(part.shape) for part in floats(one)] for one in (x, y))
    require(before == after, transform, f"it turns shape {_listed(before)} into {_listed(after)}.")


def _listed(shapes: list[tuple[int, ...]]) -> str:
    return ", ".join(map(str, shapes))


@check()
def check_dtype_kept(transform: Transform) -> None:
    """The output has the dtype of the input: float32, float64 and bfloat16."""
    for dtype in DTYPES:
        x = example_batch(transform, dtype=dtype)
        try:
            y = call(transform, x, inner_values(transform, 3, dtype), noise_for(transform, x))
        except (RuntimeError, TypeError) as error:
            require(False, transform, f"it does not work in {dtype}: {error}")
        for part in floats(y):
            same = part.dtype == dtype
            require(same, transform, f"it turns {dtype} into {part.dtype}; compute in the dtype of the input.")


@check()
def check_device_kept(transform: Transform) -> None:
    """It computes on the device of its input: no tensor is created on, or copied to, another device.

    The meta device, which holds only shapes, represents an accelerator. A real accelerator is tested too if there is
    one.
    """
    devices = [torch.device("meta")]
    if torch.accelerator.is_available():
        devices.append(torch.device(str(torch.accelerator.current_accelerator())))
    x = example_batch(transform, dtype=torch.float32)
    values, noise = inner_values(transform, 3, torch.float32), noise_for(transform, x)
    for device in devices:
        there = mapped(x, partial(_to, device=device))
        try:
            y = call(
                deepcopy(transform).to(device),
                there,
                {name: value.to(device) for name, value in values.items()},
                _moved(noise, device),
            )
        except (RuntimeError, NotImplementedError, TypeError) as error:
            require(False, transform, f"it does not work on device {device.type!r}: {error}")
        for part in tensors(y):
            require(part.device.type == device.type, transform, f"it moves its output from {device} to {part.device}.")


def _to(part: Tensor, device: torch.device) -> Tensor:
    return part.to(device)


def _moved(noise: Any, device: torch.device) -> Any:
    parts = tuple(part.to(device) for part in noise_parts(noise))
    return parts[0] if isinstance(noise, Tensor) else (parts or None)


@check()
def check_finite(transform: Transform) -> None:
    """Outputs and gradients are finite over the whole range, even for constant inputs and zeros."""
    example = example_batch(transform, dtype=torch.float32)
    inputs = {"an example": example, "zeros": _filled(example, 0.0), "a constant": _filled(example, 0.5)}
    for what, x in inputs.items():
        noise, n_samples = noise_for(transform, x), batch.count(x)
        for fraction in fractions_of_interest(transform) if transform.ranges else (0.0,):
            values = values_at(transform, torch.full((n_samples,), fraction))
            where = f"for {what} at {fraction:g} of the way to its far end"
            finite = all(bool(torch.isfinite(part).all()) for part in floats(call(transform, x, values, noise)))
            require(finite, transform, f"its output is not finite {where}.")
            for name, gradient in parameter_gradients(transform, x, values, noise).items():
                finite = gradient is None or bool(torch.isfinite(gradient).all())
                require(finite, transform, f"the gradient of {name!r} is not finite {where}.")


def _filled(x: Any, value: float) -> Any:
    return mapped(x, lambda part: torch.full_like(part, value) if part.is_floating_point() else part)


@check(_is_invertible)
def check_invert_undoes_forward(transform: Transform) -> None:
    """`invert` undoes `forward` with the same values."""
    x = example_batch(transform)
    values, noise = inner_values(transform, batch.count(x), reach=0.2), noise_for(transform, x)
    y = call(transform, x, values, noise)
    undone = transform.invert(y, **values, **({} if noise is None else {"noise": noise}))
    changed, left = batch.distance(x, y).sum(), batch.distance(x, undone).sum()
    require(
        bool(left <= UNDONE * changed + IDENTITY_TOLERANCE),
        transform,
        f"invert leaves {float(left / changed):.2f} of the change that forward made, but at most {UNDONE} is allowed.",
    )


@check(_is_matrix)
def check_matrix_agrees_with_forward(transform: MatrixTransform) -> None:
    """`forward` applies its matrix, and the matrix at the identity is the identity matrix."""
    x = example_batch(transform)
    n_samples, size = batch.count(x), transform.action.size
    values, noise = inner_values(transform, n_samples), noise_for(transform, x)
    extra = {} if noise is None else {"noise": noise}
    matrix = transform.matrix(**values, **extra) if values or extra else transform.matrix()
    expected = transform.action.act(x, in_working_units(transform.action, matrix, x))
    apart = gap(expected, call(transform, x, values, noise))
    agrees = bool(apart <= IDENTITY_TOLERANCE)
    require(agrees, transform, f"forward differs from its matrix by up to {float(apart):.3g}.")
    if values:
        require(
            matrix.shape == (n_samples, size, size),
            transform,
            f"matrix must return one {size}x{size} matrix per sample, {(n_samples, size, size)}, but returned "
            f"{tuple(matrix.shape)}.",
        )
        neutral = transform.matrix(**transform.identity(n_samples, matrix), **extra)
        apart = (neutral - torch.eye(size).to(neutral)).abs().max()
        require(bool(apart <= IDENTITY_TOLERANCE), transform, "its matrix at the identity is not the identity matrix.")
    require(
        transform.moves_coordinates == transform.action.moves_coordinates,
        transform,
        f"moves_coordinates={transform.moves_coordinates}, but its action says {transform.action.moves_coordinates}.",
    )
