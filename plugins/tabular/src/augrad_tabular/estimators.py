"""`AugradClassifier` and `AugradRegressor`: scikit-learn estimators that learn their augmentation. Uses base.py."""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import column_or_1d
from torch import Tensor

from augrad_tabular.base import TabularEstimator


class AugradClassifier(ClassifierMixin, TabularEstimator):  # type: ignore[misc]
    """A classifier of tables that learns which columns may be noisy, scaled or dropped while it learns the classes.

    A network behind an augmentation layer (`augrad.AugmentationLayer`), trained together on one penalised loss. What
    was learned about the columns is `policy_`. Predictions are averages over augmented copies of a row, the same
    augmentations for every row: a prediction depends on its row alone (unless a transform that mixes rows, such as
    `"tabular.swap_noise"`, is among `transforms`).

    Parameters are stored as given and checked in `fit`, as scikit-learn asks.

    Args:
        transforms: `"default"`, or the candidates of each layer: names, transform classes or transforms. The default is
            noise and dropout for numbers, and swaps for codes.
        trunk: makes the network: a callable `(n_inputs, n_outputs) -> torch.nn.Module`, called anew for each fit.
            `n_inputs` counts encoded columns: numbers in units of their spread, codes as one-hot. It is trained in
            single precision and predicts in double. None for a multi-layer perceptron.
        hidden_layer_sizes: of that perceptron.
        n_layers: how many augmentation layers are stacked, at least 1. Each draws one transform per row.
        copies: augmented copies that a prediction averages over, at least 1.
        max_epochs: how often to go through the training rows, at least 1.
        batch_size: rows per step, at least 1.
        lr: learning rate of the network, above 0.
        augmentation_lr: of selection weights and magnitudes; as `augrad.fit` chooses it if None.
        objective: `"cross_fitted"` (two more networks, each of which has seen half of the rows, say what a transform
            costs), `"joint"` (the network itself does, which is faster), or None for the one that the
            penalty is made for: `"joint"` for `"magnitude"` and None, else `"cross_fitted"`.
        penalty: what keeps the identity from winning: `"displacement"`, `"magnitude"`, an `augrad.Penalty` (to choose
            its strength), or None. It sees numbers in units of their spread, and codes as one-hot.
        early_stopping: whether to hold rows out, stop when their loss no longer falls, and go back to the best epoch.
            With judges it shortens the network's training alone: what the columns bear is searched for before it, in
            the time of all `max_epochs`.
        validation_fraction: share of rows to hold out, between 0 and 1.
        n_iter_no_change: epochs without improvement before training stops, at least 1.
        schema: what is known of the columns; inferred from the training table if None.
        categorical_features: columns of codes, by name or position, or as one truth value per column. Columns of a
            DataFrame that hold text or truth values are found without it.
        allow_missing: whether values may be missing (NaN); an unseen category counts as missing then, and is an error
            otherwise. A `schema` says so itself.
        device: `"auto"` (the GPU if there is one), `"cpu"` or `"cuda"`.
        random_state: of everything random: an int for the same result each time.
        verbose: whether to show progress.

    Attributes:
        classes_: the labels.
        policy_: what has been learned about the columns, an `augrad.Policy`.
        model_: the trained `augrad.InvariantModel`, in eval mode and double precision.
        schema_: the `Schema` of the training table.
        history_: one row per epoch; see `augrad.FitResult`.
        n_iter_: epochs that were trained.
        n_features_in_, feature_names_in_: as in scikit-learn.

    Example:
        >>> from sklearn.datasets import load_iris
        >>> X, y = load_iris(return_X_y=True, as_frame=True)
        >>> classifier = AugradClassifier(max_epochs=30, random_state=0).fit(X, y)
        >>> bool(classifier.score(X, y) > 0.9)
        True
        >>> classifier.policy_[0].transform, classifier.policy_[0].parameter
        ('tabular.feature_noise', 'std[sepal length (cm)]')

    References:
        Rommel, Moreau, Gramfort: Deep invariant networks with differentiable augmentation layers, NeurIPS 2022.
    """

    _aggregation = "log_prob"
    _target_checks = MappingProxyType({})

    def _target(self, y: Any) -> tuple[Tensor, int, Any]:
        y = column_or_1d(y, warn=True)
        check_classification_targets(y)
        self.classes_, codes = np.unique(y, return_inverse=True)
        # The average over copies is one over classes, and needs two; the second of a single class is never shown.
        return torch.from_numpy(codes.astype(np.int64)), max(2, len(self.classes_)), codes

    def predict_log_proba(self, X: Any) -> npt.NDArray[np.float64]:  # noqa: N803
        """Log-probabilities of the classes, `(n_samples, n_classes)`, in the order of `classes_`."""
        outputs = torch.from_numpy(self._outputs(X))[:, : len(self.classes_)]
        found: npt.NDArray[np.float64] = torch.log_softmax(outputs, dim=1).numpy()
        return found

    def predict_proba(self, X: Any) -> npt.NDArray[np.float64]:  # noqa: N803
        """Probabilities of the classes, `(n_samples, n_classes)`, in the order of `classes_`."""
        return np.exp(self.predict_log_proba(X))

    def predict(self, X: Any) -> npt.NDArray[Any]:  # noqa: N803
        """The most probable class of each row, `(n_samples,)`."""
        most_probable = self.predict_log_proba(X).argmax(axis=1)
        found: npt.NDArray[Any] = self.classes_[most_probable]
        return found


class AugradRegressor(RegressorMixin, TabularEstimator):  # type: ignore[misc]
    """A regressor of tables that learns which columns may be noisy, scaled or dropped while it learns the target.

    The target is standardised for training, and may have several columns. All else is as for `AugradClassifier`: its
    arguments, and its attributes but for `classes_`.

    Example:
        >>> import numpy as np
        >>> X = np.random.default_rng(0).normal(size=(100, 3))
        >>> regressor = AugradRegressor(max_epochs=30, random_state=0).fit(X, 5 + 2 * X[:, 0])
        >>> bool(regressor.score(X, 5 + 2 * X[:, 0]) > 0.9)
        True
    """

    _aggregation = "mean"
    _target_checks = MappingProxyType({"y_numeric": True, "multi_output": True})

    def _target(self, y: Any) -> tuple[Tensor, int, Any]:
        y = np.asarray(y, dtype=np.float64)
        self._single = y.ndim == 1
        columns = y.reshape(len(y), -1)
        self._y_mean = columns.mean(axis=0)
        spread = columns.std(axis=0)
        self._y_spread = np.where(spread > 0, spread, 1.0)
        standardised = (columns - self._y_mean) / self._y_spread
        return torch.tensor(standardised, dtype=torch.float32), columns.shape[1], None

    def predict(self, X: Any) -> npt.NDArray[np.float64]:  # noqa: N803
        """The target of each row: `(n_samples,)`, or `(n_samples, n_outputs)` if it was trained so."""
        found: npt.NDArray[np.float64] = self._outputs(X) * self._y_spread + self._y_mean
        return found[:, 0] if self._single else found

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
