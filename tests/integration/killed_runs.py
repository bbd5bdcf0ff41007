"""Kills runs of third parties' rules at random moments, resumes them, and compares the weights with unbroken runs.

python tests/integration/killed_runs.py --moments 5
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import torch
from tests.integration.third_party_rules import RULES, equal, run


def killed(rule: str, directory: Path, seconds: float) -> bool:
    """Runs a rule in a process of its own that is killed after so long; returns whether it was still running."""
    child = os.fork()
    if child == 0:
        run(rule, directory)
        os._exit(0)
    time.sleep(seconds)
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)


def main(argv: list[str] | None = None) -> int:
    """Prints a line per rule; returns the number of runs that differ."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--moments", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(argv)
    torch.set_num_threads(1)
    moments = random.Random(options.seed)
    same = total = 0
    for rule in RULES:
        with tempfile.TemporaryDirectory() as folder:
            run(rule, Path(folder, "warm-up"), max_epochs=1)
            started = time.perf_counter()
            unbroken = run(rule, Path(folder, "unbroken"))
            whole = time.perf_counter() - started
            for number in range(options.moments):
                directory = Path(folder, str(number))
                while not killed(rule, directory, whole * moments.uniform(0.05, 0.9)):
                    shutil.rmtree(directory)  # it was over before it was killed
                total += 1
                same += equal(run(rule, directory), unbroken)
        print(f"{rule}: {options.moments} runs killed within {whole:.1f} s, each before its end", flush=True)
    print(f"{same} of {total} bit-equal")
    return total - same


if __name__ == "__main__":
    raise SystemExit(main())
