"""`augrad find` prints verdicts and writes the page, the numbers and the policy."""

import json

import pytest
from demo_task import registered  # noqa: F401 - a fixture

