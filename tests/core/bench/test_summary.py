from __future__ import annotations

import dataclasses
import statistics

import pytest
from tests.core.bench.tiny import record, tiny_task

from augrad.bench import Rule
from augrad.bench.records import Candidate, LearnedRange, failed
from augrad.bench.summary import groups_of, measures_of, range_ratios, rows_of

RULES = [
    Rule("none", "none", print),
    Rule("oracle", "oracle", print),
    Rule("grid-0.1", "Grid 0.1", print, group="grid"),
    Rule("grid-0.3", "Grid 0.3", print, group="grid"),
    Rule("augrad", "augrad", print),
]
TRUTH = {"demo_test.offset": {"level": 1.0}}
A = tiny_task(name="see-a")
B = tiny_task(name="hear-b", kind="limit")
C = tiny_task(name="hear-c", kind="nothing", oracle={})


def runs(task, rule, *scores, **changed):
    return [record(task.name, rule, seed, score, kind=task.kind, **changed) for seed, score in enumerate(scores)]


def candidate(true, weight, displacement, ranges=()):
    return Candidate("a.b", true, weight, displacement, ranges)


RECORDS = [
    *runs(A, "none", 0.70, 0.72),
    *runs(A, "oracle", 0.90, 0.92),
    *runs(A, "grid-0.1", 0.75, 0.75, cpu_seconds=2.0),
    *runs(A, "grid-0.3", 0.80, 0.86, cpu_seconds=4.0),
    *runs(A, "augrad", 0.88, 0.90, cpu_seconds=3.0),
    *runs(B, "none", 0.60, 0.60),
    *runs(B, "oracle", 0.80, 0.80),
    *runs(B, "grid-0.1", 0.70, 0.70),
    *runs(B, "grid-0.3", 0.50, 0.50),
    *runs(B, "augrad", 0.72, 0.72),
    *runs(C, "none", 0.50, 0.52),
    *runs(C, "oracle", 0.50, 0.52),
    *runs(C, "grid-0.1", 0.40, 0.40),
    *runs(C, "grid-0.3", 0.41, 0.41),
    *runs(C, "augrad", 0.49, 0.49),
]


def rows(records=RECORDS):
    return {(row.task, row.group): row for row in rows_of([A, B, C], RULES, records)}


def measures(records=RECORDS):
    found = measures_of(rows_of([A, B, C], RULES, records), records)
    return {each.group: each for each in found}


def test_groups_keep_their_order():
    assert [(group, len(members)) for group, members in groups_of(RULES).items()] == [
        *(("none", 1), ("oracle", 1)),
        *(("grid", 2), ("augrad", 1)),
    ]


def test_rows_stand_in_the_order_of_tasks_and_rules():
    assert list(rows()) == [(task, group) for task in ("see-a", "hear-b", "hear-c") for group in groups_of(RULES)]


def test_scores_and_recovery_are_of_means():
    row = rows()["see-a", "augrad"]
    assert row.score == pytest.approx(0.89)
    assert row.sd == pytest.approx(statistics.stdev([0.88, 0.90]))
    assert row.difference == pytest.approx(0.18)
    assert row.recovery == pytest.approx(0.9)
    assert row.seeds == (0, 1)
    assert rows()["see-a", "none"].recovery == 0.0
    assert rows()["see-a", "oracle"].recovery == pytest.approx(1.0)


def test_of_a_grid_the_best_of_each_task_counts():
    assert [rows()[task, "grid"].rule for task in ("see-a", "hear-b", "hear-c")] == ["grid-0.3", "grid-0.1", "grid-0.3"]
    assert rows()["see-a", "grid"].recovery == pytest.approx(0.6)


def test_where_the_oracle_gains_nothing_there_is_no_recovery():
    assert rows()["hear-c", "augrad"].recovery is None
    assert rows()["hear-c", "augrad"].difference == pytest.approx(-0.02)
    close = [dataclasses.replace(each, score=0.714) if each.rule == "oracle" else each for each in RECORDS]
    assert rows(close)["see-a", "augrad"].recovery is None


def test_time_is_paired_by_seed():
    records = [*runs(A, "none", 0.7, 0.7), *runs(A, "augrad", 0.8)]
    records[1] = dataclasses.replace(records[1], cpu_seconds=4.0)
    records.append(dataclasses.replace(records[2], seed=1, cpu_seconds=2.0))
    # 1 / 1 and 2 / 4.
    assert rows(records)["see-a", "augrad"].relative_time == pytest.approx(0.75)
    alone = [dataclasses.replace(records[2], seed=7), *records[:2]]
    assert rows(alone)["see-a", "augrad"].relative_time is None


def test_runs_that_ended_early_are_counted():
    stopped = [dataclasses.replace(each, stopped="runaway" if each.seed else "max_epochs") for each in RECORDS]
    assert (measures(stopped)["augrad"].n_runs, measures(stopped)["augrad"].n_stopped) == (6, 3)


def test_what_has_nothing_to_compare_with_stands_alone():
    row = rows(runs(A, "augrad", 0.8))["see-a", "augrad"]
    assert (row.difference, row.recovery, row.relative_time, row.sd) == (None, None, None, 0.0)


def test_failed_runs_count_for_nothing():
    bad = failed(A, "augrad", 2, "0f", "it broke")
    assert rows([*RECORDS, bad]) == rows()
    assert measures([*RECORDS, bad]) == measures()
    assert list(rows([bad])) == []


def test_recovery_by_modality_and_in_all():
    augrad = measures()["augrad"]
    assert augrad.recovery == {"see": pytest.approx(0.9), "hear": pytest.approx(0.6)}
    assert augrad.recovery_all == pytest.approx(0.75)
    assert augrad.recovery_worst == pytest.approx(0.6)
    assert augrad.score == {"see": pytest.approx(0.89), "hear": pytest.approx((0.72 + 0.49) / 2)}
    assert augrad.relative_time == pytest.approx((3 + 1 + 1) / 3)
    assert measures()["grid"].relative_time == pytest.approx((4 + 1 + 1) / 3), "of the best on each task"


def test_where_nothing_is_true_the_difference_counts():
    assert measures()["augrad"].nothing == pytest.approx(-0.02)
    assert measures()["grid"].nothing_worst == pytest.approx(-0.10)
    assert measures(runs(A, "augrad", 0.8))["augrad"].nothing is None


def test_invariance_is_a_mean_over_the_tasks_that_have_one():
    records = [*runs(A, "augrad", 0.8), *runs(C, "augrad", 0.5, trunk_invariance=None, model_invariance=None)]
    found = measures(records)["augrad"]
    assert (found.trunk_invariance, found.model_invariance) == (0.5, 0.75)
    assert rows(records)["hear-c", "augrad"].trunk_invariance is None


def test_truth_is_told_by_weight_times_displacement():
    a = [candidate(True, 0.5, 0.5), candidate(False, 0.9, 0.1), candidate(False, 0.1, 0.9)]  # 0.25 > 0.09 = 0.09
    b = [candidate(True, 0.2, 0.5), candidate(False, 0.5, 0.4)]  # 0.1 < 0.2
    c = [candidate(False, 1.0, 0.3)]  # 0.3, above all: what moved the data where nothing is true
    records = [
        *runs(A, "augrad", 0.8, candidates=tuple(a)),
        *runs(B, "augrad", 0.8, candidates=tuple(b)),
        *runs(C, "augrad", 0.8, candidates=tuple(c)),
    ]
    found = rows(records)
    assert [found[task, "augrad"].auc for task in ("see-a", "hear-b", "hear-c")] == [1.0, 0.0, None]
    # True ones at 0.25 and 0.1, false ones at 0.09, 0.09, 0.2, 0.3: they win 3 + 2 of 8.
    assert measures(records)["augrad"].auc == pytest.approx(5 / 8)
    assert measures(records)["augrad"].auc_per_task == pytest.approx(0.5)


def test_truth_is_told_by_the_scores_of_a_rule_that_states_them():
    stated = [(True, 2.0), (False, -1.0)]
    found = tuple(dataclasses.replace(candidate(true, 0.0, 0.0), found=score) for true, score in stated)
    assert rows(runs(A, "augrad", 0.8, candidates=found))["see-a", "augrad"].auc == 1.0
    backwards = tuple(dataclasses.replace(each, found=-each.found) for each in found)
    assert rows(runs(A, "augrad", 0.8, candidates=backwards))["see-a", "augrad"].auc == 0.0


def test_what_draws_nothing_tells_nothing():
    records = runs(A, "none", 0.8, candidates=(candidate(True, 0.0, 0.0), candidate(False, 0.0, 0.0)))
    assert rows(records)["see-a", "none"].auc is None


def test_ranges():
    def ranges(*pairs):
        return tuple(LearnedRange("p", "deg", learned, true) for learned, true in pairs)

    found = (candidate(True, 1.0, 1.0, ranges((55.0, 50.0), (20.0, 10.0), (3.0, 0.0))), candidate(False, 1.0, 1.0))
    wrong = (candidate(False, 1.0, 1.0, ranges((9.0, None))),)
    limit = (candidate(True, 1.0, 1.0, ranges((6.0, 10.0))),)
    records = [
        *runs(A, "augrad", 0.8, candidates=found + wrong, learns=True),
        *runs(B, "augrad", 0.8, candidates=limit, learns=True),
    ]
    assert range_ratios(records[:1]) == pytest.approx([1.1, 2.0])
    each = measures(records)["augrad"]
    assert (each.range_ratio, each.range_near) == (pytest.approx(1.55), 0.5)
    assert (each.limit_ratio, each.limit_near) == (pytest.approx(0.6), 0.0)
    assert rows(records)["see-a", "augrad"].range_ratio == pytest.approx(1.55)
    told = [dataclasses.replace(each, learns=False) for each in records]
    assert measures(told)["augrad"].range_ratio is None, "it was told"
