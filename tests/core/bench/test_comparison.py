"""Tests of comparisons of rules: standard errors, paired tests, and their tables."""

from __future__ import annotations

import dataclasses
import io
import math

import numpy as np
import pytest
from rich.console import Console
from scipy import stats
from tests.core.bench.tiny import record, tiny_task

from augrad.bench import BenchResult, Rule
from augrad.bench.comparison import comparisons_of, differences_of, estimate, holm
from augrad.bench.comparison_tables import comparison_markdown, comparison_table
from augrad.bench.console import print_result

OWN = tiny_task(name="own", kind="unknown", oracle={})
RULES = [Rule("none", "no augmentation", print), Rule("turn", "Turned", print), Rule("blur", "Blurred", print)]


def runs(rule, *outcomes, samples="a", **changed):
    return [
        record("own", rule, seed, sum(each) / len(each), kind="unknown", outcomes=each, samples=samples, **changed)
        for seed, each in enumerate(outcomes)
    ]


RECORDS = [
    *runs("none", (1.0, 0.0, 0.0, 1.0), (1.0, 0.0, 0.0, 0.0)),
    *runs("turn", (1.0, 1.0, 0.0, 1.0), (1.0, 1.0, 1.0, 0.0), cpu_seconds=3.0),
    *runs("blur", (0.0, 0.0, 0.0, 1.0), (1.0, 0.0, 0.0, 0.0)),
]


def compared(records=RECORDS):
    return comparisons_of([OWN], RULES, records)[0]


def test_one_seed_is_the_t_test_over_samples():
    values = np.array([0.0, 1.0, 1.0, -1.0, 1.0, 0.0, 1.0])
    found = estimate({3: ("a", values)})
    assert found.standard_error == pytest.approx(stats.sem(values))
    assert found.p == pytest.approx(stats.ttest_1samp(values, 0.0).pvalue)


def test_samples_of_its_own_for_each_seed_are_the_t_test_over_seeds():
    means = np.array([0.1, 0.3, 0.2])
    outcomes = {seed: (f"{seed}", np.full(400, mean)) for seed, mean in enumerate(means)}
    assert estimate(outcomes).p == pytest.approx(stats.ttest_1samp(means, 0.0).pvalue)


def test_few_samples_are_few_however_well_the_seeds_agree():
    values = np.array([1.0, 0.0, 0.0, 0.0])
    alike = dict.fromkeys(range(5), ("a", values))
    apart = {seed: (f"{seed}", np.roll(values, seed)) for seed in range(5)}
    assert estimate(alike).standard_error == pytest.approx(stats.sem(values))
    assert estimate(apart).standard_error == pytest.approx(stats.sem(np.tile(values, 5)))


def test_few_seeds_are_few_however_many_samples_there_are():
    values = np.zeros(10_000)
    found = estimate({0: ("a", values), 1: ("a", values + 0.2)})
    assert (found.mean, found.standard_error) == (pytest.approx(0.1), pytest.approx(0.1))
    assert found.degrees == pytest.approx(1.0, abs=1e-3)


def test_rules_that_do_not_differ_are_not_told_apart():
    rng = np.random.default_rng(0)
    n_found = 0
    for _ in range(400):
        sample = 0.1 * rng.standard_normal(100)
        noise = 0.01 * rng.standard_normal((5, 1)) + 0.3 * rng.standard_normal((5, 100))
        n_found += estimate({seed: ("a", sample + noise[seed]) for seed in range(5)}).p < 0.05
    assert n_found / 400 < 0.085


def test_no_difference_at_all():
    assert estimate({0: ("a", np.zeros(4)), 1: ("a", np.zeros(4))}).p == 1.0


def test_only_the_same_seeds_and_samples_are_paired():
    ones = np.ones(3)
    first = {0: ("a", 2 * ones), 1: ("a", ones), 2: ("a", ones)}
    second = {0: ("a", ones), 1: ("b", ones), 3: ("a", ones)}
    assert {seed: values.tolist() for seed, (_, values) in differences_of(first, second).items()} == {0: [1.0] * 3}


def test_holm_never_turns_the_order_round():
    assert holm([0.04, 0.01, 0.03, 0.9]) == pytest.approx([0.09, 0.04, 0.09, 0.9])
    assert holm([]) == []


def test_standings_and_pairs():
    found = compared()
    assert [(each.rule, each.score, each.relative_time) for each in found.standings] == [
        *(("none", 0.375, 1.0), ("turn", 0.75, 3.0), ("blur", 0.25, 1.0))
    ]
    assert [(each.first, each.second, each.seeds) for each in found.pairs] == [
        *(("turn", "none", (0, 1)), ("blur", "none", (0, 1)), ("blur", "turn", (0, 1)))
    ]
    assert found.pair("turn", "none").difference == pytest.approx(0.375)
    assert found.pair("none", "turn").difference == pytest.approx(-0.375)
    assert found.pair("none", "turn").p == found.pair("turn", "none").p
    assert (found.pair("none", "full"), found.n_samples) == (None, 4)
    assert all(each.p <= each.p_adjusted <= 1 for each in found.pairs)
    assert all(math.isfinite(each.standard_error) for each in found.standings)


def test_failed_runs_and_known_truth_count_for_nothing():
    bad = dataclasses.replace(RECORDS[0], seed=5, error="it broke", outcomes=None)
    assert compared([*RECORDS, bad]) == compared()
    assert comparisons_of([tiny_task(name="own")], RULES, RECORDS) == []
    assert comparisons_of([OWN], RULES, [bad]) == []


def test_tables():
    text = comparison_markdown(compared(), RULES)
    assert "| rule | accuracy | difference | p | time |" in text
    assert "| no augmentation | 0.375 ± " in text
    assert "| Turned | 0.750 ± " in text
    assert "+0.375 ± " in text
    assert "|  | no augmentation | Turned |" in text
    assert "| Blurred | \N{MINUS SIGN}0.125 (" in text
    assert "single seed" not in text
    for word in ("recovery", "AUC", "range", "oracle"):
        assert word not in text
    assert "single seed" in comparison_markdown(compared([each for each in RECORDS if not each.seed]), RULES)


def test_without_the_rule_none_the_first_is_the_reference_and_no_time_is_shown():
    found = comparisons_of([OWN], RULES, [each for each in RECORDS if each.rule != "none"])[0]
    text = comparison_markdown(found, RULES)
    assert "Differences are to Turned." in text
    assert "| rule | accuracy | difference | p |\n" in text
    assert "Row minus column" not in text


def test_what_is_printed_fits_a_terminal():
    console = Console(file=io.StringIO(), width=80)
    print_result(BenchResult((OWN,), tuple(RULES), tuple(RECORDS)), console)
    printed = console.file.getvalue()
    assert "own: 4 validation samples, 2 seeds" in printed
    assert "Gain recovery" not in printed
    assert comparison_table(compared(), RULES).row_count == 3


def test_both_kinds_of_task_in_one_result():
    known = tiny_task(name="known")
    records = [*RECORDS, record("known", "none", 0, 0.5)]
    both = BenchResult((known, OWN), tuple(RULES), tuple(records))
    assert [row.task for row in both.rows] == ["known"]
    assert [each.task for each in both.comparisons] == ["own"]
    assert "## Tasks" in both.to_markdown()
    assert "## Rules on own" in both.to_markdown()
    assert {"rows", "measures", "comparisons"} <= set(both.to_json())
    own = BenchResult((OWN,), tuple(RULES), tuple(RECORDS))
    assert "## Tasks" not in own.to_markdown()
    assert {"rows", "measures"}.isdisjoint(own.to_json())
    assert "oracle" not in own.to_json()["tasks"]["own"]
