"""A preset as a benchmark rule: what it hands on, how its stored runs are told apart, how it is found."""

from __future__ import annotations

import pytest
from tests.core.bench.tiny import tiny_task
from tests.core.demo_task import SHORT
from torch import nn

from augrad import AugmentationLayer, AugmentationModule, MagnitudePenalty, presets
from augrad.bench.preset_rules import find_rule, rule_of
from augrad.bench.records import digest_of
from augrad.bench.trial import Cluster, run_cluster
from augrad.demo.rules import build_transforms
from augrad.errors import ArgumentError, ArgumentTypeError, UnknownNameError
from augrad.plugins import registry
from augrad.presets import Preset


def wrap(trunk: nn.Module) -> nn.Module:
    return nn.Sequential(nn.Linear(6, 6), trunk)


def stated(model, result):
    return {"demo_test.offset": 3.0, "demo_test.damp": 2.0, "demo_test.reverse": -1.0}


def system(transforms, *, strength=0.1) -> Preset:
    """A published system with all its parts."""
    return Preset(
        "system",
        AugmentationModule([AugmentationLayer(transforms)]),
        MagnitudePenalty(strength),
        "me",
        copies=7,
        augmentation_lr_factor=3.0,
        objective="joint",
        wrap=wrap,
        train_copies=2,
        aggregation="prob",
        found=stated,
    )


def built(rule, **changed):
    task = tiny_task(**changed)
    return rule.build(task, build_transforms(task, SHORT), 0)


def test_a_rule_is_all_that_the_preset_holds_but_copies_and_rate_are_the_tasks():
    made = built(rule_of(system, strength=0.3), lr=0.01)
    assert (made.train_copies, made.wrap, made.aggregation, made.found) == (2, wrap, "prob", stated)
    assert made.copies is None
    assert made.options["penalty"].strength == 0.3
    assert {name: value for name, value in made.options.items() if name != "penalty"} == {
        "objective": "joint",
        "augmentation_lr": pytest.approx(0.03),
    }
    assert made.augmentation.layers[0].names == tiny_task().transforms


def test_it_runs_and_states_its_finding():
    (found,) = run_cluster(Cluster(tiny_task(), 0, (rule_of(system),), ("a",)))
    assert found.error is None
    assert [(each.name, each.evidence) for each in found.candidates] == list(stated(None, None).items())


def test_options_decide_the_digest():
    rules = [rule_of(system), rule_of(system, strength=0.1), rule_of(system, strength=0.2)]
    digests = [digest_of(tiny_task(), rule) for rule in rules]
    assert digests[0] != digests[1] != digests[2]
    assert rules[2].settings["preset"] == {"strength": 0.2}
    assert "penalty" in rules[0].settings["fit"]
    assert "penalty" not in rule_of(system, learns=False).settings["fit"]


def test_a_function_as_option_is_told_by_its_name():
    def make(transforms, *, activation=None):
        return system(transforms)

    assert rule_of(make, activation=nn.ReLU).settings["preset"] == {"activation": "ReLU"}
    digest_of(tiny_task(), rule_of(make, activation=nn.ReLU))


def test_presets_are_found_as_rules(monkeypatch):
    assert find_rule("augnet") is registry.get_rule("augnet")
    rule = find_rule("randaugment")
    assert (rule.name, rule.build.args[0]) == ("randaugment", presets.randaugment)
    with pytest.raises(UnknownNameError, match=r"no rule named 'augnte'.* Did you mean 'augnet'"):
        find_rule("augnte")


def test_rejects(unchecked):
    with pytest.raises(ArgumentTypeError, match=r"make must be a function that makes a preset, .* but got 3"):
        rule_of(3)
    with pytest.raises(ArgumentError, match=r"'strenght' is no option of system; its options: strength\."):
        rule_of(system, strenght=1.0)
    with pytest.raises(ArgumentTypeError, match=r"print must return an augrad.presets.Preset, but returned None"):
        built(rule_of(print, name="printed"))
