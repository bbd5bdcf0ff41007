"""Noise has the spread that is asked for, masks hide what they say, and both leave the rest alone."""

from __future__ import annotations

import pytest
import torch
from tests.plugins.graph.graph_cases import PATHS, rich, same

from augrad import AugmentationLayer, batch
from augrad.errors import ArgumentError, InputError
from augrad_graph.backend import Batch, Data
from augrad_graph.batching import with_values
from augrad_graph.features import FeatureMask, FeatureNoise

MANY = Data(x=torch.ones(4000, 3), edge_index=torch.zeros(2, 0, dtype=torch.long))
SEED = torch.tensor([3])


def test_noise_has_the_standard_deviation_asked_for():
    change = FeatureNoise()(MANY, std=torch.tensor([0.5]), noise=SEED).x - MANY.x
    assert change.std().item() == pytest.approx(0.5, rel=0.03)
    assert change.mean().item() == pytest.approx(0.0, abs=0.02)
    assert torch.corrcoef(change.T).fill_diagonal_(0).abs().max() < 0.05


def test_noise_is_measured_in_units_of_the_scale():
    change = FeatureNoise(scale=[2.0, 1.0, 0.0])(MANY, std=torch.tensor([0.5]), noise=SEED).x - MANY.x
    assert change.std(0).tolist() == pytest.approx([1.0, 0.5, 0.0], rel=0.05)


@pytest.mark.parametrize("scale", [[-1.0], [float("nan")], [float("inf")], ["a"], [True]])
def test_a_scale_that_is_none_is_named(scale, unchecked):
    with pytest.raises(
        ArgumentError, match=r"feature_noise: scale must be one finite number per feature, each of at least 0"
    ):
        FeatureNoise(scale=scale)


def test_a_scale_must_have_a_number_per_feature():
    with pytest.raises(InputError, match=r"feature_noise: scale has 2 numbers, but the graphs have 3 features"):
        FeatureNoise(scale=[1.0, 2.0]).validate(PATHS[0])


def test_each_graph_has_its_own_noise_and_its_own_size():
    x = batch.repeat(PATHS[0], 3)
    y = FeatureNoise()(x, std=torch.tensor([0.0, 0.1, 1.0]), noise=torch.tensor([1, 2, 3]))
    moved = (y.x - x.x).abs().reshape(3, -1).mean(1)
    assert moved[0] == 0
    assert 0 < moved[1] < moved[2] / 3


@pytest.mark.parametrize("of", ["node", "feature", "entry"])
def test_masks_hide_as_many_as_asked_for(of):
    graphs = [Data(x=torch.ones(200, 30), edge_index=torch.zeros(2, 0).long())] * 20
    x = Batch.from_data_list(graphs)
    transform = FeatureMask(of=of).eval()
    y = transform(
        x, probability=torch.full((20,), 0.3), noise=transform.draw_noise(x, torch.Generator().manual_seed(0))
    )
    assert y.x.mean().item() == pytest.approx(0.7, abs=0.03)
    assert set(y.x.unique().tolist()) == {0.0, 1.0}


def test_masks_hide_what_they_say():
    p = torch.tensor([0.5])
    by = {of: FeatureMask(of=of).eval()(MANY, probability=p, noise=SEED).x for of in ("node", "feature", "entry")}
    assert (by["node"] == by["node"][:, :1]).all()
    assert (by["feature"] == by["feature"][:1]).all()
    assert not (by["entry"] == by["entry"][:, :1]).all()
    assert not (by["entry"] == by["entry"][:1]).all()


def test_masks_are_soft_in_training_and_hard_in_evaluation():
    mask = FeatureMask(of="entry")
    p = torch.tensor([0.5], requires_grad=True)
    soft = mask(MANY, probability=p, noise=SEED).x
    hard = mask.eval()(MANY, probability=p, noise=SEED).x
    assert len(soft.unique()) > 100
    assert torch.equal(soft.round(), hard)
    assert soft.requires_grad
    assert not hard.requires_grad


@pytest.mark.parametrize("transform", [FeatureNoise(), FeatureMask(), FeatureMask(of="node")])
def test_all_but_the_features_stays(transform):
    x = batch.repeat(Batch.from_data_list([rich(4), rich(3)]), 1)
    y = AugmentationLayer([transform], magnitude=0.9)(x)
    assert not torch.equal(y.x, x.x)
    same(with_values(y, x=x.x), x)


def test_noise_in_half_precision_is_the_same_noise():
    half = with_values(MANY, x=MANY.x.bfloat16())
    values = {"std": torch.tensor([0.5]), "noise": SEED}
    torch.testing.assert_close(
        FeatureNoise()(half, **values).x.float(), FeatureNoise()(MANY, **values).x, atol=0.02, rtol=0.01
    )


def test_the_scale_travels_with_the_configuration():
    built = FeatureNoise.from_config(FeatureNoise(scale=(1.0, 2.0)).config)
    assert built.scale.tolist() == [1.0, 2.0]
