"""Checks on state: draws use the given generator, learning changes the draws, copies are equal. Uses examples.py."""

from __future__ import annotations

import copy
import json
import pickle
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import jaxtyping
import torch

from augrad import batch
from augrad.errors import ConformanceError
from augrad.layers.layer import AugmentationLayer
from augrad.randomness import keyed_generator
from augrad.testing.examples import call, example_batch, gap, inner_values, noise_for
from augrad.testing.registry import check, has_parameters, require
from augrad.transform.transform import Transform

WEAK, STRONG = 0.1, 0.9
"""Magnitudes before and after learning."""

TOLERANCE = 1e-4
"""Accepted difference between a learned magnitude and the same magnitude when it is set. The logistic function and its
inverse round in single precision."""


@check()
def check_same_generator_same_output(transform: Transform) -> None:
    """The same generator state gives the same noise and the same output, bit by bit."""
    x = example_batch(transform)
    values = inner_values(transform, batch.count(x))
    first, second = (call(transform, x, values, noise_for(transform, x)) for _ in range(2))
    same = bool(gap(first, second) == 0)
    require(same, transform, "two passes with equal generators differ; draw in draw_noise only.")


@check()
def check_global_generator_untouched(transform: Transform) -> None:
    """It neither draws from nor seeds the global generators of torch and Python."""
    x = example_batch(transform)
    values = inner_values(transform, batch.count(x))
    with _without_type_checks():
        before = torch.get_rng_state(), random.getstate()
        call(transform, x, values, noise_for(transform, x))
    require(
        torch.equal(before[0], torch.get_rng_state()),
        transform,
        "it moves torch's global generator; draw in draw_noise, from the generator given.",
    )
    require(before[1] == random.getstate(), transform, "it moves Python's global generator.")


@contextmanager
def _without_type_checks() -> Iterator[None]:
    # Run-time type checkers look at a random entry of each tuple, which they draw from Python's global generator.
    was = jaxtyping.config.jaxtyping_disable
    jaxtyping.config.update("jaxtyping_disable", True)
    try:
        yield
    finally:
        jaxtyping.config.update("jaxtyping_disable", was)


def _by_optimizer(layer: AugmentationLayer) -> AugmentationLayer:
    # A few large steps instead of many small ones. The last step ends exactly at the target.
    optimizer = torch.optim.SGD(layer.strength.parameters(), lr=1.0)
    raw = next(layer.strength.parameters())
    distance = torch.logit(torch.tensor(STRONG)) - raw.detach()
    optimizer.zero_grad()
    raw.grad = -distance
    optimizer.step()
    return layer


def _by_state_dict(layer: AugmentationLayer) -> AugmentationLayer:
    state = layer.state_dict()
    learned = AugmentationLayer(list(layer), magnitude=STRONG).strength.state_dict(prefix="strength.")
    layer.load_state_dict({**state, **learned})
    return layer


def _by_deepcopy(layer: AugmentationLayer) -> AugmentationLayer:
    return _by_optimizer(copy.deepcopy(layer))


def _by_to(layer: AugmentationLayer) -> AugmentationLayer:
    return _by_optimizer(layer.to(torch.float64)).to(torch.float32)


WAYS: dict[str, Callable[[AugmentationLayer], AugmentationLayer]] = {
    "an optimizer step": _by_optimizer,
    "load_state_dict": _by_state_dict,
    "deepcopy and an optimizer step": _by_deepcopy,
    "a change of dtype and an optimizer step": _by_to,
}


@check(has_parameters)
def check_learning_moves_the_draw(transform: Transform) -> None:
    """Learning changes the draws: after an optimizer step, `load_state_dict`, `deepcopy` and `.to`."""
    x = example_batch(transform, 4, torch.float32)

    def output(layer: AugmentationLayer) -> Any:
        with torch.no_grad():
            return layer(x, generator=keyed_generator("learning"))

    expected = output(AugmentationLayer([copy.deepcopy(transform)], magnitude=STRONG))
    for way, learn in WAYS.items():
        layer = AugmentationLayer([copy.deepcopy(transform)], magnitude=WEAK)
        before = output(layer)
        after = output(learn(layer))
        require(
            bool(gap(before, after) > 0),
            transform,
            f"{way} moved the magnitude from {WEAK} to {STRONG}, but the draws did not change. Keep no values "
            "between passes.",
        )
        apart = gap(after, expected)
        require(
            bool(apart <= TOLERANCE),
            transform,
            f"after {way} to magnitude {STRONG} the output differs from that of a fresh layer by {float(apart):.3g}.",
        )


def _same_output(transform: Transform, other: Transform, how: str) -> None:
    x = example_batch(transform)
    values = inner_values(transform, batch.count(x))
    expected = call(transform, x, values, noise_for(transform, x))
    apart = gap(expected, call(other, x, values, noise_for(other, x)))
    require(bool(apart == 0), transform, f"{how} it gives another output, by up to {float(apart):.3g}.")


def _works(transform: Transform, how: str, build: Callable[[], Transform]) -> None:
    try:
        other = build()
    except Exception as error:
        raise ConformanceError(
            f"{transform.name}: {how} raises {type(error).__name__}: {error}", transform=transform.name
        ) from error
    _same_output(transform, other, f"after {how}")


@check()
def check_pickle(transform: Transform) -> None:
    """It can be pickled, its class can be imported, and the copy behaves in the same way."""
    _works(transform, "pickle", lambda: pickle.loads(pickle.dumps(transform)))  # noqa: S301 - its own bytes


@check()
def check_deepcopy(transform: Transform) -> None:
    """It can be deep-copied, even after a pass with gradients, and the copy behaves in the same way."""
    x = example_batch(transform)
    values = {name: value.requires_grad_() for name, value in inner_values(transform, batch.count(x)).items()}
    call(transform, x, values, noise_for(transform, x))
    _works(transform, "deepcopy", lambda: copy.deepcopy(transform))


@check()
def check_state_dict(transform: Transform) -> None:
    """Its state_dict loads into a new instance of the same configuration, which then behaves in the same way."""

    def build() -> Transform:
        fresh = type(transform).from_config(transform.config)
        fresh.load_state_dict(transform.state_dict())
        return fresh

    _works(transform, "load_state_dict", build)


@check()
def check_config(transform: Transform) -> None:
    """Its configuration survives JSON, and builds a transform with the same ranges and the same behaviour."""

    def build() -> Transform:
        return type(transform).from_config(json.loads(json.dumps(transform.config)))

    _works(transform, "from_config", build)
    other = build()
    require(
        other.ranges == transform.ranges and other.sizes == transform.sizes,
        transform,
        f"from_config(config) has other ranges: {other.ranges} instead of {transform.ranges}.",
    )
