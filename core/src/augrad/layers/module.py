"""Stacked augmentation layers as one module, and the public state that penalties and logs read.

Uses layer.py, composition.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Generator, Tensor, nn

from augrad.displacement import displacement
from augrad.errors import ArgumentTypeError, InputTypeError, LayerError, PenaltyError
from augrad.layers.composition import move_batch, transform_batch, undo_batch
from augrad.layers.draw import LayerDraw
from augrad.layers.layer import AugmentationLayer
from augrad.layers.parameter_columns import per_column
from augrad.layers.selection import of_drawn


@dataclass(frozen=True)
class LayerState:
    """The learned weights and magnitudes of one layer, differentiable.

    Attributes:
        names: names of the transforms.
        weights: selection weights, `(transforms,)`, summing to 1.
        magnitudes: magnitudes in [0, 1], `(parameters,)`. Weights or magnitudes that differ between samples are given
            here as the mean over the last training pass; `ModuleState.draws` has those of each sample.
        owners: the index of the transform that each magnitude belongs to, `(parameters,)`.
    """

    names: tuple[str, ...]
    weights: Float[Tensor, " transforms"]
    magnitudes: Float[Tensor, " parameters"]
    owners: Tensor


@dataclass(frozen=True)
class ModuleState:
    """The state that a penalty reads: the learned weights and magnitudes, and the last training pass.

    Attributes:
        layers: one `LayerState` per layer.
        before, after: input and output of the last training pass; None before the first.
        log_probs: the log-probability of the transforms that each sample drew in that pass, `(batch,)`,
            differentiable in the weights; None if a layer mixed all of its transforms.
        draws: the draws of that pass, one `LayerDraw` per layer: the transform, the values and the magnitudes of each
            sample, differentiable in the magnitudes; empty before the first pass.

    Example:
        A penalty that favours large values, sample by sample:

        >>> from augrad import Range, Transform
        >>> class Offset(Transform):
        ...     modality = "module_example"
        ...     level = Range(2.0, unit="V", signed=True)
        ...     def forward(self, x, *, level):
        ...         return x + level[:, None]
        >>> module = AugmentationModule([AugmentationLayer([Offset], magnitude=0.25)])
        >>> y = module(torch.zeros(5, 1))
        >>> (draw,) = module.state().draws
        >>> torch.equal(draw.values[0]["level"], y[:, 0]), draw.magnitudes.shape
        (True, torch.Size([5, 1]))
        >>> penalty = -draw.values[0]["level"].abs().mean()
    """

    layers: tuple[LayerState, ...]
    before: Any = None
    after: Any = None
    log_probs: Float[Tensor, " batch"] | None = None
    draws: tuple[LayerDraw, ...] = ()

    @property
    def displacements(self) -> Float[Tensor, " batch"]:
        """How far the last training pass moved each sample, in units of the data's spread; differentiable.

        See `augrad.displacement.displacement`.

        Raises:
            PenaltyError: there was no training pass yet.
        """
        if self.before is None:
            raise PenaltyError(
                "displacement is measured on a training pass, and there was none: call model.train() and model(x) "
                "before the penalty."
            )
        return displacement(self.before, self.after)

    @property
    def displacement(self) -> Float[Tensor, ""]:
        """Mean of `displacements`: 0 for the identity, 1 if samples moved as far as they are from each other."""
        return self.displacements.mean()


class AugmentationModule(nn.Module):
    """Augmentation layers applied one after the other, as one differentiable module.

    Matrices of all layers are multiplied and applied once, so that stacked rotations and shears resample an image once.

    Train / eval: see `AugmentationLayer`. A training pass keeps its input and output for `state().displacement`
    until the next one or until `forget()`.

    Args:
        layers: the layers in order of application, at least one. A list of transform names stands for a layer with
            default options.

    Raises:
        LayerError: no layers, or the same layer twice.
        ArgumentTypeError: an entry is not a layer.

    Shape:
        Input and output: a batch, `(batch, *event)` for tensors.
    """

    def __init__(self, layers: Sequence[AugmentationLayer | Sequence[Any]]) -> None:
        super().__init__()
        if isinstance(layers, AugmentationLayer) or not isinstance(layers, Sequence) or isinstance(layers, str):
            raise ArgumentTypeError(
                f"layers must be a list of AugmentationLayer, but got {type(layers).__name__}. Write [layer].",
                argument="layers",
            )
        if not layers:
            raise LayerError(
                "layers must hold at least one AugmentationLayer, but got an empty list.", argument="layers"
            )
        built: list[Any] = [AugmentationLayer(entry) if isinstance(entry, list | tuple) else entry for entry in layers]
        for entry in built:
            if not isinstance(entry, AugmentationLayer):
                raise ArgumentTypeError(
                    f"layers must hold AugmentationLayer, but got {type(entry).__name__}.", argument="layers"
                )
        if len({id(entry) for entry in built}) < len(built):
            raise LayerError("layers holds the same AugmentationLayer twice; build one for each.", argument="layers")
        self.layers = nn.ModuleList(built)
        self._pass: tuple[Any, Any, tuple[LayerDraw, ...]] | None = None

    def __iter__(self) -> Any:
        return iter(self.layers)

    def __len__(self) -> int:
        return len(self.layers)

    def forward(self, x: Any, *, generator: Generator | None = None) -> Any:
        """Transforms a batch with fresh draws from `generator` (None: torch's default one)."""
        return self.augment(x, generator=generator)[0]

    def augment(
        self,
        x: Any,
        *,
        draws: Sequence[LayerDraw] | None = None,
        generator: Generator | None = None,
        weight_gradient: bool = True,
    ) -> tuple[Any, tuple[LayerDraw, ...]]:
        """Like `forward`, and also returns the draws.

        Args:
            x: the batch.
            draws: draws of an earlier call, to be replayed; new ones come from `generator` if None.
            generator: source of all randomness; torch's default one if None.
            weight_gradient: whether the output carries a local gradient to the selection weights. Switch it off for an
                objective that uses a score function of the draws instead (`ModuleState.log_probs`).

        Raises:
            InputError, InputTypeError: a transform does not accept the batch; nothing has been drawn then.
        """
        self.validate(x)
        y, drawn = transform_batch(list(self), x, draws=draws, generator=generator, weight_gradient=weight_gradient)
        self._pass = (x, y, drawn) if self.training and torch.is_grad_enabled() else None
        return y, drawn

    def move(self, y: Any, draws: Sequence[LayerDraw]) -> Any:
        """Moves dense targets along with the samples: the contents of `y` go where `augment` moved those of `x`.

        Only transforms that move coordinates take part; colours and noise leave a target as it is. `y` may be coarser
        than `x` or have other channels, as for `undo`. The move is differentiable, and it interpolates: turn class
        indices into one-hot channels first. Moving a tensor of ones gives the mask of valid places: 1 where the content
        comes from inside the frame, 0 where padding came in. (With a padding that repeats content, `"border"` or
        `"reflection"`, every place is valid.)

        Args:
            y: targets of floating point, one per augmented sample.
            draws: the draws that `augment` returned.

        Raises:
            InputTypeError: `y` is a tensor of integers or booleans.
            LayerError: the draws were mixtures.

        Example:
            >>> from augrad import Range, Transform
            >>> class Later(Transform):
            ...     modality = "move_example"
            ...     moves_coordinates = True
            ...     steps = Range(3.0)
            ...     def forward(self, x, *, steps):
            ...         places = torch.arange(x.shape[1]) - steps[:, None].round().long()
            ...         return x.gather(1, places.clamp_min(0)) * (places >= 0)
            >>> layer = AugmentationLayer([Later], magnitude=1.0, distribution="ends")
            >>> module = AugmentationModule([layer])
            >>> signal = torch.tensor([[0.5, 0.1, 0.2, 0.9, 0.3]])
            >>> peaks = (signal > 0.4).float()
            >>> moved, draws = module.augment(signal)
            >>> module.move(peaks, draws).tolist()
            [[0.0, 0.0, 0.0, 1.0, 0.0]]
            >>> module.move(torch.ones_like(peaks), draws).tolist()
            [[0.0, 0.0, 0.0, 1.0, 1.0]]
        """
        if isinstance(y, Tensor) and not y.is_floating_point():
            raise InputTypeError(
                f"move interpolates and needs targets of floating point, but got {y.dtype}. Turn class indices into "
                "channels first (torch.nn.functional.one_hot), and masks with y.float().",
                argument="y",
                dtype=str(y.dtype),
            )
        return move_batch(list(self), y, draws)

    def undo(self, y: Any, draws: Sequence[LayerDraw]) -> Any:
        """Moves the contents of `y` back to where they were before `augment` with these draws.

        Raises:
            InversionError: a transform cannot be undone, or the draws were mixtures.
        """
        return undo_batch(list(self), y, draws)

    def validate(self, x: Any) -> None:
        """Raises `InputError` or `InputTypeError` unless every transform accepts the batch."""
        for layer in self:
            layer.validate(x)

    def state(self) -> ModuleState:
        """The learned weights and magnitudes and the last training pass: frozen, differentiable."""
        if self._pass is None:
            return ModuleState(tuple(_layer_state(layer) for layer in self))
        before, after, draws = self._pass
        layers = tuple(_layer_state(layer, draw) for layer, draw in zip(self, draws, strict=True))
        return ModuleState(layers, before, after, _log_probs(layers, draws), draws)

    def forget(self) -> None:
        """Releases the last pass and its autograd graph."""
        self._pass = None

    def __getstate__(self) -> dict[str, Any]:
        # The last pass is neither a parameter nor copyable (its tensors are no leaves).
        return {**self.__dict__, "_pass": None}


def _layer_state(layer: AugmentationLayer, draw: LayerDraw | None = None) -> LayerState:
    weights, magnitudes = layer.weights, layer.magnitudes
    if draw is not None and draw.weights is not None and len(draw.weights):
        weights = draw.weights.mean(dim=0)
    if draw is not None and draw.magnitudes is not None and len(draw.magnitudes) and layer.strength.magnitudes is None:
        magnitudes = draw.magnitudes.mean(dim=0)
    owners = per_column(layer.columns, lambda column: column.transform)
    return LayerState(layer.names, weights, magnitudes, torch.tensor(owners, device=layer.raw_weights.device))


def _log_probs(layers: Sequence[LayerState], draws: Sequence[LayerDraw]) -> Float[Tensor, " batch"] | None:
    choices = [draw.choice for draw in draws if draw.choice is not None]
    if len(choices) < len(draws):
        return None
    logs = [
        layer.weights.log()[choice] if draw.weights is None else of_drawn(draw.weights, choice).log()
        for layer, draw, choice in zip(layers, draws, choices, strict=True)
    ]
    return torch.stack(logs).sum(dim=0)
