"""A run's checkpoints on disk: written whole, `latest` moved last, all but the last and the best removed.

Uses manifest.py, storage.py; used by loop.py.
"""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from augrad.errors import CheckpointError
from augrad.transform.transform import Transform

if TYPE_CHECKING:
    from augrad.files.manifest import Checkpoint

KIND = "checkpoint"


class Checkpoints:
    """The checkpoints of a run: `<directory>/step-00000120/`, and the pointers `latest` and `best`.

    Args:
        directory: of the run; made when the first checkpoint is written.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def pointed(self, pointer: str) -> Path | None:
        """The checkpoint that `"latest"` or `"best"` names, or None before the first.

        Raises:
            CheckpointError: the pointer is damaged.
        """
        from augrad.files.storage import read_pointer

        return read_pointer(self.directory, pointer)

    def read(self) -> Checkpoint | None:
        """The latest checkpoint, verified, or None if there is none.

        Raises:
            CheckpointError: it is damaged.
        """
        from augrad.files.manifest import read_checkpoint

        latest = self.pointed("latest")
        return None if latest is None else read_checkpoint(latest, kind=KIND)

    def refuse_existing(self) -> None:
        """Raises `CheckpointError` if the directory holds a run already: it would be overwritten."""
        latest = self.pointed("latest")
        if latest is not None:
            raise CheckpointError(
                f"{self.directory} holds a run already (its last checkpoint is {latest.name}). Pass resume=True to go "
                "on with it, or another directory to start anew.",
                directory=self.directory,
            )

    def save(
        self,
        step: int,
        tensors: Mapping[str, Mapping[str, Any]],
        config: Mapping[str, Any],
        transforms: Iterable[Transform],
        *,
        best: bool,
    ) -> Path:
        """Writes a checkpoint, points `latest` (and `best`) at it, and removes those that nothing points at any more.

        Raises:
            StorageError: it could not be written; the pointers and the checkpoints that they name are as before.
        """
        from augrad.files.manifest import write_checkpoint
        from augrad.files.storage import write_pointer

        name = f"step-{step:08d}"
        path = write_checkpoint(self.directory / name, tensors, kind=KIND, config=config, transforms=transforms)
        if best:
            write_pointer(self.directory, "best", name)
        write_pointer(self.directory, "latest", name)
        self._prune()
        return path

    def _prune(self) -> None:
        kept = {path.name for path in (self.pointed("latest"), self.pointed("best")) if path is not None}
        for path in self.directory.glob("step-*"):
            if path.name not in kept:
                # Renamed first: a kill half-way must not leave a directory that looks like a checkpoint.
                with suppress(OSError):
                    os.rename(path, path.with_name(f".{path.name}.tmp-{secrets.token_hex(4)}"))
        for path in self.directory.glob(".step-*.tmp-*"):
            shutil.rmtree(path, ignore_errors=True)


def check_same(then: Mapping[str, Any], now: Mapping[str, Any], path: Path) -> None:
    """Raises `CheckpointError` that names the differences between this run and the run that wrote a checkpoint.

    Args:
        then: the fingerprint that was stored.
        now: the fingerprint of this run.
        path: the checkpoint, for the message.
    """
    before, after = dict(_flat(then)), dict(_flat(now))
    names = [name for name in {**before, **after} if before.get(name, _ABSENT) != after.get(name, _ABSENT)]
    if names:
        shown = [f"{name} was {before.get(name, _ABSENT)!r} and is {after.get(name, _ABSENT)!r}" for name in names[:3]]
        more = f", and {len(names) - 3} more" if len(names) > 3 else ""
        raise CheckpointError(
            f"cannot resume from {path}: {'; '.join(shown)}{more}. Resume with the model and arguments of that run, or "
            "pass another directory.",
            differences=names,
            path=path,
        )


class _Absent:
    def __repr__(self) -> str:
        return "absent"


_ABSENT = _Absent()


def _flat(tree: Any, name: str = "") -> Iterable[tuple[str, Any]]:
    """Names and leaves of nested mappings and lists: `{"a": {"b": [1]}}` -> `("a.b.0", 1)`."""
    if isinstance(tree, Mapping) and tree:
        for key, value in tree.items():
            yield from _flat(value, f"{name}.{key}" if name else str(key))
    elif isinstance(tree, list | tuple) and tree:
        for index, value in enumerate(tree):
            yield from _flat(value, f"{name}.{index}")
    else:
        yield name, list(tree) if isinstance(tree, tuple) else tree
