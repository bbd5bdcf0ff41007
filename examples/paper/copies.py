"""copies: accuracy, invariance and time against the number of augmented copies per prediction.

Trains the vision demo (digits turned within 60 degrees) once per seed with augrad's defaults and a single copy in
training. Then it predicts with 1 to 40 copies, as the paper does. Uses reporting.py.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

import matplotlib.pyplot as plt
from reporting import arguments, mean, save, shortened, show_table

from augrad.demo import Demo
from augrad.demo.trial import invariances, prepared, score, train_rule
from augrad.plugins.registry import get_demo

COPIES = (1, 4, 10, 20, 40)
MEASURES = ("accuracy", "invariance", "seconds")


def learn_and_predict(demo: Demo, seed: int) -> dict[int, dict[str, float]]:
    """The measures for each number of copies, of one model; seconds for all test images."""
    data, _, transforms = prepared(demo, seed)
    _, model = train_rule("augrad", demo, data, transforms, seed)
    found = {}
    for n_copies in COPIES:
        model.copies = n_copies
        started = time.perf_counter()
        accuracy = score(model, data.test_x, data.test_y, demo.batch_size)
        seconds = time.perf_counter() - started
        _, invariance = invariances(model, demo, data, transforms)
        found[n_copies] = {"accuracy": accuracy, "invariance": invariance, "seconds": seconds}
    return found


def main(argv: Sequence[str] | None = None) -> None:
    given = arguments(argv, str(__doc__).splitlines()[0], seeds=3)
    demo = get_demo("vision")
    if given.quick:
        demo = shortened(demo)
    runs = [learn_and_predict(demo, seed) for seed in given.seeds]
    means = {copies: {name: mean([each[copies][name] for each in runs]) for name in MEASURES} for copies in COPIES}
    alone = means[1]["seconds"]
    rows = [(copies, *found.values(), found["seconds"] / alone) for copies, found in means.items()]
    show_table(("copies", *MEASURES, "times one copy"), rows)
    draw(means)
    save(given.output, "copies", {"seeds": given.seeds, "epochs": demo.epochs, "mean": means, "runs": runs})


def draw(means: dict[int, dict[str, float]]) -> None:
    """Each measure against the number of copies."""
    _, panels = plt.subplots(1, 3, figsize=(8, 2.6), layout="constrained")
    labels = ("test accuracy", "invariance to rotation", "seconds to predict")
    for panel, name, label in zip(panels, MEASURES, labels, strict=True):
        panel.plot(COPIES, [means[copies][name] for copies in COPIES], "o-")
        panel.set(xlabel="copies", ylabel=label, xticks=COPIES)


if __name__ == "__main__":
    main()
