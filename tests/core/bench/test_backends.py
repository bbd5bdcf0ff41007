"""The benchmark through joblib: loky for real, Dask with a cluster in this process where it is installed."""

from __future__ import annotations

import dataclasses
import io
import os

import pytest
from rich.console import Console
from tests.core.bench.tiny import tiny_task

from augrad.bench import Rule, run_bench
from augrad.bench.backends import PACKAGES, _sent, _singles, _work, check_backend, run_on_backend
from augrad.bench.builtin import NONE
from augrad.bench.records import digest_of
from augrad.bench.trial import Cluster, run_cluster
from augrad.errors import ArgumentError, MissingDependencyError


def killing(task, transforms, seed):
    os._exit(3)


def raising(task, transforms, seed):
    raise RuntimeError("it broke")


RULES = (NONE, Rule("raising", "Raising", raising), dataclasses.replace(NONE, name="other"))


def cluster_of(*rules, **changed):
    task = tiny_task(**changed)
    return Cluster(task, 0, rules, tuple(digest_of(task, rule) for rule in rules))


def same(found, cluster):
    here = {each.rule: each for each in run_cluster(cluster)}
    return {each.rule: (each.score, each.error) for each in found} == {
        rule: (each.score, each.error) for rule, each in here.items()
    }


def test_loky_does_the_same_and_a_worker_that_dies_fails_its_run_alone():
    dying = Rule("dying", "Dying", killing)
    cluster = cluster_of(*RULES)
    found = list(run_on_backend([cluster_of(RULES[0], dying, *RULES[1:])], "loky", 2))
    (killed,) = [each for each in found if each.rule == "dying"]
    assert killed.error == "its worker was lost (TerminatedWorkerError): short of memory, or a crash"
    assert same([each for each in found if each.rule != "dying"], cluster)


def test_a_worker_with_other_versions_fails_its_runs():
    task = tiny_task()
    (found,) = run_on_backend([Cluster(task, 0, (NONE,), ("another",))], "loky", 1)
    assert found.error == (
        "its worker has other versions of augrad, of the task's plugin or of torch: install the same on all"
    )


def test_an_unknown_backend_and_one_that_is_not_installed(monkeypatch, tmp_path):
    with pytest.raises(
        ArgumentError, match=r"backend must be one of 'loky', 'dask', 'ray', or None .* 'daks'. Did you mean 'dask'\?"
    ):
        run_bench([tiny_task()], [NONE], output=tmp_path / "made", backend="daks")
    assert not (tmp_path / "made").exists()
    monkeypatch.setattr("augrad.bench.backends.find_spec", lambda name: None if name == "distributed" else name)
    with pytest.raises(MissingDependencyError, match=r"'dask' needs the package dask\[distributed\]") as caught:
        check_backend("dask")
    assert caught.value.dependency == "dask[distributed]"
    check_backend(None)
    check_backend("loky")
    assert list(PACKAGES) == ["loky", "dask", "ray"]


def test_dask_trains_on_its_cluster_and_says_where_to_find_one():
    distributed = pytest.importorskip("distributed")
    cluster = cluster_of(*RULES)
    with pytest.raises(ArgumentError, match=r"backend='dask' found no cluster\. Set DASK_SCHEDULER_ADDRESS"):
        list(run_on_backend([cluster], "dask", None))
    with distributed.Client(processes=False, n_workers=1, threads_per_worker=2, dashboard_address=None):
        assert same(run_on_backend([cluster], "dask", None), cluster)


def test_a_benchmark_goes_on_where_it_was_under_another_backend(tmp_path, monkeypatch):
    monkeypatch.setattr("augrad.bench.plot.bench_png", lambda result: b"")
    console = Console(file=io.StringIO(), width=120)
    run_bench([tiny_task()], [NONE], seeds=(0,), output=tmp_path, jobs=1, console=console)
    result = run_bench(
        [tiny_task()], [NONE, *RULES[2:]], seeds=(0,), output=tmp_path, jobs=2, backend="loky", console=console
    )
    assert "1 trainings on loky; 1 are there already." in console.file.getvalue()
    assert (len(result.records), result.failed, result.environment["backend"]) == (2, {}, "loky")


def test_a_worker_runs_what_it_was_sent():
    (single,) = _singles(cluster_of(NONE))
    position, outcome = _work(3, _sent(single), os.getpid())
    assert position == 3
    assert same([outcome], single)
