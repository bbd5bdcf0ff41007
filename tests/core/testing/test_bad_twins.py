"""Each check rejects its bad twins, by message, and the twins break nothing else: the proof that the kit can fail."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import pytest
import torch
from tests.core.testing import bad_twins as bad

from augrad import Transform
from augrad.errors import ConformanceError
from augrad.testing import CHECKS, run_checks


@dataclass(frozen=True)
class Twin:
    """What breaks a promise: the check that must reject it, how, and which other checks cannot but notice too."""

    check: str
    build: Callable[[], Transform]
    message: str
    also: frozenset[str] = frozenset()
    ruins_all: bool = False

    @property
    def id(self) -> str:
        return f"{self.check}-{getattr(self.build, '__name__', 'built')}"


def twin(check: str, build: Callable[[], Transform], message: str, *also: str, ruins_all: bool = False) -> Twin:
    return Twin(f"check_{check}", build, message, frozenset(f"check_{name}" for name in also), ruins_all)


def takes_tensor() -> Transform:
    return bad.TakesTensor(torch.ones(1))


def config_forgets() -> Transform:
    return bad.ConfigForgets(gain_db=3.0)


TWINS = [
    twin(
        "gradient_reaches_parameters",
        bad.NoGradient,
        "no gradient reaches 'gain_db'",
        "gradient_alive_at_ends",
        "gradient_agrees_with_differences",
    ),
    twin("gradient_alive_at_ends", bad.DeadHalf, "dead near 6 dB"),
    twin("gradient_alive_at_ends", bad.EndlessSlope, "not finite at 0 dB", "finite", "invert_undoes_forward"),
    twin("gradcheck_of_parameters", bad.DoubledParameterGradient, "gradient of its parameters differs"),
    twin("gradcheck_of_input", bad.DoubledInputGradient, "gradient of the input differs"),
    twin("gradient_agrees_with_differences", bad.WrongWay, "'step' does not agree with differences.*cosine -"),
    twin("identity_at_zero", bad.MovesAtZero, "changes the input by up to 0.01"),
    twin("identity_at_zero", bad.WrongIdentity, "at its identity"),
    twin("input_untouched", bad.WritesIntoInput, "writes into the input", ruins_all=True),
    twin("input_untouched", bad.WritesIntoNoise, "writes into its noise", ruins_all=True),
    twin("shape_kept", bad.DropsAxis, r"turns shape \(3, 4, 16\) into \(3, 16\)", "invert_undoes_forward"),
    twin("dtype_kept", bad.AlwaysSingle, "turns torch.float64 into torch.float32", "gradcheck_of_input"),
    twin("dtype_kept", bad.RefusesHalf, "does not work in torch.bfloat16"),
    twin("device_kept", bad.MakesItsOwnPlace, "does not work on device 'meta'"),
    twin("device_kept", bad.ComesHome, "moves its output from meta to cpu"),
    twin("finite", bad.DividesByEnergy, "output is not finite for zeros"),
    twin("finite", bad.KinkAtSilence, "gradient of 'gain_db' is not finite for zeros"),
    twin("invert_undoes_forward", bad.UndoesNothing, "leaves 1.00 of the change"),
    twin("matrix_agrees_with_forward", bad.LeavesItsMatrix, "forward differs from its matrix"),
    twin("matrix_agrees_with_forward", bad.OneMatrixForAll, "one 2x2 matrix per sample", "mixing_is_declared_truly"),
    twin("matrix_agrees_with_forward", bad.TurnsAtZero, "identity is not the identity matrix", "identity_at_zero"),
    twin("matrix_agrees_with_forward", bad.LiesAboutPlaces, "moves_coordinates=True, but its action says False"),
    twin(
        "batch_sizes",
        bad.NeedsCompany,
        "a batch of 1 raises RuntimeError: expected more",
        "gradcheck_of_input",
        "samples_independent",
    ),
    twin(
        "batch_sizes",
        bad.LosesOne,
        "for 3 samples it returns 2",
        "shape_kept",
        "invert_undoes_forward",
        "samples_independent",
    ),
    twin("samples_independent", bad.BatchMean, "a batch of 4 and a batch of this sample alone"),
    twin("mixing_is_declared_truly", bad.BlendsWithItself, "no sample's result depends on another"),
    twin(
        "noise_has_one_row_per_sample",
        bad.OneNoiseForAll,
        r"per sample \(3\), but returned shape \(1, 4, 16\)",
        "samples_independent",
    ),
    twin("noise_has_one_row_per_sample", bad.NoiseElsewhere, "draws on meta for a batch on cpu", ruins_all=True),
    twin("no_host_sync", bad.AsksForItem, "waits for the device in Tensor.item", "device_kept"),
    twin("no_host_sync", bad.Lists, "Tensor.tolist", "device_kept"),
    twin("no_host_sync", bad.Masks, "index_put_ with a boolean mask"),
    twin("no_host_sync", bad.Inverts, "_linalg_check_errors", "dtype_kept"),
    twin("no_loop_over_samples", bad.Loops, "it loops over samples"),
    twin("same_generator_same_output", bad.DrawsInForward, "two passes with equal generators differ", ruins_all=True),
    twin("global_generator_untouched", bad.DrawsAndForgets, "moves torch's global generator"),
    twin("global_generator_untouched", bad.Dice, "moves Python's global generator"),
    twin("learning_moves_the_draw", bad.Remembers, "optimizer step moved the magnitude from 0.1 to 0.9, but the draws"),
    twin("learning_moves_the_draw", bad.Lags, "differs from that of a fresh layer"),
    twin("pickle", bad.KeepsLambda, "pickle raises AttributeError"),
    twin("pickle", bad.ForgetsOnCopy, "after pickle it gives another output", "deepcopy"),
    twin("deepcopy", bad.KeepsGraph, "deepcopy raises RuntimeError"),
    twin("state_dict", bad.RandomBuffer, "after load_state_dict it gives another output", "config"),
    twin("config", takes_tensor, "not JSON serializable"),
    twin("config", config_forgets, "has other ranges"),
    twin("name_declared", bad.BadModality, "name must be '<modality>.<snake_case>'"),
    twin("assumes_declared", bad.NoAssumption, "but is 'symmetry'"),
    twin("docstring", bad.NoDocstring, "class NoDocstring has no docstring"),
    twin("docstring", bad.SilentDocstring, "does not mention its parameter 'gain_db'"),
    twin("signature", bad.HiddenOption, "takes 'amount', which is not declared"),
    twin("signature", bad.NoiseUntaken, "noise that forward does not take", ruins_all=True),
    twin("signature", bad.ParameterUntaken, "forward takes no 'gain_db'", ruins_all=True),
    twin("signature", bad.NoiseNeverDrawn, "takes noise that is never drawn"),
    twin("units_declared", bad.WrongUnit, "says dB, but its Range declares unit='Hz'"),
    twin("not_invertible_says_so", bad.UndoesUnasked, "invertible is False"),
    twin(
        "rejects_foreign_types",
        bad.TakesAnything,
        "must reject None with InputTypeError, but accepts it",
        "rejects_integers",
        "rejects_missing_axes",
    ),
    twin(
        "rejects_foreign_types",
        bad.NamelessError,
        "its error for None does not name it",
        "rejects_integers",
        "rejects_missing_axes",
    ),
    twin("rejects_foreign_types", bad.RaisesBare, "but raises AttributeError", "rejects_missing_axes"),
    twin("rejects_integers", bad.TakesIntegers, "must reject a uint8 tensor with InputTypeError, but accepts"),
    twin("rejects_missing_axes", bad.TakesScalars, r"tensor of shape \(16,\) with InputError, but accepts"),
    twin("accepts_its_example", bad.RefusesItsOwn, "validate rejects a batch of torch.float32"),
    twin("constructor_names_argument", bad.SwallowsOptions, "accepts no_such_parameter=1.0"),
    twin("constructor_names_argument", bad.CrashesOnOptions, "no_such_parameter=1.0 must raise a RangeError"),
]


@pytest.mark.parametrize("twin", TWINS, ids=lambda twin: twin.id)
def test_the_check_rejects_its_bad_twin(twin):
    with pytest.raises(ConformanceError, match=re.compile(twin.message, re.DOTALL)) as caught:
        CHECKS[twin.check](twin.build())
    assert caught.value.transform == twin.build().name


@pytest.mark.parametrize("twin", [twin for twin in TWINS if not twin.ruins_all], ids=lambda twin: twin.id)
def test_the_twin_breaks_nothing_else(twin):
    broken = {result.check for result in run_checks(twin.build()) if not result.ok}
    assert broken == {twin.check, *twin.also}


def test_every_check_has_a_bad_twin():
    assert {twin.check for twin in TWINS} == set(CHECKS)


def test_every_bad_twin_is_used():
    built = {type(twin.build()) for twin in TWINS}
    written = {kind for kind in vars(bad).values() if isinstance(kind, type) and kind.__module__ == bad.__name__}
    assert built == written
