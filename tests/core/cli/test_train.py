from __future__ import annotations

import json
import warnings

import pytest
import torch
from tests.core.cli.conftest import WITH_DEMO

from augrad.cli import status
from augrad.cli.train import build_module, build_penalty, demo_arguments, load_data
from augrad.config import PenaltyConfig, parse_config
from augrad.errors import RunawayWarning
from augrad.learning.penalties import DisplacementPenalty, MagnitudePenalty
from augrad.plugins.registry import get_demo
from augrad.policies.policy import Policy
from augrad.training import RunawayGuard

DATA = """
import torch

def make(config):
    x = torch.randn(3 * config.batch_size, 3)
    y = (x[:, 0] > 0).long()
    return torch.nn.Linear(3, 2), [(x, y)], None

def junk(config):
    return [1, 2]

def loaders(config):
    return make(config)[1:] + (3,)
"""
CONFIG = "transforms: [good.shift]\nepochs: 1\nbatch_size: 8\ncopies: 2\n"


@pytest.fixture
def folder(demo_site):
    (demo_site / "config.yaml").write_text(CONFIG)
    (demo_site / "mine_data.py").write_text(DATA)
    return demo_site


def test_a_demo_is_trained(folder, capsys):
    assert status(["train", "config.yaml", "--demo", "good"]) == 0
    shown = capsys.readouterr().out
    assert "good.shift" in shown
    assert "Best val_loss: " in shown
    assert [row.transform for row in Policy.from_json(folder / "runs" / "config" / "policy.json")] == ["good.shift"]


def test_an_empty_configuration_takes_the_demos(folder):
    (folder / "config.yaml").write_text("lr: 1e-2\n")
    assert status(["train", "config.yaml", "--demo", "good", "--output", "out"]) == 0
    assert (folder / "out" / "policy.json").exists()


TRANSFORMS = """
    import torch
    from augrad import Range, Transform

    class Shift(Transform):
        modality = "good"
        offset = Range(2.0, unit="V", signed=True)

        def forward(self, x, *, offset):
            return x + offset[:, None]

    class Delay(Shift):
        def __init__(self, *, n_steps, **ranges):
            super().__init__(**ranges)
            self.n_steps = n_steps
"""


def test_a_demos_transforms_get_its_arguments(site):
    """As far as the transforms of the file take them, and unless the file says otherwise."""
    hooks = """
        def augrad_transforms():
            return {name: f"augrad_good.transforms:{name[5:].title()}" for name in ("good.shift", "good.delay")}

        def augrad_demos():
            return {"good": "augrad_good.demo:demo"}
    """
    demo = WITH_DEMO.files["demo.py"].replace(
        'transforms=("good.shift",)',
        'transforms=("good.shift", "good.delay"), '
        'arguments=lambda x: {"n_steps": x.shape[1], "good.shift": {"offset": 1}}',
    )
    files = {"plugin.py": hooks, "transforms.py": TRANSFORMS, "demo.py": demo}
    site(type(WITH_DEMO)("augrad-good", "good", "", files))
    task = get_demo("good")
    every, one = (
        parse_config({"transforms": transforms, "arguments": {}})
        for transforms in (["good.shift", "good.delay"], ["good.shift"])
    )
    assert demo_arguments(task, every) == {"n_steps": 3, "good.shift": {"offset": 1}}
    assert demo_arguments(task, one) == {"good.shift": {"offset": 1}}
    (layer,) = build_module(parse_config({"transforms": ["good.delay"], "arguments": {"n_steps": 7}}), {"n_steps": 3})
    assert next(iter(layer)).n_steps == 7


def test_own_data_are_trained_on(folder, capsys):
    assert status(["train", "config.yaml", "--data", "mine_data:make", "--output", "out"]) == 0
    assert "Best train_loss: " in capsys.readouterr().out


def test_a_run_without_a_best_epoch_is_printed(folder, capsys, monkeypatch):
    """A validation loss that is never a number makes no epoch the best."""
    make = "def make(config):\n    x, y = torch.zeros(8, 3), torch.zeros(8).long()\n"
    nan = "    return torch.nn.Linear(3, 2), [(x, y)], [(x * float('nan'), y)]\n"
    (folder / "mine_data.py").write_text(f"import torch\n{make}{nan}")
    (folder / "config.yaml").write_text(CONFIG + "objective: joint\n")
    assert status(["train", "config.yaml", "--data", "mine_data:make"]) == 0
    shown = capsys.readouterr().out
    assert "policy.json" in shown
    assert "Best" not in shown


def test_resume_goes_on(folder, capsys):
    command = ["train", "config.yaml", "--data", "mine_data.py:make", "--output", "out"]
    (folder / "config.yaml").write_text(CONFIG + "\nobjective: joint\n")
    assert status(command) == 0
    assert status(command) == 2
    said = capsys.readouterr().err
    assert "Pass --resume to go on with it" in said
    assert "resume=True" not in said
    (folder / "config.yaml").write_text(CONFIG.replace("epochs: 1", "epochs: 2") + "\nobjective: joint\n")
    assert status([*command, "--resume"]) == 0


@pytest.mark.parametrize(
    ("config", "arguments", "message"),
    [
        (CONFIG, [], "give either --demo NAME or --data module:callable"),
        (CONFIG, ["--demo", "good", "--data", "mine_data:make"], "give either --demo NAME or --data module:callable"),
        (CONFIG, ["--demo", "god"], "no demo named 'god'; demos: good. Did you mean 'good'?"),
        (CONFIG, ["--data", "mine_data:absent"], "--data names 'absent', but 'mine_data' has no such callable."),
        (
            CONFIG,
            ["--data", "mine_data:junk"],
            "must return (trunk, train_loader, val_loader) with a torch.nn",
        ),
        (CONFIG, ["--data", "mine_data:loaders"], "but returned (list, NoneType, int)."),
        (
            CONFIG + "epoch: 3\n",
            ["--demo", "good"],
            "config.yaml, line 5: epoch is not a known key. Did you mean 'epochs'?",
        ),
        (CONFIG + "data: os:system\n", ["--demo", "good"], "config.yaml, line 5: data is not a known key."),
        (
            CONFIG.replace("shift", "shft"),
            ["--demo", "good"],
            "config.yaml, line 1: no transform named 'good.shft'. Did you mean 'good.shift'?",
        ),
        (CONFIG + "magnitude: 2.0\n", ["--demo", "good"], "magnitude must lie in [0, 1]"),
    ],
)
def test_mistakes_get_one_line(folder, capsys, config, arguments, message):
    (folder / "config.yaml").write_text(config)
    assert status(["train", "config.yaml", *arguments]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert not (folder / "runs").exists()


def test_a_range_that_runs_away_is_told_in_the_command_lines_terms(folder, capsys, monkeypatch):
    def fit(*_, **__):
        warnings.warn(RunawayWarning("it ran away. Go on with resume=True and runaway=None.", layer=0), stacklevel=2)
        raise KeyboardInterrupt

    monkeypatch.setattr("augrad.training.fit", fit)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        status(["train", "config.yaml", "--demo", "good"])
    said = capsys.readouterr().err
    assert "augrad: it ran away. Go on with --resume and 'runaway: null' in the configuration.\n" in said


def test_too_few_samples_for_evidence_are_told_in_the_command_lines_terms(folder, capsys):
    (folder / "mine_data.py").write_text(DATA.replace("3 * config.batch_size", "config.batch_size"))
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        assert status(["train", "config.yaml", "--data", "mine_data:make"]) == 0
    (line,) = [line for line in capsys.readouterr().err.splitlines() if "joint" in line]
    assert line.startswith("augrad: the joint loss is used instead of the leave-one-out rule")
    assert "loader yields 8 samples" in line
    assert "Pass 'objective: joint' in the configuration to choose it yourself" in line


def test_every_option_reaches_fit(folder, monkeypatch):
    seen = {}

    def fit(model, train_loader, val_loader, **options):
        seen.update(options, model=model)
        raise KeyboardInterrupt

    monkeypatch.setattr("augrad.training.fit", fit)
    (folder / "config.yaml").write_text(
        json.dumps(
            {
                "transforms": ["good.shift"], "layers": 2, "temperature": 0.5, "magnitude": 0.2, "selection": "mixture",
                "copies": 3, "train_copies": 2, "aggregation": "prob", "penalty": {"name": "none", "schedule": "decay"},
                "epochs": 4, "batch_size": 8, "optimizer": "sgd", "lr": 0.1, "augmentation_lr": 0.2,
                "objective": {"name": "cross_fitted", "confirm": False, "n_folds": 3},
                "weight_decay": 0.3, "gradient_clip": 0.4, "accumulation_steps": 5,
                "mixed_precision": "bf16",
                "checkpoint_every": 6, "runaway": {"rise": 0.9},
                "early_stopping": {"patience": 7}, "trackers": ["tensorboard"], "seed": 8,
            }
        )
    )  # fmt: skip
    assert status(["train", "config.yaml", "--demo", "good", "--resume"]) == 130
    model, config = seen.pop("model"), seen.pop("config")
    assert (len(model.augmentation), model.copies, model.train_copies, model.aggregation) == (2, 3, 2, "prob")
    (layer, _) = model.augmentation
    assert (layer.temperature, layer.selection.name) == (0.5, "mixture")
    torch.testing.assert_close(layer.magnitudes.detach(), torch.tensor([0.2]))
    assert config["layers"] == 2
    assert "epochs" not in config
    assert "runaway" not in config
    assert seen.pop("early_stopping").patience == 7
    assert seen.pop("runaway") == RunawayGuard(rise=0.9)
    assert str(seen.pop("directory")) == "runs/config"
    assert seen == {
        "max_epochs": 4, "penalty": None,
        "objective": {"name": "cross_fitted", "confirm": False, "n_folds": 3},
        "penalty_schedule": "decay", "optimizer": torch.optim.SGD, "lr": 0.1,
        "augmentation_lr": 0.2, "weight_decay": 0.3, "gradient_clip": 0.4, "accumulation_steps": 5,
        "mixed_precision": "bf16", "checkpoint_every": 6, "resume": True, "trackers": ("tensorboard",), "seed": 8,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("given", "kind", "strength"),
    [
        ({}, DisplacementPenalty, DisplacementPenalty().strength),
        ({"strength": 0.25}, DisplacementPenalty, 0.25),
        ({"name": "magnitude"}, MagnitudePenalty, MagnitudePenalty().strength),
        ({"name": "magnitude", "strength": 2.0}, MagnitudePenalty, 2.0),
    ],
)
def test_penalties(given, kind, strength):
    penalty = build_penalty(PenaltyConfig(**given))
    assert (type(penalty), penalty.strength) == (kind, strength)


def test_data_are_keyed_by_the_seed(folder):
    settings = parse_config({"transforms": ["good.shift"], "seed": 3})
    before = torch.random.get_rng_state()
    first, second = (load_data(settings, None, "mine_data:make")[1][0][0] for _ in range(2))
    assert torch.equal(first, second)
    assert torch.equal(before, torch.random.get_rng_state())
    other = load_data(settings.model_copy(update={"seed": 4}), None, "mine_data:make")[1][0][0]
    assert not torch.equal(first, other)


def test_layers_are_stacked(folder):
    module = build_module(parse_config({"transforms": ["good.shift"], "layers": 3}), {})
    assert [layer.names for layer in module] == [("good.shift",)] * 3
