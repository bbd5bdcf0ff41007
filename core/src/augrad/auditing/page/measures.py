"""Titles and meanings of the measures on the pages of an audit. Used by the other modules of this folder."""

from __future__ import annotations

from typing import NamedTuple


class Measure(NamedTuple):
    """Title and meaning of a measure, and whether it is a share of samples."""

    title: str
    meaning: str
    share: bool = True


MEASURE_WORDS = {
    "invariance": Measure(
        "invariance",
        "how little the model's output moves, as a median over samples: 1 if it does not move, 0 if it moves as far as "
        "to the output for another sample, below 0 if it moves farther",
        share=False,
    ),
    "flip_rate": Measure(
        "predictions that change",
        "share of the samples for which the model predicts another class, or a number that differs by more than half a "
        "standard deviation",
    ),
    "loss_change": Measure("change of the loss", "mean change of the criterion", share=False),
    "score": Measure("predicted right", "share of the transformed samples that the model predicts right"),
    "lost": Measure(
        "lost by the model",
        "share of the samples that the model predicts right before the transform and wrong after it, minus the share "
        "of the reverse. For a transform worth augmenting with, this is the expected gain",
    ),
    "equivariance_error": Measure(
        "equivariance error",
        "for outputs with places, such as a segmentation: their error after the transform is undone on them, in "
        "distances between samples",
        share=False,
    ),
    "displacement": Measure(
        "displacement", "how far samples move, on average, in units of the data's spread", share=False
    ),
    "agreement": Measure("reference agrees", "share of the samples with the same reference label as before"),
    "preservation": Measure(
        "labels that survive",
        "share of the labels known to the reference that it still finds, plus the labels that it finds only after the "
        "transform",
    ),
    "changed": Measure(
        "among another label",
        "share of the samples that move close to samples of another label, minus the share of the reverse",
    ),
    "ignored": Measure(
        "among another label, ignored",
        "share of the samples that move among another label while the model's prediction stays the same",
    ),
    "distance_ratio": Measure(
        "distance from the data",
        "distance to the nearest samples, as a multiple of the distance for clean samples, as a median over samples",
        share=False,
    ),
    "off_manifold": Measure(
        "off the data",
        "share of the samples that are farther from the data than 95 % of the clean samples; 5 % if nothing changes",
    ),
    "detectable": Measure(
        "told from clean",
        "how often a small classifier distinguishes transformed from clean samples; 50 % is chance",
    ),
    "shortcut": Measure(
        "label read off traces",
        "share of the labels that can be read off traces of the transform, such as borders, padding or clipping, "
        "beyond the share that can be read off clean samples",
    ),
}
"""Title and meaning of each measure by its name, in the order of tables."""
