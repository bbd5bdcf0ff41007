from __future__ import annotations

import pytest
from tests.core.bench.tiny import tiny_task

from augrad.errors import ArgumentError


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"kind": "some"}, "kind must be one of 'invariance', 'limit', 'nothing', 'unknown', but got 'some'"),
        ({"oracle": {}}, "oracle must be empty for kind='nothing' or 'unknown' and for no other"),
        ({"kind": "nothing"}, "oracle must be empty for kind='nothing' or 'unknown' and for no other"),
        ({"kind": "unknown"}, "oracle must be empty .* but got {'demo_test.offset': .*} with kind='unknown'"),
        ({"group": "my group"}, "group must be a letter followed by letters, digits, '_' or '-', but got 'my group'"),
        ({"transforms": ("demo_test.damp",)}, "transforms must hold the true ones too, but lacks 'demo_test.offset'"),
    ],
)
def test_rejects(fields, message, unchecked):
    with pytest.raises(ArgumentError, match=message):
        tiny_task(**fields)
