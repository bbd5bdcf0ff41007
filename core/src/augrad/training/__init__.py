"""The trainer: `fit`, its result, early stopping, and the runaway guard. It runs the plan of any objective.

Uses learning/ and files/; accelerate gives devices and processes.
"""

from augrad.training.early_stopping import EarlyStopping
from augrad.training.result import FitResult
from augrad.training.runaway import RunawayGuard
from augrad.training.trainer import fit

__all__ = ["EarlyStopping", "FitResult", "RunawayGuard", "fit"]
