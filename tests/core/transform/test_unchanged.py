"""`Unchanged` does nothing to any batch, forward and undone, and is kept in files without being registered."""

from __future__ import annotations

import torch
from tests.core.signal_transforms import Flip

from augrad import AugmentationLayer, AugmentationModule, Unchanged
from augrad.policies.document import to_document
from augrad.policies.document_reader import from_document


def test_whatever_comes_goes():
    for batch in (torch.tensor([1, 2]), ["a", "b"], {"x": 1}):
        unchanged = Unchanged()
        unchanged.validate(batch)
        assert unchanged(batch) is batch
        assert unchanged.invert(batch) is batch


def test_leaves_its_share_of_samples_alone():
    layer = AugmentationLayer([Flip, Unchanged], weights=[0.0, 1.0])
    x = torch.rand(8, 1, 5)
    assert torch.equal(layer(x), x)


def test_is_built_again_from_a_document():
    module = AugmentationModule([AugmentationLayer([Unchanged])])
    (transform,) = from_document(to_document(module)).layers[0]
    assert type(transform) is Unchanged
