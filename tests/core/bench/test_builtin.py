from __future__ import annotations

import pytest
import torch
from tests.core.bench.tiny import tiny_task
from tests.core.demo_task import SHORT, load

from augrad import AugerinoPenalty, MagnitudePenalty, fit
from augrad.bench.builtin import N_LAYERS, defaults
from augrad.demo.rules import build_transforms
from augrad.plugins.catalogue import OWN
from augrad.plugins.registry import get_rule, rules
from augrad.policies.policy import Policy

NAMES = list(OWN.rules)
SWEPT = ("demo_test.offset", "demo_test.damp", "demo_test.reverse")


def built(name, **changed):
    task = tiny_task(**changed)
    return get_rule(name).build(task, build_transforms(task, SHORT), 0)


def policy_of(name, **changed):
    return list(Policy.from_module(built(name, **changed).augmentation))


def test_there_are_those_of_the_issue_in_order():
    grid = ["randaugment-0.1", "randaugment-0.3", "randaugment-1.0"]
    assert list(OWN.rules) == [
        "none",
        "oracle",
        "cross_fitted",
        "full",
        *grid,
        "trivialaugment",
        "augerino",
        "augnet",
        "joint",
        "augrad",
    ]
    assert list(rules())[: len(NAMES)] == NAMES
    assert {rule.group for rule in rules().values()} >= {"randaugment", "augrad"}


@pytest.mark.parametrize("name", NAMES)
def test_transforms_of_the_task_are_left_alone(name):
    task = tiny_task()
    transforms = build_transforms(task, SHORT)
    made = get_rule(name).build(task, transforms, 0)
    inside = {id(transform) for layer in made.augmentation for transform in layer}
    assert inside.isdisjoint(map(id, transforms.values()))


@pytest.mark.parametrize("name", NAMES)
def test_only_rules_that_learn_have_something_to_train_and_a_penalty(name):
    made = built(name)
    learns = any(parameter.requires_grad for parameter in made.augmentation.parameters())
    assert learns == (name in ("augerino", "augnet", "joint", "augrad", "cross_fitted"))
    assert made.copies == (1 if name == "none" else None if name != "oracle" else 2)
    penalties = {"augerino": AugerinoPenalty, "augnet": MagnitudePenalty}
    if name == "augrad":
        assert made.options == {}, "nothing is passed that is special to it"
    elif name in ("joint", "cross_fitted"):
        assert made.options == {"objective": name}, "its penalty is the objective's own"
    else:
        assert isinstance(made.options["penalty"], penalties.get(name, type(None)))


def test_none_and_an_empty_oracle_do_nothing():
    x = load(0).train_x
    for made in (built("none"), built("oracle", kind="nothing", oracle={})):
        assert torch.equal(made.augmentation(x), x)
        assert made.copies == 1


def test_oracle_does_what_is_true():
    ((row,),) = [policy_of("oracle")]
    assert (row.transform, row.low, row.high, row.weight) == ("demo_test.offset", -1.0, 1.0, 1.0)


def test_full_applies_all_one_after_the_other_at_full_range():
    module = built("full").augmentation
    assert [layer.names[0] for layer in module] == list(SWEPT)
    rows = {(row.transform, row.parameter): row for row in policy_of("full")}
    assert rows["demo_test.offset", "level"].reach == "±2 V"
    assert rows["demo_test.damp", "loss"].magnitude == 1.0
    assert {row.weight for row in rows.values()} == {1.0}


def test_randaugment_shares_its_magnitude():
    for magnitude in (0.1, 0.3, 1.0):
        found = [row.magnitude for row in policy_of(f"randaugment-{magnitude}") if row.magnitude is not None]
        assert found == pytest.approx([magnitude] * len(found))
        assert len(found) > 2


def test_augnet_learns_at_the_rate_of_the_trunk_as_published():
    assert built("augnet", lr=3e-3).options["augmentation_lr"] == pytest.approx(3e-3)
    assert len(built("augnet").augmentation) == 3


def test_augrad_stacks_the_candidates_with_the_defaults_of_the_library():
    module = built("augrad", n_layers=5).augmentation
    assert [layer.names for layer in module] == [SWEPT] * N_LAYERS


def test_settings_follow_the_defaults_of_the_library():
    assert get_rule("augrad").settings["fit"] == defaults(fit)
    assert "penalty" not in get_rule("none").settings["fit"], "what has no penalty does not depend on it"
    grid = [get_rule(f"randaugment-{magnitude}").settings for magnitude in (0.1, 0.3, 1.0)]
    assert grid[0] != grid[1] != grid[2]
