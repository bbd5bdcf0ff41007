"""`Store`: the records of a benchmark in an append-only file of JSON lines. Uses records.py; held by run.py."""

from __future__ import annotations

import os
from pathlib import Path
from types import TracebackType
from typing import IO

from augrad.bench.records import Key, Record
from augrad.errors import StorageError


class Store:
    """Records by task, rule and seed in `results.jsonl`. A record is on the disk before `add` returns.

    An incomplete last line, for example after a kill, is dropped. If several records have the same task, rule and seed,
    the last one counts.

    Args:
        path: the file. It is created with its directory if it does not exist.

    Raises:
        StorageError: the file cannot be read or written, or a line is no record. The message names the line.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder, Store(Path(folder, "results.jsonl")) as store:
        ...     store.add(Record("digits", "vision", "invariance", "none", 0, "0f"))
        ...     store.standing("digits", "none", 0, "0f") is None, store.is_stale("digits", "none", 0, "1e")
        (False, True)
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._records: dict[Key, Record] = {}
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file: IO[bytes] = open(path, "a+b")  # noqa: SIM115 - closed by __exit__
        except OSError as error:
            raise StorageError(f"cannot write {path}: {error.strerror}. Choose another output directory.") from error
        try:
            self._read()
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Store:  # noqa: PYI034 - beartype refuses Self outside classes it decorates
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def _read(self) -> None:
        self._file.seek(0)
        content = self._file.read()
        whole = content[: content.rfind(b"\n") + 1]
        if len(whole) < len(content):
            self._file.truncate(len(whole))
        for number, line in enumerate(whole.decode(errors="replace").splitlines(), start=1):
            try:
                record = Record.from_line(line)
            except StorageError as error:
                raise StorageError(
                    f"{self.path}, line {number}, is {error.message}. Remove it, or choose another output directory.",
                    path=self.path,
                ) from error
            self._records[record.key] = record

    def standing(self, task: str, rule: str, seed: int, digest: str) -> Record | None:
        """Returns the record of a successful training with this digest, or None."""
        record = self._records.get((task, rule, seed))
        return record if record is not None and record.digest == digest and record.error is None else None

    def is_stale(self, task: str, rule: str, seed: int, digest: str) -> bool:
        """Returns whether this training has a record with another digest."""
        record = self._records.get((task, rule, seed))
        return record is not None and record.digest != digest

    def add(self, record: Record) -> None:
        """Appends a record and flushes it to the disk.

        Raises:
            StorageError: the file cannot be written.
        """
        try:
            self._file.write(record.to_line().encode())
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as error:
            raise StorageError(f"cannot write {self.path}: {error.strerror}.", path=self.path) from error
        self._records[record.key] = record
