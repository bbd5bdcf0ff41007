"""Checkpoint directories: tensors in safetensors files, a manifest with their checksums, and verified reading.

Uses storage.py; used by saving.py and the trainer. `manifest.json` holds::

    schema      version of the layout, 1; a larger number was written by a newer augrad and is refused
    kind        "model" (`augrad.save`) or "checkpoint" (the trainer)
    files       sha256 and length in bytes of each file
    config      the data that the reader needs; `config["model"]` describes the `InvariantModel`
    transforms  for each transform, the distribution and version that provide it, or null
    versions    versions of augrad and torch
    sha256      checksum of everything above

Loading never runs code: nothing is pickled, and nothing is imported by a dotted path.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor

from augrad.errors import CheckpointError, StorageError
from augrad.files.storage import MANIFEST, standing, write_directory
from augrad.transform.transform import Transform

SCHEMA = 1
"""The layout of `manifest.json` that this version writes, and the newest that it reads."""

_ELSEWHERE = "Use another checkpoint, or save this one again."


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint directory whose files are complete and unchanged since they were written.

    Attributes:
        path: the directory.
        kind: kind of the directory, as its writer named it, such as `"model"`.
        config: the data that its writer stored.
        files: names of its tensor files.
        transforms: for each transform, the distribution and version that provided it (`"augrad-vision 0.1.0"`), or
            None.
        versions: versions of augrad and torch at the time of writing.
    """

    path: Path
    kind: str
    config: dict[str, Any]
    files: tuple[str, ...]
    transforms: dict[str, str | None]
    versions: dict[str, str]

    def tensors(self, name: str) -> dict[str, Tensor]:
        """The tensors of `<name>.safetensors`, on the CPU.

        Raises:
            CheckpointError: there is no such file, or it holds no tensors.
        """
        file = self.path / f"{name}.safetensors"
        if file.name not in self.files:
            raise CheckpointError(
                f"the checkpoint {self.path} has no {file.name}; it has: {', '.join(self.files) or 'no files'}.",
                path=file,
            )
        try:
            return load_file(file)
        except (SafetensorError, OSError) as error:
            raise CheckpointError(f"cannot read {file}: {error}. {_ELSEWHERE}", path=file) from error


def installed_versions(modality: str) -> dict[str, str]:
    """Returns the versions of augrad, of the plugin for a modality, and of torch, by distribution name."""
    versions = {}
    for distribution in ("augrad", f"augrad-{modality}", "torch"):
        try:
            versions[distribution] = metadata.version(distribution)
        except metadata.PackageNotFoundError:  # the transforms come from a module that is not packaged
            continue
    return versions


def write_checkpoint(
    path: str | os.PathLike[str],
    tensors: Mapping[str, Mapping[str, Any]],
    *,
    kind: str,
    config: Mapping[str, Any],
    transforms: Iterable[Transform] = (),
) -> Path:
    """Writes a checkpoint directory as a whole. A checkpoint that was there before is replaced as a whole.

    Args:
        path: the directory.
        tensors: for each file, named without its suffix (`"model"`, `"optimizer"`), tensors by name.
        kind: kind of the directory; `read_checkpoint` can require it.
        config: a JSON-able mapping, with finite numbers only.
        transforms: the transforms in use; the distribution that provides each is recorded.

    Returns:
        The path written to.

    Raises:
        StorageError: a value cannot be stored, or the directory cannot be written. Nothing has changed in that case.
    """
    files = {f"{name}.safetensors": tensor_bytes(entries) for name, entries in tensors.items()}
    body = {
        "schema": SCHEMA,
        "kind": kind,
        "files": {name: {"sha256": _sha256(content), "bytes": len(content)} for name, content in files.items()},
        "config": dict(config),
        "transforms": {transform.name: distribution_of(type(transform)) for transform in transforms},
        "versions": {"augrad": metadata.version("augrad"), "torch": str(torch.__version__)},
    }
    try:
        manifest = json.dumps({**body, "sha256": _sha256(_canonical(body))}, indent=2)
    except (TypeError, ValueError) as error:
        raise StorageError(
            f"cannot store the config of {path}: {error}. Only finite JSON values can be stored."
        ) from error
    return write_directory(path, {**files, MANIFEST: manifest.encode()})


def read_checkpoint(path: str | os.PathLike[str], *, kind: str | None = None) -> Checkpoint:
    """Reads a checkpoint directory and verifies every file in it.

    Args:
        path: the directory.
        kind: the required kind; None accepts every kind.

    Raises:
        CheckpointError: the directory is missing, incomplete, truncated, changed since it was written, of another kind,
            or written by a newer augrad.
    """
    directory = standing(path)
    if not directory.is_dir():
        stands = "is a file, not a directory" if directory.exists() else "does not exist"
        raise CheckpointError(f"cannot read the checkpoint {path}: it {stands}.", path=directory)
    body = _read_manifest(directory / MANIFEST)
    if kind is not None and body["kind"] != kind:
        raise CheckpointError(
            f"{directory} is of kind {body['kind']!r}, but {kind!r} is wanted.", path=directory, kind=body["kind"]
        )
    for name, record in body["files"].items():
        _verify(directory / name, record)
    names = ("kind", "config", "transforms", "versions")
    return Checkpoint(path=directory, files=tuple(body["files"]), **{name: body[name] for name in names})


def tensor_bytes(tensors: Mapping[str, Any]) -> bytes:
    """Tensors as the content of a safetensors file: on any device, strided or sharing memory as they may be.

    Raises:
        StorageError: an entry is no tensor, or of a kind that safetensors does not store.

    Example:
        >>> len(tensor_bytes({"x": torch.zeros(3).expand(2, 3)})) > 24
        True
    """
    for name, tensor in tensors.items():
        if not isinstance(tensor, Tensor) or tensor.layout is not torch.strided or tensor.is_quantized:
            kind = type(tensor).__name__ if not isinstance(tensor, Tensor) else f"{tensor.layout} {tensor.dtype}"
            raise StorageError(
                f"cannot store {name!r}: only dense tensors can be stored without running code when they are loaded, "
                f"but it is {kind}.",
                name=name,
            )
    # A clone has storage of its own: safetensors refuses tied weights and views.
    own = {name: tensor.detach().cpu().clone(memory_format=torch.contiguous_format) for name, tensor in tensors.items()}
    try:
        return bytes(save(own))
    except (SafetensorError, KeyError, ValueError) as error:
        dtypes = ", ".join(sorted({str(tensor.dtype) for tensor in own.values()}))
        raise StorageError(f"cannot store tensors of dtypes {dtypes}: {error}.", dtypes=dtypes) from error


def distribution_of(kind: type) -> str | None:
    """Returns the name and version of the plugin distribution that provides a class, or None for a user's own class.

    Example:
        >>> distribution_of(dict) is None
        True
    """
    root = kind.__module__.partition(".")[0]
    for entry in metadata.entry_points(group="augrad"):
        if entry.dist is not None and entry.module.partition(".")[0] == root:
            return f"{entry.dist.name} {entry.dist.version}"
    return None


def _read_manifest(file: Path) -> dict[str, Any]:
    try:
        body = json.loads(file.read_bytes(), parse_constant=_refuse)
    except FileNotFoundError as error:
        raise CheckpointError(
            f"{file.parent} holds no {MANIFEST}: it is not a checkpoint of augrad, or is incomplete. {_ELSEWHERE}",
            path=file,
        ) from error
    except OSError as error:
        raise CheckpointError(f"cannot read {file}: {error.strerror}.", path=file) from error
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{file} is damaged: it is not JSON. {_ELSEWHERE}", path=file) from error
    schema = body.get("schema") if isinstance(body, dict) else None
    if isinstance(schema, int) and not isinstance(schema, bool) and schema > SCHEMA:
        raise CheckpointError(
            f"{file} has schema {schema}, but augrad {metadata.version('augrad')} reads up to {SCHEMA}: it was written "
            "by a newer augrad. Upgrade with: pip install --upgrade augrad",
            path=file,
            schema=schema,
        )
    digest = body.pop("sha256", None) if isinstance(body, dict) else None
    if digest is None or not _well_formed(body) or digest != _sha256(_canonical(body)):
        raise CheckpointError(
            f"{file} is damaged or was edited: its checksum does not fit its content. {_ELSEWHERE}", path=file
        )
    return dict(body)


def _well_formed(body: dict[str, Any]) -> bool:
    kinds = {"schema": int, "kind": str, "files": dict, "config": dict, "transforms": dict, "versions": dict}
    if any(not isinstance(body.get(name), kind) for name, kind in kinds.items()) or body["schema"] != SCHEMA:
        return False
    # Plain names only: a manifest must not lead out of its directory.
    return all(
        Path(name).name == name and isinstance(record, dict) and {"sha256", "bytes"} <= set(record)
        for name, record in body["files"].items()
    )


def _verify(file: Path, record: Mapping[str, Any]) -> None:
    try:
        size = file.stat().st_size
        with open(file, "rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest() if size == record["bytes"] else ""
    except FileNotFoundError as error:
        raise CheckpointError(f"{file} is missing, but {MANIFEST} lists it. {_ELSEWHERE}", path=file) from error
    except OSError as error:
        raise CheckpointError(f"cannot read {file}: {error.strerror}.", path=file) from error
    if size != record["bytes"]:
        raise CheckpointError(
            f"{file} has {size} bytes, but {record['bytes']} were written: it is truncated or was changed. "
            f"{_ELSEWHERE}",
            path=file,
        )
    if digest != record["sha256"]:
        raise CheckpointError(
            f"{file} was changed since it was written: its checksum does not fit {MANIFEST}. {_ELSEWHERE}", path=file
        )


def _refuse(constant: str) -> float:
    raise ValueError(f"{constant} is not JSON")


def _canonical(body: Any) -> bytes:
    return json.dumps(body, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
