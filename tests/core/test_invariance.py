"""The paper's measure: known values for known models, the same terms for trunk and model, and nothing left changed."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tests.core.policy_cases import Jitter, Level, Negate
from tests.core.signal_transforms import Shift
from torch import Generator, Tensor, nn
from torch.nn.functional import cosine_similarity

from augrad import AugmentationLayer, InvariantModel, Range, Transform, keyed_generator
from augrad.errors import ArgumentError, ArgumentTypeError, InputError, InputTypeError, InversionError, MagnitudeError
from augrad.invariance import invariance


class Offset(Transform):
    """Adds a constant to all features of a sample."""

    modality = "case"
    level = Range(2.0, unit="V", signed=True)

    def forward(self, x: Tensor, *, level: Tensor) -> Tensor:
        return x + level.to(x.dtype)[:, None]


class Centred(nn.Module):
    """A trunk that an offset does not change."""

    def forward(self, x: Tensor) -> Tensor:
        return x - x.mean(dim=1, keepdim=True)


class Positive(nn.Module):
    """A trunk that undoes a change of sign where the first feature is negative."""

    def forward(self, x: Tensor) -> Tensor:
        return x * x[:, :1].sign()


def model_of(trunk, aggregation="mean", transform=Offset, magnitude=0.0, **options):
    return InvariantModel(
        trunk, AugmentationLayer([transform], magnitude=magnitude), aggregation=aggregation, **options
    )


X = torch.rand(12, 4, generator=keyed_generator("x")) + 0.1


class TestValues:
    def test_an_invariant_trunk_has_1(self):
        found = invariance(model_of(Centred()), X, Offset, torch.linspace(-2, 2, 5))
        assert found.trunk.shape == found.model.shape == (5, 12)
        assert found.trunk.min() > 0.999
        assert (found.median().trunk.item(), found.median().model.item()) == pytest.approx((1, 1), abs=1e-4)

    def test_at_the_identity_it_is_1(self):
        found = invariance(model_of(nn.Identity()), X, Offset, [0.0])
        assert torch.equal(found.trunk, torch.ones(1, 12, dtype=torch.float64))

    def test_against_the_formula(self):
        found = invariance(model_of(nn.Identity()), X, Offset, [0.5], generator=Generator().manual_seed(3))
        step = torch.randint(1, 12, (12,), generator=Generator().manual_seed(3))
        partner = (torch.arange(12) + step) % 12
        d_random = 1 - cosine_similarity(X, X[partner])
        d_transform = 1 - cosine_similarity(X, X + 0.5)
        assert torch.allclose(found.trunk[0].float(), (d_random - d_transform) / d_random, atol=1e-4)

    def test_a_model_that_augments_is_more_invariant_than_its_trunk(self):
        trunk = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 3))
        layer = AugmentationLayer([Negate])
        model = InvariantModel(trunk, layer, copies=3000)
        found = invariance(model, X, Negate, {}).median()
        assert found.model > 0.9 > found.trunk

    @pytest.mark.parametrize("aggregation", ["log_prob", "prob", "logit", "mean"])
    def test_with_identity_augmentation_trunk_and_model_agree(self, aggregation):
        found = invariance(model_of(nn.Linear(4, 3), aggregation, copies=1), X, Offset, [0.5, 1.0])
        assert torch.equal(found.trunk, found.model)

    def test_a_constant_model_is_invariant(self):
        class Constant(nn.Module):
            def forward(self, x: Tensor) -> Tensor:
                return torch.ones(len(x), 3)

        found = invariance(model_of(Constant()), X, Offset, [1.0])
        assert torch.equal(found.model, torch.ones(1, 12, dtype=torch.float64))

    @pytest.mark.parametrize("shape", [(-1,), (-1, 1)])
    def test_one_number_per_sample_counts_by_its_difference(self, shape):
        class Mean(nn.Module):
            def forward(self, x: Tensor) -> Tensor:
                return x.mean(dim=1).reshape(shape)

        x = torch.tensor([[0.0, 0.0], [4.0, 4.0]])
        found = invariance(model_of(Mean()), x, Offset, [1.0])
        assert found.trunk[0].tolist() == pytest.approx([0.75, 0.75])

    @given(st.lists(st.floats(-2, 2, width=32), min_size=1, max_size=4), st.integers(2, 6))
    def test_never_above_1(self, values, n_samples):
        found = invariance(model_of(nn.Linear(4, 3)), X[:n_samples], Offset, values)
        assert found.trunk.shape == (len(values), n_samples)
        assert found.trunk.max() <= 1

    def test_equivariant_outputs_are_moved_back(self):
        x = torch.randn(5, 1, 16, generator=keyed_generator("signal"))
        trunk = nn.Conv1d(1, 2, 3, padding=1, padding_mode="circular")
        dense = model_of(trunk, "equivariant", Shift, magnitude=0.5)
        assert invariance(dense, x, Shift, [0.25]).median().model > 0.9
        assert invariance(model_of(trunk, "mean", Shift), x, Shift, [0.25]).median().trunk < 0.6

    def test_equivariance_needs_a_way_back(self):
        class Stuck(Shift):
            invertible = False

            def invert(self, y: Tensor, **values: Tensor) -> Tensor:
                return Transform.invert(self, y, **values)

        dense = model_of(nn.Conv1d(1, 2, 3, padding=1), "equivariant", Shift)
        with pytest.raises(InversionError, match=r"signal\.stuck cannot be undone"):
            invariance(dense, torch.randn(3, 1, 8), Stuck, [0.25])


class TestWaysToSayIt:
    def test_by_class_instance_name_and_mapping(self):
        model, x = model_of(nn.Linear(4, 3), transform=Level), X
        ways = [
            invariance(model, x, Level, {"level": [0.5, 1.0]}),
            invariance(model, x, Level(), {"level": torch.tensor([0.5, 1.0])}),
            invariance(model, x, "case.level", {"level": (0.5, 1.0), "slope": 0.0}),
            invariance(model, x, Level, {"level": torch.tensor([[0.5], [1.0]]).expand(2, 12), "slope": [0.0, 0.0]}),
        ]
        assert all(torch.equal(way.trunk, ways[0].trunk) for way in ways)

    def test_single_numbers(self):
        model = model_of(nn.Linear(4, 3))
        found = [invariance(model, X, Offset, value) for value in (1.5, [1.5], {"level": 1.5}, torch.tensor(1.5))]
        assert all(torch.equal(each.model, found[0].model) for each in found)
        assert found[0].model.shape == (1, 12)

    def test_a_value_per_sample(self):
        values = torch.tensor([[0.0] * 6 + [2.0] * 6])
        found = invariance(model_of(nn.Identity()), X, Offset, values).trunk[0]
        assert torch.equal(found[:6], torch.ones(6, dtype=torch.float64))
        assert found[6:].max() < 1

    def test_a_transform_without_parameters(self):
        found = invariance(model_of(Positive()), X, Negate, {})
        assert found.trunk.shape == (1, 12)
        assert found.trunk.min() > 0.999

    def test_a_transform_learned_per_feature_with_noise(self):
        model = model_of(nn.Identity())
        found = [invariance(model, X, Jitter(4), [0.0, 0.01, 0.5]) for _ in range(2)]
        assert torch.equal(found[0].trunk, found[1].trunk)
        medians = found[0].trunk.median(dim=1).values
        assert medians[0] == 1
        assert medians[0] > medians[1] > medians[2]

    def test_entries_of_a_parameter_can_differ(self):
        first_only = nn.Linear(4, 2, bias=False)
        with torch.no_grad():
            first_only.weight[:, 1:] = 0.0
        values = torch.zeros(2, 12, 4)
        values[0, :, 0], values[1, :, 1] = 0.5, 0.5
        found = invariance(model_of(first_only), X, Jitter(4), {"std": values})
        assert found.trunk[0].median() < 1
        assert (found.trunk[1] == 1).all()
        with pytest.raises(ArgumentError, match=r"\(values,\) or \(values, 12, 4\), but got shape \(2, 12, 3\)"):
            invariance(model_of(first_only), X, Jitter(4), {"std": values[:, :, :3]})

    def test_ends_of_a_range_rounded_to_float32(self):
        assert invariance(model_of(nn.Identity()), X, Level, {"slope": torch.tensor([-0.1, 0.1])}).trunk.shape == (
            2,
            12,
        )

    def test_in_float64(self):
        model = model_of(nn.Linear(4, 3)).double()
        assert torch.isfinite(invariance(model, X.double(), Offset, [1.0]).model).all()


class TestLeavesAlone:
    def test_modes_gradients_generators_and_input(self):
        trunk = nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3), nn.Dropout(0.5))
        model = model_of(trunk, magnitude=0.3)
        trunk[1].eval()
        modes = [module.training for module in model.modules()]
        before = {name: value.clone() for name, value in model.state_dict().items()}
        x, kept, probe = X.clone(), torch.get_rng_state(), Offset().train()
        found = invariance(model, x, probe, [1.0])
        assert [module.training for module in model.modules()] == modes
        assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
        assert torch.equal(x, X)
        assert torch.equal(torch.get_rng_state(), kept)
        assert probe.training
        assert not found.model.requires_grad
        assert torch.is_grad_enabled()

    def test_modes_come_back_after_an_error(self):
        class Broken(nn.Module):
            def forward(self, x: Tensor) -> Tensor:
                raise RuntimeError("broken trunk")

        model = model_of(Broken()).train()
        with pytest.raises(RuntimeError, match="broken trunk"):
            invariance(model, X, Offset, [1.0])
        assert all(module.training for module in model.modules())

    def test_the_same_call_gives_the_same_result(self):
        model = model_of(nn.Linear(4, 3), magnitude=0.5)
        one, two = (invariance(model, X, Offset, [0.5, -1.0]) for _ in range(2))
        assert torch.equal(one.trunk, two.trunk)
        assert torch.equal(one.model, two.model)
        other = invariance(model, X, Offset, [0.5, -1.0], generator=Generator().manual_seed(8))
        assert not torch.equal(one.trunk, other.trunk)

    @given(st.integers(2, 9), st.integers(0, 99))
    def test_no_sample_is_its_own_partner(self, n_samples, seed):
        x = torch.eye(n_samples)
        found = invariance(model_of(nn.Identity()), x, Offset, [0.0], generator=Generator().manual_seed(seed))
        assert torch.equal(found.trunk, torch.ones(1, n_samples, dtype=torch.float64))
        moved = invariance(model_of(nn.Identity()), x, Offset, [2.0], generator=Generator().manual_seed(seed))
        assert moved.trunk.min() > -1  # a partner's distance is 1 here; its own would be 0


class TestRefuses:
    @pytest.mark.parametrize(
        ("transform", "values", "error", "message"),
        [
            (
                Level,
                {"levle": 1.0},
                ArgumentError,
                r"case\.level has no parameter 'levle'; it has: level, slope\. Did you",
            ),
            (Level, [1.0], ArgumentError, r"must be a mapping .* with 2 parameters; case\.level has: level, slope"),
            (Negate, [1.0], ArgumentError, r"with 0 parameters; case\.negate has: none"),
            (
                Level,
                {},
                ArgumentError,
                r"values must give values for at least one parameter of case\.level: level, slope",
            ),
            (
                Level,
                {"level": [1.0, 1.5], "slope": [0.0, 0.1, 0.0]},
                ArgumentError,
                r"the same length .* got \{'level': 2, 'slope': 3\}",
            ),
            (
                Offset,
                [3.0],
                MagnitudeError,
                r"case\.offset: level must lie in \[-2, 2\] V, but got 3\. To measure beyond",
            ),
            (Offset, [0.0, -2.5], MagnitudeError, r"but got -2\.5"),
            (Offset, [float("nan")], MagnitudeError, r"but got nan"),
            (Offset, [], ArgumentError, r"level must be a number, \(values,\) or \(values, 12\), but got shape \(0,\)"),
            (Offset, torch.zeros(2, 5), ArgumentError, r"but got shape \(2, 5\)"),
            (Offset, torch.zeros(1, 1, 1), ArgumentError, r"but got shape \(1, 1, 1\)"),
            (Offset, {"level": "far"}, ArgumentTypeError, r"level must be numbers, but got 'far'"),
            (Offset, {"level": [[1.0], [1.0, 2.0]]}, ArgumentTypeError, r"level must be numbers"),
        ],
    )
    def test_values(self, transform, values, error, message):
        with pytest.raises(error, match=message):
            invariance(model_of(nn.Identity()), X, transform, values)

    def test_a_batch_of_one(self):
        with pytest.raises(InputError, match="needs at least 2, but got 1"):
            invariance(model_of(nn.Identity()), X[:1], Offset, [1.0])

    def test_a_batch_that_the_transform_does_not_accept(self):
        with pytest.raises(InputTypeError, match=r"case\.offset expects floating-point values"):
            invariance(model_of(nn.Identity()), torch.ones(3, 4, dtype=torch.long), Offset, [1.0])

    def test_what_is_no_model(self):
        with pytest.raises(ArgumentTypeError, match=r"model must be an augrad\.InvariantModel"):
            invariance(nn.Identity(), X, Offset, [1.0])
