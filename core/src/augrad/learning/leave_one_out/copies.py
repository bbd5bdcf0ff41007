"""`Copies`: augmented copies of samples, at strengths from weak to strong. Used by judge.py."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from augrad import batch
from augrad.layers.draw import LayerDraw
from augrad.layers.layer import AugmentationLayer
from augrad.layers.module import AugmentationModule
from augrad.learning.leave_one_out.policies import Entry
from augrad.randomness import keyed_generator
from augrad.transform.transform import Transform


class Copies:
    """Makes augmented copies of samples, with the same random numbers for every policy.

    A *sweep* serves all magnitudes of a transform at once. Copy `c` of `n` has a strength between `(c / n) ** 2` and
    `((c + 1) / n) ** 2`, so the first `k` copies, weighted by the root of their strength, are draws from the policy of
    magnitude `(k / n) ** 2`.

    Args:
        transforms: the candidates, copied.
        x: the samples.
        n_copies: copies of each sample.
        key: of all draws.
    """

    def __init__(self, transforms: Sequence[Transform], x: Any, n_copies: int, key: Sequence[int | str]) -> None:
        self.n_copies, self.n_samples = n_copies, batch.count(x)
        self._key = tuple(key)
        self._x = batch.repeat(x, n_copies)
        self._device = batch.device(x)
        self.layers = {
            each.name: AugmentationLayer([copy.deepcopy(each)], magnitude=1.0).eval().to(self._device)
            for each in transforms
        }

    def sweeps(self, name: str) -> bool:
        """Whether a sweep can serve a transform: it has a single magnitude."""
        return int(self.layers[name].magnitudes.numel()) == 1

    def fixed(self, policy: Sequence[Entry]) -> Any:
        """Copies under a policy, as one batch, copy by copy."""
        return self._augmented(policy, [self._stratified(entry, place) for place, entry in enumerate(policy)])

    def swept(self, policy: Sequence[Entry], name: str) -> tuple[Any, Float[Tensor, "copies samples"]]:
        """Copies under a policy followed by a sweep over a transform, and the root of each copy's strength."""
        generator = self._generator("sweep", name)
        rank = torch.arange(self.n_copies, device=self._device)[:, None] + self._random(
            generator, self.n_copies, self.n_samples
        )
        root = rank / self.n_copies
        # Neighbours in strength lie on both sides of the identity.
        flip = self._random(generator, self.n_samples) < 0.5
        side = (torch.arange(self.n_copies, device=self._device)[:, None] + flip) % 2 * 2 - 1
        layer = self.layers[name]
        signed = layer.columns[0].range.signed
        uniform = (1 + side * root.square()) / 2 if signed else root.square()
        layer.strength.set(torch.ones_like(layer.magnitudes))
        drawn = self._drawn(layer, generator, uniform.reshape(-1, 1))
        draws = [self._stratified(entry, place) for place, entry in enumerate(policy)]
        swept = Entry(name, (1.0,))
        return self._augmented([*policy, swept], [*draws, drawn]), root

    def module(self, policy: Sequence[Entry]) -> AugmentationModule:
        """The layers of a policy, set to its magnitudes."""
        for entry in policy:
            layer = self.layers[entry.name]
            if layer.columns:
                layer.strength.set(layer.magnitudes.new_tensor(entry.magnitudes).expand_as(layer.magnitudes))
        return AugmentationModule([self.layers[entry.name] for entry in policy]).eval()

    def _augmented(self, policy: Sequence[Entry], draws: Sequence[LayerDraw]) -> Any:
        module = AugmentationModule([self.layers[entry.name] for entry in policy]).eval()
        return module.augment(self._x, draws=draws)[0]

    def _stratified(self, entry: Entry, place: int) -> LayerDraw:
        """A draw whose values lie in equal strata of each sample's range, each once."""
        layer = self.layers[entry.name]
        generator = self._generator("policy", place)
        n_columns = int(layer.magnitudes.numel())
        shape = (self.n_copies, self.n_samples, n_columns)
        order = self._random(generator, *shape).argsort(dim=0)
        uniform = (order + self._random(generator, *shape)) / self.n_copies
        if n_columns:
            layer.strength.set(layer.magnitudes.new_tensor(entry.magnitudes).expand_as(layer.magnitudes))
        return self._drawn(layer, generator, uniform.flatten(0, 1))

    def _drawn(self, layer: AugmentationLayer, generator: Generator, uniform: Tensor) -> LayerDraw:
        draw = layer.draw(self._x, generator)
        if draw.applied is not None:
            # A transform without parameters changes exactly half of a sample's copies.
            coin = self._random(generator, self.n_copies, self.n_samples).argsort(dim=0) % 2 == 0
            applied = (coin.flatten(),)
            groups, noise = draw.groups, draw.noise
            if groups is not None and draw.choice is not None:
                groups = layer.groups(draw.choice, applied)
                if noise[0] is not None:
                    transform: Any = layer.transforms[0]
                    noise = (transform.draw_noise(batch.select(self._x, groups[0]), generator),)
            draw = dataclasses.replace(draw, applied=applied, groups=groups, noise=noise)
        return dataclasses.replace(draw, values=layer.values(self._x, uniform.to(layer.raw_weights)))

    def _random(self, generator: Generator, *shape: int) -> Tensor:
        return torch.rand(shape, generator=generator, device=self._device)

    def _generator(self, *parts: int | str) -> Generator:
        return keyed_generator(*self._key, *parts, device=self._device)
