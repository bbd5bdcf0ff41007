"""Tests of a task from a user's own trunk and loaders: what is read, what is held out, and what is refused."""

from __future__ import annotations

import functools
import pickle

import pytest
import torch
from tests.core.bench.tiny import tiny_task
from tests.core.demo_task import LENGTH, SHORT, load
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from augrad.bench import own_task
from augrad.bench.builtin import AUGRAD, NONE
from augrad.bench.measures import outcomes_of
from augrad.bench.records import Record, digest_of
from augrad.bench.trial import Cluster, run_cluster
from augrad.demo.rules import build_trunk
from augrad.demo.trial import score
from augrad.errors import ArgumentError, ArgumentTypeError, InputError


def data_set(n: int = 20) -> TensorDataset:
    return TensorDataset(torch.arange(n * 2.0).reshape(n, 2), torch.arange(n) % 2)


def parts(seed: int, *, trunk=None, train=None, val=None):
    return trunk or nn.Linear(2, 2), DataLoader(data_set(), 6, shuffle=True) if train is None else train, val


def task(**given):
    return own_task(functools.partial(parts, **given), ["demo_test.offset"], epochs=2, batch_size=8, copies=2)


def signals(seed: int):
    data = load(0)
    train = DataLoader(TensorDataset(data.train_x, data.train_y), 4, shuffle=True)
    return nn.Linear(LENGTH, 2), train, DataLoader(TensorDataset(data.test_x, data.test_y), 4)


def runs(rule, seed=0, **changed):
    changed = {"options": None, **changed}
    own = own_task(signals, tiny_task().transforms, arguments=SHORT, epochs=2, batch_size=8, copies=2, **changed)
    (found,) = run_cluster(Cluster(own, seed, (rule,), ("0f",)))
    return found


def test_a_fifth_is_held_out_the_same_for_every_seed_and_order():
    first, other = task().load(0), task().load(1)
    assert (first.train_x.shape, first.test_x.shape) == ((16, 2), (4, 2))
    assert torch.equal(first.test_x, other.test_x)
    assert torch.equal(first.test_y, other.test_y)
    rows = torch.cat([first.train_x, first.test_x])
    assert torch.equal(rows[rows[:, 0].argsort()], data_set().tensors[0])
    assert torch.equal(first.test_y, (first.test_x[:, 0] / 2).long() % 2)


def test_the_users_validation_samples_are_taken():
    val = DataLoader(data_set(3), 2)
    data = task(val=val).load(0)
    assert (len(data.train_x), sorted(data.test_x[:, 0].tolist())) == (20, [0.0, 2.0, 4.0])


def test_every_rule_starts_from_the_same_weights():
    own = own_task(signals, ["demo_test.offset"])
    own.load(3)
    first, second = build_trunk(own, 3), build_trunk(own, 3)
    assert first is not second
    assert torch.equal(first.weight, second.weight)
    own.load(4)
    assert not torch.equal(build_trunk(own, 4).weight, first.weight)


def test_the_global_generator_is_left_alone():
    before = torch.get_rng_state()
    task().load(0)
    assert torch.equal(torch.get_rng_state(), before)


def test_a_worker_gets_the_task_without_its_trunk():
    own = own_task(signals, ["demo_test.offset"])
    own.load(0)
    sent = pickle.loads(pickle.dumps(own))
    with pytest.raises(ArgumentError, match=r"call load\(seed\) first"):
        sent.trunk()
    assert torch.equal(sent.load(0).train_x, own.load(0).train_x)
    assert digest_of(sent, NONE) == digest_of(own, NONE)


def test_the_digest_tells_data_and_options():
    digests = {
        digest_of(each, NONE)
        for each in (
            own_task(signals, ["demo_test.offset"]),
            own_task(parts, ["demo_test.offset"]),
            own_task(signals, ["demo_test.offset"], options={"weight_decay": 0.1}),
            own_task(signals, ["demo_test.offset"], aggregation="prob"),
        )
    }
    assert len(digests) == 4


def test_a_run_keeps_what_each_sample_contributes():
    found = runs(NONE)
    assert found.error is None
    assert set(found.outcomes) <= {0.0, 1.0}
    assert (len(found.outcomes), sum(found.outcomes) / 10) == (10, pytest.approx(found.score))
    assert (found.kind, found.trunk_invariance) == ("unknown", None)
    assert Record.from_line(found.to_line()) == found
    assert runs(AUGRAD).samples == found.samples != ""


def test_options_of_the_trunk_reach_every_rule():
    frozen = {"optimizer": functools.partial(torch.optim.SGD, momentum=0.0), "weight_decay": 0.5}
    assert runs(NONE, options=frozen).history != runs(NONE).history


def test_outcomes_of_numbers_have_r2_as_their_mean():
    x = torch.randn(30, 3, generator=torch.Generator().manual_seed(0))
    y = x @ torch.tensor([[1.0, 0.0], [0.5, 2.0], [0.0, 1.0]]) + 0.1
    model = nn.Linear(3, 2)
    assert outcomes_of(model, x, y, 8).mean().item() == pytest.approx(score(model, x, y, 8), abs=1e-5)


PAIRS = [(torch.ones(2, 2), torch.tensor([0, 1]))]


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({"train": []}, InputError, "train_loader yields no samples"),
        ({"train": 3}, ArgumentTypeError, "train_loader must be a DataLoader .* but got int"),
        ({"train": [torch.ones(2, 2)]}, ArgumentTypeError, r"train_loader must yield pairs .* but yields Tensor"),
        ({"val": [(torch.ones(2, 2),)]}, ArgumentTypeError, r"val_loader must yield pairs .* yields \['Tensor'\]"),
        ({"train": [(torch.ones(2, 2), torch.ones(3))]}, InputError, r"yields 2 samples with targets of shape \(3,\)"),
        ({"train": PAIRS}, InputError, "compared on at least 2 validation samples, but got 0"),
        ({"val": [(torch.ones(1, 2), torch.tensor([0]))]}, InputError, "at least 2 validation samples, but got 1"),
        ({"trunk": "net"}, ArgumentError, r"make must return .* but returned \(str, DataLoader, NoneType\)"),
    ],
)
def test_rejects(given, error, message, unchecked):
    with pytest.raises(error, match=message):
        task(**given).load(0)


def test_what_is_no_function_is_refused(unchecked):
    with pytest.raises(ArgumentTypeError, match="make must be a function of a seed"):
        own_task("mine:make", ["demo_test.offset"])
