"""The gradient of the evidence in weights and magnitudes is that of finite differences, in every modality."""

import math

import pytest
import torch
from torch import nn
from torch.func import functional_call

import augrad
from augrad_graph.backend import Batch, Data
from augrad_tabular import Schema

N_SAMPLES = 24


def numbers(*shape, seed=0):
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def images():
    trunk = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Tanh(), nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(16, 2))
    smooth = nn.functional.interpolate(numbers(N_SAMPLES, 3, 4, 4), 12, mode="bilinear")
    return trunk, smooth, [["vision.rotate", "vision.brightness"], ["vision.translate_x"]], {}


def signals():
    trunk = nn.Sequential(nn.Conv1d(1, 4, 9), nn.Tanh(), nn.AdaptiveAvgPool1d(4), nn.Flatten(), nn.Linear(16, 2))
    time = torch.arange(160, dtype=torch.float64) / 800
    waves = (2 * math.pi * (20 + 40 * numbers(N_SAMPLES, 1, 1)) * time).sin() + 0.1 * numbers(N_SAMPLES, 1, 160)
    return trunk, waves, [["audio.gain", "audio.dc_offset"], ["audio.white_noise"]], {}


def tables():
    trunk = nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 2))
    rows = 1 + numbers(N_SAMPLES, 3)
    return trunk, rows, [["tabular.feature_noise", "tabular.common_scale"]], {"schema": Schema.from_data(rows)}


def graphs():
    path = torch.tensor([[0, 1, 2, 3, 1, 2, 3, 0], [1, 2, 3, 0, 0, 1, 2, 3]])
    found = [Data(x=numbers(4, 3, seed=i), pos=numbers(4, 2, seed=99 + i), edge_index=path) for i in range(N_SAMPLES)]

    class Trunk(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner = nn.Linear(5, 8)
            self.head = nn.Linear(8, 2)

        def forward(self, batch):
            x = torch.tanh(self.inner(torch.cat([batch.x, batch.pos], 1)))
            return self.head(x.unflatten(0, (-1, 4)).mean(dim=1))

    names = [["graph.feature_noise", "graph.position_rotate"], ["graph.position_scale"]]
    return Trunk(), Batch.from_data_list(found), names, {}


class Evidence(nn.Module):
    """The error as a function of the parameters of the augmentation."""

    def __init__(self, error, augmentation):
        super().__init__()
        self.error, self.augmentation = error, augmentation

    def forward(self):
        return self.error(self.augmentation)


@pytest.mark.parametrize("task", [images, signals, tables, graphs])
def test_gradients_are_those_of_finite_differences(task):
    torch.manual_seed(0)
    trunk, x, layers, arguments = task()
    target = torch.arange(N_SAMPLES) % 2
    error = augrad.EvidenceLoss(trunk.double(), x, target, n_copies=6)
    built = [augrad.AugmentationLayer(names, arguments=arguments, magnitude=0.3) for names in layers]
    evidence = Evidence(error, augrad.AugmentationModule(built).double())
    parameters = dict(evidence.named_parameters())
    with torch.no_grad():  # away from equal weights
        for index, parameter in enumerate(parameters.values()):
            parameter.add_(0.3 * (numbers(*parameter.shape, seed=index) - 0.5))
    assert any("raw_weights" in name for name in parameters)
    assert any("strength" in name for name in parameters)

    def found(*values):
        return functional_call(evidence, dict(zip(parameters, values, strict=True)), ())

    assert torch.autograd.gradcheck(found, tuple(parameters.values()), eps=1e-6, atol=1e-7, rtol=1e-4)
    gradients = torch.autograd.grad(evidence(), parameters.values())
    assert all(gradient.abs().max() > 1e-6 for gradient in gradients if gradient.numel() > 1)
