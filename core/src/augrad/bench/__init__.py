"""The benchmark: tasks whose truth is known, rules that learn or are told it, and what they reach."""

from augrad.bench.own import own_task
from augrad.bench.result import BenchResult
from augrad.bench.rules import Configuration, Rule
from augrad.bench.run import run_bench
from augrad.bench.task import Task

__all__ = ["BenchResult", "Configuration", "Rule", "Task", "own_task", "run_bench"]
