"""The guard fires at each operation that waits for a device, and at none that does not."""

from __future__ import annotations

import pytest
import torch

from augrad.testing.watch import SyncError, Tally, sync_guard

X = torch.rand(3, 2, 2) + torch.eye(2)

WAITS = {
    "item": lambda: X.sum().item(),
    "tolist": X.tolist,
    "cpu": X.cpu,
    "numpy": X.numpy,
    "truth": lambda: bool(X.sum() > 0),
    "float": lambda: float(X.sum()),
    "int": lambda: int(X.sum()),
    "range": lambda: range(torch.tensor(3)),
    "mask": lambda: X[X > 0.5],
    "assignment by mask": lambda: X.clone().__setitem__(X > 2, 0.0),
    "where": lambda: torch.where(X > 0),
    "nonzero": X.nonzero,
    "masked_select": lambda: X.masked_select(X > 0),
    "unique": X.unique,
    "inverse": lambda: torch.linalg.inv(X),
    "solve": lambda: torch.linalg.solve(X, X),
    "equal": lambda: torch.equal(X, X),
    "allclose": lambda: torch.allclose(X, X),
    "repeat_interleave": lambda: torch.repeat_interleave(torch.tensor([1, 2])),
}

GOES_ON = {
    "arithmetic": lambda: X * 2 + X.mean(),
    "where": lambda: torch.where(X > 0.5, X, 0 * X),
    "gather": lambda: X[torch.tensor([2, 0])],
    "inverse": lambda: torch.linalg.inv_ex(X),
    "repeat_interleave": lambda: torch.repeat_interleave(torch.tensor([1, 2]), output_size=3),
    "shape": lambda: X.reshape(X.shape[0], -1),
    "fft": lambda: torch.fft.rfft(X),
}


@pytest.mark.parametrize("operation", WAITS)
def test_an_operation_that_waits_is_caught(operation):
    with pytest.raises(SyncError), sync_guard():
        WAITS[operation]()


@pytest.mark.parametrize("operation", GOES_ON)
def test_an_operation_that_does_not_wait_goes_through(operation):
    expected = GOES_ON[operation]()
    with sync_guard():
        found = GOES_ON[operation]()
    torch.testing.assert_close(found, expected)


def test_the_guard_is_gone_after_its_block_also_after_an_error():
    with pytest.raises(SyncError), sync_guard():
        X.tolist()
    assert len(X.tolist()) == 3


def test_the_tally_counts_operations():
    tally = Tally()
    with tally:
        _ = (X + 1) * 2
    assert tally.count == 2
