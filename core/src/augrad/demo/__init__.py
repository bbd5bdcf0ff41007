"""Demos: small real tasks that show what learning an invariance is worth, next to being told it."""

from augrad.demo.results import DemoResult, Orbit, Run
from augrad.demo.run import run_demo
from augrad.demo.task import Demo, DemoData

__all__ = ["Demo", "DemoData", "DemoResult", "Orbit", "Run", "run_demo"]
