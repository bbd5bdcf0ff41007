from __future__ import annotations

import dataclasses
import re
import time
import warnings

import pytest
import torch
from tests.core.bench.tiny import tiny_task
from tests.core.demo_task import load_numbers
from torch import nn

from augrad import Computation, JointLoss, Stage
from augrad.bench import Configuration, Rule
from augrad.bench.builtin import AUGRAD, NONE, ORACLE
from augrad.bench.trial import Cluster, Skipped, _Clock, run_cluster, run_trial
from augrad.demo.rules import no_augmentation
from augrad.demo.trial import prepared, train_rule
from augrad.errors import MissingDependencyError, RunawayWarning, TrainingError
from augrad.model import InvariantModel


def run(task, *rules):
    return list(run_cluster(Cluster(task, 0, rules, tuple(f"digest of {rule.name}" for rule in rules))))


def broken(error):
    def load(seed):
        raise error

    return load


def test_a_run_is_measured():
    none, augrad = run(tiny_task(), NONE, AUGRAD)
    assert (augrad.task, augrad.modality, augrad.kind, augrad.rule, augrad.seed) == (
        *("tiny", "demo_test", "invariance", "augrad"),
        0,
    )
    assert (none.error, none.digest, none.metric) == (None, "digest of none", "accuracy")
    assert 0.0 <= augrad.score <= 1.0
    assert 0.0 < augrad.seconds < augrad.seconds_in_all
    assert augrad.cpu_seconds > 0.0
    assert augrad.stopped == "max_epochs"
    assert augrad.trunk_invariance is not None
    assert [each.name for each in augrad.candidates] == list(tiny_task().transforms)
    assert (none.learns, augrad.learns) == (False, True)
    assert {row["transform"] for row in augrad.policy} == set(tiny_task().transforms)
    assert augrad.history["epoch"] == 2


@pytest.mark.parametrize("rule", [NONE, ORACLE, AUGRAD])
def test_it_is_the_training_of_a_demo(rule):
    task = tiny_task(n_layers=2)
    data, _, transforms = prepared(task, 1)
    demo, _ = train_rule(rule.name, task, data, transforms, 1)
    bench = run_trial(task, rule, 1, data, transforms)
    assert bench.score == demo.score
    assert bench.policy == tuple(dataclasses.asdict(row) for row in demo.policy)
    assert (bench.trunk_invariance, bench.model_invariance) == (demo.trunk_invariance, demo.model_invariance)


def test_where_nothing_is_true_there_is_no_invariance_to_measure():
    (found,) = run(tiny_task(kind="nothing", oracle={}), AUGRAD)
    assert (found.trunk_invariance, found.model_invariance) == (None, None)
    assert not any(each.true for each in found.candidates)


def test_numbers_are_regressed_on():
    (found,) = run(tiny_task(load=load_numbers, trunk=lambda: nn.Linear(6, 1)), NONE)
    assert found.metric == "r2"


def test_a_rule_that_fails_leaves_the_others():
    def build(task, transforms, seed):
        raise RuntimeError("it broke")

    bad, good = run(tiny_task(), Rule("bad", "Bad", build), NONE)
    assert (bad.error, bad.rule, bad.digest, bad.score) == ("RuntimeError: it broke", "bad", "digest of bad", None)
    assert good.error is None


def test_data_that_fail_fail_all_rules():
    records = run(tiny_task(load=broken(OSError("the disk is gone"))), NONE, AUGRAD)
    assert [(record.rule, record.error) for record in records] == [
        ("none", "OSError: the disk is gone"),
        ("augrad", "OSError: the disk is gone"),
    ]


def test_a_missing_dependency_skips_the_task():
    (outcome,) = run(tiny_task(load=broken(MissingDependencyError("pip install it"))), NONE, AUGRAD)
    assert outcome == Skipped("tiny", "pip install it")


def test_a_score_that_is_no_number_fails():
    class Overflow(nn.Linear):
        def forward(self, x):
            return super().forward(x) * (1.0 if self.training else float("nan"))

    task = tiny_task(load=load_numbers, trunk=lambda: Overflow(6, 1))
    data, _, transforms = prepared(task, 0)
    with pytest.raises(TrainingError, match="the score on the test data is nan"):
        run_trial(task, NONE, 0, data, transforms)


def test_processor_time_is_that_of_all_epochs_but_not_of_the_set_up(monkeypatch):
    def seconds(*readings):
        monkeypatch.setattr("time.process_time", iter(readings).__next__)
        clock, model = _Clock(), InvariantModel(nn.Linear(1, 1), no_augmentation())
        for _ in readings[1:]:
            clock({}, model)
        return clock.seconds

    assert seconds(0.0, 9.0, 11.0, 13.0) == pytest.approx(6.0)
    assert seconds(1.0, 4.0) == pytest.approx(3.0)


def test_processor_time_counts_what_is_computed_before_the_training():
    class Slow(JointLoss):
        def plan(self, model, budget):
            yield Computation(lambda loader, report: time.sleep(0.5) or {}, label="evidence")
            yield Stage(self)

    def build(task, transforms, seed):
        objective = {"objective": lambda model, criterion, penalty: Slow(criterion, penalty)}
        return Configuration(AUGRAD.build(task, transforms, seed).augmentation, objective)

    (found,) = run(tiny_task(), Rule("mine", "Mine", build))
    assert found.error is None
    assert found.cpu_seconds > 0.5
    assert found.seconds > 0.5


def test_a_rules_own_callbacks_are_called():
    seen = []

    def build(task, transforms, seed):
        callbacks = (lambda row, model: seen.append(row["epoch"]),)
        return Configuration(no_augmentation(), {"penalty": None, "callbacks": callbacks})

    (found,) = run(tiny_task(), Rule("mine", "Mine", build))
    assert (seen, found.error) == ([1, 2], None)


def test_a_range_that_runs_away_is_no_failure():
    def warn(row, model):
        warnings.warn(RunawayWarning("a range keeps growing"), stacklevel=1)
        return True

    def build(task, transforms, seed):
        return Configuration(no_augmentation(), {"penalty": None, "callbacks": (warn,)})

    (found,) = run(tiny_task(), Rule("mine", "Mine", build))
    assert (found.error, found.stopped, found.history["epoch"]) == (None, "callback", 1)


def test_copies_of_a_configuration_go_before_those_of_the_task():
    seen = []

    class Counting(nn.Linear):
        def forward(self, x):
            if not self.training:
                seen.append(len(x))
            return super().forward(x)

    def build(task, transforms, seed):
        return Configuration(no_augmentation(), {"penalty": None}, copies=5)

    task = tiny_task(kind="nothing", oracle={}, trunk=lambda: Counting(6, 2), batch_size=16)
    run(task, Rule("five", "Five", build))
    assert max(seen) == 50, "ten test samples, five copies each"
    assert torch.is_grad_enabled()


def configured(**fields):
    """A rule of no augmentation with some fields of its configuration set."""

    def build(task, transforms, seed):
        return Configuration(no_augmentation(), {"penalty": None}, **fields)

    return Rule("mine", "Mine", build)


def test_a_rule_wraps_the_trunk_with_the_same_weights_each_time():
    seen = []

    def wrap(trunk):
        seen.append(nn.Sequential(nn.Linear(6, 6), trunk))
        return seen[-1]

    first, second = (run(tiny_task(epochs=1), configured(wrap=wrap))[0] for _ in range(2))
    assert first.error is None
    assert first.score == second.score
    assert torch.equal(seen[0][0].weight, seen[1][0].weight)
    (bad,) = run(tiny_task(), configured(wrap=lambda trunk: None))
    assert bad.error == "ArgumentTypeError: wrap must return the torch.nn.Module to train, but returned NoneType."


def test_aggregation_and_copies_in_training_are_the_rules():
    seen = []

    def aggregate(outputs):
        seen.append(len(outputs))
        return outputs.mean(dim=0)

    task = tiny_task(kind="nothing", oracle={}, epochs=1)
    (found,) = run(task, configured(aggregation=aggregate, train_copies=3, copies=2))
    assert found.error is None
    assert set(seen) == {3, 2}


def test_a_rule_states_what_it_found():
    names = tiny_task().transforms
    (found,) = run(tiny_task(), configured(found=lambda model, result: dict(zip(names, (2.0, 1.5, -1.0), strict=True))))
    assert [(each.found, each.evidence) for each in found.candidates] == [(2.0, 2.0), (1.5, 1.5), (-1.0, -1.0)]
    (plain,) = run(tiny_task(), NONE)
    assert [each.found for each in plain.candidates] == [None] * 3


@pytest.mark.parametrize(
    ("scores", "message"),
    [
        ({"demo_test.offset": 1.0}, "found must return a score for each candidate, demo_test.offset, demo_test.damp, "),
        (None, "found must return a score for each candidate, .* but returned None"),
        (
            {"demo_test.offset": 1.0, "demo_test.damp": float("nan"), "demo_test.reverse": 0.0},
            "found must return finite numbers, but the score of 'demo_test.damp' is nan",
        ),
    ],
)
def test_scores_that_do_not_fit_fail_the_run(scores, message, unchecked):
    (found,) = run(tiny_task(), configured(found=lambda model, result: scores))
    assert re.search(message, found.error)
