"""What the pages of an audit call its measures, and what these mean. Used by the other audit_*.py."""

from __future__ import annotations

from typing import NamedTuple


class Measure(NamedTuple):
    """How a measure is called, what it means, and whether it is a share of samples."""

    title: str
    meaning: str
    share: bool = True


MEASURE_WORDS = {
    "invariance": Measure(
        "invariance",
        "how little the model's output moves, as a median over samples: 1 not at all, 0 as far as the output for "
        "another sample is, below 0 farther than that",
        share=False,
    ),
    "flip_rate": Measure(
        "predictions that change",
        "share of the samples for which the model says another class, or a number that is more than half a standard "
        "deviation away",
    ),
    "loss_change": Measure("change of the loss", "mean change of the criterion", share=False),
    "score": Measure("predicted right", "share of the transformed samples that the model predicts right"),
    "lost": Measure(
        "lost by the model",
        "share of the samples that the model predicts right as they are and wrong when transformed, less those of "
        "which the reverse is true. Of a transform worth augmenting with it is the expected gain",
    ),
    "equivariance_error": Measure(
        "equivariance error",
        "of outputs with places, such as a segmentation: how far they are off after the transform is undone on them, "
        "in distances between samples",
        share=False,
    ),
    "displacement": Measure(
        "displacement", "how far samples move, on average, in units of the data's spread", share=False
    ),
    "agreement": Measure("reference agrees", "share of the samples of which the reference says the same as before"),
    "preservation": Measure(
        "labels that survive",
        "of the labels that the reference knows, the share that it still finds, in balance with those that it finds "
        "only now",
    ),
    "changed": Measure(
        "among another label",
        "share of the samples that come to lie close to samples of another label, less those of which the reverse is "
        "true",
    ),
    "ignored": Measure(
        "among another label, ignored",
        "share of the samples of which that is so, while the model says what it said before",
    ),
    "distance_ratio": Measure(
        "distance from the data",
        "distance to the nearest samples, as a multiple of what it is for clean ones, as a median over samples",
        share=False,
    ),
    "off_manifold": Measure(
        "off the data",
        "share of the samples that are farther from the data than 95 % of the clean ones are; 5 % if nothing changes",
    ),
    "detectable": Measure(
        "told from clean",
        "how often a small classifier tells transformed samples from clean ones; 50 % is chance",
    ),
    "shortcut": Measure(
        "label read off traces",
        "share of the labels that can be read off what the transform leaves behind, such as borders, padding or "
        "clipping, beyond what can be read off clean samples",
    ),
}
"""By the name of the measure, in the order of tables."""
