"""The model under audit: any module, estimator or function, asked for outputs and left as it was. Used by audits.py."""

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
"""Which part of what a model returns is its prediction: a key, a position, or a function of it."""

_LEAST_PROBABILITY = 1e-12


class Subject:
    """A model as an audit sees it: batches in, one float tensor out, nothing of it changed.

    Args:
        model: a `torch.nn.Module`, asked in eval mode where its parameters lie; a scikit-learn estimator, which gets
            the samples as rows of numbers and answers with `predict_proba` (as log-probabilities), or with `predict`
            where it has none; or any function from a batch to a tensor.
        output: what to take of a tuple, list, mapping or object that the model returns.
        layers: names of submodules whose outputs are wanted too.

    Raises:
        ArgumentTypeError: the model is none of these.
        ArgumentError: a layer is not there, or layers are asked of something that has none.
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
        """What reports call it."""
        model = getattr(self.model, "trunk", self.model)
        return getattr(model, "__name__", type(model).__name__)

    @property
    def differentiable(self) -> bool:
        """Whether derivatives of its output can be asked for."""
        return not self.estimator

    @property
    def device(self) -> torch.device | None:
        """Where a module's parameters lie; None if it has none."""
        if not isinstance(self.model, nn.Module):
            return None
        tensors = [*self.model.parameters(), *self.model.buffers()]
        return tensors[0].device if tensors else None

    @contextmanager
    def examined(self) -> Iterator[None]:
        """Eval mode without gradient; modes and global generators are put back."""
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
        """The output for a batch, and those of the named layers; the same draws for the same batch.

        Args:
            x: the batch.
            where: what the batch is, for errors.

        Raises:
            ArgumentTypeError: what comes out is no tensor.
            ArgumentError: it has not one row per sample.
            InputError: it is not finite.
        """
        seed_global_generators("audit", "model")  # a model that draws in eval mode is given the same draws each time
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
        """The output alone, unchecked, with whatever gradient is asked for."""
        seed_global_generators("audit", "model")
        device = self.device
        answer: Tensor = self._selected(self.model(x if device is None else _moved(x, device)))
        return answer

    def digest(self) -> str:
        """A hash of the model's parameters and buffers, or of its pickle; of a function's name if it has neither."""
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
                f"{named} returns {_described(value)}, and an audit needs one tensor. Say which part of it with "
                "output=, a key, a position or a function.",
                argument="layers" if layer else "output",
            )
        if value.ndim == 0 or value.shape[0] % max(n_samples, 1) or (not layer and value.shape[0] != n_samples):
            raise ArgumentError(
                f"{named} must return one row per sample, but for {n_samples} samples returned shape "
                f"{tuple(value.shape)}. Of rows per node or token pass a function of the batch that pools them.",
                argument="layers" if layer else "model",
                shape=tuple(value.shape),
            )
        if not bool(value.isfinite().all()):
            raise InputError(
                f"{named} returns NaN or infinities for {where}. Leave out what it cannot take, or mend the model.",
                argument="model",
                where=where,
            )


def _moved(x: Any, device: torch.device) -> Any:
    return x if batch.device(x) == device else x.to(device)


def _by_class(logs: Tensor, classes: Any) -> Tensor:
    """Columns at the places of their classes, where these are numbers from 0 on."""
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
