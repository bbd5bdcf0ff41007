"""Checks of options: which values pass, as which Python value, and the words of each refusal."""

from __future__ import annotations

import math
import subprocess
import sys
from fractions import Fraction

import numpy as np
import pytest
import torch

from augrad.errors import AggregationError, ArgumentError, ArgumentTypeError, RangeError
from augrad.options import by_name, count, flag, number, one_of, refused

TABLE = {"mean": "the mean", "max": "the largest"}


def test_importing_options_loads_no_torch():
    code = "import sys, augrad.options; raise SystemExit('torch' in sys.modules or 'numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_refusals_name_argument_value_accepted_and_owner():
    error = refused("k", 0, "an int", owner="tabular.mix", hint="Take 5.", error=RangeError, transform="tabular.mix")
    assert type(error) is RangeError
    assert str(error) == "tabular.mix: k must be an int, but got 0. Take 5."
    assert (error.argument, error.value, error.transform) == ("k", 0, "tabular.mix")


@pytest.mark.parametrize("given", [2, np.int64(2), np.uint8(2)])
def test_count_returns_an_int(given):
    assert type(count("copies", given)) is int
    assert count("copies", given) == 2


@pytest.mark.parametrize("given", [0, -1, 1.0, True, np.True_, "3", None, math.nan, torch.tensor(1)])
def test_count_refuses(given):
    with pytest.raises(ArgumentError, match=r"^copies must be an int of at least 1, but got ") as caught:
        count("copies", given)
    assert caught.value.value is given


def test_count_has_other_bounds_nouns_and_errors():
    assert count("seed", -3, least=None) == -3
    with pytest.raises(ArgumentTypeError, match=r"^seed must be an int, but got 1\.5\.$"):
        count("seed", 1.5, least=None, wrong_type=ArgumentTypeError)
    with pytest.raises(ArgumentError, match=r"^audio\.x: n_fft must be a power of 2 of at least 4, but got 2\.$"):
        count("n_fft", 2, least=4, noun="a power of 2", owner="audio.x")


@pytest.mark.parametrize("given", [1, 1.0, np.float32(1), np.int8(1), Fraction(1)])
def test_number_returns_a_float(given):
    assert type(number("lr", given)) is float
    assert number("lr", given) == 1.0


@pytest.mark.parametrize("given", [math.nan, math.inf, -math.inf, 10**400, True, np.False_, "1", None, 1j])
def test_number_refuses_what_is_not_finite_or_no_number(given):
    with pytest.raises(ArgumentError, match=r"^lr must be a finite number, but got "):
        number("lr", given)


@pytest.mark.parametrize(
    ("bounds", "inside", "outside", "words"),
    [
        ({"least": 0}, 0, -1e-9, "of at least 0"),
        ({"above": 0}, 1e-9, 0, "above 0"),
        ({"most": 1}, 1, 1.1, "at most 1"),
        ({"below": 0.5}, 0.49, 0.5, "below 0.5"),
        ({"above": 0, "most": 1}, 1, 0, "above 0 and at most 1"),
        ({"above": 0, "most": 1}, 0.5, 2, "above 0 and at most 1"),
    ],
)
def test_number_keeps_bounds(bounds, inside, outside, words):
    assert number("share", inside, **bounds) == inside
    with pytest.raises(ArgumentError, match=f"^share must be a finite number {words}, but got {outside!r}\\.$"):
        number("share", outside, **bounds)


def test_number_has_an_error_for_the_type_of_its_own():
    with pytest.raises(ArgumentTypeError, match="lr must be a finite number above 0, but got 'x'"):
        number("lr", "x", above=0, wrong_type=ArgumentTypeError)
    with pytest.raises(RangeError, match="lr must be a finite number above 0, but got 0"):
        number("lr", 0, above=0, wrong_type=ArgumentTypeError, error=RangeError)


@pytest.mark.parametrize("given", [True, np.True_])
def test_flag_returns_a_bool(given):
    assert flag("resume", given) is True


@pytest.mark.parametrize("given", [1, 0, None, "True", np.array([True]), torch.tensor(True)])
def test_flag_refuses(given):
    with pytest.raises(ArgumentTypeError, match=r"^resume must be True or False, but got "):
        flag("resume", given)


def test_one_of_returns_the_accepted_value():
    assert one_of("device", "cpu", ("auto", "cpu")) == "cpu"
    assert one_of("precision", None, ("fp16", None)) is None
    assert type(one_of("device", np.str_("cpu"), ("auto", "cpu"))) is str


@pytest.mark.parametrize("given", [3, ["cpu"], np.array(["cpu", "auto"]), "CPU!", None])
def test_one_of_refuses(given):
    with pytest.raises(ArgumentError, match=r"^device must be one of 'auto', 'cpu', but got "):
        one_of("device", given, ("auto", "cpu"))


def test_one_of_names_the_nearest_before_the_hint():
    with pytest.raises(ArgumentError, match=r"but got 'cpuu'\. Did you mean 'cpu'\? Code is never loaded\.$"):
        one_of("device", "cpuu", ("auto", "cpu"), hint="Code is never loaded.")


def test_by_name_returns_the_entry():
    assert by_name("aggregation", "max", TABLE) == "the largest"


def test_by_name_refuses_unknown_names_and_other_types():
    wanted = "^aggregation must be one of 'mean', 'max' or a callable, but got "
    with pytest.raises(AggregationError, match=f"{wanted}'maxx'. Did you mean 'max'"):
        by_name("aggregation", "maxx", TABLE, otherwise="a callable", error=AggregationError)
    with pytest.raises(ArgumentTypeError, match=f"{wanted}3"):
        by_name("aggregation", 3, TABLE, otherwise="a callable", error=AggregationError)
