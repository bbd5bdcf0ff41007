"""Rules of third parties through every seam: they train, and a run that is killed and resumed ends bit-equal."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from tests.integration import killed_runs
from tests.integration.third_party_rules import RULES, equal, run

from augrad import InvariantModel


class Killed(BaseException):
    """What ends a run in these tests; nothing catches it."""


@pytest.mark.parametrize("rule", RULES)
def test_interrupted_and_resumed_it_ends_bit_equal(rule: str, tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = []

    def interrupt(row: dict[str, Any], model: InvariantModel) -> None:
        rows.append(row)
        if len(rows) == 2:
            raise Killed

    unbroken = run(rule, tmp_path / "unbroken")
    with pytest.raises(Killed):
        run(rule, tmp_path / "broken", callbacks=[interrupt])
    assert equal(run(rule, tmp_path / "broken"), unbroken)


@pytest.mark.parametrize("rule", RULES)
def test_what_the_rule_learns_has_moved(rule: str, tmp_path: Path) -> None:
    before = RULES[rule]()[0]
    torch.manual_seed(0)
    before = RULES[rule]()[0].state_dict()
    after = run(rule, tmp_path).augmentation.layers[0].state_dict()
    moved = [name for name in before if not torch.equal(before[name], after[name])]
    wanted = {"strength": "strength.network.weight", "selection": "preference.weight"}
    assert wanted.get(rule, "raw_weights") in moved


@pytest.mark.slow
def test_killed_at_random_moments_they_end_bit_equal(capfd: pytest.CaptureFixture[str]) -> None:
    assert killed_runs.main(["--moments", "5"]) == 0
    assert "20 of 20 bit-equal" in capfd.readouterr().out
