"""The audited model: any module, estimator or function. It is left unchanged. Used by audits.py."""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from augrad import batch
from augrad.errors import ArgumentError, ArgumentTypeError, InputError, suggestion
from augrad.randomness import preserved_generators, seed_global_generators

Output = str | int | Callable[[Any], Any] | None
"""How to select the prediction from a model's output: a key, a position, or a function."""

_LEAST_PROBABILITY = 1e-12


class Subject:
    """A model in an audit: it maps batches to a single float tensor, and is left unchanged.

    Args:
        model: a `torch.nn.Module`, which runs in eval mode on its own device. Or a scikit-learn estimator, which gets
            the samples as rows of numbers; `predict_proba` is used (as log-probabilities), or `predict` if it has none.
            Or a function from a batch to a tensor.
        output: how to select the prediction if the model returns a tuple, list, mapping or object.
        layers: names of submodules whose outputs are also returned.

    Raises:
        ArgumentTypeError: the model has another type.
        ArgumentError: a layer does not exist, or `layers` is given for a model that is not a module.
    """

    def __init__(self, model: Any, *, output: Output = None, layers: Sequence[str] = ()) -> None:
        self.model, self.output, self.layers = model, output, tuple(layers)
        self.estimator = not isinstance(model, nn.Module) and hasattr(model, "predict")
        if not isinstance(model, nn.Module) and not self.estimator and not callable(model):
            raise ArgumentTypeError(
                f"model must be a torch.nn.Module, a scikit-learn estimator or a function of a batch, but got "
                f"{type(model).__name__}.",
                argument="model",
            )
        known = dict(model.named_modules()) if isinstance(model, nn.Module) else {}
        for name in self.layers:
            if not name or name not in known:
                raise ArgumentError(
                    f"layers names {name!r}, but the model has no such submodule."
                    + (suggestion(name, known) or f" It has: {', '.join(filter(None, known)) or 'none'}."),
                    argument="layers",
                    value=name,
                )

    @property
    def name(self) -> str:
        """The name of the model in reports."""
        model = getattr(self.model, "trunk", self.model)
        return getattr(model, "__name__", type(model).__name__)

    @property
    def differentiable(self) -> bool:
        """Whether its output can be differentiated."""
        return not self.estimator

    @property
    def device(self) -> torch.device | None:
        """The device of a module's parameters; None if it has no parameters."""
        if not isinstance(self.model, nn.Module):
            return None
        tensors = [*self.model.parameters(), *self.model.buffers()]
        return tensors[0].device if tensors else None

    @contextmanager
    def examined(self) -> Iterator[None]:
        """Switches to eval mode without gradient. Modes and global generators are restored at the end."""
        modules = list(self.model.modules()) if isinstance(self.model, nn.Module) else []
        modes = [(module, module.training) for module in modules]
        with preserved_generators(), torch.no_grad():
            try:
                if modules:
                    self.model.eval()
                yield
            finally:
                for module, training in modes:
                    module.training = training

    def __call__(self, x: Any, where: str) -> tuple[Tensor, dict[str, Tensor]]:
        """Returns the output for a batch, and the outputs of the named layers.

        The same batch always gets the same draws.

        Args:
            x: the batch.
            where: a description of the batch, for errors.

        Raises:
            ArgumentTypeError: the output is not a tensor.
            ArgumentError: the output does not have a row for each sample.
            InputError: the output is not finite.
        """
        seed_global_generators("audit", "model")  # a model with random draws in eval mode gets the same draws each time
        found: dict[str, Tensor] = {}
        if self.estimator:
            answer = self._estimated(x)
        else:
            with self._watched(found):
                device = self.device
                answer = self._selected(self.model(x if device is None else _moved(x, device)))
        for name, value in {"": answer, **found}.items():
            self._check(value, batch.count(x), name, where)
        return answer.detach(), {name: value.detach() for name, value in found.items()}

    def forward(self, x: Any) -> Tensor:
        """Returns the output alone, without checks, and differentiable if gradients are enabled."""
        seed_global_generators("audit", "model")
        device = self.device
        answer: Tensor = self._selected(self.model(x if device is None else _moved(x, device)))
        return answer

    def digest(self) -> str:
        """Returns a hash of the model's parameters and buffers, or of its pickle, or else of a function's name."""
        content = hashlib.sha256(type(self.model).__qualname__.encode())
        if isinstance(self.model, nn.Module):
            for name, value in sorted(self.model.state_dict().items()):
                content.update(name.encode())
                if isinstance(value, Tensor):
                    content.update(value.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())
        else:
            try:
                content.update(pickle.dumps(self.model))
            except (pickle.PicklingError, AttributeError, TypeError):
                content.update(self.name.encode())
        return content.hexdigest()

    def _estimated(self, x: Any) -> Tensor:
        if not isinstance(x, Tensor):
            raise ArgumentTypeError(
                f"a scikit-learn estimator takes rows of numbers, but a batch is of type {type(x).__name__}. Pass a "
                "function that makes them.",
                argument="model",
            )
        rows = x.detach().cpu().flatten(1).numpy()
        if hasattr(self.model, "predict_proba"):
            shares = np.asarray(self.model.predict_proba(rows))
            classes = getattr(self.model, "classes_", None)
            logs = torch.from_numpy(np.log(np.clip(shares, _LEAST_PROBABILITY, None))).float()
            return logs if classes is None else _by_class(logs, np.asarray(classes))
        return torch.from_numpy(np.asarray(self.model.predict(rows))).float()

    def _selected(self, answer: Any) -> Any:
        if self.output is None:
            return answer
        if callable(self.output):
            return self.output(answer)
        try:
            if isinstance(self.output, str) and not isinstance(answer, Mapping):
                return getattr(answer, self.output)
            return answer[self.output]
        except (KeyError, IndexError, TypeError, AttributeError) as error:
            raise ArgumentError(
                f"output={self.output!r} selects nothing: the model returns {_described(answer)}.",
                argument="output",
                value=self.output,
            ) from error

    @contextmanager
    def _watched(self, found: dict[str, Tensor]) -> Iterator[None]:
        modules = dict(self.model.named_modules()) if self.layers else {}
        handles = [
            modules[name].register_forward_hook(lambda _, __, value, name=name: found.__setitem__(name, value))
            for name in self.layers
        ]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    def _check(self, value: Any, n_samples: int, layer: str, where: str) -> None:
        named = f"layer {layer!r}" if layer else "the model"
        if not isinstance(value, Tensor):
            raise ArgumentTypeError(
                f"{named} returns {_described(value)}, but an audit needs a tensor. Select a part of it with output=: "
                "a key, a position or a function.",
                argument="layers" if layer else "output",
            )
        if value.ndim == 0 or value.shape[0] % max(n_samples, 1) or (not layer and value.shape[0] != n_samples):
            raise ArgumentError(
                f"{named} must return one row per sample, but for {n_samples} samples returned shape "
                f"{tuple(value.shape)}. For rows per node or token, pass a function of the batch that pools them.",
                argument="layers" if layer else "model",
                shape=tuple(value.shape),
            )
        if not bool(value.isfinite().all()):
            raise InputError(
                f"{named} returns NaN or infinities for {where}. Leave out this transform or these samples, or correct "
                "the model.",
                argument="model",
                where=where,
            )


def _moved(x: Any, device: torch.device) -> Any:
    return x if batch.device(x) == device else x.to(device)


def _by_class(logs: Tensor, classes: Any) -> Tensor:
    """Orders columns by their classes, if these are numbers from 0."""
    if not np.issubdtype(classes.dtype, np.integer) or classes.min() < 0:
        return logs
    wide = logs.new_full((len(logs), int(classes.max()) + 1), float(np.log(_LEAST_PROBABILITY)))
    wide[:, torch.from_numpy(classes)] = logs
    return wide


def _described(answer: Any) -> str:
    if isinstance(answer, Mapping):
        return f"a mapping with {', '.join(map(repr, answer))}"
    if isinstance(answer, tuple | list):
        return f"a {type(answer).__name__} of {len(answer)} ({', '.join(type(part).__name__ for part in answer)})"
    return f"a {type(answer).__name__}"
