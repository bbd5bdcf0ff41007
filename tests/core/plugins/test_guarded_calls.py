from __future__ import annotations

import sys

import pytest

from augrad.errors import ArgumentError, PluginError
from augrad.plugins.guarded_calls import cause_of, guarded, import_string, is_import_string


def test_value_and_output_come_back(capsys):
    def job():
        print("hello")
        return 3

    outcome = guarded(job)
    assert (outcome.value, outcome.error, outcome.printed) == (3, None, "hello\n")
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("error", [SystemExit(1), ImportError("x"), GeneratorExit(), BaseException("any")])
def test_everything_is_caught_but_the_users_interrupt(error):
    def job():
        print("before")
        raise error

    stdout = sys.stdout
    assert guarded(job).error is error
    assert guarded(job).printed == "before\n"
    assert sys.stdout is stdout


def test_keyboard_interrupt_passes():
    def job():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        guarded(job)


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (ArgumentError("speaks for itself."), "speaks for itself."),
        (ModuleNotFoundError("no", name="kornia"), "imports 'kornia', which is not installed"),
        (ModuleNotFoundError("no", name="augrad.absent"), "imports 'augrad.absent', which does not exist"),
        (ModuleNotFoundError("no", name="wanted"), "points to 'wanted.module', a module that does not exist"),
        (ModuleNotFoundError("raised by hand"), "raises ModuleNotFoundError: raised by hand"),
        (SyntaxError("bad", ("/x/plugin.py", 3, 0, "")), "raises SyntaxError: bad (plugin.py, line 3)"),
        (SystemExit(), "calls sys.exit()"),
        (SystemExit("bye"), "calls sys.exit('bye')"),
        (ValueError("two\n lines"), "raises ValueError: two lines"),
        (ValueError(), "raises ValueError"),
    ],
)
def test_cause_is_one_line(error, cause):
    assert cause_of(error, wanted="wanted.module") == cause


def test_cause_names_the_place():
    def job():
        return 1 / 0

    cause = cause_of(guarded(job).error)
    assert cause.startswith("raises ZeroDivisionError: division by zero (test_guarded_calls.py, line ")


def test_places_that_are_no_files_are_not_named():
    outcome = guarded(lambda: exec("1 / 0"))
    assert "<string>" not in cause_of(outcome.error)


def test_import_string_says_what_is_near():
    with pytest.raises(PluginError, match=r"points to 'math:pie', but 'math' has no 'pie'. Did you mean 'pi'?"):
        import_string("math:pie")


def test_import_string_follows_dots():
    assert import_string("math:pi.real.__class__") is float


@pytest.mark.parametrize("target", ["module", "a:b:c", "a.b:", ":b", "a b:c", 3, None])
def test_what_is_no_import_string(target):
    assert not is_import_string(target)
