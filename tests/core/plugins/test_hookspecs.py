from __future__ import annotations

import pytest

from augrad.plugins.loading import HOOKS, hookspecs


def test_hooks_are_those_that_plugins_are_asked():
    assert tuple(name for name in vars(hookspecs) if name.startswith("augrad_")) == HOOKS


@pytest.mark.parametrize("hook", HOOKS)
def test_a_hook_may_bring_nothing(hook):
    assert getattr(hookspecs, hook)() == {}
