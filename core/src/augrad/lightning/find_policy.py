"""`FindPolicy`: a Lightning callback that finds the policy before the first epoch, as `fit`'s default rule does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from augrad.errors import ArgumentError, ArgumentTypeError
from augrad.learning.leave_one_out.evidence import Evidence
from augrad.learning.leave_one_out.placing import Places, place, placed_policy
from augrad.learning.leave_one_out.rule import LeaveOneOut, examined, stored
from augrad.lightning.backend import Callback
from augrad.model import InvariantModel


class FindPolicy(Callback):
    """Finds the policy before the first epoch, and sets the model's augmentation to it, which then stands still.

    The Trainer's training data are read once, at most `n_samples` of them. A resumed run takes the policy from the
    checkpoint and does not search again. For another model it searches anew. With several processes the first one
    searches.

    Args:
        model: name of the attribute of the LightningModule that holds the `InvariantModel`; None for the only one.
        seed: of all draws.
        **options: of `augrad.LeaveOneOut`, such as `n_samples=200`.

    Attributes:
        evidence: the `augrad.Evidence`, once it is known.

    Raises:
        ArgumentError: an option is not accepted; when training begins, if there is no such model, if no evidence can be
            had, or if the policy of a checkpoint does not fit the model.
    """

    def __init__(self, model: str | None = None, *, seed: int = 0, **options: Any) -> None:
        super().__init__()
        self._model, self._seed, self._options = model, seed, LeaveOneOut(**options)
        self._found: dict[str, Any] | None = None
        self._loaded = False
        self.evidence: Evidence | None = None

    def on_fit_start(self, trainer: Any, pl_module: Any) -> None:
        """Finds the policy, or takes it from the checkpoint, and places it."""
        model = self._invariant(pl_module)
        # What was found before, for another model, says nothing about this one, which still learns.
        learns = any(parameter.requires_grad for parameter in model.augmentation.parameters())
        if self._found is None or (learns and not self._loaded):
            self._found = self._searched(trainer, model)
        self._loaded = False
        places = Places(model.augmentation)
        entries = {entry["transform"]: entry["magnitudes"] for entry in self._found["entries"]}
        if not places.fit(list(entries)):
            raise ArgumentError(
                f"model: its augmentation cannot hold the policy of the checkpoint: {', '.join(entries)}. Resume with "
                "the augmentation of that run, or train anew without ckpt_path.",
                argument="model",
            )
        place(model.augmentation, places, entries)
        model.augmentation.requires_grad_(False)
        policy = placed_policy(model.augmentation, places, entries)
        self.evidence = Evidence.from_dict(self._found["evidence"], policy=policy)

    def state_dict(self) -> dict[str, Any]:
        """What was found, for the checkpoint."""
        return {"found": self._found}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Takes what was found from a checkpoint."""
        self._found, self._loaded = state_dict["found"], True

    def _searched(self, trainer: Any, model: InvariantModel) -> dict[str, Any]:
        places = Places(model.augmentation)
        if places.reason is not None:
            raise ArgumentError(f"model: FindPolicy cannot set this augmentation: {places.reason}.", argument="model")
        answer: list[Any] = [None]
        if trainer.is_global_zero:
            try:
                answer = [stored(examined(model, places, _loader(trainer), self._options, seed=self._seed))]
            except (ArgumentError, ArgumentTypeError) as error:
                answer = [str(error)]
        if torch.distributed.is_available() and torch.distributed.is_initialized():
            torch.distributed.broadcast_object_list(answer)
        if isinstance(answer[0], str):
            raise ArgumentError(f"FindPolicy found no evidence: {answer[0]}", argument="callbacks")
        found: dict[str, Any] = answer[0]
        return found

    def _invariant(self, module: Any) -> InvariantModel:
        named = {name: child for name, child in module.named_children() if isinstance(child, InvariantModel)}
        if self._model is not None:
            named = {name: child for name, child in named.items() if name == self._model}
        if len(named) != 1:
            wanted = "an InvariantModel" if self._model is None else f"an InvariantModel named {self._model!r}"
            raise ArgumentError(
                f"model: FindPolicy needs a LightningModule with {wanted}, but {type(module).__name__} has "
                f"{', '.join(named) or 'none'}. Pass FindPolicy(model='name of the attribute').",
                argument="model",
            )
        return next(iter(named.values()))


def _loader(trainer: Any) -> Any:
    """The Trainer's training data, which it sets up only after `on_fit_start`."""
    trainer.fit_loop.setup_data()
    return trainer.train_dataloader
