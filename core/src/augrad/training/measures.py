"""`Measures`: losses and metrics over one pass through a loader, in all processes, and to a checkpoint and back.

Uses metrics.py, progress.py; used by loop.py and lightning/measures.py.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping
from itertools import chain
from typing import Any

import torch
from torch import Tensor, nn

from augrad import batch
from augrad.errors import ArgumentError, CheckpointError, InputError
from augrad.training.metrics import AnyMetric, Metric, UpdatedMetric, ratio, weighted
from augrad.training.progress import Totals

State = dict[str, Any]
"""The state of metrics after some batches, in a single process, by name: tensors in nested lists and mappings."""


class Measures:
    """Losses and metrics over the batches of one pass through a loader.

    A metric is measured once over all samples of all processes, whatever the size of the batches. There are three
    kinds. Sums (the default metrics, and the losses) are added up on the device. An object with `update`, `compute` and
    `reset` is copied, takes in each batch, and is asked once at the end; it brings the processes together by itself, as
    those of torchmetrics do. A function is called once, with the outputs and targets of the whole pass, which are kept
    on the device until then: 50,000 samples of 10 classes take 2 MB, 1,000 segmentations of 256 by 256 pixels and 20
    classes 5 GB.

    Args:
        metrics: by name.
        device: where outputs are.
        totals: sums that a checkpoint within the pass holds, in the main process; none in the others.
        states: the state of the other metrics in this process, from the same checkpoint.

    Raises:
        CheckpointError: the checkpoint was written with other metrics.

    Example:
        >>> measures = Measures({"most": lambda output, target: output.max()}, torch.device("cpu"))
        >>> measures.add(torch.tensor([[1.0], [3.0]]), torch.tensor([0, 0]), loss=torch.tensor(0.5))
        >>> measures.add(torch.tensor([[2.0]]), torch.tensor([0]), loss=torch.tensor(2.0))
        >>> measures.values()
        {'loss': 1.0, 'most': 3.0}
    """

    def __init__(
        self,
        metrics: Mapping[str, AnyMetric],
        device: torch.device,
        totals: Mapping[str, list[float]] | None = None,
        states: State | None = None,
    ) -> None:
        self._totals = Totals(device, totals)
        self._sums = {name: metric for name, metric in metrics.items() if isinstance(metric, Metric)}
        self._tallies: dict[str, _Updated | _Collected] = {}
        for name, metric in metrics.items():
            if isinstance(metric, UpdatedMetric):
                self._tallies[name] = _Updated(name, metric, device)
            elif not isinstance(metric, Metric):
                self._tallies[name] = _Collected(name, metric, device)
        if states is not None:
            self._load(states)

    def add(self, output: Tensor, target: Any, **means: Tensor) -> None:
        """Counts a batch: its metrics, and numbers that are means over its samples."""
        for name, value in means.items():
            self._totals.add(name, weighted(value, batch.count(output)))
        for name, metric in self._sums.items():
            self._totals.add(name, metric.sums(output, target))
        for tally in self._tallies.values():
            tally.add(output.detach(), target)

    def mean(self, name: str) -> float:
        """One of the means so far, in this process; waits for the device."""
        return ratio(self._totals.peek(name))

    def values(self, processes: Any = None) -> dict[str, float]:
        """The values over all batches, of all processes if they are given; waits for the device.

        Args:
            processes: accelerate's `Accelerator`, or anything with its `num_processes` and `reduce`.
        """
        sums = self._totals.read(processes)
        values = {name: (self._sums[name].value if name in self._sums else ratio)(sums[name]) for name in sums}
        # Without a batch there is nothing to ask.
        return values | {name: tally.value(processes) for name, tally in self._tallies.items() if sums}

    def totals(self, processes: Any = None) -> dict[str, list[float]]:
        """The sums of all processes, for a checkpoint."""
        return self._totals.read(processes)

    def states(self, processes: Any = None) -> list[State]:
        """What the other metrics know, of each process in order, for a checkpoint; empty if there are none of them."""
        if not self._tallies:
            return []
        return _of_all({name: _on_cpu(tally.state()) for name, tally in self._tallies.items()}, processes)

    def _load(self, states: State) -> None:
        if states.keys() != self._tallies.keys():
            then, now = (", ".join(sorted(names)) or "none" for names in (states, self._tallies))
            raise CheckpointError(
                f"the checkpoint was written within an epoch, with the metrics {then}, but metrics has {now}. Resume "
                "with the same metrics: they can be changed from the end of an epoch on.",
                then=sorted(states),
                now=sorted(self._tallies),
            )
        for name, tally in self._tallies.items():
            tally.load(states[name])


class _Updated:
    """A metric with a state of its own: a copy of the user's, so that training and validation do not meet in it."""

    def __init__(self, name: str, metric: Any, device: torch.device) -> None:
        self._name, self._device = name, device
        self._metric = copy.deepcopy(metric)
        if hasattr(self._metric, "to"):
            self._metric.to(device)
        self._metric.reset()

    def add(self, output: Tensor, target: Any) -> None:
        self._metric.update(output, target)

    def value(self, processes: Any) -> float:
        return _number(self._name, self._metric.compute(), "compute()")

    def state(self) -> Any:
        # A metric of torchmetrics leaves out its state otherwise. Copies are told so, not the user's own.
        for part in self._metric.modules() if isinstance(self._metric, nn.Module) else ():
            persistent: Any = getattr(part, "persistent", None)
            if persistent is not None:
                persistent(True)
        return dict(self._metric.state_dict())

    def load(self, state: Any) -> None:
        self.state()
        self._metric.load_state_dict(_on(state, self._device))


class _Collected:
    """A function of the outputs and targets of a whole pass, which are kept until it is called."""

    def __init__(self, name: str, function: Callable[[Tensor, Any], Any], device: torch.device) -> None:
        self._name, self._function, self._device = name, function, device
        self._outputs: list[Tensor] = []
        self._targets: list[Any] = []

    def add(self, output: Tensor, target: Any) -> None:
        if self._outputs and output.shape[1:] != self._outputs[0].shape[1:]:
            raise self._unfit(f"has outputs of {tuple(self._outputs[0].shape)} and {tuple(output.shape)}")
        self._outputs.append(output)
        self._targets.append(target)

    def value(self, processes: Any) -> float:
        parts = [part for part in _of_all(self.state(), processes) if part["counts"]]
        outputs = [_on(output, self._device) for part in parts for output in part["outputs"]]
        targets = [_on(target, self._device) for part in parts for target in part["targets"]]
        with torch.no_grad():
            found = self._function(torch.cat(outputs), self._joined(targets, [len(output) for output in outputs]))
        return _number(self._name, found, "it")

    def state(self) -> Any:
        return {
            "counts": [len(output) for output in self._outputs],
            "outputs": self._outputs,
            "targets": self._targets,
        }

    def load(self, state: Any) -> None:
        self._outputs, self._targets = _on(state["outputs"], self._device), _on(state["targets"], self._device)

    def _joined(self, parts: list[Any], counts: list[int]) -> Any:
        """The targets of several batches as those of one."""
        first = parts[0]
        if isinstance(first, Mapping):
            return {key: self._joined([part[key] for part in parts], counts) for key in first}
        if isinstance(first, tuple | list):
            if all(_is_of_batch(entry, n) for part, n in zip(parts, counts, strict=True) for entry in part):
                return _like(first, (self._joined(list(column), counts) for column in zip(*parts, strict=True)))
            if all(len(part) == n for part, n in zip(parts, counts, strict=True)):
                return _like(first, chain(*parts))
        try:
            return batch.concatenate(*parts)
        except (RuntimeError, TypeError) as error:
            raise self._unfit(f"cannot put the targets of batches together ({error})") from error

    def _unfit(self, reason: str) -> InputError:
        return InputError(
            f"metrics[{self._name!r}] is a function and is called once with the outputs and targets of a whole epoch, "
            f"but the epoch {reason}. Pass an object with update(output, target), compute() and reset() instead, such "
            "as a torchmetrics metric.",
            argument="metrics",
        )


def _is_of_batch(entry: Any, n_samples: int) -> bool:
    return isinstance(entry, Tensor) and entry.ndim > 0 and len(entry) == n_samples


def _number(name: str, found: Any, what: str) -> float:
    if isinstance(found, Mapping):
        raise ArgumentError(
            f"metrics[{name!r}] must be one number, but {what} returned a mapping of {', '.join(map(str, found))}. "
            "Pass each under its own name: metrics=dict(collection.items()) for a torchmetrics MetricCollection.",
            argument="metrics",
        )
    value = torch.as_tensor(found)
    if value.numel() != 1:
        raise ArgumentError(
            f"metrics[{name!r}] must be one number, but {what} returned shape {tuple(value.shape)}. Average it, or "
            "pass one metric for each entry.",
            argument="metrics",
        )
    return float(value)


def _of_all(value: Any, processes: Any) -> list[Any]:
    """A value of this process, and those of the others, in the order of the processes."""
    if processes is None or processes.num_processes == 1:
        return [value]
    gathered: list[Any] = [None] * int(processes.num_processes)
    torch.distributed.all_gather_object(gathered, _on_cpu(value))
    return gathered


def _on_cpu(value: Any) -> Any:
    return _on(value, torch.device("cpu"))


def _on(value: Any, device: torch.device) -> Any:
    """A nested value with its tensors on a device."""
    if isinstance(value, Mapping):
        return {key: _on(entry, device) for key, entry in value.items()}
    if isinstance(value, tuple | list):
        return _like(value, (_on(entry, device) for entry in value))
    return value.to(device) if hasattr(value, "to") else value


def _like(value: tuple[Any, ...] | list[Any], entries: Iterable[Any]) -> Any:
    """Entries as a list, tuple or named tuple, as another is one."""
    return value._make(entries) if hasattr(value, "_make") else type(value)(entries)
