#!/usr/bin/env bash
# The value of a binary metric of torchmetrics, given logits, depends on how the samples are divided into batches.
#
# Behaviour. BinaryAccuracy, BinaryF1Score and their relatives accept logits. Each call of update decides anew whether
# its floats are logits: it applies the sigmoid only if one of the batch lies outside of [0, 1]. A batch whose logits all
# lie in [0, 1] is taken for probabilities, and 0.3 counts as "no" (below 0.5), although as a logit it is "yes"
# (sigmoid(0.3) = 0.57). The same logits and labels are therefore measured as right in one batch and wrong in two, and
# the last, smaller batch of an epoch can be measured by another rule than the others.
#
# What to do: give such a metric probabilities (output.sigmoid()) or labels, never logits.
#
# Exits with 0 if the behaviour is as described, else with 1. Installs into a folder of its own and removes it.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check torchmetrics==1.9.0 torch==2.13.0 numpy==2.4.6

"$folder/venv/bin/python" - <<'PYTHON'
import sys

import torch
import torchmetrics
from torchmetrics.classification import BinaryAccuracy, BinaryF1Score

print(f"torch {torch.__version__}, torchmetrics {torchmetrics.__version__}")
logits = torch.tensor([0.2, 0.3, -2.0, 0.4])  # yes, yes, no, yes: all four are right
labels = torch.tensor([1, 1, 0, 1])
found = {}
for kind in (BinaryAccuracy, BinaryF1Score):
    for name, given in (("logits", logits), ("probabilities", logits.sigmoid())):
        values = []
        for size in (4, 2, 1):
            metric = kind()
            for batch in zip(given.split(size), labels.split(size)):
                metric.update(*batch)
            values.append(round(metric.compute().item(), 3))
        found[kind.__name__, name] = values
        print(f"{kind.__name__:15} of {name:13} in batches of 4, 2 and 1: {values}")
expected = {
    ("BinaryAccuracy", "logits"): [1.0, 0.5, 0.25],
    ("BinaryAccuracy", "probabilities"): [1.0, 1.0, 1.0],
    ("BinaryF1Score", "logits"): [1.0, 0.5, 0.0],
    ("BinaryF1Score", "probabilities"): [1.0, 1.0, 1.0],
}
if found != expected:
    sys.exit(f"The behaviour has changed: expected {expected}")
PYTHON
