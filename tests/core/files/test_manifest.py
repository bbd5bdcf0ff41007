"""Checkpoint directories: what goes in comes out, and nothing that was changed is read."""

from __future__ import annotations

import hashlib
import json
import os

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load
from tests.core.signal_transforms import Gain
from torch import nn

from augrad.errors import CheckpointError, StorageError
from augrad.files import manifest
from augrad.files.manifest import distribution_of, read_checkpoint, tensor_bytes, write_checkpoint

DTYPES = [
    torch.float16,
    torch.bfloat16,
    torch.float32,
    torch.float64,
    torch.bool,
    torch.uint8,
    torch.int32,
    torch.int64,
]


def written(folder, **config):
    tensors = {"model": {"w": torch.arange(6.0).reshape(2, 3)}, "optimizer": {"step": torch.tensor(3)}}
    return write_checkpoint(
        folder / "saved", tensors, kind="model", config=config or {"a": [1, 2]}, transforms=[Gain()]
    )


def signed(body):
    """A manifest with a checksum that fits, as someone who wants to would write it."""
    body = {name: value for name, value in body.items() if name != "sha256"}
    canonical = json.dumps(body, sort_keys=True, separators=(",", ":")).encode()
    return json.dumps({**body, "sha256": hashlib.sha256(canonical).hexdigest()}).encode()


def edited(path, **changes):
    file = path / "manifest.json"
    file.write_bytes(signed({**json.loads(file.read_bytes()), **changes}))


class TestRoundTrip:
    def test_what_goes_in_comes_out(self, tmp_path):
        path = written(tmp_path, names=["ä", None], number=0.1)
        found = read_checkpoint(path, kind="model")
        assert found.path == path
        assert found.config == {"names": ["ä", None], "number": 0.1}
        assert found.files == ("model.safetensors", "optimizer.safetensors")
        assert found.transforms == {"signal.gain": None}
        assert found.versions["torch"] == torch.__version__
        assert set(found.versions) == {"augrad", "torch"}
        assert torch.equal(found.tensors("model")["w"], torch.arange(6.0).reshape(2, 3))
        assert found.tensors("optimizer")["step"].item() == 3

    @pytest.mark.parametrize("dtype", DTYPES, ids=str)
    def test_every_dtype_bit_by_bit(self, dtype):
        tensor = torch.tensor([[0, 1, 2], [3, 4, 5]]).to(dtype)
        again = load(tensor_bytes({"x": tensor}))["x"]
        assert again.dtype == dtype
        assert torch.equal(again, tensor)

    @given(st.lists(st.floats(width=32), max_size=8))
    def test_every_float_bit_by_bit(self, numbers):
        tensor = torch.tensor(numbers, dtype=torch.float32)
        again = load(tensor_bytes({"x": tensor}))["x"]
        assert torch.equal(again.view(torch.int32), tensor.view(torch.int32))

    def test_views_and_shared_tensors(self):
        base = torch.arange(12.0).reshape(3, 4)
        tensors = {
            "t": base.t(),
            "row": base[1],
            "all": base,
            "same": base,
            "wide": torch.ones(1).expand(3),
            "none": base[:0],
        }
        again = load(tensor_bytes(tensors))
        assert all(torch.equal(again[name], tensor) for name, tensor in tensors.items())

    def test_parameters_with_a_gradient_and_of_no_axes(self):
        parameter = nn.Parameter(torch.tensor(2.0))
        assert load(tensor_bytes({"p": parameter}))["p"].item() == 2.0
        assert parameter.requires_grad

    def test_replaces_what_stood_there(self, tmp_path):
        written(tmp_path, run=1)
        assert read_checkpoint(written(tmp_path, run=2)).config == {"run": 2}

    def test_reads_what_stood_there_before_a_writer_died(self, tmp_path):
        path = written(tmp_path)
        os.rename(path, tmp_path / ".saved.previous")
        assert read_checkpoint(path).config == {"a": [1, 2]}

    def test_a_plugins_distribution_is_recorded(self, monkeypatch):
        class Dist:
            name, version = "augrad-signal", "1.2"

        class Entry:
            module, dist = "tests.core", Dist

        monkeypatch.setattr(manifest.metadata, "entry_points", lambda group: [Entry] if group == "augrad" else [])
        assert distribution_of(Gain) == "augrad-signal 1.2"
        assert distribution_of(nn.Linear) is None


class TestRefusesToWrite:
    @pytest.mark.parametrize(
        ("make", "kind"),
        [
            (lambda: "text", "str"),
            (lambda: torch.ones(1).to_sparse(), "torch.sparse_coo torch.float32"),
            (lambda: torch.quantize_per_tensor(torch.ones(1), 0.1, 0, torch.qint8), "torch.strided torch.qint8"),
        ],
    )
    @pytest.mark.filterwarnings("ignore")  # torch warns that these kinds of tensor are in beta, or on their way out
    def test_what_is_no_dense_tensor(self, tmp_path, make, kind):
        entry = make()
        with pytest.raises(StorageError, match=rf"cannot store 'extra': only dense tensors .* but it is {kind}\."):
            write_checkpoint(tmp_path / "saved", {"model": {"extra": entry}}, kind="model", config={})
        assert not any(tmp_path.iterdir())

    def test_a_dtype_that_safetensors_lacks(self):
        with pytest.raises(StorageError, match=r"cannot store tensors of dtypes torch\.complex128"):
            tensor_bytes({"z": torch.zeros(1, dtype=torch.complex128)})

    @pytest.mark.parametrize("value", [float("nan"), float("inf"), torch.ones(1), {1, 2}])
    def test_a_config_that_is_no_json(self, tmp_path, value):
        path = written(tmp_path)
        with pytest.raises(StorageError, match=r"cannot store the config of .*Only finite JSON values can be"):
            write_checkpoint(path, {}, kind="model", config={"x": value})
        assert read_checkpoint(path).config == {"a": [1, 2]}


class TestRefusesToRead:
    def test_what_does_not_exist(self, tmp_path):
        with pytest.raises(CheckpointError, match=r"cannot read the checkpoint .*nowhere: it does not exist\."):
            read_checkpoint(tmp_path / "nowhere")

    def test_a_file(self, tmp_path):
        (tmp_path / "file").touch()
        with pytest.raises(CheckpointError, match="it is a file, not a directory"):
            read_checkpoint(tmp_path / "file")

    def test_a_directory_of_something_else(self, tmp_path):
        with pytest.raises(CheckpointError, match=r"holds no manifest\.json: it is not a checkpoint of augrad"):
            read_checkpoint(tmp_path)

    def test_another_kind(self, tmp_path):
        with pytest.raises(CheckpointError, match=r"is of kind 'model', but 'checkpoint' is wanted") as caught:
            read_checkpoint(written(tmp_path), kind="checkpoint")
        assert caught.value.kind == "model"

    def test_a_file_that_is_not_there(self, tmp_path):
        with pytest.raises(CheckpointError, match=r"has no other\.safetensors; it has: model\.safetensors, optimizer"):
            read_checkpoint(written(tmp_path)).tensors("other")

    def test_a_missing_file(self, tmp_path):
        path = written(tmp_path)
        (path / "model.safetensors").unlink()
        with pytest.raises(
            CheckpointError, match=r"model\.safetensors is missing, but manifest\.json lists it\. Use another"
        ):
            read_checkpoint(path)

    @pytest.mark.parametrize("share", [0.0, 0.5, 0.99])
    def test_a_truncated_file(self, tmp_path, share):
        path = written(tmp_path)
        file = path / "model.safetensors"
        size = file.stat().st_size
        os.truncate(file, int(size * share))
        with pytest.raises(
            CheckpointError, match=rf"has {int(size * share)} bytes, but {size} were written: it is truncated"
        ):
            read_checkpoint(path)

    def test_a_flipped_bit_in_every_byte_of_every_file(self, tmp_path):
        path = written(tmp_path)
        for name in ("model.safetensors", "optimizer.safetensors", "manifest.json"):
            whole = (path / name).read_bytes()
            for index in range(len(whole)):
                changed = bytearray(whole)
                changed[index] ^= 1
                if name == "manifest.json" and _same_json(whole, bytes(changed)):
                    continue
                (path / name).write_bytes(changed)
                with pytest.raises(CheckpointError, match=name.replace(".", r"\.")):
                    read_checkpoint(path)
            (path / name).write_bytes(whole)
        assert read_checkpoint(path).kind == "model"

    @pytest.mark.parametrize(
        "text",
        [b"", b"\xff\xfe", b"[1", b"{", b"[]", b"null", b"{}", b'{"schema": NaN}', b"[" * 100_000, b'{"schema": true}'],
    )
    def test_a_manifest_that_is_rubbish(self, tmp_path, text):
        path = written(tmp_path)
        (path / "manifest.json").write_bytes(text)
        with pytest.raises(CheckpointError, match=r"manifest\.json is damaged"):
            read_checkpoint(path)

    def test_a_newer_schema(self, tmp_path):
        path = written(tmp_path)
        edited(path, schema=2)
        with pytest.raises(
            CheckpointError, match=r"schema 2, but augrad .* reads up to 1: .* pip install --upgrade augrad"
        ):
            read_checkpoint(path)

    @pytest.mark.parametrize(
        "change",
        [
            {"schema": 0},
            {"kind": 3},
            {"config": None},
            {"files": []},
            {"files": {"model.safetensors": None}},
            {"files": {"model.safetensors": {"sha256": ""}}},
            {"files": {"../../outside": {"sha256": "", "bytes": 0}}},
        ],
    )
    def test_a_manifest_that_is_malformed_under_a_fitting_checksum(self, tmp_path, change):
        path = written(tmp_path)
        edited(path, **change)
        with pytest.raises(CheckpointError, match=r"manifest\.json is damaged or was edited"):
            read_checkpoint(path)

    def test_a_file_that_holds_no_tensors_under_a_fitting_checksum(self, tmp_path):
        path = written(tmp_path)
        (path / "model.safetensors").write_bytes(b"rubbish!")
        record = {"sha256": hashlib.sha256(b"rubbish!").hexdigest(), "bytes": 8}
        edited(path, files={"model.safetensors": record})
        with pytest.raises(CheckpointError, match=r"cannot read .*model\.safetensors: .* Use another checkpoint"):
            read_checkpoint(path).tensors("model")

    @pytest.mark.parametrize("name", ["manifest.json", "model.safetensors"])
    def test_a_file_that_may_not_be_read(self, tmp_path, name):
        path = written(tmp_path)
        (path / name).unlink()
        (path / name).mkdir()
        if name == "model.safetensors":
            edited(path, files={name: {"sha256": "", "bytes": (path / name).stat().st_size}})
        with pytest.raises(CheckpointError, match=rf"cannot read .*{name}: Is a directory"):
            read_checkpoint(path)


def _same_json(one, other):
    """Whether a changed byte was white space to JSON."""
    try:
        return json.loads(one) == json.loads(other)
    except ValueError:
        return False
