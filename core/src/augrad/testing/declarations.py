"""Checks on declarations and errors: declarations are true, and errors name the mistake. Uses examples.py."""

from __future__ import annotations

import inspect
import re
from typing import Any

import torch
from torch import Tensor

from augrad import batch
from augrad.errors import (
    ArgumentError,
    ArgumentTypeError,
    ConformanceError,
    InputError,
    InputTypeError,
    InversionError,
)
from augrad.testing.examples import example_batch, inner_values, is_tensor_based, noise_for
from augrad.testing.registry import check, has_parameters, require
from augrad.transform.transform import Transform

N_WORDS = 5
"""Smallest number of words that can state an assumption about the target."""

RUBBISH: tuple[Any, ...] = (None, "a photograph", 3.0, [1.0, 2.0], {"image": 1})


def _is_not_invertible(transform: Transform) -> bool:
    return not transform.invertible


@check()
def check_name_declared(transform: Transform) -> None:
    """Its modality is a lower-case word and its name is `<modality>.<snake_case>`."""
    require(
        re.fullmatch(r"[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*", transform.name) is not None
        and transform.name.startswith(f"{transform.modality}."),
        transform,
        f"its name must be '<modality>.<snake_case>', with a lower-case modality, but is {transform.name!r} "
        f"(modality {transform.modality!r}).",
    )


@check()
def check_assumes_declared(transform: Transform) -> None:
    """It states in a sentence which invariance it assumes."""
    require(
        len(transform.assumes.split()) >= N_WORDS,
        transform,
        "assumes must say in one sentence which property carries no information about the target, but is "
        f"{transform.assumes!r}.",
    )


@check()
def check_docstring(transform: Transform) -> None:
    """Its class has its own docstring, which names every parameter."""
    doc = vars(type(transform)).get("__doc__") or ""
    require(bool(doc.strip()), transform, f"class {type(transform).__name__} has no docstring.")
    missing = [name for name in transform.ranges if name not in doc and name.split("_")[0] not in doc.lower()]
    require(not missing, transform, f"the docstring does not mention its parameter {', '.join(map(repr, missing))}.")


@check()
def check_signature(transform: Transform) -> None:
    """`forward` takes each declared parameter by name, and takes `noise` exactly if `draw_noise` returns noise."""
    accepted = inspect.signature(transform.forward).parameters
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in accepted.values()):
        return
    missing = [name for name in transform.ranges if name not in accepted]
    require(not missing, transform, f"forward takes no {', '.join(map(repr, missing))}, which it declares as a Range.")
    foreign = [name for name in list(accepted)[1:] if name not in {*transform.ranges, "noise"}]
    require(not foreign, transform, f"forward takes {', '.join(map(repr, foreign))}, which is not declared as a Range.")
    drawn = noise_for(transform, example_batch(transform)) is not None
    require(
        drawn == ("noise" in accepted),
        transform,
        "draw_noise returns noise that forward does not take." if drawn else "forward takes noise that is never drawn.",
    )


@check(has_parameters)
def check_units_declared(transform: Transform) -> None:
    """A parameter whose name carries a unit declares the same unit."""
    for name, declared in transform.ranges.items():
        for suffix, unit in (("_db", "dB"), ("_hz", "Hz"), ("_ms", "ms"), ("_deg", "deg"), ("_px", "px")):
            require(
                not name.endswith(suffix) or declared.unit == unit,
                transform,
                f"{name!r} says {unit}, but its Range declares unit={declared.unit!r}.",
            )


@check(_is_not_invertible)
def check_not_invertible_says_so(transform: Transform) -> None:
    """If it cannot be undone, `invert` raises `InversionError`."""
    x = example_batch(transform)
    noise = noise_for(transform, x)
    values = inner_values(transform, batch.count(x))
    try:
        transform.invert(x, **values, **({} if noise is None else {"noise": noise}))
    except InversionError:
        return
    require(False, transform, "invert returns something, but invertible is False; declare invertible = True.")


@check()
def check_rejects_foreign_types(transform: Transform) -> None:
    """Any object that is not a batch is rejected with an `InputTypeError` that names the transform."""
    for rubbish in RUBBISH:
        _rejects(transform, rubbish, InputTypeError, f"{rubbish!r}")


@check(is_tensor_based)
def check_rejects_integers(transform: Transform) -> None:
    """Integer tensors are rejected with an `InputTypeError` that names the transform."""
    x = (255 * example_batch(transform)).to(torch.uint8)
    _rejects(transform, x, InputTypeError, "a uint8 tensor")


@check(is_tensor_based)
def check_rejects_missing_axes(transform: Transform) -> None:
    """A tensor without a batch axis, or without any axis, is rejected with an `InputError` that names the transform."""
    x = example_batch(transform)
    while x.ndim > 1:
        x = x[0]
    _rejects(transform, x, InputError, f"a tensor of shape {tuple(x.shape)}")
    _rejects(transform, x[0], InputError, "a tensor without axes")


def _rejects(transform: Transform, x: Any, kind: type[Exception], what: str) -> None:
    try:
        transform.validate(x)
    except kind as error:
        require(transform.name in str(error), transform, f"its error for {what} does not name it: {error}")
        return
    except Exception as error:
        raise ConformanceError(
            f"{transform.name}: validate must reject {what} with {kind.__name__}, but raises "
            f"{type(error).__name__}: {error}",
            transform=transform.name,
        ) from error
    require(False, transform, f"validate must reject {what} with {kind.__name__}, but accepts it.")


@check()
def check_accepts_its_example(transform: Transform) -> None:
    """It accepts its own example batch, in every floating-point dtype."""
    for dtype in (torch.float32, torch.float64, torch.bfloat16):
        x = example_batch(transform, dtype=dtype)
        try:
            transform.validate(x)
        except (ArgumentError, ArgumentTypeError) as error:
            what = f"a batch of {x.dtype}" if isinstance(x, Tensor) else "its example"
            require(False, transform, f"validate rejects {what}: {error}")


@check()
def check_constructor_names_argument(transform: Transform) -> None:
    """Its constructor rejects unknown parameters and malformed ranges with an error that names them."""
    bad: list[tuple[str, Any]] = [("no_such_parameter", 1.0)]
    bad += [(name, value) for name in transform.ranges for value in (float("nan"), float("inf"))]
    for name, value in bad:
        try:
            type(transform).from_config({**transform.config, name: value})
        except (ArgumentError, ArgumentTypeError) as error:
            require(name in str(error), transform, f"its error for {name}={value!r} does not name it: {error}")
        except Exception as error:
            raise ConformanceError(
                f"{transform.name}: {name}={value!r} must raise a RangeError that names it, but raises "
                f"{type(error).__name__}: {error}. Pass **ranges on to Transform.__init__.",
                transform=transform.name,
            ) from error
        else:
            require(False, transform, f"its constructor accepts {name}={value!r}.")
