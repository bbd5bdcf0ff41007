"""Files that are either complete or absent: atomic writing of files and directories, and pointers.

Used by manifest.py, policy.py and the trainer. Directories of augrad look like this::

    <saved model or checkpoint>/     written and replaced as a whole by `write_directory`; read by `manifest.py`
        model.safetensors            state dict of the `InvariantModel`: "trunk.*" and "augmentation.*"
        optimizer.safetensors        only in the trainer's checkpoints
        manifest.json                written last: see `manifest.py`; `config["model"]` is `saving.model_config(model)`
    <run directory>/
        <checkpoint>/ ...            any names
        latest, best                 pointers: text files with the name of a checkpoint, moved after it is complete

`augrad.load` therefore reads the directories of `augrad.save` and the trainer's checkpoints alike, and follows a
pointer.

A write goes to a temporary name beside the target (`.<name>.tmp-<random>`), is synced, and takes the target's name in
a single rename. While a directory is being replaced, the old directory is kept as `.<name>.previous`. If the process
dies at that moment, `standing` still finds it.
"""

from __future__ import annotations

import errno
import glob
import os
import secrets
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from augrad.errors import ArgumentError, CheckpointError, StorageError

MANIFEST = "manifest.json"
"""The file by which augrad recognises its own directories."""

_OWN_SUFFIXES = {".json", ".safetensors"}

_WAYS_OUT = {
    errno.ENOSPC: " Free some space, or write to another disk.",
    errno.EDQUOT: " Free some space, or write to another disk.",
    errno.EFBIG: " The file system or a limit (ulimit -f) does not allow a file of this size; write elsewhere.",
    errno.EACCES: " Choose a directory that you may write to.",
    errno.EPERM: " Choose a directory that you may write to.",
    errno.EROFS: " Choose a directory that you may write to.",
}


def write_file(path: str | os.PathLike[str], content: bytes) -> Path:
    """Writes a file atomically: at any moment, either the whole old content or the whole new content is there.

    Args:
        path: missing parent directories are created; a symbolic link is followed.
        content: the whole content.

    Returns:
        The path written to.

    Raises:
        StorageError: the file could not be written (full disk, no permission, ...). The old file is untouched.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     write_file(f"{folder}/note.txt", b"whole").read_bytes()
        b'whole'
    """
    target = _target(path)
    temporary = _temporary(target)
    with _cleared_up(target, temporary):
        _prepare(target)
        _write_synced(temporary, content)
        os.replace(temporary, target)
    _sync_directory(target.parent)
    return target


def write_as(path: str | os.PathLike[str], kinds: Mapping[str, Callable[[], str]]) -> Path:
    """Writes a text in the format that the ending of the file name asks for. Only this text is made.

    Args:
        path: as for `write_file`.
        kinds: for each ending, such as `".html"`, a function that makes the text.

    Returns:
        The path written to.

    Raises:
        ArgumentError: the file name has another ending.
        StorageError: as for `write_file`.

    Example:
        >>> write_as("report.pdf", {".html": str, ".md": str})
        Traceback (most recent call last):
        augrad.errors.ArgumentError: path must end in .html or .md, but got 'report.pdf'.
    """
    make = kinds.get(Path(path).suffix.lower())
    if make is None:
        *others, last = kinds
        endings = f"{', '.join(others)} or {last}" if others else last
        raise ArgumentError(f"path must end in {endings}, but got {os.fspath(path)!r}.", argument="path", value=path)
    return write_file(path, make().encode())


def write_directory(path: str | os.PathLike[str], files: Mapping[str, bytes]) -> Path:
    """Writes a flat directory of files as a whole. A directory that augrad wrote there before is replaced as a whole.

    Args:
        path: missing parent directories are created.
        files: content by plain file name; must include `manifest.json`.

    Returns:
        The path written to.

    Raises:
        StorageError: the directory could not be written, or files are there that augrad did not write. They are
            untouched.
    """
    target = _target(path)
    temporary = _temporary(target)
    with _cleared_up(target, temporary):
        _prepare(target)
        _refuse_foreign(target)
        temporary.mkdir()
        for name, content in files.items():
            _write_synced(temporary / name, content)
        _sync_directory(temporary)
        _swap(temporary, target)
    _sync_directory(target.parent)
    return target


def standing(path: str | os.PathLike[str]) -> Path:
    """Returns the place of the directory that `write_directory` last completed for `path`.

    This is `path` itself, unless the process that replaced it died between the two renames.
    """
    target = _target(path)
    previous = _previous(target)
    return previous if not target.exists() and previous.exists() else target


def write_pointer(directory: str | os.PathLike[str], name: str, target: str) -> Path:
    """Makes the pointer `directory/name` (such as `latest`) point to `target`, an entry of the same directory.

    Move the pointer last, when the target is complete.

    Raises:
        StorageError: the pointer could not be written; it still points to the previous target.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     _ = write_directory(f"{folder}/step-10", {"manifest.json": b"{}"})
        ...     _ = write_pointer(folder, "latest", "step-10")
        ...     read_pointer(folder, "latest").name
        'step-10'
    """
    return write_file(Path(directory) / name, f"{target}\n".encode())


def read_pointer(directory: str | os.PathLike[str], name: str) -> Path | None:
    """Returns the path that a pointer points to, or None if there is no such pointer.

    Raises:
        CheckpointError: the pointer is unreadable, or its target does not exist beside it.
    """
    pointer = Path(directory) / name
    try:
        text = pointer.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise CheckpointError(f"cannot read the pointer {pointer}: {error.strerror}.", path=pointer) from error
    target = text[:256].decode(errors="replace").strip()
    # A plain name only: a pointer must not lead out of its directory.
    plain = target not in ("", ".", "..") and "\0" not in target and Path(target).name == target
    if not plain or len(target.encode()) > 255 or not standing(pointer.parent / target).exists():
        raise CheckpointError(
            f"the pointer {pointer} names {target!r}, which is not beside it. Write the name of a checkpoint in "
            f"{pointer.parent} into it, or pass that checkpoint's path.",
            path=pointer,
        )
    return pointer.parent / target


def _target(path: str | os.PathLike[str]) -> Path:
    return Path(os.path.realpath(path))


def _temporary(target: Path) -> Path:
    return target.with_name(f".{target.name}.tmp-{secrets.token_hex(4)}")


def _previous(target: Path) -> Path:
    return target.with_name(f".{target.name}.previous")


@contextmanager
def _cleared_up(target: Path, temporary: Path) -> Iterator[None]:
    """Removes the temporary if writing fails, and turns an error of the system into a `StorageError`."""
    try:
        yield
    except StorageError:
        raise
    except OSError as error:
        _remove(temporary)
        raise StorageError(
            f"could not write {target}: {error.strerror or error}. What stood there before is untouched."
            + _WAYS_OUT.get(error.errno or 0, ""),
            path=target,
        ) from error
    except BaseException:
        _remove(temporary)
        raise


def _prepare(target: Path) -> None:
    """Makes the parent directory, and removes the leftovers of writers that died."""
    target.parent.mkdir(parents=True, exist_ok=True)
    previous = _previous(target)
    if previous.exists():
        if target.exists():
            _discard(previous, target)
        else:
            os.rename(previous, target)
    for stale in target.parent.glob(f".{glob.escape(target.name)}.tmp-*"):
        with suppress(FileNotFoundError):
            _discard(stale, target)


def _discard(path: Path, target: Path) -> None:
    # Renamed before it is deleted. If its writer is still alive, that writer fails completely and cannot publish a
    # half-deleted directory. And `.previous` is always either complete or gone.
    doomed = _temporary(target)
    os.rename(path, doomed)
    _remove(doomed)


def _refuse_foreign(target: Path) -> None:
    """Allows augrad to replace only its own directories: `save(model, "~/work")` must not delete somebody's work."""
    if not target.exists():
        return
    if not target.is_dir():
        raise StorageError(
            f"could not write the directory {target}: a file stands there. Choose another name.", path=target
        )
    entries = sorted(target.iterdir())
    foreign = [entry.name for entry in entries if not entry.is_file() or entry.suffix not in _OWN_SUFFIXES]
    if entries and (foreign or not (target / MANIFEST).exists()):
        raise StorageError(
            f"could not write the directory {target}: it is not empty and was not written by augrad "
            f"(it holds {(foreign or [entries[0].name])[0]!r}). Choose another name.",
            path=target,
        )


def _swap(temporary: Path, target: Path) -> None:
    if not target.exists():
        os.rename(temporary, target)
        return
    previous = _previous(target)
    os.rename(target, previous)
    try:
        os.rename(temporary, target)
    except BaseException:
        os.rename(previous, target)
        raise
    _sync_directory(target.parent)
    # The new directory is in place. If the leftover cannot be removed now, the next write removes it.
    with suppress(OSError):
        _discard(previous, target)


def _write_synced(path: Path, content: bytes) -> None:
    with open(path, "xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync_directory(path: Path) -> None:
    # Makes the names durable. Some systems cannot sync a directory (Windows, network disks). That is no reason to fail,
    # because the files themselves are synced and the rename has happened.
    with suppress(OSError):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink(missing_ok=True)
