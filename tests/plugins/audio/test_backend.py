"""torchaudio with a native library that loads and one that does not; every program runs in a fresh process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from augrad.errors import MissingDependencyError
from augrad_audio import backend
from augrad_audio.backend import LogMelSpectrogram, native_library_loads, resample

HERE = Path(__file__).parent
EXPECTED = os.environ.get("AUGRAD_TORCHAUDIO_NATIVE")

PROGRAM = """
import json, sys
import torch
facts = {}
try:
    import torchaudio as _
except OSError as error:
    facts["before"] = str(error)
    for name in [name for name in sys.modules if AGAIN and name.startswith("torchaudio")]:
        del sys.modules[name]
from augrad_audio.backend import native_library_loads, torchaudio
from augrad_audio.plugin import notes
x = torch.ones(1, 1, 800, requires_grad=True)
torchaudio().transforms.MelSpectrogram(8000, n_fft=128, n_mels=20)(x).sum().backward()
import torchaudio as later
facts |= {
    "loads": native_library_loads(),
    "resampled": torchaudio().functional.resample(x, 8000, 4000).shape[-1],
    "gradient": x.grad.abs().sum().item() > 0,
    "same module": torchaudio() is later,
    "notes": notes(),
}
try:
    torchaudio().functional.forced_align(torch.zeros(1, 4, 3), torch.ones(1, 2, dtype=torch.int32))
except Exception as error:
    facts["align"] = str(error)
print(json.dumps(facts))
"""


def _printed(program, kind=None):
    double = f"import native_library; native_library.install({kind!r})\n" if kind else ""
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", double + program],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(HERE)},
    )
    assert run.returncode == 0, run.stderr
    return run.stdout.strip()


def _facts(kind, again=False):
    return json.loads(_printed(PROGRAM.replace("AGAIN", str(again)), kind))


def test_where_the_native_library_cannot_load_the_rest_works():
    facts = _facts("fails")
    assert "Could not load" in facts.pop("before")
    assert "needs its native library" in facts.pop("align")
    (note,) = facts.pop("notes")
    assert "native library cannot be loaded" in note
    assert facts == {"loads": False, "resampled": 400, "gradient": True, "same module": True}


def test_where_the_native_library_loads_it_is_used():
    facts = _facts("loads")
    assert "not compiled with it" in facts.pop("align")  # the double's own answer
    assert facts == {"loads": True, "resampled": 400, "gradient": True, "same module": True, "notes": []}


def test_what_the_native_library_of_this_machine_does_changes_nothing():
    facts = _facts(None, again=True)
    assert (facts["resampled"], facts["gradient"]) == (400, True)
    assert facts["loads"] is ("before" not in facts)


def test_unknown_dunders_are_no_attributes_of_the_stand_in():
    with pytest.raises(AttributeError, match="__wrapped__"):
        _ = backend._NoExtension("x").__wrapped__


MISSING = """
import sys
class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name == "torchaudio":
            raise ModuleNotFoundError("No module named 'torchaudio'", name="torchaudio")
sys.meta_path.insert(0, Hidden())
from augrad.errors import MissingDependencyError
from augrad_audio.backend import torchaudio
try:
    torchaudio()
except MissingDependencyError as error:
    print(error)
from augrad_audio.plugin import notes
print(notes())
"""


def test_missing_torchaudio_is_named():
    printed = _printed(MISSING)
    assert printed.count("pip install torchaudio") == 2
    assert "every transform works without it" in printed


def test_an_import_that_fails_inside_torchaudio_is_not_called_missing(monkeypatch):
    def fail(name):
        raise ModuleNotFoundError("No module named 'soundfile'", name="soundfile")

    monkeypatch.setattr(backend.importlib, "import_module", fail)
    with pytest.raises(ModuleNotFoundError, match="soundfile") as caught:
        backend.torchaudio.__wrapped__()
    assert not isinstance(caught.value, MissingDependencyError)


@pytest.mark.skipif(EXPECTED is None, reason="AUGRAD_TORCHAUDIO_NATIVE installs no double")
def test_these_tests_run_with_the_double_that_was_asked_for():
    assert native_library_loads() is (EXPECTED == "loads")


def test_resampling_keeps_a_tone():
    time = torch.arange(800) / 8000
    half = resample(torch.sin(2 * torch.pi * 440 * time)[None], 8000, 4000)
    expected = torch.sin(2 * torch.pi * 440 * time[::2])
    assert torch.allclose(half[0, 20:-20], expected[20:-20], atol=1e-2)


def test_log_mel_features_are_finite_for_silence_and_have_gradients():
    x = torch.zeros(2, 1, 800, requires_grad=True)
    features = LogMelSpectrogram(8000, n_mels=20)(x)
    features.sum().backward()
    assert features.shape == (2, 1, 20, 7)
    assert torch.isfinite(features).all()
    assert torch.isfinite(x.grad).all()


def test_a_higher_tone_lies_in_a_higher_band():
    time = torch.arange(1600) / 8000
    tones = torch.stack([torch.sin(2 * torch.pi * hz * time) for hz in (300.0, 1000.0, 2500.0)])[:, None]
    bands = LogMelSpectrogram(8000, n_mels=20)(tones).mean(-1).argmax(-1).flatten()
    assert (bands.diff() > 0).all()
