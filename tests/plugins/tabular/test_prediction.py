"""Predictions: a function of the row alone, averaged over copies as the model says."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

import augrad
from augrad_tabular import prediction
from augrad_tabular.prediction import predict_rows, shared_draws
from augrad_tabular.schema import Schema

X = torch.randn(12, 3, generator=augrad.keyed_generator("rows"), dtype=torch.float64)
SCHEMA = Schema.from_data(X)


def model(*names: str, layers: int = 2, copies: int = 5, **options: Any) -> augrad.InvariantModel:
    names = names or ("tabular.feature_noise", "tabular.feature_dropout", "tabular.feature_scale")
    stack = [augrad.AugmentationLayer(names, arguments={"schema": SCHEMA}, magnitude=0.5) for _ in range(layers)]
    trunk = nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 2))
    module = augrad.AugmentationModule(stack)
    return augrad.InvariantModel(trunk, module, copies=copies, **options).double().eval()


def test_a_prediction_depends_on_its_row_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    net = model()
    whole = predict_rows(net, X)
    torch.testing.assert_close(predict_rows(net, X.flip(0)).flip(0), whole)
    torch.testing.assert_close(torch.cat([predict_rows(net, X[i : i + 1]) for i in range(12)]), whole)
    monkeypatch.setattr(prediction, "CHUNK", 20)
    torch.testing.assert_close(predict_rows(net, X), whole)
    # The model itself draws by position.
    assert not torch.allclose(net(X.flip(0)).flip(0), net(X))


def test_one_row_is_what_the_model_says_of_it() -> None:
    net = model()
    generator = augrad.keyed_generator(net.seed, "predict")
    torch.testing.assert_close(predict_rows(net, X[:1]), net(X[:1], generator=generator))


@pytest.mark.parametrize("aggregation", ["log_prob", "prob", "mean"])
def test_it_averages_as_the_model_does(aggregation: str) -> None:
    net = model(copies=4000, layers=1, aggregation=aggregation)
    torch.testing.assert_close(predict_rows(net, X), net(X).detach(), atol=0.1, rtol=0)


def test_copies_differ_and_rows_share_them() -> None:
    net = model("tabular.feature_noise", layers=1, copies=4)
    (draw,) = shared_draws(net, X, augrad.keyed_generator(0))
    moved = net.augmentation.augment(X.repeat(4, 1), draws=[draw])[0].reshape(4, 12, 3) - X
    torch.testing.assert_close(moved, moved[:, :1].expand(-1, 12, -1))
    assert not torch.allclose(moved[0, 0], moved[1, 0])


def test_transforms_that_mix_rows_draw_as_the_model_does() -> None:
    net = model("tabular.swap_noise", "tabular.feature_noise")
    found = predict_rows(net, X)
    torch.testing.assert_close(found, predict_rows(net, X))
    torch.testing.assert_close(found, net(X, generator=augrad.keyed_generator(net.seed, "predict")).detach())


def test_it_keeps_no_graph() -> None:
    assert not predict_rows(model(), X).requires_grad
