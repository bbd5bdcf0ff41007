"""augrad learns, from the training data alone, which transformations a task is invariant to, and how far."""

from augrad import batch
from augrad.draws import keyed_generator
from augrad.errors import AugradError
from augrad.layer import AugmentationLayer
from augrad.matrix import Action, MatrixTransform
from augrad.model import InvariantModel
from augrad.module import AugmentationModule
from augrad.objective import JointLoss, parameter_groups
from augrad.penalties import DisplacementPenalty, MagnitudePenalty, Penalty
from augrad.ranges import Range
from augrad.registry import get_transform, register
from augrad.transform import Transform

__all__ = [
    "Action",
    "AugmentationLayer",
    "AugmentationModule",
    "AugradError",
    "DisplacementPenalty",
    "InvariantModel",
    "JointLoss",
    "MagnitudePenalty",
    "MatrixTransform",
    "Penalty",
    "Range",
    "Transform",
    "batch",
    "get_transform",
    "keyed_generator",
    "parameter_groups",
    "register",
]
