"""What `find_policy` refuses: each error names the argument, what came, and the way out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from tests.core.learning.leave_one_out.toys import WIDTH, Level, Noise, Stir, signals, trunk
from torch import Tensor, nn
from torch.utils.data import DataLoader, IterableDataset, TensorDataset

from augrad import Range, Transform, find_policy, register
from augrad.errors import (
    ArgumentError,
    ArgumentTypeError,
    AugradError,
    InputError,
    InputTypeError,
    LayerError,
    UnknownNameError,
    UnknownTransformError,
)

X, Y = signals()


def pairs(n: int = 100) -> list[tuple[Tensor, Tensor]]:
    return [(X[:n], Y[:n])]


class Root(Transform):
    """Has no result for what falls below 0."""

    modality = "toy"
    less = Range(3.0)

    def forward(self, x: Tensor, *, less: Tensor) -> Tensor:
        return (x - less[:, None]).sqrt()


@register
class OfImages(Transform):
    """Another modality: it accepts images alone."""

    modality = "images_toy"

    def validate(self, x: Any) -> None:
        if x.ndim != 4:
            raise InputError(f"{self.name} expects images, but got shape {tuple(x.shape)}.")

    def forward(self, x: Tensor) -> Tensor:
        return x


class Unused(nn.Module):
    """Never calls one of its layers."""

    def __init__(self) -> None:
        super().__init__()
        self.used, self.spare = nn.Linear(WIDTH, 2), nn.Linear(WIDTH, 2)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.used(x)
        return out


class Stream(IterableDataset[Any]):
    def __iter__(self) -> Iterator[Any]:
        return iter([])


def with_nan(place: int, value: float = torch.nan) -> Tensor:
    x = X.clone()
    x[place, 3] = value
    return x


def constant() -> nn.Sequential:
    inner = trunk()
    with torch.no_grad():
        inner[0].weight.zero_()
    return inner


def refusal(kind: type[AugradError], **changed: Any) -> AugradError:
    """The error of a call with an argument changed."""
    given = {"trunk": trunk(), "loader": pairs(), "transforms": [Level, Noise], **changed}
    with pytest.raises(kind) as caught:
        find_policy(**given)
    assert type(caught.value) is kind
    return caught.value


LOADERS: dict[str, tuple[Any, type[AugradError], str]] = {
    "too few": (pairs(19), InputError, "19 samples with a target, too few to tell anything: 20 are the least"),
    "too few with a class": (
        [(X[:25], torch.where(torch.arange(25) < 10, -100, Y[:25]))],
        InputError,
        "15 samples with a target, too few",
    ),
    "no class at all": ([(X, torch.full_like(Y, -1))], InputError, "0 samples with a target"),
    "one class": (
        [(X, torch.full_like(Y, 3))],
        InputError,
        "a single class (3) in the 100 samples that were read, so there is nothing to predict. Two classes with 10",
    ),
    "one number": ([(X, torch.ones(100))], InputError, "the same target for all 100 samples"),
    "a class for each": ([(X, torch.arange(100))], InputError, "100 classes in 100 samples, too few for each"),
    "x alone": ([X, X], ArgumentTypeError, "must yield pairs (x, target), but yields Tensor alone"),
    "x alone in a list": (
        DataLoader(TensorDataset(X), 10),
        ArgumentTypeError,
        "must yield pairs (x, target), but yields Tensor alone",
    ),
    "a mapping": ([{"x": X, "y": Y}], ArgumentTypeError, "yields dict alone"),
    "triples": ([(X, Y, Y)], ArgumentTypeError, "yields 3 entries"),
    "empty": ([], ArgumentError, "loader yields no samples. Check the data set"),
    "empty stream": (DataLoader(Stream(), 10), ArgumentError, "loader yields no samples"),
    "no rows": ([(X[:0], Y[:0])], ArgumentError, "loader yields no samples"),
    "a number": (3, ArgumentTypeError, "or another iterable of pairs (x, target), but got int. For one batch"),
    "a data set": (TensorDataset(X, Y), ArgumentTypeError, "but got TensorDataset"),
    "targets as a list": ([(X, Y.tolist())], ArgumentTypeError, "targets as tensors, one for each sample, but"),
    "too few targets": ([(X, Y[:50])], ArgumentError, "yields (50,) for 100 samples"),
    "dense targets": ([(X, Y[:, None, None])], ArgumentError, "yields (100, 1, 1) for 100 samples"),
    "targets of several shapes": (
        [(X, Y), (X, Y[:, None])],
        ArgumentError,
        "targets of different shapes: (100, 1), (100,)",
    ),
    "samples of several shapes": (
        [(X, Y), (X[:, :5], Y)],
        ArgumentError,
        "samples of different shapes: (5,), (8,). Pad or crop them",
    ),
}


@pytest.mark.parametrize("case", LOADERS)
def test_loaders(case: str):
    loader, kind, words = LOADERS[case]
    error = refusal(kind, loader=loader)
    assert words in str(error)
    assert error.facts["argument"] == "loader"


FEATURES: dict[str, tuple[nn.Module, Any, type[AugradError], str]] = {
    "constant": (constant(), "0", InputError, "the trunk gives the same features for all 100 samples, so they tell"),
    "no linear layer": (
        nn.Flatten(),
        None,
        ArgumentError,
        "must be given: the trunk Flatten has no linear or convolutional layer with a row for each sample. Pass",
    ),
    "no such module": (Unused(), "spar", ArgumentError, "the trunk has no module 'spar'. Did you mean 'spare'?"),
    "no name": (Unused(), "", ArgumentError, "the trunk has no module ''"),
    "a module that is not called": (Unused(), "spare", ArgumentError, "the trunk does not call its module 'spare'"),
    "no tensor": (trunk(), lambda inner, x: None, ArgumentTypeError, "with 100 samples, but gave NoneType"),
    "too few rows": (trunk(), lambda inner, x: x[:3], ArgumentTypeError, "with 100 samples, but gave (3, 8)"),
    "a row for all": (trunk(), lambda inner, x: x.mean(1), ArgumentTypeError, "but gave (100,)"),
    "not finite": (trunk(), lambda inner, x: x.log(), InputError, "are not finite. Look for NaN"),
}


@pytest.mark.parametrize("case", FEATURES)
def test_features(case: str):
    inner, features, kind, words = FEATURES[case]
    error = refusal(kind, trunk=inner, features=features)
    assert words in str(error)
    assert error.facts["argument"] == "features"


def test_a_trunk_without_linear_layers_serves_with_features():
    evidence = find_policy(nn.Flatten(), pairs(), [Level, Noise], features=lambda inner, x: inner(x))
    assert evidence.candidates[1].verdict == "harms"


def test_constant_data():
    error = refusal(InputError, loader=[(torch.ones(100, WIDTH), Y)])
    assert "the trunk gives the same features for all 100 samples" in str(error)


class TestNotFinite:
    """The sample is named by its place in the data set, whatever the order in which it was read."""

    @pytest.mark.parametrize("value", [torch.nan, torch.inf])
    def test_data(self, value: float):
        error = refusal(InputError, loader=[(with_nan(7, value), Y)])
        assert "the trunk's features of sample 7, counted from 0, are not finite" in str(error)
        assert error.facts["index"] == 7

    @pytest.mark.parametrize("shuffle", [False, True])
    def test_data_of_a_loader(self, shuffle: bool):
        loader = DataLoader(TensorDataset(with_nan(41), Y), 16, shuffle=shuffle)
        assert refusal(InputError, loader=loader).facts["index"] == 41

    def test_data_beside_samples_without_a_class(self):
        target = torch.where(torch.arange(100) < 30, -100, Y)
        assert refusal(InputError, loader=[(with_nan(41), target)]).facts["index"] == 41

    def test_targets(self):
        target = X[:, 0].clone()
        target[[41, 60]] = torch.inf
        error = refusal(InputError, loader=DataLoader(TensorDataset(X, target), 16), n_samples=100)
        assert "targets that are not finite" in str(error)
        assert "(2 of 100)" in str(error)
        assert error.facts["index"] in (41, 60)

    def test_weights_of_the_trunk(self):
        inner = trunk()
        with torch.no_grad():
            inner[0].bias[0] = torch.nan
        assert "or in the trunk's weights" in str(refusal(InputError, trunk=inner))

    def test_what_a_transform_makes_of_a_sample(self):
        x = X - X.amin() + 3.1
        x[41, 2] = 2.5  # so only strong copies fail
        loader = DataLoader(TensorDataset(x, Y), 16, shuffle=True)
        error = refusal(InputError, loader=loader, transforms=[Level(level=0.1), Root], n_samples=100)
        assert "transforms: toy.root turns sample 41, counted from 0, into one whose features are not finite" in str(
            error
        )
        assert (error.facts["argument"], error.facts["transform"], error.facts["index"]) == (
            "transforms",
            "toy.root",
            41,
        )


class TestTransforms:
    def test_of_another_modality(self):
        error = refusal(InputError, transforms=[Level, OfImages])
        assert str(error) == "images_toy.of_images expects images, but got shape (100, 8)."

    def test_none_of_a_modality_accepts_the_data(self):
        error = refusal(ArgumentError, transforms="images_toy")
        assert "no transform of the modality 'images_toy' can be used. images_toy.of_images expects images" in str(
            error
        )
        assert error.facts["argument"] == "transforms"

    def test_an_unknown_modality(self):
        assert "no transforms of modality 'images_to' are registered" in str(
            refusal(UnknownNameError, transforms="images_to")
        )

    def test_a_name_for_a_modality(self):
        error = refusal(ArgumentError, transforms="images_toy.of_images")
        assert "but got the name of a transform. Write ['images_toy.of_images']." in str(error)

    def test_an_unknown_name(self):
        assert "Did you mean 'images_toy.of_images'?" in str(
            refusal(UnknownTransformError, transforms=["images_toy.of_image"])
        )

    def test_an_argument_that_no_transform_takes(self):
        error = refusal(ArgumentError, transforms="whole_toy", arguments={"facto": 0.5})
        assert "arguments holds 'facto', which none of these transforms takes" in str(error)
        assert "Did you mean 'factor'?" in str(error)

    def test_none(self):
        assert "at least one transform" in str(refusal(LayerError, transforms=[]))

    def test_all_mix_samples(self):
        error = refusal(ArgumentError, transforms=[Stir])
        assert "toy.stir put values of other samples into a sample" in str(error)
        assert error.facts["argument"] == "transforms"

    def test_data_of_another_type(self):
        error = refusal(InputTypeError, loader=[(X.long(), Y)])
        assert "toy.level expects floating-point values, but got torch.int64" in str(error)


@pytest.mark.parametrize(
    ("argument", "value", "kind", "words"),
    [
        ("trunk", lambda x: x, ArgumentTypeError, "trunk must be a torch.nn.Module, but got function"),
        ("features", 3, ArgumentTypeError, "features must be the name of a module, a function"),
        ("transforms", None, ArgumentTypeError, "transforms must be a modality, such as 'vision', or a list"),
        ("transforms", [3], ArgumentTypeError, "transforms must hold names"),
        ("n_samples", 19, ArgumentError, "n_samples must be an int of at least 20, but got 19"),
        ("n_copies", 3, ArgumentError, "n_copies must be an int of at least 4, but got 3"),
        ("max_transforms", 0, ArgumentError, "max_transforms must be an int of at least 1, but got 0"),
        ("max_seconds", 0, ArgumentError, "max_seconds must be a finite number above 0, but got 0"),
        ("progress", "yes", ArgumentTypeError, "progress must be True or False, but got 'yes'"),
        ("seed", "a", ArgumentTypeError, "seed must be an int, but got 'a'"),
    ],
)
def test_arguments(argument: str, value: Any, kind: type[AugradError], words: str, unchecked: None):
    error = refusal(kind, **{argument: value})
    assert words in str(error)
    assert error.facts["argument"] == argument
