"""Spoken vowels as chains of frames; some frames are lost. Uses sources.py, nuisances.py, network.py."""

from __future__ import annotations

from functools import partial

import torch
from jaxtyping import Float
from torch import Tensor

from augrad import batch, keyed_generator
from augrad.bench import Task
from augrad.demo import DemoData
from augrad_graph.backend import Batch, Data
from augrad_graph.nodes import NodeDrop
from augrad_graph.tasks.network import PlaceNetwork
from augrad_graph.tasks.nuisances import disturbed_data
from augrad_graph.tasks.sources import read_series, require

TRUE_SHARE = 0.8
N_TRAIN = 120
N_COEFFICIENTS, SPEAKERS = 12, 9


def load_vowels(seed: int) -> DemoData:
    """Loads 640 utterances of two vowels by 9 men, as chains of 7 to 29 frames: 120 for training, 520 for testing.

    A frame has 12 LPC cepstrum coefficients, scaled to mean 0 and spread 1 over the training frames, and is joined to
    the frames before and behind it. Each utterance loses its own fraction of frames, between 0 and 0.8. The data are
    JapaneseVowels (Kudo, Toyama, Shimbo 1999; UCI, CC BY 4.0), as the package sktime ships it; its training and test
    utterances are joined and split anew. The split and the losses of test utterances are the same for every seed; the
    losses of the training utterances differ.

    Args:
        seed: seed of the training losses.

    Raises:
        MissingDependencyError: sktime is not installed.
    """
    directory = require("sktime", "sktime") / "datasets" / "data" / "JapaneseVowels"
    parts = [read_series(directory / f"JapaneseVowels_{part}.ts") for part in ("TRAIN", "TEST")]
    utterances = [series.T for found, _ in parts for series in found]
    speaker = torch.tensor([int(label) - 1 for _, labels in parts for label in labels])
    order = torch.randperm(len(speaker), generator=keyed_generator("vowels", "split"))
    train, test = order[:N_TRAIN], order[N_TRAIN:]
    known = torch.cat([utterances[index] for index in train.tolist()])
    chains = Batch.from_data_list([chain((each - known.mean(dim=0)) / known.std(dim=0)) for each in utterances])
    data = DemoData(batch.select(chains, train), speaker[train], batch.select(chains, test), speaker[test])
    return disturbed_data("vowels", seed, data, NodeDrop(), probability=TRUE_SHARE)


def chain(frames: Float[Tensor, "time coefficients"]) -> Data:
    """Makes a chain of frames, each joined to its neighbours by edges of weight 1/2."""
    first = torch.arange(len(frames) - 1)
    ends = torch.stack([first, first + 1])
    return Data(
        x=frames,
        edge_index=torch.cat([ends, ends.flip(0)], dim=1),
        edge_weight=torch.full((2 * len(first),), 0.5),
    )


LOSS = Task(
    name="graph-vowels-loss",
    title="Learning that frames of speech may be lost",
    description=(
        "120 utterances of two vowels to learn from, as chains of frames of 12 coefficients. Which of nine men speaks? "
        "Each utterance loses its own fraction of frames, which says nothing about that. Noise on coefficients and on "
        "the links between frames hides the voice."
    ),
    load=load_vowels,
    trunk=partial(PlaceNetwork, N_COEFFICIENTS, SPEAKERS, n_axes=0),
    transforms=(
        "graph.node_drop",
        "graph.feature_noise",
        "graph.edge_weight_noise",
    ),
    oracle={"graph.node_drop": {"probability": TRUE_SHARE}},
    arguments={
        "graph.feature_noise": {"std": {"high": 3.0, "unit": "spreads"}},
        "graph.edge_weight_noise": {"std": {"high": 2.0, "unit": "log ratio"}},
    },
    epochs=120,
    batch_size=32,
    lr=5e-3,
    kind="invariance",
)
"""The task is to find the loss of frames beside noise. Masks, dropped or new edges, diffusion and subgraphs are not
candidates: trained with each of them alone, the accuracy is the same as without, or better, so none would be false."""
