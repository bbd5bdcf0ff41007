"""The closed forms are those of ridge regression that is fitted again without each sample."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from augrad.learning.leave_one_out import errors as module
from augrad.learning.leave_one_out.errors import PENALTIES, leave_one_out

N_COPIES, N_SAMPLES, N_OUTPUTS = 5, 14, 2


def case(n_features: int = 4, *, n_copies: int = N_COPIES, weighted: bool = False) -> tuple[Tensor, Tensor, Tensor]:
    """Copies, targets that depend on their mean, and weights of the copies."""
    generator = torch.Generator().manual_seed(n_features)
    draw = {"generator": generator, "dtype": torch.float64}
    own = torch.randn(1, N_SAMPLES, n_features, **draw)
    copies = 3 + own + 0.5 * torch.randn(n_copies, N_SAMPLES, n_features, **draw)
    targets = own[0] @ torch.randn(n_features, N_OUTPUTS, **draw) + 0.5 * torch.randn(N_SAMPLES, N_OUTPUTS, **draw)
    weights = torch.rand(n_copies, N_SAMPLES, **draw) if weighted else torch.ones_like(copies[..., 0])
    return copies, targets - targets.mean(dim=0), weights / weights.sum(dim=0)


def fitted(rows: Tensor, targets: Tensor, weights: Tensor, penalty: float) -> tuple[Tensor, Tensor]:
    """Slope and intercept of weighted ridge regression; the intercept is free."""
    total = weights.sum()
    centre, level = weights @ rows / total, weights @ targets / total
    centred = rows - centre
    moments = (weights[:, None] * centred).T @ centred + penalty * torch.eye(rows.shape[1], dtype=rows.dtype)
    slope = torch.linalg.solve(moments, (weights[:, None] * centred).T @ (targets - level))
    return slope, level - centre @ slope


def by_hand(copies: Tensor, targets: Tensor, weights: Tensor, penalty: float, rank: int | None) -> Tensor:
    """The three errors at a penalty, by a fit without each sample; on leading directions of the mean features."""
    means = torch.einsum("cn,cnd->nd", weights, copies)
    centred = means - means.mean(dim=0)
    scale = centred.square().sum(dim=1).mean()
    found = []
    _, _, directions = torch.linalg.svd(centred, full_matrices=False)
    narrow = copies @ directions[: rank or min(len(means) - 1, means.shape[1])].T
    for left_out in range(len(targets)):
        kept = torch.arange(len(targets)) != left_out
        ones = torch.ones(int(kept.sum()), dtype=means.dtype)
        slope, intercept = fitted(means[kept], targets[kept], ones, penalty * float(scale))
        averaged = targets[left_out] - means[left_out] @ slope - intercept
        rows = narrow[:, kept].flatten(0, 1)
        again = targets[kept].repeat(len(copies), 1)
        slope, intercept = fitted(rows, again, weights[:, kept].flatten(), penalty * float(scale))
        single = targets[left_out] - narrow[:, left_out] @ slope - intercept
        share = weights[:, left_out]
        found.append(
            [averaged.square().sum(), (share @ single).square().sum(), share @ single.square().sum(dim=1)],
        )
    return torch.tensor(found, dtype=means.dtype).T


def best_by_hand(copies: Tensor, targets: Tensor, weights: Tensor, rank: int | None = None) -> Tensor:
    """The errors of each regression at its best penalty."""
    every = torch.stack([by_hand(copies, targets, weights, float(penalty), rank) for penalty in PENALTIES])
    best = every.mean(dim=2).argmin(dim=0)
    return torch.stack([every[place, row] for row, place in enumerate(best)])


@pytest.mark.parametrize("n_features", [1, 4, 30])
@pytest.mark.parametrize("weighted", [False, True])
def test_all_three_are_exact(n_features: int, weighted: bool):
    copies, targets, weights = case(n_features, weighted=weighted)
    expected = best_by_hand(copies, targets, weights)
    found = leave_one_out(copies, targets, weights)
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-9)
    assert len({round(float(row.mean()), 6) for row in found}) == 3  # three different regressions


def test_without_weights_copies_count_alike():
    copies, targets, weights = case()
    torch.testing.assert_close(leave_one_out(copies, targets), leave_one_out(copies, targets, weights))


def test_of_a_single_copy_all_regressions_are_the_same():
    copies, targets, weights = case(n_copies=1)
    found = leave_one_out(copies, targets)
    torch.testing.assert_close(found, best_by_hand(copies, targets, weights), rtol=1e-6, atol=1e-9)
    torch.testing.assert_close(found[1], found[0])
    torch.testing.assert_close(found[2], found[0])


def test_features_in_single_precision():
    copies, targets, weights = case(weighted=True)
    found = leave_one_out(copies.float(), targets, weights)
    assert found.dtype == torch.float64
    torch.testing.assert_close(found, best_by_hand(copies, targets, weights), rtol=1e-3, atol=1e-4)


def test_the_regression_on_copies_is_sought_in_leading_directions(monkeypatch: pytest.MonkeyPatch):
    copies, targets, weights = case(6, weighted=True)
    full = leave_one_out(copies, targets, weights)
    monkeypatch.setattr(module, "RANK", 2)
    found = leave_one_out(copies, targets, weights)
    torch.testing.assert_close(found, best_by_hand(copies, targets, weights, 2), rtol=1e-6, atol=1e-9)
    torch.testing.assert_close(found[0], full[0])  # exact whatever the rank
    assert not torch.allclose(found[1], full[1])


def test_a_copy_without_weight_does_not_count():
    copies, targets, weights = case(weighted=True)
    weights[2] = 0.0
    weights = weights / weights.sum(dim=0)
    kept = [0, 1, 3, 4]
    found = leave_one_out(copies, targets, weights)
    torch.testing.assert_close(found, leave_one_out(copies[kept], targets, weights[kept]))


def test_units_and_place_of_the_features_do_not_matter():
    copies, targets, weights = case()
    turn, _ = torch.linalg.qr(torch.randn(4, 4, dtype=torch.float64))
    found = leave_one_out(copies, targets, weights)
    torch.testing.assert_close(leave_one_out(100 * (copies @ turn) - 7, targets, weights), found)


def test_features_that_say_nothing_predict_the_mean_of_the_others():
    _, targets, _ = case()
    found = leave_one_out(torch.ones(3, N_SAMPLES, 4), targets)
    expected = (targets * N_SAMPLES / (N_SAMPLES - 1)).square().sum(dim=1)
    torch.testing.assert_close(found, expected.expand(3, -1))


def test_a_true_invariance_lowers_all_errors_and_a_destructive_change_raises_them():
    generator = torch.Generator().manual_seed(1)
    draw = {"generator": generator, "dtype": torch.float64}
    y = torch.randn(60, 1, **draw)
    features = torch.cat([y, torch.randn(60, 20, **draw)], dim=1) @ torch.randn(21, 21, **draw)
    nuisance, truth = torch.linalg.svd(torch.linalg.lstsq(features, y).solution.T)[2].split([1, 20])[::-1]
    clean = leave_one_out(features[None], y - y.mean())
    free = torch.randn(16, 60, 20, **draw) @ nuisance * 3 + features
    lost = torch.randn(16, 60, 1, **draw) @ truth * 3 + features
    assert (leave_one_out(free, y - y.mean()).mean(dim=1) < clean.mean(dim=1)).all()
    assert (leave_one_out(lost, y - y.mean()).mean(dim=1) > clean.mean(dim=1)).all()
