from __future__ import annotations

import typing

import pytest

from augrad.aggregation import AGGREGATIONS
from augrad.config import TrainConfig, located, parse_config, read_config
from augrad.errors import ConfigError, UnknownTransformError
from augrad.layers.distribution import DISTRIBUTIONS
from augrad.layers.selection import SELECTIONS
from augrad.learning.penalties import DisplacementPenalty
from augrad.training.runaway import RunawayGuard
from augrad.training.schedule import SCHEDULES
from augrad.training.settings import PRECISIONS
from augrad.training.trainer import LR, MAX_EPOCHS

WHOLE = """
transforms: [vision.rotate, vision.hue]
arguments: {sample_rate: 8000}
layers: 2
temperature: 0.5
magnitude: {vision.rotate: 0.2, vision.hue: 0.3}
selection: mixture
distribution: ends
copies: 4
train_copies: 2
aggregation: prob
objective: joint
penalty: {name: magnitude, strength: 0.25, schedule: warm_up}
epochs: 3
batch_size: 16
optimizer: sgd
lr: 1e-2
augmentation_lr: 5E-3
weight_decay: 1.0e-4
gradient_clip: 1
accumulation_steps: 2
mixed_precision: bf16
early_stopping: {metric: val_accuracy, patience: 3, mode: max, min_delta: 0.01}
runaway: {patience: 4, rise: 0.5}
checkpoint_every: 50
trackers: [tensorboard]
seed: 7
"""


@pytest.fixture
def written(tmp_path):
    def write(text: str | bytes):
        path = tmp_path / "config.yaml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


def test_every_key_is_read(written):
    config = read_config(written(WHOLE))
    assert config.magnitude == {"vision.rotate": 0.2, "vision.hue": 0.3}
    assert (config.lr, config.augmentation_lr, config.gradient_clip) == (0.01, 0.005, 1.0)
    assert (config.penalty.strength, config.penalty.schedule, config.early_stopping.patience) == (0.25, "warm_up", 3)
    assert config.runaway.model_dump() == {"patience": 4, "rise": 0.5}
    assert config.model_fields_set == set(TrainConfig.model_fields)


def test_defaults_are_the_librarys():
    config = TrainConfig(transforms=["vision.rotate"])
    assert (config.epochs, config.lr) == (MAX_EPOCHS, LR)
    assert (config.penalty.name, config.penalty.strength) == ("displacement", None)
    assert DisplacementPenalty().strength > 0
    assert RunawayGuard(**config.runaway.model_dump()) == RunawayGuard()


@pytest.mark.parametrize(
    ("field", "accepted"),
    [
        ("selection", set(SELECTIONS)),
        ("distribution", set(DISTRIBUTIONS)),
        ("aggregation", set(AGGREGATIONS)),
        ("mixed_precision", set(PRECISIONS)),
    ],
)
def test_accepted_names_are_those_there_are(field, accepted):
    assert set(typing.get_args(TrainConfig.model_fields[field].annotation)) == accepted


@pytest.mark.parametrize("objective", [None, "joint", {"name": "cross_fitted", "n_folds": 2}])
def test_an_objective_is_a_name_or_a_name_with_options(objective):
    assert parse_config({"transforms": ["vision.rotate"], "objective": objective}).objective == objective


@pytest.mark.parametrize(("key", "value"), [("confirm", False), ("n_folds", 2)])
def test_options_that_moved_into_the_objective_say_where(key, value):
    with pytest.raises(ConfigError, match=rf"^{key} is an option of the objective\. Write objective: .name: cross_fitted"):
        parse_config({"transforms": ["vision.rotate"], key: value})


def test_an_objective_of_another_type_is_named():
    with pytest.raises(ConfigError, match=r"objective must be a name, or a mapping of a name and options, but got 3"):
        parse_config({"transforms": ["vision.rotate"], "objective": 3})


def test_schedules_are_those_there_are():
    penalty = TrainConfig.model_fields["penalty"].annotation
    assert set(typing.get_args(penalty.model_fields["schedule"].annotation)) == set(SCHEDULES)


def test_file_wins_over_defaults(written):
    config = read_config(written("epochs: 3"), defaults={"transforms": ["a.b"], "epochs": 9})
    assert (config.transforms, config.epochs) == (["a.b"], 3)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, r"^transforms is missing\.$"),
        ({"transforms": []}, r"^transforms must have at least 1 item, but got \[\]\.$"),
        ({"transforms": "a.b"}, r"^transforms must be a list, but got 'a.b'\.$"),
        ({"transforms": [3]}, r"^transforms.0 must be a string, but got 3\.$"),
        (
            {"transform": ["a.b"], "transforms": ["a.b"]},
            r"^transform is not a known key\. Did you mean 'transforms'\?$",
        ),
        ({"zzz": 1, "transforms": ["a.b"]}, r"^zzz is not a known key\. Known are: transforms, arguments, layers, "),
        ({"penalty": {"strenght": 1.0}, "transforms": ["a.b"]}, r"^penalty.strenght .* Did you mean 'strength'\?$"),
        ({"penalty": {"name": "magnitde"}, "transforms": ["a.b"]}, r"^penalty.name must be .*'magnitude'\?$"),
        ({"penalty": 1.0, "transforms": ["a.b"]}, r"^penalty must be a dictionary .*, but got 1.0\.$"),
        ({"early_stopping": {"patince": 1}, "transforms": ["a.b"]}, r"^early_stopping.patince .*'patience'\?$"),
        ({"epochs": 0, "transforms": ["a.b"]}, r"^epochs must be greater than or equal to 1, but got 0\.$"),
        ({"epochs": "3", "transforms": ["a.b"]}, r"^epochs must be an integer, but got '3'\.$"),
        ({"epochs": True, "transforms": ["a.b"]}, r"^epochs must be an integer, but got True\.$"),
        ({"lr": float("nan"), "transforms": ["a.b"]}, r"^lr must be a finite number, but got nan\.$"),
        ({"selection": "mix", "transforms": ["a.b"]}, r"^selection must be 'straight_through' or 'mixture', but got"),
        ({"distribution": "end", "transforms": ["a.b"]}, r"^distribution must be 'uniform' or 'ends', .*'ends'\?$"),
        ({"objective": "crossfitted", "transforms": ["a.b"]}, r"^objective must be .*, .*'cross_fitted'\?$"),
        (
            {"magnitude": "big", "transforms": ["a.b"]},
            r"^magnitude must be a number, or a mapping .*, but got 'big'\.$",
        ),
        ({"lr": -1.0, "epochs": 0, "transforms": ["a.b"]}, r"^epochs .*, but got 0\. \(1 more to mend\.\)$"),
    ],
)
def test_mistakes_are_named(given, message):
    with pytest.raises(ConfigError, match=message):
        parse_config(given)


def test_error_keeps_its_facts():
    with pytest.raises(ConfigError, match=r"penalty.strength") as caught:
        parse_config({"transforms": ["a.b"], "penalty": {"strength": -1.0}})
    assert (caught.value.argument, caught.value.value) == ("penalty.strength", -1.0)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"config.yaml: must hold keys and values such as 'epochs: 20', but holds nothing"),
        ("- a\n- b", r"but holds a list"),
        ("epochs: [1", r"config.yaml, line 1: is not valid YAML: expected ',' or '\]'"),
        ("lr: 1\nepochs: 2\nlr: 3", r"config.yaml, line 3: is not valid YAML: the key 'lr' is also given in line 1"),
        (
            "x: !!python/object/apply:os.system [ls]",
            r"config.yaml, line 1: is not valid YAML: could not determine a constructor",
        ),
        ("a: \x01", r"config.yaml: is not valid YAML: unacceptable character"),
        (b"\xff\xfe\xfa", r"config.yaml: is not UTF-8 text"),
        ("epochs: 2", r"config.yaml: transforms is missing"),
        ("epochs: 2\npenalty:\n\tname: none", r"config.yaml, line 3: is not valid YAML: it begins with a tab"),
        ("lr:0.1", r"holds the text 'lr:0.1'. Line 1 needs a space after the colon: 'lr:0.1'\.$"),
        ("transforms: [a.b]\nlr:0.1\nepochs: 2", r"line 3: .*':'\. Line 2 needs a space after the colon: 'lr:0.1'\.$"),
        ("epochs: 2\ntransfroms: [a.b]", r"config.yaml, line 2: transfroms .* Did you mean 'transforms'\?$"),
        ("transforms: [a.b]\npenalty:\n  strenght: 1", r"config.yaml, line 3: penalty.strenght .*'strength'\?$"),
        ("transforms:\n- a.b\n- 3", r"config.yaml, line 3: transforms.1 must be a string, but got 3\.$"),
        ("transforms: [a.b]\nmagnitude:\n  a.b: big", r"line 3: magnitude.a.b must be a number, but got 'big'\.$"),
    ],
)
def test_unreadable_files(written, text, message):
    with pytest.raises(ConfigError, match=message):
        read_config(written(text))


@pytest.mark.parametrize("facts", [{"name": "a.b"}, {"argument": "transforms", "value": "a.b"}])
def test_errors_about_the_file_name_its_line(written, facts):
    path = written("epochs: 2\ntransforms:\n  - a.c\n  - a.b\n")
    with pytest.raises(ConfigError, match=r"config.yaml, line 4: no such thing\.$") as caught, located(path):
        raise UnknownTransformError("no such thing.", **facts)
    assert caught.value.facts == facts


@pytest.mark.parametrize("facts", [{"name": "zzz"}, {}])
def test_other_errors_pass_unchanged(written, facts):
    error = UnknownTransformError("no such thing.", **facts)
    with pytest.raises(UnknownTransformError, match=r"^no such thing\.$") as caught, located(written("epochs: 2")):
        raise error
    assert caught.value is error


def test_without_a_file_errors_pass_unchanged():
    with pytest.raises(UnknownTransformError, match=r"^no such thing\.$"), located(None):
        raise UnknownTransformError("no such thing.", name="a.b")


def test_absent_file(tmp_path):
    with pytest.raises(ConfigError, match=r"absent.yaml: cannot be read: No such file or directory"):
        read_config(tmp_path / "absent.yaml")
