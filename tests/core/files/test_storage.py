"""Atomic writing: the old content or the new one, never a part; whatever fails and whoever dies."""

from __future__ import annotations

import errno
import os
import resource
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from augrad.errors import ArgumentError, CheckpointError, StorageError
from augrad.files import storage
from augrad.files.storage import read_pointer, standing, write_as, write_directory, write_file, write_pointer

OLD = {"model.safetensors": b"old", "manifest.json": b"{}"}
NEW = {"model.safetensors": b"new", "optimizer.safetensors": b"more", "manifest.json": b"{ }"}


def content(path: Path) -> dict[str, bytes]:
    return {entry.name: entry.read_bytes() for entry in standing(path).iterdir()}


def names(folder: Path) -> set[str]:
    return {entry.name for entry in folder.iterdir()}


def failing(code: int, after: int = 0):
    calls = iter(range(10**6))

    def call(*args, **kwargs):
        if next(calls) >= after:
            raise OSError(code, os.strerror(code))
        return call.real(*args, **kwargs)

    return call


@pytest.fixture
def break_call(monkeypatch):
    """Makes a function of `os` fail with an error code, after some calls that work."""

    def install(name: str, code: int, after: int = 0) -> None:
        broken = failing(code, after)
        broken.real = getattr(os, name)
        monkeypatch.setattr(storage.os, name, broken)

    return install


class TestWriteFile:
    def test_writes_and_replaces(self, tmp_path):
        target = tmp_path / "deep" / "er" / "file.json"
        assert write_file(target, b"one") == target
        write_file(target, b"two")
        assert target.read_bytes() == b"two"
        assert names(target.parent) == {"file.json"}

    def test_writes_through_a_symbolic_link(self, tmp_path):
        (tmp_path / "real").write_bytes(b"old")
        (tmp_path / "link").symlink_to(tmp_path / "real")
        write_file(tmp_path / "link", b"new")
        assert (tmp_path / "link").is_symlink()
        assert (tmp_path / "real").read_bytes() == b"new"

    @pytest.mark.parametrize("call", ["fsync", "replace"])
    def test_a_full_disk_leaves_what_stood_there(self, tmp_path, break_call, call):
        target = tmp_path / "file"
        target.write_bytes(b"old")
        break_call(call, errno.ENOSPC)
        with pytest.raises(
            StorageError, match=r"file: No space left.*What stood there before is untouched\. Free some space"
        ):
            write_file(target, b"new")
        assert target.read_bytes() == b"old"
        assert names(tmp_path) == {"file"}

    def test_a_file_size_limit_of_the_system(self, tmp_path):
        target = tmp_path / "file"
        target.write_bytes(b"old")
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limits[1]))
        try:
            with pytest.raises(StorageError, match=r"File too large.*ulimit -f"):
                write_file(target, bytes(100_000))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        assert target.read_bytes() == b"old"
        assert names(tmp_path) == {"file"}

    def test_no_permission(self, tmp_path, monkeypatch):
        def refuse(*args, **kwargs):
            raise PermissionError(errno.EACCES, "Permission denied")

        monkeypatch.setattr("builtins.open", refuse)
        with pytest.raises(
            StorageError, match=r"Permission denied.*Choose a directory that you may write to"
        ) as caught:
            write_file(tmp_path / "file", b"new")
        assert isinstance(caught.value, OSError)
        assert caught.value.path == tmp_path / "file"

    def test_a_parent_that_is_a_file(self, tmp_path):
        (tmp_path / "file").write_bytes(b"old")
        with pytest.raises(StorageError, match=r"could not write .*below: "):
            write_file(tmp_path / "file" / "below", b"new")

    def test_an_interrupt_leaves_no_temporary(self, tmp_path, monkeypatch):
        def interrupt(descriptor):
            raise KeyboardInterrupt

        monkeypatch.setattr(storage.os, "fsync", interrupt)
        with pytest.raises(KeyboardInterrupt):
            write_file(tmp_path / "file", b"new")
        assert names(tmp_path) == set()

    def test_what_dead_writers_left_is_cleared_up(self, tmp_path):
        (tmp_path / ".file.tmp-0a").write_bytes(b"half")
        (tmp_path / ".file.tmp-0b").mkdir()
        (tmp_path / ".file.tmp-0b" / "part").write_bytes(b"half")
        (tmp_path / ".other.tmp-0c").write_bytes(b"not ours")
        write_file(tmp_path / "file", b"new")
        assert names(tmp_path) == {"file", ".other.tmp-0c"}

    def test_a_disk_that_cannot_sync_directories_is_no_error(self, tmp_path, monkeypatch):
        real = os.fsync

        def only_files(descriptor):
            if os.path.isdir(f"/proc/self/fd/{descriptor}"):
                raise OSError(errno.EINVAL, "Invalid argument")
            real(descriptor)

        monkeypatch.setattr(storage.os, "fsync", only_files)
        write_file(tmp_path / "file", b"new")
        assert (tmp_path / "file").read_bytes() == b"new"


class TestWriteAs:
    def test_makes_only_what_the_name_asks_for(self, tmp_path):
        made = []
        kinds = {ending: lambda ending=ending: made.append(ending) or f"as {ending}" for ending in (".html", ".md")}
        assert write_as(tmp_path / "report.MD", kinds).read_text() == "as .md"
        assert made == [".md"]

    def test_another_ending(self, tmp_path):
        with pytest.raises(ArgumentError, match=r"path must end in \.html, \.csv or \.md, but got"):
            write_as(tmp_path / "report", {".html": str, ".csv": str, ".md": str})
        assert list(tmp_path.iterdir()) == []


class TestWriteDirectory:
    def test_writes_and_replaces_as_a_whole(self, tmp_path):
        target = tmp_path / "runs" / "model"
        write_directory(target, NEW)
        assert content(target) == NEW
        write_directory(target, OLD)
        assert content(target) == OLD
        assert names(target.parent) == {"model"}

    def test_an_empty_directory_may_be_filled(self, tmp_path):
        (tmp_path / "model").mkdir()
        write_directory(tmp_path / "model", NEW)
        assert content(tmp_path / "model") == NEW

    @pytest.mark.parametrize("after", range(4))
    def test_a_full_disk_at_any_file_leaves_the_old_one(self, tmp_path, break_call, after):
        write_directory(tmp_path / "model", OLD)
        # The fourth sync is the temporary directory's, which may fail.
        break_call("fsync", errno.ENOSPC, after)
        if after < len(NEW):
            with pytest.raises(StorageError, match="No space left on device"):
                write_directory(tmp_path / "model", NEW)
        else:
            write_directory(tmp_path / "model", NEW)
        assert content(tmp_path / "model") == (OLD if after < len(NEW) else NEW)
        assert names(tmp_path) == {"model"}

    @pytest.mark.parametrize("after", [0, 1])
    def test_a_rename_that_fails_is_taken_back(self, tmp_path, monkeypatch, after):
        write_directory(tmp_path / "model", OLD)
        real, calls = os.rename, []

        def rename(source, target):
            calls.append(source)
            if len(calls) == after + 1:
                raise OSError(errno.EIO, "Input/output error")
            real(source, target)

        monkeypatch.setattr(storage.os, "rename", rename)
        with pytest.raises(StorageError, match="Input/output error"):
            write_directory(tmp_path / "model", NEW)
        assert content(tmp_path / "model") == OLD
        assert names(tmp_path) == {"model"}

    @pytest.mark.parametrize(
        ("holds", "named"),
        [
            ({"thesis.tex": b""}, "thesis.tex"),
            ({"notes.json": b""}, "notes.json"),
            ({**OLD, "run.log": b""}, "run.log"),
        ],
    )
    def test_what_augrad_did_not_write_is_never_replaced(self, tmp_path, holds, named):
        (tmp_path / "work").mkdir()
        for name, text in holds.items():
            (tmp_path / "work" / name).write_bytes(text)
        with pytest.raises(StorageError, match=rf"not written by augrad \(it holds '{named}'\). Choose another name"):
            write_directory(tmp_path / "work", NEW)
        assert content(tmp_path / "work") == holds
        assert names(tmp_path) == {"work"}

    def test_a_directory_with_subdirectories_is_never_replaced(self, tmp_path):
        write_directory(tmp_path / "run", OLD)
        (tmp_path / "run" / "data").mkdir()
        with pytest.raises(StorageError, match="it holds 'data'"):
            write_directory(tmp_path / "run", NEW)

    def test_a_file_is_never_replaced(self, tmp_path):
        (tmp_path / "model").write_bytes(b"precious")
        with pytest.raises(StorageError, match=r"a file stands there. Choose another name"):
            write_directory(tmp_path / "model", NEW)
        assert (tmp_path / "model").read_bytes() == b"precious"

    def test_a_writer_that_died_between_the_renames(self, tmp_path):
        write_directory(tmp_path / "model", OLD)
        os.rename(tmp_path / "model", tmp_path / ".model.previous")
        assert content(tmp_path / "model") == OLD
        write_directory(tmp_path / "model", NEW)
        assert content(tmp_path / "model") == NEW
        assert names(tmp_path) == {"model"}

    def test_a_writer_that_died_after_the_renames(self, tmp_path):
        write_directory(tmp_path / "model", OLD)
        os.rename(tmp_path / "model", tmp_path / ".model.previous")
        write_directory(tmp_path / "model.new", NEW)
        os.rename(tmp_path / "model.new", tmp_path / "model")
        assert content(tmp_path / "model") == NEW
        write_directory(tmp_path / "model", OLD)
        assert names(tmp_path) == {"model"}

    def test_a_leftover_that_cannot_be_removed_is_no_error(self, tmp_path, break_call):
        write_directory(tmp_path / "model", OLD)
        break_call("rename", errno.EBUSY, after=2)
        write_directory(tmp_path / "model", NEW)
        assert content(tmp_path / "model") == NEW

    def test_a_live_writer_whose_temporary_is_taken_fails_as_a_whole(self, tmp_path, monkeypatch):
        write_directory(tmp_path / "model", OLD)
        real = storage._write_synced

        def slow(path, text):
            real(path, text)
            if path.name == "optimizer.safetensors" and not (tmp_path / "done").exists():
                (tmp_path / "done").touch()
                write_directory(tmp_path / "model", OLD)

        monkeypatch.setattr(storage, "_write_synced", slow)
        with pytest.raises(StorageError, match="No such file or directory"):
            write_directory(tmp_path / "model", NEW)
        assert content(tmp_path / "model") == OLD

    def test_killed_at_random_moments(self, tmp_path):
        """Twelve kill -9 while one directory and one pointer are rewritten without pause: each is whole every time."""
        script = textwrap.dedent(
            """
            import sys, types
            sys.modules["augrad"] = types.ModuleType("augrad")  # a bare package: starting must not cost importing torch
            sys.modules["augrad"].__path__ = [sys.argv[2]]
            from augrad.files.storage import write_directory, write_pointer
            print("ready", flush=True)
            number = 0
            while True:
                number += 1
                byte = bytes([number % 256])
                write_directory(sys.argv[1] + "/model", {"a.safetensors": byte * 300_000, "b.safetensors": byte * 5,
                                                         "manifest.json": byte * 5})
                write_pointer(sys.argv[1], "latest", "model")
            """
        )
        command = [sys.executable, "-c", script, str(tmp_path), str(Path(storage.__file__).parents[1])]
        start = subprocess.Popen(command, stdout=subprocess.PIPE)
        for delay in range(12):
            assert start.stdout.readline() == b"ready\n"
            time.sleep(0.05 + 0.0037 * delay)
            start.kill()
            start.wait()
            start.stdout.close()
            files = content(tmp_path / "model")
            assert set(files) == {"a.safetensors", "b.safetensors", "manifest.json"}
            assert len(files["a.safetensors"]) == 300_000
            assert len({byte for text in files.values() for byte in set(text)}) == 1
            assert read_pointer(tmp_path, "latest") in (None, tmp_path / "model")
            start = subprocess.Popen(command, stdout=subprocess.PIPE)
        start.kill()
        start.wait()
        start.stdout.close()
        write_directory(tmp_path / "model", OLD)
        write_pointer(tmp_path, "latest", "model")
        assert names(tmp_path) == {"model", "latest"}


class TestPointer:
    def test_moves(self, tmp_path):
        for name in ("step-1", "step-2"):
            write_directory(tmp_path / name, OLD)
            write_pointer(tmp_path, "latest", name)
            assert read_pointer(tmp_path, "latest") == tmp_path / name

    def test_none_before_the_first(self, tmp_path):
        assert read_pointer(tmp_path, "latest") is None

    def test_follows_a_target_that_stands_aside(self, tmp_path):
        write_directory(tmp_path / "last", OLD)
        write_pointer(tmp_path, "latest", "last")
        os.rename(tmp_path / "last", tmp_path / ".last.previous")
        assert content(read_pointer(tmp_path, "latest")) == OLD

    @pytest.mark.parametrize("text", [b"", b"gone", b"..", b"../outside", b"/etc", b"a\0b", b"\xff\xfe", b"x" * 5000])
    def test_that_names_nothing_beside_it(self, tmp_path, text):
        (tmp_path / "outside").mkdir()
        (tmp_path / "run").mkdir()
        (tmp_path / "run" / "latest").write_bytes(text)
        with pytest.raises(
            CheckpointError, match=r"the pointer .*latest names .*, which is not beside it\. Write the name"
        ):
            read_pointer(tmp_path / "run", "latest")

    def test_that_cannot_be_read(self, tmp_path):
        (tmp_path / "latest").mkdir()
        with pytest.raises(CheckpointError, match=r"cannot read the pointer .*: Is a directory"):
            read_pointer(tmp_path, "latest")

    def test_a_full_disk_leaves_it_where_it_pointed(self, tmp_path, break_call):
        write_directory(tmp_path / "step-1", OLD)
        write_pointer(tmp_path, "latest", "step-1")
        break_call("fsync", errno.ENOSPC)
        with pytest.raises(StorageError, match="latest: No space left"):
            write_pointer(tmp_path, "latest", "step-2")
        assert read_pointer(tmp_path, "latest") == tmp_path / "step-1"
