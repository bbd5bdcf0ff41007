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
    """A classifier for tables that learns the classes and, with them, which columns may be noisy, scaled or dropped.

    It trains a network behind an augmentation layer (`augrad.AugmentationLayer`). Afterwards `policy_` shows the noise
    that columns tolerate, for example `std[age]` up to 0.3 spreads: the same for all columns by default, which takes
    seconds, and for each its own with `objective="cross_fitted"`. Use it if a plain network overfits. It takes longer
    than scikit-learn's `MLPClassifier`.

    A prediction is the average over augmented copies of a row. All rows get the same augmentations, so a prediction
    depends on its row alone. The exception are transforms that mix rows, such as `"tabular.swap_noise"`.

    Parameters are stored as given and checked in `fit`, as scikit-learn requires.

    Args:
        transforms: `"default"`, or a list of candidates for each layer: names, transform classes or transforms. The
            default is noise and dropout for numbers, and swaps for codes.
        trunk: a callable `(n_inputs, n_outputs) -> torch.nn.Module` that makes the network, called anew for each fit.
            `n_inputs` counts encoded columns: numbers in units of their spread, codes as one-hot. The network is
            trained in single precision and predicts in double precision. None makes a multi-layer perceptron.
        hidden_layer_sizes: sizes of the perceptron's hidden layers.
        n_layers: number of stacked augmentation layers, at least 1. Each draws a transform per row.
        copies: number of augmented copies that a prediction averages over, at least 1.
        max_epochs: number of passes through the training rows, at least 1.
        batch_size: largest number of rows per step, at least 1.
        lr: learning rate of the network, above 0.
        augmentation_lr: learning rate of selection weights and magnitudes, above 0. None: as `augrad.fit` chooses it.
        objective: the learning rule, as in `augrad.fit`: a name such as `"leave_one_out"`, `"cross_fitted"` or
            `"joint"`, a mapping of a name and options, or a callable `(model, criterion, penalty) -> augrad.Objective`,
            for example `augrad.CrossFitted(n_folds=2)`. With `"leave_one_out"` transforms are judged before the
            training, by the features of the untrained network; it needs 20 rows, and with fewer the rule is `"joint"`,
            with an `EvidenceWarning`. With `"cross_fitted"` a transform is judged by further networks on rows that are
            new to them: five networks, each trained on four fifths of the rows, up to 500 rows; two networks, each
            trained on half of the rows, beyond that. With `"joint"` the network itself judges while it learns. None:
            `"leave_one_out"` if the penalty is `"auto"`, else the objective that the penalty is made for: `"joint"` for
            `"magnitude"` and None, `"cross_fitted"` for `"displacement"`.
        penalty: rewards strong augmentation, so that the identity does not win: `"displacement"`, `"magnitude"`, an
            `augrad.Penalty` (to choose its strength), or None. It sees numbers in units of their spread and codes as
            one-hot. `"auto"`: the default penalty of the objective; `"leave_one_out"` needs none.
        early_stopping: whether to hold rows out, stop when their loss no longer falls, and return to the best epoch.
            With `"cross_fitted"` the judging networks stop early too, by their loss on rows that are new to them.
        validation_fraction: fraction of rows to hold out, between 0 and 1.
        n_iter_no_change: number of epochs without improvement before training stops, at least 1.
        schema: the `Schema` of the table; None infers it from the training table.
        categorical_features: columns of codes, by name or position, or as a truth value per column. In a DataFrame,
            columns of text or truth values are recognised without it.
        allow_missing: whether values may be missing (NaN). If True, an unknown category counts as missing; if False,
            it is an error. A `schema` has its own setting.
        device: `"auto"` (the GPU if there is one), `"cpu"` or `"cuda"`.
        random_state: seed of everything random; an int gives the same result each time.
        verbose: whether to show progress.

    Attributes:
        classes_: the labels.
        policy_: the learned `augrad.Policy` of the columns.
        model_: the trained `augrad.InvariantModel`, in eval mode and double precision.
        schema_: the `Schema` of the training table.
        history_: a row per epoch; see `augrad.FitResult`.
        evidence_: the `augrad.Evidence` of each transform, from `"leave_one_out"`; None from other objectives.
        n_iter_: number of trained epochs.
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
        # The average over copies is over classes and needs two; the second output of a single class is never shown.
        return torch.from_numpy(codes.astype(np.int64)), max(2, len(self.classes_)), codes

    def predict_log_proba(self, X: Any) -> npt.NDArray[np.float64]:  # noqa: N803
        """Predicts log-probabilities of the classes, `(n_samples, n_classes)`, in the order of `classes_`."""
        outputs = torch.from_numpy(self._outputs(X))[:, : len(self.classes_)]
        found: npt.NDArray[np.float64] = torch.log_softmax(outputs, dim=1).numpy()
        return found

    def predict_proba(self, X: Any) -> npt.NDArray[np.float64]:  # noqa: N803
        """Predicts probabilities of the classes, `(n_samples, n_classes)`, in the order of `classes_`."""
        return np.exp(self.predict_log_proba(X))

    def predict(self, X: Any) -> npt.NDArray[Any]:  # noqa: N803
        """Predicts the most probable class of each row, `(n_samples,)`."""
        most_probable = self.predict_log_proba(X).argmax(axis=1)
        found: npt.NDArray[Any] = self.classes_[most_probable]
        return found


class AugradRegressor(RegressorMixin, TabularEstimator):  # type: ignore[misc]
    """A regressor for tables that learns the target and, with it, which columns may be noisy, scaled or dropped.

    The target is standardised for training and may have several columns. Arguments and attributes are those of
    `AugradClassifier`, except `classes_`.

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
        """Predicts the target of each row: `(n_samples,)`, or `(n_samples, n_outputs)` for a target with columns."""
        found: npt.NDArray[np.float64] = self._outputs(X) * self._y_spread + self._y_mean
        return found[:, 0] if self._single else found

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
