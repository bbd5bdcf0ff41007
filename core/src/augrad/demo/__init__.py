"""Demos: small real tasks that compare a learned augmentation with the true augmentation and with none."""

from augrad.demo.results import DemoResult, Findings, Orbit, Run
from augrad.demo.run import run_demo, run_demos
from augrad.demo.task import Demo, DemoData

__all__ = ["Demo", "DemoData", "DemoResult", "Findings", "Orbit", "Run", "run_demo", "run_demos"]
