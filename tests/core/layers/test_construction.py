from __future__ import annotations

import pytest
import torch

from augrad import AugmentationLayer, Range, Transform
from augrad.errors import ArgumentError, ArgumentTypeError
from augrad.layers.construction import construct, resolve_transforms


class Delay(Transform):
    modality = "instances"
    seconds = Range(1.0, unit="s")

    def __init__(self, *, sample_rate: float, **ranges: float | Range) -> None:
        super().__init__(**ranges)
        self.sample_rate = sample_rate

    @classmethod
    def example_arguments(cls):
        return {"sample_rate": 10.0}

    def forward(self, x, *, seconds):
        return x + seconds[:, None] * self.sample_rate


class Louder(Transform):
    modality = "instances"
    factor = Range(2.0, identity=0.0)

    def __init__(self, *, base: float = 2.0, **ranges: float | Range) -> None:
        super().__init__(**ranges)
        self.base = base

    def forward(self, x, *, factor):
        return x * self.base ** factor[:, None]


def test_each_gets_the_arguments_that_its_constructor_names():
    delay, louder = resolve_transforms([Delay, Louder], {"sample_rate": 8.0, "base": 3.0})
    assert (delay.sample_rate, louder.base) == (8.0, 3.0)


def test_instances_are_left_as_they_are():
    mine = Delay(sample_rate=5.0)
    given = resolve_transforms([mine, Louder], {"base": 3.0})
    assert given[0] is mine
    assert given[1].base == 3.0


def test_a_layer_hands_arguments_on():
    layer = AugmentationLayer([Delay, Louder], arguments={"sample_rate": 8.0})
    assert layer.transforms[0].sample_rate == 8.0
    assert layer.transforms[0].config == {"sample_rate": 8.0}


def test_a_missing_argument_is_named_with_the_transform_and_the_way_out():
    with pytest.raises(ArgumentError, match=r"instances\.delay needs sample_rate.*arguments=\{'sample_rate': \.\.\.\}"):
        AugmentationLayer([Louder, Delay])


def test_an_argument_that_nobody_takes_is_named():
    with pytest.raises(ArgumentError, match=r"'sample_rte'.*they take: base, sample_rate.*Did you mean 'sample_rate'"):
        resolve_transforms([Delay, Louder], {"sample_rate": 8.0, "sample_rte": 8.0})


def test_ranges_are_no_shared_arguments():
    with pytest.raises(ArgumentError, match="'seconds', which none"):
        resolve_transforms([Delay], {"sample_rate": 8.0, "seconds": 0.5})


def test_arguments_of_another_type_are_refused(unchecked):
    with pytest.raises(ArgumentTypeError, match="arguments must be a mapping"):
        resolve_transforms([Louder], [("base", 2.0)])


def test_construct_takes_what_it_needs_from_more():
    assert construct(Delay, {"sample_rate": 4.0, "schema": None}).sample_rate == 4.0


def test_example_arguments_make_an_instance():
    assert construct(Delay, Delay.example_arguments())(torch.zeros(1, 1), seconds=torch.ones(1)).item() == 10.0
    assert Louder.example_arguments() == {}


def test_what_stands_under_a_transforms_name_is_for_it_alone():
    delay, louder = resolve_transforms(
        [Delay, Louder],
        {"sample_rate": 8.0, "instances.delay": {"sample_rate": 2.0, "seconds": 0.5}, "instances.louder": {}},
    )
    assert (delay.sample_rate, delay.ranges["seconds"].high) == (2.0, 0.5)
    assert louder.base == 2.0


def test_a_range_may_be_written_out():
    own = {"instances.louder": {"factor": {"high": 4.0, "unit": "dB"}}}
    assert resolve_transforms([Louder], own)[0].ranges["factor"] == Range(4.0, unit="dB")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"instances.dealy": {}}, r"'instances\.dealy', which none.*Did you mean 'instances\.delay'"),
        ({"instances.delay": 3}, r"arguments\['instances\.delay'\] must be a mapping.*but got 3"),
        ({"sample_rate": 1.0, "instances.delay": {"secnds": 1.0}}, "no parameter 'secnds'"),
    ],
)
def test_mistakes_in_what_is_for_one_alone_are_named(arguments, message):
    with pytest.raises(ArgumentError, match=message):
        resolve_transforms([Delay], arguments)
