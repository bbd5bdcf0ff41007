"""The conformance kit catches transforms of graphs that break a promise, as it does those of tensors."""

from __future__ import annotations

import pytest
from tests.plugins.graph import bad_graphs

from augrad.errors import ConformanceError
from augrad.testing import CHECKS, all_checks, check_transform

TWINS = {
    "FailsWhenEmpty": ("check_batch_sizes", "a batch of 0 raises"),
    "LooksAtOthers": ("check_samples_independent", "differs by up to"),
    "NumbersEdgesOverTheBatch": ("check_samples_independent", "differs by up to"),
    "DrawsPerNode": ("check_noise_has_one_row_per_sample", "one row per sample"),
    "Waits": ("check_no_host_sync", r"waits for the device in Tensor\.item"),
    "Loops": ("check_no_loop_over_samples", "it loops over samples"),
    "CutsTheGradient": ("check_gradient_reaches_parameters", "no gradient reaches 'share'"),
    "DoublesTheGradient": ("check_gradcheck_of_parameters", "differs from finite differences"),
    "CutsTheGradientOfWeights": ("check_gradcheck_of_input", "the gradient of the input differs"),
    "DiesAtTheEnd": ("check_gradient_alive_at_ends", "the gradient of 'share' is dead"),
    "TurnsTheGradient": ("check_gradient_agrees_with_differences", "does not agree with differences.*cosine -1.00"),
    "AddsAnEdgeAtZero": ("check_identity_at_zero", r"at its identity \(share = 0\) it changes the input by up to 1"),
    "WritesFeatures": ("check_input_untouched", "forward writes into the input"),
    "WritesEdges": ("check_input_untouched", "forward writes into the input"),
    "WritesTargets": ("check_input_untouched", "forward writes into the input"),
    "LosesNodes": ("check_shape_kept", r"it turns shape \(3, 6, 3\)"),
    "ReturnsOneGraph": ("check_shape_kept", "it turns DataBatch into Data"),
    "Narrows": ("check_dtype_kept", r"it turns torch.float64 into torch.float32"),
    "StaysOnTheHost": ("check_device_kept", "it does not work on device 'meta'"),
    "DividesByZero": ("check_finite", "not finite for zeros"),
    "Draws": ("check_same_generator_same_output", "two passes with equal generators differ"),
    "Remembers": ("check_learning_moves_the_draw", "but the draws did not change"),
    "AcceptsAnything": ("check_rejects_foreign_types", "validate must reject None"),
    "UndoesByHalf": ("check_invert_undoes_forward", "invert leaves 1.00 of the change"),
}


def test_the_good_twin_breaks_no_promise():
    check_transform(bad_graphs.Lighter())


@pytest.mark.parametrize(("twin", "check", "message"), [(name, *rest) for name, rest in TWINS.items()])
def test_the_check_rejects_its_bad_twin(twin, check, message):
    transform = getattr(bad_graphs, twin)()
    assert check in [each.name for each in all_checks(transform)]
    with pytest.raises(ConformanceError, match=message):
        CHECKS[check](transform)
