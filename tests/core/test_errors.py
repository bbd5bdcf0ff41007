"""The tree of errors: each also the built-in that fits, with its facts kept, through pickling and copying."""

from __future__ import annotations

import copy
import pickle
import sys

import pytest

from augrad import errors
from augrad.errors import AugradError, UnknownTransformError, suggestion

KINDS = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, AugradError)]
BUILT_IN = {
    "RangeError": ValueError,
    "MagnitudeError": ValueError,
    "InputError": ValueError,
    "InputTypeError": TypeError,
    "ArgumentTypeError": TypeError,
    "LayerError": ValueError,
    "AggregationError": ValueError,
    "InversionError": RuntimeError,
    "UnknownTransformError": KeyError,
    "RegistrationError": ValueError,
    "PluginError": RuntimeError,
    "PenaltyError": RuntimeError,
    "ConfigError": ValueError,
    "PolicyError": ValueError,
    "CheckpointError": RuntimeError,
    "StorageError": OSError,
    "NonFiniteLossError": RuntimeError,
    "MissingDependencyError": ImportError,
}


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_message_and_facts_survive(kind):
    error = kind("a sentence.", argument="copies", value=0)
    for each in (error, pickle.loads(pickle.dumps(error)), copy.copy(error), copy.deepcopy(error)):
        assert type(each) is kind
        assert (str(each), each.message, each.argument, each.value) == ("a sentence.", "a sentence.", "copies", 0)
        assert each.facts == {"argument": "copies", "value": 0}


@pytest.mark.parametrize(("name", "built_in"), BUILT_IN.items())
def test_is_also_the_built_in_that_fits(name, built_in):
    assert issubclass(getattr(errors, name), built_in)


@pytest.mark.parametrize("kind", KINDS[1:], ids=lambda kind: kind.__name__)
def test_every_kind_is_documented_and_has_a_built_in(kind):
    assert kind.__doc__
    assert any(base.__module__ == "builtins" for base in kind.__mro__ if base not in (Exception, BaseException, object))


def test_a_key_error_prints_its_sentence_without_quotes():
    assert str(UnknownTransformError("no transform named 'x'.")) == "no transform named 'x'."


@pytest.mark.parametrize(
    ("name", "known", "text"),
    [
        ("vision.rotat", ["vision.rotate", "vision.hue"], " Did you mean 'vision.rotate'?"),
        ("hue", iter(["vision.rotate"]), ""),
        ("anything", [], ""),
    ],
)
def test_suggestion(name, known, text):
    assert suggestion(name, known) == text


def test_what_an_extra_brings_is_asked_for_by_its_name(monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(
        errors.MissingDependencyError, match=r'^to_frame needs pandas, .* pip install "augrad\[pandas\]"'
    ):
        errors.optional("pandas", "pandas", "to_frame")


def test_what_is_missing_within_an_extra_has_a_message_of_its_own(monkeypatch, tmp_path):
    (tmp_path / "needs_another.py").write_text("import not_there_at_all")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="not_there_at_all") as caught:
        errors.optional("needs_another", "report", "a page")
    assert not isinstance(caught.value, errors.AugradError)
