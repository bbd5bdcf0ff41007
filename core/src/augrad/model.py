"""`InvariantModel`: augmentation in front of any trunk, predictions averaged over copies.

Uses module.py, aggregation.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from torch import Generator, Tensor, nn

from augrad import batch
from augrad.aggregation import Aggregation, resolve_aggregation, split_copies
from augrad.errors import AggregationError, ArgumentTypeError
from augrad.layers.draw import LayerDraw
from augrad.layers.layer import AugmentationLayer
from augrad.layers.module import AugmentationModule
from augrad.options import count
from augrad.randomness import keyed_generator

if TYPE_CHECKING:
    from augrad.policies.policy import Policy


class InvariantModel(nn.Module):
    """Learned augmentation in front of any model, with predictions averaged over augmented copies.

    Train: `train_copies` augmented copies of the batch go through the trunk; differentiable in the trunk, the
    weights and the magnitudes.

    Eval: `copies` copies, drawn with a generator keyed by `seed`: the same batch gives the same prediction.

    Args:
        trunk: any module from a batch to one output per sample, or, for a batch of graphs, to one per node.
        module: the augmentation; a single layer is wrapped.
        copies: number of augmented copies to average over in eval mode, at least 1.
        train_copies: number of copies in train mode, at least 1.
        aggregation: `"log_prob"` (mean log-softmax, the paper's), `"prob"` (log of the mean probability), `"logit"`,
            `"mean"` (regression), `"equivariant"` (dense outputs: the transform is undone on each, then averaged), or a
            callable from `(copies, batch, *output)` to `(batch, *output)`. The first three return valid logits, for
            one copy as for many, so `cross_entropy` fits them all. A callable that is a `torch.nn.Module` is trained
            with the trunk; its parameters are called `aggregation.*` in `state_dict()`.
        seed: seed of the draws in eval mode.

    Shape:
        Input: a batch, `(batch, *event)` for tensors. Output: `(batch, *output)`.

    Raises:
        ArgumentError, ArgumentTypeError: an argument is not accepted.
        AggregationError: `"equivariant"` with a transform that moves coordinates and cannot be undone; in `forward`, a
            trunk output that does not fit the aggregation.

    References:
        Rommel, Moreau, Gramfort: Deep invariant networks with differentiable augmentation layers, NeurIPS 2022,
        equation (7).
    """

    def __init__(
        self,
        trunk: nn.Module,
        module: AugmentationModule | AugmentationLayer,
        *,
        copies: int = 10,
        train_copies: int = 1,
        aggregation: str | Aggregation = "log_prob",
        seed: int = 0,
    ) -> None:
        super().__init__()
        if not isinstance(trunk, nn.Module):
            raise ArgumentTypeError(
                f"trunk must be a torch.nn.Module, but got {type(trunk).__name__}.", argument="trunk"
            )
        if isinstance(module, AugmentationLayer):
            module = AugmentationModule([module])
        if not isinstance(module, AugmentationModule):
            raise ArgumentTypeError(
                f"module must be an AugmentationModule or AugmentationLayer, but got {type(module).__name__}.",
                argument="module",
            )
        for name, value in (("copies", copies), ("train_copies", train_copies)):
            count(name, value)
        resolve_aggregation(aggregation)
        # Once, under its own name: a module with parameters is trained and saved as `aggregation.*`.
        self.aggregation = aggregation
        if aggregation == "equivariant":
            _check_undoable(module)
        self.trunk = trunk
        self.augmentation = module
        self.copies = copies
        self.train_copies = train_copies
        self.seed = seed
        self._trunk_checked = False

    def forward(self, x: Any, *, generator: Generator | None = None) -> Tensor:
        """Predicts a batch.

        Args:
            x: the batch.
            generator: source of all draws, on the device of the augmentation. If None, torch's default one in train
                mode, and a fresh one keyed by `seed` in eval mode.
        """
        return self.predict(*self.augment(x, generator=generator), x)

    def augment(
        self, x: Any, *, generator: Generator | None = None, weight_gradient: bool = True
    ) -> tuple[Any, tuple[LayerDraw, ...]]:
        """The augmented copies of a batch that go through the trunk, one copy after the other, and their draws.

        Args:
            x: the batch.
            generator: as in `forward`.
            weight_gradient: as in `AugmentationModule.augment`.
        """
        n_copies = self._n_copies
        if generator is None and not self.training:
            device = next(self.augmentation.parameters()).device
            generator = keyed_generator(self.seed, "eval", device=device)
        if not self._trunk_checked:
            self.check_trunk(x)
        elif n_copies > 1:
            # So that an error speaks of the batch that was given, not of its copies.
            self.augmentation.validate(x)
        return self.augmentation.augment(
            batch.repeat(x, n_copies), generator=generator, weight_gradient=weight_gradient
        )

    def predict(self, augmented: Any, draws: Sequence[LayerDraw], x: Any) -> Tensor:
        """Runs the trunk on augmented copies and aggregates its outputs to one prediction per sample.

        Args:
            augmented, draws: as `augment` returned them.
            x: the batch that was augmented.
        """
        output = self.trunk(augmented)
        outputs = split_copies(output, self._n_copies, batch.output_rows(x), self.aggregation)
        if self.aggregation == "equivariant":
            outputs = self.augmentation.undo(output, draws).reshape(outputs.shape)
        return resolve_aggregation(self.aggregation)(outputs)

    def aggregate(self, output: Any, n_samples: int, n_copies: int = 1) -> Tensor:
        """One prediction per sample from another network's outputs for augmented copies, aggregated as this model does.

        Args:
            output: the network's output for the copies of a batch, one copy after the other.
            n_samples: samples in the batch.
            n_copies: copies of the batch.

        Raises:
            AggregationError: the output does not fit.
        """
        return resolve_aggregation(self.aggregation)(split_copies(output, n_copies, n_samples, self.aggregation))

    @property
    def _n_copies(self) -> int:
        return self.train_copies if self.training else self.copies

    def check_trunk(self, x: Any) -> None:
        """Raises `ArgumentError` if the trunk cannot see the change that a transform makes (`Transform.check_trunk`).

        The first `forward` checks it. Call this with a batch to know earlier.
        """
        self.augmentation.validate(x)
        for layer in self.augmentation:
            for transform in layer:
                transform.check_trunk(self.trunk, x)
        self._trunk_checked = True

    @property
    def policy(self) -> Policy:
        """The learned augmentation, in physical units."""
        from augrad.policies.policy import Policy

        return Policy.from_module(self.augmentation)

    def extra_repr(self) -> str:
        counts = f"copies={self.copies}, train_copies={self.train_copies}"
        # A module is shown among the children.
        return counts if isinstance(self.aggregation, nn.Module) else f"{counts}, aggregation={self.aggregation!r}"


def _check_undoable(module: AugmentationModule) -> None:
    for layer in module:
        if layer.selection.mixes:
            raise AggregationError(
                f"aggregation='equivariant' undoes what was drawn, but selection={layer.selection.name!r} mixes all "
                "transforms; use selection='straight_through'."
            )
        for transform in layer:
            if transform.moves_coordinates and not transform.invertible:
                raise AggregationError(
                    f"aggregation='equivariant' needs transforms that can be undone, but {transform.name} moves "
                    "coordinates and has no invert; leave it out or use another aggregation.",
                    transform=transform.name,
                )
