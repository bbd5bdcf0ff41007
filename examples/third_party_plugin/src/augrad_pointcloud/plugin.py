"""What this distribution brings to augrad, by name. Read at discovery: it imports neither torch nor transforms.py."""

from __future__ import annotations


def augrad_transforms() -> dict[str, str]:
    """The name of each transform, and where its class is.

    Example:
        >>> augrad_transforms()["pointcloud.rotate"]
        'augrad_pointcloud.transforms:Rotate'
    """
    return {
        "pointcloud.rotate": "augrad_pointcloud.transforms:Rotate",
        "pointcloud.scale": "augrad_pointcloud.transforms:Scale",
        "pointcloud.shear": "augrad_pointcloud.transforms:Shear",
        "pointcloud.jitter": "augrad_pointcloud.transforms:Jitter",
        "pointcloud.drop": "augrad_pointcloud.transforms:Drop",
    }


def augrad_demos() -> dict[str, str]:
    """The demo, and where it is.

    Example:
        >>> augrad_demos()
        {'pointcloud': 'augrad_pointcloud.demo:DEMO'}
    """
    return {"pointcloud": "augrad_pointcloud.demo:DEMO"}
