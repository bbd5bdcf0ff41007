"""The audit of a pipeline: what it finds in functions of which the truth is known, and what it refuses."""

from __future__ import annotations

import pytest
import torch
from tests.core.auditing.cases import loader

import augrad
from augrad.auditing import audit_pipeline
from augrad.errors import ArgumentError, ArgumentTypeError, InputError


def bordered(x):
    """Images whose border is 0 except for one class, told by what is inside."""
    shown = x.clone()
    bright = x[:, :, 2:-2, 2:-2].mean(dim=(1, 2, 3)) > 0.5
    shown[:, :, 0] = torch.where(bright, 1.0, 0.0)[:, None, None]
    return shown


def noisy(x):
    shown = x.clone()
    shown[:, :, 0] = 0.3 * torch.rand(len(x), 1, x.shape[3])
    return shown


def images(n_samples):
    generator = augrad.keyed_generator("images")
    target = torch.randint(2, (n_samples,), generator=generator)
    x = 0.3 * torch.rand(n_samples, 1, 8, 8, generator=generator)
    x[:, :, 2:-2, 2:-2] += 0.6 * target[:, None, None, None]
    return [(x, target)]


def test_a_border_shortcut_is_found_and_its_twin_is_not():
    found = audit_pipeline(bordered, images(400))
    (verdict,) = found
    assert verdict.shortcut_from == 1.0
    assert found.measurements[0].detectable.low > 0.9
    (twin,) = audit_pipeline(noisy, images(400))
    assert twin.shortcut_from is None


def test_a_pipeline_that_changes_labels_is_called_harmful():
    (verdict,) = audit_pipeline(torch.neg, loader(500), name="turned over")
    assert (verdict.transform, verdict.kind) == ("turned over", "harmful")
    (verdict,) = audit_pipeline(lambda x: x + 0.01 * torch.randn_like(x), loader(500), name="jitter")
    assert verdict.kind == "allowed"


def test_a_pipeline_may_take_one_sample_at_a_time():
    whole = audit_pipeline(torch.neg, loader(100))
    single = audit_pipeline(torch.neg, loader(100), per_sample=True)
    assert single.measurements == whole.measurements


def test_a_pipeline_that_returns_something_else_is_refused():
    with pytest.raises(ArgumentError, match="as many samples as it gets, but for 64 returned 32"):
        audit_pipeline(lambda x: x[: len(x) // 2], loader(64), name="half")
    with pytest.raises(ArgumentError, match="of the shape that it gets"):
        audit_pipeline(lambda x: x[:, :4], loader(64), name="cropped")
    with pytest.raises(ArgumentTypeError, match="must return a batch, but returned dict"):
        audit_pipeline(lambda x: {"x": x}, loader(64), name="mapping")
    with pytest.raises(InputError, match="NaN or infinities"):
        audit_pipeline(lambda x: x / 0, loader(64), name="broken")
    with pytest.raises(ArgumentTypeError, match="pipeline must be a function"):
        audit_pipeline(3, loader(64))


def test_an_unknown_modality_is_refused():
    with pytest.raises(
        ArgumentError, match=r"modality must be one that a plugin is installed for \(.*\), but got 'smell'"
    ):
        audit_pipeline(torch.neg, loader(64), modality="smell")


def test_a_pipeline_may_return_its_batch_in_a_list():
    """As those of kornia do with data keys."""
    (verdict,) = audit_pipeline(lambda x: [x], loader(64), name="as it is")
    assert verdict.kind == audit_pipeline(lambda x: x, loader(64), name="as it is").verdicts[0].kind


def test_a_pipeline_of_single_samples_that_returns_something_else_is_refused():
    with pytest.raises(ArgumentTypeError, match=r"a tensor for each sample, but returned dict\. .*albumentations"):
        audit_pipeline(lambda x: {"image": x}, loader(64), per_sample=True)
    with pytest.raises(ArgumentError, match="samples of one shape"):
        audit_pipeline(lambda x: x[: 2 + int(x[0] > 0)], loader(64), per_sample=True)
