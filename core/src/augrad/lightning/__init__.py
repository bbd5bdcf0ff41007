"""For users of a Lightning Trainer: `JointModule` trains by any objective, in a single pass;
`FindPolicy` finds the policy before it.

Uses training/; needs `pip install "augrad[lightning]"`, which neither `import augrad` nor `fit` loads.
"""

from augrad.lightning.find_policy import FindPolicy
from augrad.lightning.joint_module import JointModule

__all__ = ["FindPolicy", "JointModule"]
