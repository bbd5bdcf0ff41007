"""Kills a run with SIGKILL at random moments, resumes it, and compares it with the unbroken run, to the bit.

Prints "20 of 20" if all 20 runs that were killed reached the same weights.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

RUN = Path(__file__).parents[1] / "integration" / "resumable_run.py"


def weights_of(directory: Path, kill_after: float | None = None) -> bytes | None:
    """Runs to the end and returns the final weights as bytes, or None if it was killed.

    Args:
        directory: of the run; it goes on from what stands there.
        kill_after: seconds from its first new checkpoint (imports and set-up take most of the time before).
    """
    pointer = directory / "latest"
    before = pointer.read_text() if pointer.exists() else ""
    process = subprocess.Popen([sys.executable, str(RUN), str(directory)], stdout=subprocess.PIPE, text=True)
    if kill_after is not None:
        while process.poll() is None and (not pointer.exists() or pointer.read_text() == before):
            time.sleep(0.001)
        time.sleep(kill_after)
        process.kill()
    output, _ = process.communicate()
    if process.returncode:
        return None
    return (Path(output.strip()) / "model.safetensors").read_bytes()


def trial(expected: bytes, moments: Sequence[float]) -> bool:
    """Whether a run killed at these moments, one after the other, ends with the expected weights."""
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder) / "run"
        for moment in moments:
            weights_of(directory, kill_after=moment)
        return weights_of(directory) == expected


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the trials; returns how many failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--trials", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=0.5, help="kill within this time of the first checkpoint")
    arguments = parser.parse_args(argv)
    clock = random.Random(arguments.seed)
    with tempfile.TemporaryDirectory() as folder:
        expected = weights_of(Path(folder) / "run")
    if expected is None:
        raise SystemExit("the unbroken run failed")
    equal = sum(trial(expected, [clock.uniform(0, arguments.seconds)]) for _ in range(arguments.trials))
    print(f"{equal} of {arguments.trials}")
    return arguments.trials - equal


if __name__ == "__main__":
    sys.exit(main())
