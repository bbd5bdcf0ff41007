"""
Tables: cells under another microscope
======================================

Measurements of cell nuclei tell whether a tumour is malignant. All were made at the same magnification. Another
microscope may have another magnification: at twice the magnification, lengths double and areas grow fourfold.
``AugradClassifier`` learns from the present rows how much magnification it can tolerate. It is used like any estimator
of scikit-learn. Run the example with ``python examples/tabular_magnification.py``.
"""

import argparse

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split

import augrad
from augrad_tabular import AugradClassifier, Schema

# %%
# The task
# --------
# Of 30 columns, 9 are lengths and 3 are areas. The other columns, such as texture and smoothness, do not grow with the
# picture. We put this knowledge about the table into the transform: column j is multiplied by ``s ** exponent``. The
# range of the factor ``s`` is learned.


def exponent(column: str) -> float:
    if "area" in column:
        return 2.0
    return 1.0 if "radius" in column or "perimeter" in column else 0.0


# %%
# Training
# --------
# Two classifiers are trained on the same rows. Both have noise in each column and lost values among their candidates.
# Only one also has magnification.


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Learn how much magnification a classifier can bear.")
    parser.add_argument("--epochs", type=int, default=40)
    epochs = parser.parse_args(argv).epochs

    table, tumour = load_breast_cancer(return_X_y=True, as_frame=True)
    train, test, y_train, y_test = train_test_split(table, tumour, test_size=0.5, stratify=tumour, random_state=0)
    exponents = {column: exponent(column) for column in table.columns}

    others = ["tabular.feature_noise", "tabular.feature_dropout"]
    magnify = augrad.get_transform("tabular.power_scale")(schema=Schema.from_data(train), exponents=exponents)
    without = AugradClassifier(others, objective="joint", max_epochs=epochs, random_state=0).fit(train, y_train)
    learned = AugradClassifier(
        [magnify, *others],
        objective="joint",
        penalty=augrad.DisplacementPenalty(1.0),
        max_epochs=epochs,
        random_state=0,
    ).fit(train, y_train)

    row = next(row for row in learned.policy_ if row.transform == "tabular.power_scale")
    low, high = 2**row.low, 2**row.high
    print(row)
    print(f"that is, pictures {low:.2f} to {high:.2f} times as large")

    # Every test row is measured under eleven microscopes.
    factors = np.exp2(np.linspace(-1.5, 1.5, 11))
    scores = {"without": [], "learned": []}
    for factor in factors:
        seen = test * factor ** np.array(list(exponents.values()))
        scores["without"].append(without.score(seen, y_test))
        scores["learned"].append(learned.score(seen, y_test))
    for name, values in scores.items():
        print(f"{name}: {values[5]:.1%} right at the same magnification, {min(values):.1%} at the worst")
    draw(factors, scores, low, high)


# %%
# The picture
# -----------
# The plot shows the accuracy of each classifier under each microscope. Without magnification among its candidates, the
# classifier soon fails away from the magnification that it knows. With it, the accuracy is about the same anywhere
# within a factor of two. The price, at the magnification of the training rows, is about two rows in a hundred.


def draw(factors: np.ndarray, scores: dict[str, list[float]], low: float, high: float) -> None:
    _, axes = plt.subplots(figsize=(7, 3.6), layout="constrained")
    axes.axvspan(low, high, color="0.92", label="learned range")
    axes.plot(factors, scores["learned"], "o-", label="magnification among the candidates")
    axes.plot(factors, scores["without"], "o-", label="not among them")
    axes.set_xscale("log", base=2)
    axes.set_xticks([0.5, 1.0, 2.0], ["0.5", "1", "2"])
    axes.set(xlabel="magnification of the test rows", ylabel="accuracy", ylim=(0.3, 1.0))
    axes.legend(loc="lower left")
    plt.show()


# %%
# The results
# -----------


if __name__ == "__main__":
    main()
