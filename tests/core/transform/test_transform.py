"""The base class of transforms: names, ranges, configuration, identity, and errors that name what is wrong."""

from __future__ import annotations

import json

import pytest
import torch
from matplotlib.figure import Figure
from tests.core.signal_transforms import ColumnNoise, Flip, Gain, Noise, Shift, Stretch

from augrad import Range, Transform
from augrad.errors import ArgumentError, ArgumentTypeError, InputError, InputTypeError, InversionError, RangeError
from augrad.transform.naming import snake_case


class Lowpass(Transform):
    """Neutral at its upper end, with an option beside its range."""

    modality = "signal"
    cutoff_hz = Range(400.0, low=100.0, unit="Hz", identity=400.0)

    def __init__(self, order: int = 2, **ranges: float | Range) -> None:
        super().__init__(**ranges)
        self.order = order

    def forward(self, x, *, cutoff_hz):
        return x * (cutoff_hz / 400)[:, None]


def test_the_name_is_modality_and_class_in_snake_case():
    assert ColumnNoise.name == ColumnNoise().name == "table.column_noise"
    assert snake_case("TranslateX") == "translate_x"
    assert snake_case("HTTPNoise") == "http_noise"


def test_ranges_are_collected_in_order_and_inherited():
    class Louder(Gain):
        bias = Range(1.0, unit="V")

    assert list(Stretch.ranges) == ["first", "second"]
    assert list(Louder.ranges) == ["gain_db", "bias"]
    assert list(Gain.ranges) == ["gain_db"]
    assert Flip.ranges == {}


def test_a_number_replaces_the_far_end_for_one_instance_only():
    assert Gain(gain_db=3.0).ranges["gain_db"].bounds == (-3.0, 3.0)
    assert Lowpass(cutoff_hz=200.0).ranges["cutoff_hz"].bounds == (200.0, 400.0)
    assert Gain.ranges["gain_db"].bounds == Gain().ranges["gain_db"].bounds == (-6.0, 6.0)


def test_a_range_replaces_the_declared_one_whole():
    mine = Range(12.0, unit="dB")
    assert Gain(gain_db=mine).ranges["gain_db"] is mine


class SampledLowpass(Lowpass):
    """Neutral at half a sample rate that its constructor is given."""

    def __init__(self, sample_rate: float, **ranges: float | Range) -> None:
        self.ranges = {"cutoff_hz": Range(sample_rate / 2, low=1.0, unit="Hz", identity=sample_rate / 2)}
        super().__init__(**ranges)


def test_a_range_that_a_constructor_sets_is_the_one_that_a_number_narrows():
    assert SampledLowpass(8000.0).ranges["cutoff_hz"].bounds == (1.0, 4000.0)
    assert SampledLowpass(8000.0, cutoff_hz=1000.0).ranges["cutoff_hz"].bounds == (1000.0, 4000.0)
    with pytest.raises(RangeError, match=r"signal\.sampled_lowpass: cutoff_hz=5000\.0: Range needs low below high"):
        SampledLowpass(8000.0, cutoff_hz=5000.0)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"loudness": 1.0}, r"signal\.gain has no parameter 'loudness'; its parameters: gain_db"),
        ({"gain_db": float("nan")}, r"signal\.gain: gain_db must be a finite number .*, but got nan"),
        ({"gain_db": -1.0}, r"signal\.gain: gain_db=-1\.0: .*needs high above identity"),
    ],
)
def test_a_malformed_range_is_named(given, message):
    with pytest.raises(RangeError, match=message):
        Gain(**given)


@pytest.mark.parametrize("given", ["wide", None, True, [1.0]])
def test_a_range_of_another_type_is_named(given, unchecked):
    with pytest.raises(
        RangeError,
        match=r"signal\.gain: gain_db must be a finite number \(the far end of its range\) or a Range, but got",
    ):
        Gain(gain_db=given)


def test_a_parameter_of_a_transform_without_any_is_named():
    with pytest.raises(RangeError, match=r"signal\.flip has no parameter 'angle'; its parameters: none"):
        Flip(angle=3.0)


def test_a_transform_without_modality_cannot_be_built():
    class Homeless(Transform):
        def forward(self, x):
            return x

    with pytest.raises(ArgumentTypeError, match="Homeless declares no modality; add a class attribute"):
        Homeless()


def test_an_unknown_kind_of_gradient_is_refused_at_the_class():
    with pytest.raises(ArgumentError, match=r"Odd: gradient must be one of 'pathwise', 'relaxed', 'straight-through'"):

        class Odd(Gain):
            gradient = "numeric"


def test_having_an_inverse_declares_it():
    assert Gain.invertible
    assert not Noise.invertible
    assert type("Child", (Gain,), {}).invertible


@pytest.mark.parametrize(
    "transform",
    [
        Flip(),
        Gain(gain_db=3.0),
        Gain(gain_db=Range(9.0, unit="dB")),
        Lowpass(4),
        Lowpass(order=3, cutoff_hz=250.0),
        ColumnNoise(7, std=2.0),
    ],
    ids=repr,
)
def test_the_configuration_survives_json(transform):
    again = type(transform).from_config(json.loads(json.dumps(transform.config)))
    assert again.ranges == transform.ranges
    assert again.config == transform.config
    assert again.sizes == transform.sizes


def test_positional_options_are_in_the_configuration_by_name():
    assert Lowpass(4, cutoff_hz=250.0).config == {"order": 4, "cutoff_hz": 250.0}


def test_sizes_count_the_magnitudes_of_each_parameter():
    assert Stretch().sizes == {"first": 1, "second": 1}
    assert ColumnNoise(n_features=3).sizes == {"std": 3}


def test_a_parameter_per_axis_entry_needs_to_know_how_many():
    class Forgetful(Transform):
        """Forgets to set n_channels."""

        modality = "signal"
        std = Range(1.0, per="channel")

        def forward(self, x, *, std):
            return x * std

    with pytest.raises(RangeError, match=r"std is learned per channel, so the transform must set self\.n_channels"):
        _ = Forgetful().sizes


def test_identity_values_change_nothing():
    x = torch.rand(3, 2, 15)
    for transform in (Gain(), Shift()):
        torch.testing.assert_close(transform(x, **transform.identity(3, x)), x)
    like = torch.zeros((), dtype=torch.float64)
    assert Lowpass().identity(2, like)["cutoff_hz"].tolist() == [400.0, 400.0]
    assert ColumnNoise(4).identity(2, like)["std"].shape == (2, 4)
    assert ColumnNoise(4).identity(2, like)["std"].dtype == torch.float64


def test_what_cannot_be_undone_says_so():
    with pytest.raises(InversionError, match=r"signal\.noise cannot be undone: it defines no invert") as caught:
        Noise().invert(torch.zeros(1, 2), std=torch.zeros(1))
    assert caught.value.transform == "signal.noise"


@pytest.mark.parametrize(
    ("x", "kind", "message"),
    [
        ("x", InputTypeError, r"signal\.gain expects a tensor \(batch, \.\.\.\), but got str"),
        (torch.zeros(2, 3, dtype=torch.uint8), InputTypeError, r"floating-point values, but got torch\.uint8"),
        (torch.zeros(3), InputError, r"at least 2 axes, but got shape \(3,\)\. Add the batch axis with x\[None\]"),
    ],
)
def test_a_batch_that_does_not_fit_is_refused(x, kind, message):
    with pytest.raises(kind, match=message):
        Gain().validate(x)


def test_the_defaults_of_optional_hooks():
    assert Gain().draw_noise(torch.zeros(1, 2), None) is None
    assert Gain().example_batch(2, None) is None
    assert Gain().validate(torch.zeros(1, 2, 3)) is None


def test_its_repr_tells_ranges_and_units():
    assert repr(Stretch(first=0.5)) == "Stretch(first=-0.5..0.5 log2, second=-1..1 log2)"
    assert repr(Lowpass()) == "Lowpass(cutoff_hz=100..400 Hz)"


@pytest.mark.parametrize("asked", [Gain, Gain()], ids=["class", "instance"])
def test_an_audit_asks_the_class_or_an_instance(asked):
    x = torch.rand(3, 2, 8, requires_grad=True)
    assert torch.equal(asked.features(x), x.detach().flatten(1))
    assert asked.side_effects(x).shape == (3, 12)
    axes = Figure().subplots()
    asked.draw(axes, x[:1], original=x[1:2], colour="red")
    assert len(axes.lines) == 4


def test_a_class_that_cannot_say_it_to_an_audit_is_named():
    with pytest.raises(InputTypeError, match=r"signal\.gain: features expects a tensor .*override .* features\(x\)"):
        Gain.features([1.0])
    with pytest.raises(InputTypeError, match=r"Transform: side_effects expects a tensor .* but got list"):
        Transform.side_effects([1.0])
    with pytest.raises(InputTypeError, match=r"signal\.gain can draw a tensor .* but got list"):
        Gain.draw(Figure().subplots(), [1.0])
