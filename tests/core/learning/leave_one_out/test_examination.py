"""An examination warns of features that tell nothing, where every transform seems harmless."""

from __future__ import annotations

import torch
from tests.core.learning.leave_one_out.toys import Noise, signals, trunk, verdicts

from augrad import find_policy


def test_features_that_tell_nothing():
    x, y = signals()
    rare = (torch.arange(len(y)) == 3).long()
    blind, seeing = (find_policy(trunk(), [(x, target)], [Noise]) for target in (rare, y))
    assert verdicts(blind) == {"noise": "harmless"}
    assert "the features tell hardly anything about the targets (error 1.0" in blind.facts.warnings[0]
    assert verdicts(seeing) == {"noise": "harms"}
    assert seeing.facts.warnings == ()
