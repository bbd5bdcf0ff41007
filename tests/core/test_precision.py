"""Autocast is off inside, and back on outside; where a device has none, nothing happens."""

from __future__ import annotations

import torch

from augrad.precision import full_precision


def _product_dtype(device):
    return (torch.eye(2, device=device) @ torch.eye(2, device=device)).dtype


def test_autocast_is_off_inside_only():
    with torch.autocast("cpu", torch.bfloat16):
        with full_precision(torch.device("cpu")):
            assert _product_dtype("cpu") is torch.float32
        assert _product_dtype("cpu") is torch.bfloat16


def test_a_device_without_autocast():
    with full_precision(torch.device("meta")):
        assert _product_dtype("meta") is torch.float32
