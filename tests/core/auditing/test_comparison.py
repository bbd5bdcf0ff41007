"""Two audits of the same data side by side."""

from __future__ import annotations

import pandas as pd
import pytest
from tests.core.auditing.cases import Lift, Negate, Reads, loader

from augrad.auditing import audit
from augrad.errors import ArgumentError

KINDS = [Lift, Negate]


def test_two_audits_side_by_side(tmp_path):
    first, second = (audit(model, loader(300), KINDS) for model in (Reads(0.8), Reads()))
    both = first.compare(second)
    change = both.to_frame().set_index(["transform", "strength"])["flip_rate_change"]
    assert change["audited.lift", 1.0] < -0.2
    assert change["audited.negate", 1.0] > 0.2
    assert "audited.lift" in both.to_markdown()
    with pytest.raises(ArgumentError, match="use the same samples"):
        first.compare(audit(Reads(), loader(300, "others"), KINDS))


def test_it_is_saved_as_what_its_name_says(tmp_path):
    first, second = (audit(model, loader(100), KINDS) for model in (Reads(0.8), Reads()))
    both = first.compare(second)
    assert "Two audits side by side" in both.save(tmp_path / "both.md").read_text()
    assert "<h1>1: Reads and 2: Reads</h1>" in both.save(tmp_path / "both.html").read_text()
    assert list(pd.read_csv(both.save(tmp_path / "both.csv")).columns) == list(both.to_frame().columns)
    with pytest.raises(ArgumentError, match=r"must end in \.html, \.csv or \.md"):
        both.save(tmp_path / "both.json")


def test_audits_without_a_common_transform_are_refused():
    first, second = (audit(Reads(), loader(100), [kind]) for kind in KINDS)
    with pytest.raises(ArgumentError, match="no transform in common"):
        first.compare(second)
