"""Audio transforms in layers: learned together, kept as a policy, and with a broken signal among good ones."""

from __future__ import annotations

import json

import pytest
import torch

from augrad import AugmentationLayer, AugmentationModule, InvariantModel, Policy, keyed_generator

NAMES = ["time_shift", "speed", "time_reverse", "time_stretch", "time_warp", "time_mask"]


def _module(n_layers=2, **options):
    arguments = {"sample_rate": 500, "n_fft": 32, "padding": "cyclic"}
    layers = [
        AugmentationLayer([f"audio.{name}" for name in NAMES], arguments=arguments, magnitude=0.4, **options)
        for _ in range(n_layers)
    ]
    return AugmentationModule(layers)


@pytest.mark.parametrize("selection", ["straight_through", "mixture"])
def test_gradients_reach_every_magnitude_and_weight(selection):
    module = _module(selection=selection)
    y = module(torch.randn(48, 2, 64), generator=keyed_generator(0))
    y.square().mul(torch.randn(64)).mean().backward()
    gradients = [parameter.grad for parameter in module.parameters()]
    assert all(torch.isfinite(gradient).all() for gradient in gradients)
    assert all((gradient != 0).all() for gradient in gradients)


@pytest.mark.parametrize("bad", [0.0, float("nan")])
def test_a_silent_or_broken_signal_does_not_spoil_the_others(bad):
    x = torch.randn(24, 1, 64)
    x[5] = bad
    good = torch.arange(24) != 5
    module = _module()
    y = module(x, generator=keyed_generator(0))
    assert torch.isfinite(y[good]).all()
    y[good].square().mean().backward()
    if bad == 0:
        assert all(torch.isfinite(parameter.grad).all() for parameter in module.parameters())


def test_a_policy_keeps_rate_unit_and_padding(tmp_path):
    layer = AugmentationLayer(
        ["audio.time_shift", "audio.speed"], arguments={"unit": "samples", "padding": "cyclic", "sample_rate": 8000}
    )
    module = AugmentationModule([layer]).eval()
    policy = Policy.from_module(module)
    assert [row.unit for row in policy] == ["samples", "octave"]
    policy.to_json(tmp_path / "policy.json")
    assert json.loads((tmp_path / "policy.json").read_text())
    again = Policy.from_json(tmp_path / "policy.json").as_module().eval()
    x = torch.randn(6, 1, 50)
    expected = module(x, generator=keyed_generator(3))
    assert torch.allclose(again(x, generator=keyed_generator(3)), expected, atol=1e-6)


def test_dense_outputs_are_moved_back():
    module = AugmentationModule(
        [
            AugmentationLayer(
                ["audio.time_shift", "audio.time_reverse"], arguments={"unit": "samples", "padding": "cyclic"}
            )
        ]
    )
    model = InvariantModel(torch.nn.Identity(), module, copies=4, aggregation="equivariant").eval()
    window = torch.hann_window(40)
    x = torch.nn.functional.pad(window, (12, 12)).expand(3, 1, 64)
    assert torch.allclose(model(x), x, atol=1e-3)
