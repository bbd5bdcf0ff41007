"""Local augmentation: the generator learns what neighbours look like, alone or by the joint loss."""

from __future__ import annotations

import pytest
import torch

from augrad import AugmentationLayer, InvariantModel, JointLoss, batch, keyed_generator, parameter_groups
from augrad.errors import ArgumentError, InputError, InputTypeError
from augrad_graph.backend import Batch, Data
from augrad_graph.kit import example_graphs
from augrad_graph.neighbours import LocalAugmentation, NeighbourGenerator


def opposites(n_pairs=32):
    """Pairs of nodes, one at (1, 0) and one at (-1, 2)."""
    index = torch.tensor([[0, 1], [1, 0]])
    one = Data(x=torch.tensor([[1.0, 0.0], [-1.0, 2.0]]), edge_index=index)
    return Batch.from_data_list([one] * n_pairs)


def generated(transform, x):
    n_graphs = batch.count(x)
    noise = transform.draw_noise(x, keyed_generator("generated"))
    return transform(x, strength=torch.ones(n_graphs), noise=noise).x


def test_a_fitted_generator_makes_features_of_neighbours():
    x = opposites()
    fitted = LocalAugmentation(n_features=2).fit(x, n_steps=200, lr=0.03)
    expected = x.x[torch.arange(64) ^ 1]
    assert (generated(LocalAugmentation(n_features=2), x) - expected).abs().mean() > 0.8
    assert (generated(fitted, x) - expected).abs().mean() < 0.2


def test_a_fitted_generator_makes_as_many_kinds_as_neighbours_have():
    star = Data(
        x=torch.tensor([[0.0], [1.0], [-1.0]]),
        edge_index=torch.tensor([[0, 0], [1, 2]]),
    )
    x = Batch.from_data_list([star] * 100)
    made = generated(LocalAugmentation(n_features=1).fit(x, n_steps=300, lr=0.03), x)[::3, 0]
    assert made.mean().abs() < 0.3
    assert made.std() > 0.6


def test_fitting_freezes_and_weights_count():
    x = opposites(4)
    x.edge_weight = torch.tensor([1.0, 0.0]).repeat(4)
    fitted = LocalAugmentation(n_features=2).fit([x, x], n_steps=200, lr=0.03)
    assert not any(parameter.requires_grad for parameter in fitted.parameters())
    assert (generated(fitted, x)[::2] - torch.tensor([-1.0, 2.0])).abs().mean() < 0.3


def test_fitting_is_reproducible_and_leaves_the_global_generator_alone():
    before = torch.get_rng_state()
    first, second = (LocalAugmentation(n_features=2).fit(opposites(2), n_steps=3) for _ in range(2))
    assert torch.equal(first.generator.outer, second.generator.outer)
    assert not torch.equal(first.generator.outer, LocalAugmentation(n_features=2).generator.outer)
    assert torch.equal(before, torch.get_rng_state())


def test_the_joint_loss_trains_the_generator():
    class Trunk(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.linear = torch.nn.Linear(3, 1)

        def forward(self, x):
            return x.x.new_zeros(batch.count(x), 1).index_add(0, x.batch, self.linear(x.x))

    x = batch.select(example_graphs(3, keyed_generator("joint")), torch.arange(3))
    x.x = x.x.float()
    model = InvariantModel(Trunk(), AugmentationLayer([LocalAugmentation(n_features=3)]), aggregation="mean")
    groups = {group["name"]: group["params"] for group in parameter_groups(model, lr=0.1)}
    generator = next(iter(model.augmentation.layers[0])).generator
    assert any(parameter is generator.outer for parameter in groups["augmentation"])
    JointLoss(torch.nn.MSELoss())(model(x), torch.zeros(3, 1), model).backward()
    assert generator.inner.grad.abs().sum() > 0


def test_half_the_strength_goes_half_the_way():
    x = example_graphs(2, keyed_generator("half"))
    transform = LocalAugmentation(n_features=3)
    noise = transform.draw_noise(x, keyed_generator("noise"))
    whole = transform(x, strength=torch.ones(2), noise=noise).x - x.x
    half = transform(x, strength=torch.full((2,), 0.5), noise=noise).x - x.x
    torch.testing.assert_close(half, whole / 2)


def test_seeds_make_different_generators():
    one, other = (NeighbourGenerator(2, seed=seed) for seed in (0, 1))
    assert not torch.equal(one.inner, other.inner)


def test_bad_input_is_named():
    transform = LocalAugmentation(n_features=2)
    with pytest.raises(InputError, match="made for n_features=2, but nodes have 3"):
        transform.validate(example_graphs(1, None))
    with pytest.raises(InputError, match="needs x as a tensor"):
        transform.validate(Data(pos=torch.rand(2, 2), edge_index=torch.tensor([[0], [1]])))
    with pytest.raises(InputTypeError, match="but got float"):
        transform.fit([1.0])
    lone = Data(x=torch.ones(2, 2), edge_index=torch.zeros(2, 0, dtype=torch.long))
    with pytest.raises(InputError, match="fit learns from edges, but the graphs have none"):
        transform.fit(lone)
    for name in ("n_features", "n_hidden", "n_latent"):
        with pytest.raises(ArgumentError, match=f"{name} must be an int of at least 1, but got 0"):
            LocalAugmentation(**{"n_features": 2, name: 0})
