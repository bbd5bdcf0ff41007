"""Metrics are measured once over all samples of an epoch: in one process or several, in one go or resumed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
import torchmetrics
from sklearn.metrics import f1_score
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset
from torchmetrics.classification import BinaryF1Score, MulticlassAUROC, MulticlassF1Score

from augrad import AugmentationLayer, InvariantModel, Range, Transform
from augrad.errors import ArgumentError, ArgumentTypeError, CheckpointError, InputError
from augrad.training import fit
from augrad.training.measures import Measures
from augrad.training.optimizer_codec import join, split

pytestmark = pytest.mark.filterwarnings("ignore:Metric .* will save all targets and predictions:UserWarning")

CPU = torch.device("cpu")
CLASSES = torch.tensor([1, 1, 1, 1, 0, 0, 0, 1])
SAID = torch.tensor([1, 1, 1, 0, 0, 1, 0, 0])
LOGITS = nn.functional.one_hot(SAID, 2).float()


def f1(output: Tensor, target: Tensor) -> float:
    return float(f1_score(target, output.argmax(dim=1), zero_division=0.0))


def measured(metric: Any, sizes: list[int], output: Any = LOGITS, target: Any = CLASSES) -> float:
    measures = Measures({"it": metric}, CPU)
    for batch in torch.split(torch.arange(sum(sizes)), sizes):
        measures.add(output[batch], target[batch], loss=torch.tensor(0.0))
    return measures.values()["it"]


@pytest.mark.parametrize("metric", [f1, BinaryF1Score(), MulticlassF1Score(2, average="none")[1]], ids=["function", "binary", "multiclass"])
@pytest.mark.parametrize("sizes", [[8], [4, 4], [1, 7], [3, 3, 1, 1]], ids=str)
def test_f1_is_that_of_all_samples_however_they_are_batched(metric: Any, sizes: list[int]) -> None:
    output = SAID if isinstance(metric, BinaryF1Score) else LOGITS
    batches = zip(LOGITS.split(sizes), CLASSES.split(sizes), strict=True)
    mean_of_batches = sum(f1(*part) * len(part[1]) for part in batches) / 8
    assert measured(metric, sizes, output) == pytest.approx(2 / 3)
    assert (mean_of_batches == pytest.approx(2 / 3)) is (sizes == [8])


class Boxes(NamedTuple):
    corner: Tensor
    label: Tensor


@pytest.mark.parametrize(
    ("parts", "whole"),
    [
        ([{"a": torch.zeros(2)}, {"a": torch.ones(1)}], {"a": torch.tensor([0.0, 0.0, 1.0])}),
        ([[torch.zeros(2), torch.ones(2)], [torch.ones(1)] * 2], [torch.tensor([0.0, 0.0, 1.0]), torch.ones(3)]),
        ([["cat", "dog"], ["cat"]], ["cat", "dog", "cat"]),
        (
            [Boxes(torch.zeros(2), torch.zeros(2)), Boxes(torch.zeros(1), torch.ones(1))],
            Boxes(torch.zeros(3), torch.tensor([0.0, 0.0, 1.0])),
        ),
    ],
    ids=["mapping", "list of tensors", "list of samples", "named tuple"],
)
def test_targets_of_batches_are_put_together(parts: Any, whole: Any) -> None:
    seen: list[Any] = []
    measures = Measures({"it": lambda output, target: seen.append(target) or len(output)}, CPU)
    for part, n in zip(parts, (2, 1), strict=True):
        measures.add(torch.zeros(n, 1), part, loss=torch.tensor(0.0))
    assert measures.values()["it"] == 3.0
    assert str(seen[0]) == str(whole)


def test_what_cannot_be_put_together_names_the_way_out() -> None:
    measures = Measures({"it": f1}, CPU)
    measures.add(torch.zeros(2, 3), CLASSES[:2])
    with pytest.raises(InputError, match=r"metrics\['it'\] .* outputs of \(2, 3\) and \(2, 4\)\. Pass an object with"):
        measures.add(torch.zeros(2, 4), CLASSES[:2])
    measures.add(torch.zeros(2, 3), object(), loss=torch.tensor(0.0))
    with pytest.raises(InputError, match="cannot put the targets of batches together"):
        measures.values()


@pytest.mark.parametrize(
    ("metric", "message"),
    [
        (lambda output, target: output, r"must be one number, but it returned shape \(8, 2\)"),
        (MulticlassF1Score(2, average="none"), r"must be one number, but compute\(\) returned shape \(2,\)"),
        (
            torchmetrics.MetricCollection([BinaryF1Score()]),
            r"mapping of BinaryF1Score\. .*dict\(collection\.items\(\)\)",
        ),
    ],
)
def test_a_metric_is_one_number(metric: Any, message: str) -> None:
    output = SAID if isinstance(metric, torchmetrics.MetricCollection) else LOGITS
    with pytest.raises(ArgumentError, match=message):
        measured(metric, [8], output)


def test_the_users_own_object_stays_as_it_is() -> None:
    own = MulticlassF1Score(2)
    own.update(LOGITS[:3], CLASSES[:3])
    before = own.compute()
    measured(own, [4, 4])
    assert own.compute() == before
    assert own.state_dict() == {}


def test_outputs_are_kept_without_their_graph() -> None:
    output = LOGITS.clone().requires_grad_()
    measures = Measures({"it": lambda x, _: float(x.requires_grad)}, CPU)
    measures.add(output * 2, CLASSES, loss=output.sum())
    assert measures.values() == {"loss": 8.0, "it": 0.0}


class Still(Transform):
    """Adds an offset."""

    modality = "signal"
    offset = Range(1.0, signed=True)

    def forward(self, x: Tensor, *, offset: Tensor) -> Tensor:
        return x + offset[:, None]


METRICS: dict[str, Callable[[], Any]] = {
    "f1": lambda: f1,
    "auroc": lambda: MulticlassAUROC(2, thresholds=None),
    "balanced": lambda: torchmetrics.classification.MulticlassAccuracy(2, average="macro"),
    "spearman": lambda: Ranked(),  # noqa: PLW0108 - defined below
}


class Ranked(torchmetrics.SpearmanCorrCoef):
    """Its state is a list of what it was given."""

    def update(self, output: Tensor, target: Tensor) -> None:
        super().update(output[:, 1], target.float())


def run(**options: Any) -> Any:
    torch.manual_seed(0)
    x = torch.randn(30, 4)
    data = TensorDataset(x, (x[:, 0] > 1).long())  # few of class 1
    model = InvariantModel(nn.Sequential(nn.Linear(4, 8), nn.Dropout(0.2), nn.Linear(8, 2)), AugmentationLayer([Still]))
    defaults = {"max_epochs": 2, "objective": "joint", "metrics": {name: make() for name, make in METRICS.items()}}
    loaders = DataLoader(data, 4, shuffle=True), DataLoader(data, 7)
    return fit(model, *loaders, **{**defaults, "progress": False, "device": "cpu", **options})


class Killed(Exception):
    pass


def kill_at(step: int, monkeypatch: pytest.MonkeyPatch) -> None:
    from augrad.training import loop

    update = loop._update

    def killing(run: Any, *arguments: Any) -> None:
        if run.at.step == step:
            raise Killed
        update(run, *arguments)

    monkeypatch.setattr(loop, "_update", killing)


@pytest.mark.parametrize("step", [3, 11])
def test_a_resume_within_an_epoch_measures_the_whole_epoch(
    step: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = [{**row, "seconds": 0} for row in run().history]
    with monkeypatch.context() as patch:
        kill_at(step, patch)
        with pytest.raises(Killed):
            run(directory=tmp_path, checkpoint_every=1)
    with monkeypatch.context() as patch:
        kill_at(step + 2, patch)  # and once more, so that what was read is written again
        with pytest.raises(Killed):
            run(directory=tmp_path, checkpoint_every=1, resume=True)
    resumed = run(directory=tmp_path, checkpoint_every=1, resume=True)
    assert [{**row, "seconds": 0} for row in resumed.history] == whole
    assert {f"{stage}_{name}" for stage in ("train", "val") for name in METRICS} <= whole[0].keys()


def test_other_metrics_are_refused_within_an_epoch_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stored = {"directory": tmp_path, "checkpoint_every": 1}
    with monkeypatch.context() as patch:
        kill_at(3, patch)
        with pytest.raises(Killed):
            run(**stored)
    with pytest.raises(CheckpointError, match="with the metrics auroc, balanced, f1, spearman, but metrics has f1"):
        run(**stored, resume=True, metrics={"f1": f1})
    run(**stored, resume=True, max_epochs=1)
    assert "train_auroc" not in run(**stored, resume=True, metrics={"f1": f1}).history[-1]


def test_a_collection_is_passed_as_its_items() -> None:
    collection = torchmetrics.MetricCollection({"f1": MulticlassF1Score(2), "auroc": MulticlassAUROC(2)})
    row = run(max_epochs=1, metrics=dict(collection.items())).history[0]
    assert row == {**run(max_epochs=1, metrics={"f1": f1, "auroc": MulticlassAUROC(2)}).history[0], **row}


def test_fit_says_what_is_no_metric_before_it_trains() -> None:
    with pytest.raises(ArgumentTypeError, match="is the class MulticlassF1Score; pass an instance"):
        run(metrics={"f1": MulticlassF1Score})


def test_states_come_back_from_a_file_as_they_were() -> None:
    state = {"a": [torch.zeros(2, dtype=torch.bool)], "b": ("x", 3, None), 4: {"c": torch.tensor(1.5)}}
    found = join(*split(state, "state"))
    assert found["a"][0].dtype == torch.bool
    assert (found["b"], found[4]["c"].item()) == (("x", 3, None), 1.5)
