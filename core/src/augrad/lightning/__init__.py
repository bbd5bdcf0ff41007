"""For those who own a Lightning Trainer: `JointModule`, what `augrad.fit` does as a LightningModule.

Uses training/; needs `pip install "augrad[lightning]"`, which neither `import augrad` nor `fit` loads.
"""

from augrad.lightning.joint_module import JointModule

__all__ = ["JointModule"]
