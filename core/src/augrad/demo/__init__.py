"""Demos: a small real task shows what learning an invariance buys, next to no augmentation and to knowing the answer."""

from augrad.demo.results import DemoResult, Orbit, Run
from augrad.demo.run import run_demo
from augrad.demo.task import Demo, DemoData

__all__ = ["Demo", "DemoData", "DemoResult", "Orbit", "Run", "run_demo"]
