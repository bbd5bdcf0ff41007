"""Names to transforms: what plugins and users register."""

from __future__ import annotations

from augrad.errors import UnknownTransformError, suggestion
from augrad.transform import Transform

_TRANSFORMS: dict[str, type[Transform]] = {}


def register(transform: type[Transform]) -> type[Transform]:
    """Registers a transform class under its name; also a decorator."""
    _TRANSFORMS[transform.name] = transform
    return transform


def get_transform(name: str) -> type[Transform]:
    """The transform class registered under `name`."""
    if name not in _TRANSFORMS:
        raise UnknownTransformError(f"no transform named {name!r}." + suggestion(name, _TRANSFORMS), name=name)
    return _TRANSFORMS[name]
