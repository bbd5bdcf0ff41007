"""What this distribution brings to augrad, by name. Read at discovery: it imports neither torch nor transforms.py."""

from __future__ import annotations

from augrad.plugins.hookspecs import names_of

_CLASSES = ("Rotate", "Scale", "Shear", "Jitter", "Drop")


def augrad_transforms() -> dict[str, str]:
    """The name of each transform, and where its class is.

    Example:
        >>> augrad_transforms()["pointcloud.rotate"]
        'augrad_pointcloud.transforms:Rotate'
    """
    return names_of("pointcloud", "augrad_pointcloud", {"transforms": _CLASSES})


def augrad_demos() -> dict[str, str]:
    """The demo, and where it is.

    Example:
        >>> augrad_demos()
        {'pointcloud': 'augrad_pointcloud.demo:DEMO'}
    """
    return {"pointcloud": "augrad_pointcloud.demo:DEMO"}
