"""Common part of both estimators: reading tables, training, predicting. Uses models.py, training.py, prediction.py.

Used by estimators.py. Only this file and estimators.py import scikit-learn.
"""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt
import torch
from sklearn.base import BaseEstimator
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, check_X_y, validate_data
from torch import Tensor

from augrad.errors import ArgumentTypeError
from augrad_tabular.models import build_model
from augrad_tabular.parameters import Parameters, checked
from augrad_tabular.prediction import predict_rows
from augrad_tabular.reading import is_frame
from augrad_tabular.schema import Schema, as_schema
from augrad_tabular.training import ShuffledRows, train

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Split = tuple[ShuffledRows, ShuffledRows | None]


class TabularEstimator(BaseEstimator, ABC):  # type: ignore[misc]
    """Base class of both estimators. See `AugradClassifier` for the arguments."""

    _aggregation: ClassVar[str]
    _target_checks: ClassVar[Mapping[str, Any]]

    # Annotated as Any on purpose: scikit-learn expects a constructor to store anything, and `fit` to check it.
    def __init__(
        self,
        transforms: Any = "default",
        *,
        trunk: Any = None,
        hidden_layer_sizes: Any = (64, 64),
        n_layers: Any = 1,
        copies: Any = 10,
        max_epochs: Any = 100,
        batch_size: Any = 64,
        lr: Any = 2e-3,
        augmentation_lr: Any = None,
        objective: Any = None,
        penalty: Any = "auto",
        early_stopping: Any = False,
        validation_fraction: Any = 0.1,
        n_iter_no_change: Any = 10,
        schema: Any = None,
        categorical_features: Any = None,
        allow_missing: Any = False,
        device: Any = "auto",
        random_state: Any = None,
        verbose: Any = False,
    ) -> None:
        self.transforms = transforms
        self.trunk = trunk
        self.hidden_layer_sizes = hidden_layer_sizes
        self.n_layers = n_layers
        self.copies = copies
        self.max_epochs = max_epochs
        self.batch_size = batch_size
        self.lr = lr
        self.augmentation_lr = augmentation_lr
        self.objective = objective
        self.penalty = penalty
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.schema = schema
        self.categorical_features = categorical_features
        self.allow_missing = allow_missing
        self.device = device
        self.random_state = random_state
        self.verbose = verbose

    @abstractmethod
    def _target(self, y: Any) -> tuple[Tensor, int, Any]:
        """Returns the training target, the number of outputs it needs, and the strata for a validation split."""

    def fit(self, X: Any, y: Any) -> Any:  # noqa: N803 - scikit-learn's name for a table
        """Trains the network and, with it, learns which columns may be noisy, scaled or dropped.

        Args:
            X: the table, `(n_samples, n_features)`: a DataFrame, an array, or nested lists.
            y: the target, `(n_samples,)`; a regressor also accepts `(n_samples, n_outputs)`.

        Returns:
            The estimator.

        Raises:
            ArgumentError, ArgumentTypeError, InputError: a parameter or the table is not accepted.
            ValueError: raised by scikit-learn if X and y differ in length, are empty, or hold NaN or infinity.
        """
        parameters = checked(self.get_params(deep=False))
        x, y = self._training_data(X, y)
        target, n_outputs, strata = self._target(y)
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        model = build_model(parameters, self.schema_, n_outputs, aggregation=self._aggregation, seed=seed)
        train_rows, val_rows = self._rows(x, target, strata, parameters, seed)
        result = train(model, train_rows, val_rows, parameters, seed=seed)
        self.history_, self.evidence_ = result.history, result.evidence
        self.n_iter_ = len(self.history_)
        self.policy_ = model.policy
        # In double precision, the prediction of a row does not change with the number of rows in the same call.
        wide = torch.float32 if next(model.parameters()).device.type == "mps" else torch.float64
        self.model_ = model.to(wide)
        return self

    def plot_policy(self, ax: Axes | None = None, *, transform: str | None = None) -> Axes:
        """Draws how noisy each column may be; see `augrad_tabular.plotting.plot_columns`."""
        from augrad_tabular.plotting import plot_columns

        return plot_columns(self, transform=transform, ax=ax)

    def _outputs(self, table: Any) -> npt.NDArray[np.float64]:
        """Computes the model's outputs for a table."""
        check_is_fitted(self)
        x = self._encoded(table).to(next(self.model_.parameters()).dtype)
        outputs: npt.NDArray[np.float64] = predict_rows(self.model_, x).cpu().double().numpy()
        return outputs

    def _rows(self, x: Tensor, target: Tensor, strata: Any, parameters: Parameters, seed: int) -> Split:
        """Splits the rows into rows to train on and rows held out for early stopping."""
        if not parameters.early_stopping:
            return ShuffledRows(x, target, parameters.batch_size), None
        parts = train_test_split(
            np.arange(len(x)), test_size=parameters.validation_fraction, random_state=seed, stratify=strata
        )
        train_rows, val_rows = (ShuffledRows(x[part], target[part], parameters.batch_size) for part in parts)
        return train_rows, val_rows

    def _training_data(self, table: Any, y: Any) -> tuple[Tensor, Any]:
        """Returns the table as numbers and the target as an array; fits the schema."""
        text = _holds_text(table)
        if text:
            validate_data(self, table, y, skip_check_array=True)
        else:
            array, y = validate_data(self, table, y, **self._checks(), **self._target_checks)
            table = table if is_frame(table) else array
        self.schema_ = self._fitted_schema(table)
        x = self.schema_.encode(table).float()
        if text:
            _, y = check_X_y(x.numpy(), y, ensure_all_finite=False, **self._target_checks)
        return x, y

    def _fitted_schema(self, table: Any) -> Schema:
        if self.schema is not None:
            return as_schema(self.schema)
        names = getattr(self, "feature_names_in_", None)
        return Schema.from_data(
            table,
            names=None if is_frame(table) or names is None else list(names),
            categorical=_columns(self.categorical_features),
            allow_missing=self.allow_missing,
        )

    def _encoded(self, table: Any) -> Tensor:
        """Encodes a table to predict as numbers."""
        if _holds_text(table):
            validate_data(self, table, skip_check_array=True, reset=False)
        else:
            array = validate_data(self, table, reset=False, **self._checks())
            table = table if is_frame(table) else array
        return self.schema_.encode(table, unseen="missing" if self.schema_.allow_missing else "error")

    def _checks(self) -> dict[str, Any]:
        """Returns the checks that scikit-learn makes on a table of numbers."""
        return {"dtype": np.float32, "ensure_all_finite": "allow-nan" if self._allows_missing() else True}

    def _allows_missing(self) -> bool:
        if isinstance(self.schema, Mapping):
            return self.schema.get("allow_missing") is True
        if self.schema is not None:
            return getattr(self.schema, "allow_missing", False) is True
        return self.allow_missing is True

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = self._allows_missing()
        return tags

    def __getstate__(self) -> dict[str, Any]:
        # A model that was trained on an accelerator must also load on a machine without an accelerator.
        state: dict[str, Any] = super().__getstate__()
        if "model_" in state and next(state["model_"].parameters()).device.type != "cpu":
            state = {**state, "model_": copy.deepcopy(state["model_"]).cpu()}
        return state


def _holds_text(table: Any) -> bool:
    """Tells whether a table is a DataFrame with a column that does not hold numbers."""
    return is_frame(table) and any(getattr(dtype, "kind", "O") not in "fiu" for dtype in table.dtypes)


def _columns(columns: Any) -> list[str | int] | None:
    """Converts the ways in which scikit-learn lets users name columns to names or positions."""
    if columns is None:
        return None
    if isinstance(columns, str) or not isinstance(columns, Sequence | np.ndarray):
        raise ArgumentTypeError(
            f"categorical_features must be None, a list of columns by name or position, or one truth value per "
            f"column, but got {columns!r}.",
            argument="categorical_features",
            value=columns,
        )
    given = np.asarray(columns)
    return [*np.flatnonzero(given).tolist()] if given.dtype == bool else [*given.tolist()]
