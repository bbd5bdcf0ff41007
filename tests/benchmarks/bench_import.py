"""How long `import augrad` and its plugins take beyond `import torch`, and what they load: medians over interpreters.

Run: python tests/benchmarks/bench_import.py [--runs 7]
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
from collections.abc import Sequence

HEAVY = (
    "torch",
    "kornia",
    "torchaudio",
    "torch_geometric",
    "sklearn",
    "pandas",
    "accelerate",
    "matplotlib",
    "lightning",
    "pydantic",
    "rich",
)
LIMITS_S = {"... and its core names": 0.3, "... and the four plugins": 1.0}
CORE = "augrad.InvariantModel, augrad.transforms, augrad.JointLoss, augrad.Policy"
PLUGINS = "import augrad_vision, augrad_audio, augrad_tabular, augrad_graph"
NAMES = "from augrad.plugins.registry import catalogue as c; c.names(), [p.demos for p in c.plugins().values()]"
CASES = {
    "torch alone": "import torch",
    "torch, then augrad": "import torch, augrad",
    "... and its core names": f"import torch, augrad; {CORE}",
    "... and discovering plugins": f"import torch, augrad; {CORE}; augrad.plugin_errors()",
    "... and the four plugins": f"import torch, augrad; {CORE}; {PLUGINS}; {NAMES}",
    "... and first use of all": f"import torch, augrad; {CORE}; {PLUGINS}; augrad.transforms()",
    "... and fit": "import torch, augrad; augrad.fit",
    "augrad without torch": "import augrad",
    "the command line": "import augrad.cli",
}


def measure(code: str) -> tuple[float, list[str]]:
    """Seconds that `code` takes in a fresh interpreter, and the heavy modules it leaves loaded."""
    script = f"""
import sys, time
started = time.perf_counter()
{code}
print(time.perf_counter() - started, *(name for name in {HEAVY!r} if name in sys.modules))
"""
    seconds, *loaded = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    ).stdout.split()
    return float(seconds), loaded


def main(argv: Sequence[str] | None = None) -> None:
    """Prints one line per case; rounds are interleaved, so that a busy moment hits all of them alike."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=7, help="interpreters per case")
    runs = parser.parse_args(argv).runs
    seconds: dict[str, list[float]] = {name: [] for name in CASES}
    loaded: dict[str, list[str]] = {}
    for _ in range(runs):
        for name, code in CASES.items():
            took, loaded[name] = measure(code)
            seconds[name].append(took)
    for name, values in seconds.items():
        beyond = _beyond_torch(seconds, name)
        came = ", ".join(loaded[name]) or "-"
        print(f"{name:28}{statistics.median(values):7.3f} s  {beyond:+7.3f} s to torch alone   loads: {came}")
    print()
    for name, limit in LIMITS_S.items():
        beyond = _beyond_torch(seconds, name)
        print(f"import of augrad {name.removeprefix('... ')}: {beyond:+.3f} s to torch alone, at most {limit} s wanted")


def _beyond_torch(seconds: dict[str, list[float]], name: str) -> float:
    """Median over the rounds of what a case took more than torch alone in the same round."""
    return statistics.median(took - torch for took, torch in zip(seconds[name], seconds["torch alone"], strict=True))


if __name__ == "__main__":
    main()
