"""The estimators: scikit-learn's own checks, what they learn, reproducibility, tables of all kinds, what they give."""

from __future__ import annotations

import pickle
from typing import Any

import joblib
import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import estimator_checks_generator, parametrize_with_checks
from torch import nn

import augrad
from augrad.errors import ArgumentError, ArgumentTypeError, EvidenceWarning, InputError
from augrad_tabular import AugradClassifier, AugradRegressor, Schema

Table = npt.NDArray[np.float64]


# Most checks are about interfaces, and there are a hundred: the joint objective, in few and large steps, is enough.
CHEAP: dict[str, Any] = {"max_epochs": 8, "lr": 3e-2, "objective": "joint"}
# These see the whole of a fit, which searches and confirms by default; `make test-all` runs the others so, too.
OF_FITS = {
    "check_dict_unchanged", "check_dont_overwrite_attributes", "check_estimators_overwrite_params",
    "check_estimators_pickle", "check_f_contiguous_array_estimator", "check_fit2d_1sample", "check_fit_idempotent",
    "check_methods_sample_order_invariance", "check_n_features_in_after_fitting",
}  # fmt: skip


def checks_of_fits(*, by_default: bool) -> list[Any]:
    """Checks at the default objective: one epoch for those above, as many as learning takes for all."""
    options: dict[str, Any] = {"max_epochs": 15, "lr": 1e-2} if by_default else {"max_epochs": 1}
    marks = [pytest.mark.slow] if by_default else []
    return [
        pytest.param(estimator, check, id=f"{type(estimator).__name__}-{check.func.__name__}", marks=marks)
        for kind in (AugradClassifier, AugradRegressor)
        for estimator, check in estimator_checks_generator(kind(**options))
        if by_default or check.func.__name__ in OF_FITS
    ]


@pytest.mark.no_cover  # the other tests reach every line that these do
@parametrize_with_checks([AugradClassifier(**CHEAP), AugradRegressor(**CHEAP)])
def test_scikit_learns_checks(estimator: Any, check: Any) -> None:
    check(estimator)


@pytest.mark.no_cover
@pytest.mark.filterwarnings("ignore:the joint loss is used:augrad.errors.EvidenceWarning")  # tables of few rows
@pytest.mark.parametrize(("estimator", "check"), checks_of_fits(by_default=False) + checks_of_fits(by_default=True))
def test_scikit_learns_checks_at_the_default_objective(estimator: Any, check: Any) -> None:
    check(estimator)


def fine_and_nuisance(n_rows: int, seed: int) -> tuple[Table, npt.NDArray[np.int64]]:
    """The first column says the class in five fine steps; the others, of very different units, say nothing."""
    draws = np.random.default_rng(seed)
    fine = draws.uniform(0, 10, n_rows)
    nuisance = draws.normal([50, 0, 7], [20, 0.01, 300], size=(n_rows, 3))
    return np.column_stack([fine, nuisance]), np.digitize(fine, [2, 4, 6, 8])


def test_learns_which_columns_may_be_noisy() -> None:
    x, y = fine_and_nuisance(300, 0)
    unseen, truth = fine_and_nuisance(1000, 1)
    options: dict[str, Any] = {"max_epochs": 30, "lr": 1e-2, "random_state": 0}
    classifier = AugradClassifier(objective="cross_fitted", **options).fit(x, y)
    noise = {row.parameter: row.high for row in classifier.policy_ if row.transform == "tabular.feature_noise"}
    assert noise["std[x0]"] < 0.05
    assert min(noise[f"std[x{column}]"] for column in (1, 2, 3)) > 0.5
    # What it learned generalises: without a penalty nothing is augmented for long.
    plain = AugradClassifier(**options, penalty=None).fit(x, y)
    assert classifier.score(unseen, truth) > plain.score(unseen, truth)
    assert classifier.score(unseen, truth) > 0.9


def test_a_regressor_learns_it_too() -> None:
    x, _ = fine_and_nuisance(200, 0)
    y = 1e6 * (3 + np.sin(x[:, 0]))
    regressor = AugradRegressor(max_epochs=30, lr=2e-2, objective="cross_fitted", random_state=0).fit(x, y)
    noise = {row.parameter: row.high for row in regressor.policy_ if row.transform == "tabular.feature_noise"}
    assert noise["std[x0]"] < 0.5 * min(noise[f"std[x{column}]"] for column in (1, 2, 3))
    assert regressor.score(x, y) > 0.9


IRIS, SPECIES = load_iris(return_X_y=True)
QUICK: dict[str, Any] = {"max_epochs": 1, "copies": 3, "random_state": 0}


def test_same_random_state_same_result() -> None:
    first, again, other = (AugradClassifier(**{**QUICK, "random_state": s}).fit(IRIS, SPECIES) for s in (7, 7, 8))
    np.testing.assert_array_equal(first.predict_proba(IRIS), again.predict_proba(IRIS))
    assert first.policy_ == again.policy_
    assert not np.allclose(first.predict_proba(IRIS), other.predict_proba(IRIS))


def test_a_random_state_that_is_a_generator_moves_on() -> None:
    classifier = AugradClassifier(**{**QUICK, "random_state": np.random.RandomState(0)})
    first = classifier.fit(IRIS, SPECIES).predict_proba(IRIS)
    assert not np.allclose(classifier.fit(IRIS, SPECIES).predict_proba(IRIS), first)


def test_global_generators_and_threads_are_left_alone() -> None:
    state, n_threads = torch.get_rng_state(), torch.get_num_threads()
    numpy_state = np.random.get_state()[1].copy()  # noqa: NPY002 - the one that others may use
    AugradClassifier(**QUICK, early_stopping=True).fit(IRIS, SPECIES).predict(IRIS)
    assert torch.equal(torch.get_rng_state(), state)
    np.testing.assert_array_equal(np.random.get_state()[1], numpy_state)  # noqa: NPY002
    assert torch.get_num_threads() == n_threads


def test_the_global_generator_has_no_influence() -> None:
    first = AugradClassifier(**QUICK).fit(IRIS, SPECIES).predict_proba(IRIS)
    torch.rand(3)
    np.testing.assert_array_equal(AugradClassifier(**QUICK).fit(IRIS, SPECIES).predict_proba(IRIS), first)


@pytest.mark.parametrize("kind", [AugradClassifier, AugradRegressor])
def test_saved_and_read_again_it_predicts_the_same(kind: Any, tmp_path: Any) -> None:
    estimator = kind(**QUICK).fit(IRIS, SPECIES)
    joblib.dump(estimator, tmp_path / "estimator.joblib")
    for again in (pickle.loads(pickle.dumps(estimator)), joblib.load(tmp_path / "estimator.joblib")):
        np.testing.assert_array_equal(again.predict(IRIS), estimator.predict(IRIS))
        assert again.policy_ == estimator.policy_


def test_works_in_scikit_learns_tools() -> None:
    pipeline = make_pipeline(StandardScaler(), AugradClassifier(**QUICK))
    assert cross_val_score(pipeline, IRIS, SPECIES, cv=2).shape == (2,)
    grid = {"augradclassifier__penalty": ["magnitude", augrad.DisplacementPenalty(0.5)],
            "augradclassifier__copies": np.arange(1, 3)}  # fmt: skip
    search = GridSearchCV(pipeline, grid, cv=2).fit(IRIS, SPECIES)
    assert search.best_estimator_[-1].policy_.leading()


def test_constructor_stores_what_it_gets() -> None:
    given = {"transforms": ["tabular.feature_noise"], "hidden_layer_sizes": [8], "penalty": None, "lr": 0.5}
    found = clone(AugradRegressor(**given)).get_params()
    assert {name: found[name] for name in given} == given


MIXED = pd.DataFrame(
    {
        "size": [1.0, 2.0, 3.0, 4.0] * 10,
        "colour": ["red", "blue", "red", "green"] * 10,
        "ripe": [True, False, True, False] * 10,
        "grade": pd.Categorical(["b", "a", "c", "b"] * 10, categories=["a", "b", "c"], ordered=True),
    }
)
TASTE = ["sweet", "sour", "sweet", "bitter"] * 10


def test_data_frames_with_text() -> None:
    classifier = AugradClassifier(**{**QUICK, "max_epochs": 15, "lr": 3e-2}).fit(MIXED, TASTE)
    assert classifier.classes_.tolist() == ["bitter", "sour", "sweet"]
    assert classifier.feature_names_in_.tolist() == ["size", "colour", "ripe", "grade"]
    assert classifier.schema_.kinds == ("continuous", "categorical", "categorical", "ordinal")
    assert "tabular.category_swap" in {row.transform for row in classifier.policy_}
    assert classifier.score(MIXED, TASTE) == 1.0
    proba = classifier.predict_proba(MIXED[:3])
    assert proba.shape == (3, 3)
    np.testing.assert_allclose(proba.sum(axis=1), 1)
    np.testing.assert_allclose(np.exp(classifier.predict_log_proba(MIXED[:3])), proba)


def test_an_unseen_category_is_an_error_or_missing() -> None:
    unseen = MIXED[:2].assign(colour=["red", "violet"])
    strict = AugradClassifier(**QUICK).fit(MIXED, TASTE)
    with pytest.raises(InputError, match="'colour' holds 'violet', which was not seen"):
        strict.predict(unseen)
    lenient = AugradClassifier(**QUICK, allow_missing=True).fit(MIXED, TASTE)
    assert np.isfinite(lenient.predict_proba(unseen)).all()
    np.testing.assert_array_equal(
        lenient.predict_proba(unseen), lenient.predict_proba(MIXED[:2].assign(colour=["red", None]))
    )


def test_text_frames_have_their_names_and_targets_checked() -> None:
    classifier = AugradClassifier(**QUICK).fit(MIXED, TASTE)
    with pytest.raises(ValueError, match="feature names should match"):
        classifier.predict(MIXED[["colour", "size", "ripe", "grade"]])
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        AugradClassifier(**QUICK).fit(MIXED, TASTE[:-1])
    with pytest.raises(ValueError, match="requires y to be passed"):
        AugradClassifier(**QUICK).fit(MIXED, None)
    with pytest.raises(ValueError, match="NaN"):
        AugradRegressor(**QUICK).fit(MIXED, [np.nan] * 40)


@pytest.mark.parametrize("columns", [[3], [False, False, False, True], np.array([3])])
def test_categorical_features(columns: Any) -> None:
    codes = np.column_stack([IRIS[:, :3], SPECIES])
    classifier = AugradClassifier(**QUICK, categorical_features=columns).fit(codes, SPECIES)
    assert classifier.schema_.kinds[2:] == ("continuous", "categorical")
    assert classifier.schema_.columns[3].codes == (0.0, 1.0, 2.0)


def test_categorical_features_by_name_in_a_frame_of_numbers() -> None:
    frame = pd.DataFrame(np.column_stack([IRIS[:, :1], SPECIES]), columns=["length", "site"])
    regressor = AugradRegressor(**QUICK, categorical_features=["site"]).fit(frame, IRIS[:, 1])
    assert regressor.schema_.kinds == ("continuous", "categorical")
    with pytest.raises(ArgumentError, match="no column 'sites'"):
        AugradRegressor(**QUICK, categorical_features=["sites"]).fit(frame, IRIS[:, 1])
    with pytest.raises(ArgumentTypeError, match="categorical_features must be None, a list"):
        AugradRegressor(**QUICK, categorical_features="site").fit(frame, IRIS[:, 1])


def with_holes(table: Table) -> Table:
    table = table.copy()
    table[::7, 0] = np.nan
    table[3::11, 2] = np.nan
    return table


def test_missing_values_must_be_allowed() -> None:
    with pytest.raises(ValueError, match="Input X contains NaN"):
        AugradClassifier(**QUICK).fit(with_holes(IRIS), SPECIES)
    with pytest.raises(ValueError, match="Input X contains infinity"):
        AugradClassifier(**QUICK, allow_missing=True).fit(np.where(IRIS[0, 0] == IRIS, np.inf, IRIS), SPECIES)


def test_missing_values_are_learned_with() -> None:
    holes = with_holes(IRIS)
    classifier = AugradClassifier(max_epochs=15, lr=3e-2, random_state=0, allow_missing=True).fit(holes, SPECIES)
    assert classifier.score(holes, SPECIES) > 0.9
    assert all(np.isfinite(row.magnitude) and np.isfinite(row.weight) for row in classifier.policy_)
    assert classifier.__sklearn_tags__().input_tags.allow_nan
    assert not AugradClassifier().__sklearn_tags__().input_tags.allow_nan


def test_a_schema_of_the_users_own() -> None:
    schema = Schema.from_data(IRIS, ordinal=[3], allow_missing=True, names=["a", "b", "c", "d"])
    for given in (schema, schema.to_dict()):
        regressor = AugradRegressor(**QUICK, schema=given).fit(with_holes(IRIS), SPECIES)
        assert regressor.schema_ == schema
    assert regressor.policy_[0].parameter == "std[a]"
    with pytest.raises(InputError, match="the schema has 4 columns"):
        AugradRegressor(**QUICK, schema=schema).fit(IRIS[:, :3], SPECIES)
    with pytest.raises(ArgumentTypeError, match="schema must be a Schema"):
        AugradRegressor(**QUICK, schema=3).fit(IRIS, SPECIES)


def test_targets_of_several_columns() -> None:
    y = np.column_stack([IRIS[:, 0], 1e3 * IRIS[:, 1], np.full(len(IRIS), 7.0)])
    regressor = AugradRegressor(max_epochs=15, lr=4e-2, random_state=0).fit(IRIS, y)
    found = regressor.predict(IRIS)
    assert found.shape == y.shape
    assert np.abs(found - y).mean(axis=0)[0] < 0.3
    assert np.abs(found - y).mean(axis=0)[1] < 300
    np.testing.assert_allclose(found[:, 2], 7.0, atol=0.5)


@pytest.mark.parametrize(
    "options", [{}, {"objective": "leave_one_out"}, {"penalty": None, "objective": "leave_one_out"}]
)
def test_by_default_there_is_evidence(options: dict[str, Any]) -> None:
    classifier = AugradClassifier(**QUICK, **options).fit(IRIS, SPECIES)
    judged = [each.transform for each in classifier.evidence_.candidates]
    assert judged == ["tabular.feature_noise", "tabular.feature_dropout"]
    assert AugradClassifier(**QUICK, penalty="magnitude").fit(IRIS, SPECIES).evidence_ is None


def test_the_leave_one_out_rule_takes_no_penalty() -> None:
    with pytest.raises(ArgumentError, match="penalty is not used by the objective LeaveOneOut"):
        AugradClassifier(**QUICK, objective="leave_one_out", penalty="displacement").fit(IRIS, SPECIES)


def test_few_rows_with_gaps_are_learned_from_jointly() -> None:
    gaps = IRIS[::10].copy()
    gaps[0, 0] = np.nan
    with pytest.warns(EvidenceWarning, match="loader yields 15 samples"):
        classifier = AugradClassifier(**QUICK, allow_missing=True).fit(gaps, SPECIES[::10])
    assert classifier.evidence_ is None
    assert classifier.history_[-1]["penalty"] < 0, "the penalty sees encoded columns, without gaps"


def test_one_class_and_labels_of_truth_values() -> None:
    with pytest.warns(EvidenceWarning, match="loader yields a single class"):
        single = AugradClassifier(**QUICK).fit(IRIS, ["only"] * len(IRIS))
    np.testing.assert_array_equal(single.predict_proba(IRIS[:2]), [[1.0], [1.0]])
    assert single.predict(IRIS[:2]).tolist() == ["only", "only"]
    binary = AugradClassifier(**QUICK).fit(IRIS, SPECIES == 1)
    assert binary.predict(IRIS).dtype == bool


def test_early_stopping_goes_back_to_the_best_epoch() -> None:
    noise = np.random.default_rng(0)
    x, y = noise.normal(size=(80, 4)), noise.integers(0, 2, 80)
    # Judges would still be learning by then, and the augmentation would stand where it started.
    stopped = AugradClassifier(
        max_epochs=60, lr=3e-2, random_state=0, early_stopping=True, n_iter_no_change=4, objective="joint"
    ).fit(x, y)
    assert stopped.n_iter_ == len(stopped.history_) < 60
    best = min(stopped.history_, key=lambda row: row["val_loss"])
    assert best["epoch"] <= stopped.n_iter_ - 4
    learned = best["layers"][0]["magnitudes"][0]
    assert stopped.policy_[0].magnitude == pytest.approx(learned)
    assert stopped.policy_[0].magnitude != pytest.approx(stopped.history_[-1]["layers"][0]["magnitudes"][0])


def test_a_trunk_of_the_users_own() -> None:
    sizes = []

    def trunk(n_inputs: int, n_outputs: int) -> nn.Module:
        sizes.append((n_inputs, n_outputs))
        return nn.Linear(n_inputs, n_outputs)

    classifier = AugradClassifier(**QUICK, trunk=trunk).fit(MIXED, TASTE)
    assert sizes == [(1 + 3 + 2 + 1, 3)]
    assert isinstance(classifier.model_, augrad.InvariantModel)
    assert not classifier.model_.training


class Plain(augrad.Objective):
    """Trains on augmented rows without a penalty: a user's own learning rule."""

    made = 0

    def __init__(self, model: Any, criterion: Any, penalty: Any) -> None:
        type(self).made += 1
        self.criterion = criterion

    def step(
        self, model: Any, x: Any, target: Any, *, progress: float, factor: float = 1.0, generator: Any = None
    ) -> augrad.StepLoss:
        output = model(x, generator=generator)
        loss = self.criterion(output, target)
        return augrad.StepLoss(loss, loss.detach(), loss.new_zeros(()), output.detach())


def test_a_learning_rule_of_the_users_own() -> None:
    made = Plain.made
    classifier = clone(AugradClassifier(**QUICK, objective=Plain)).fit(IRIS, SPECIES)
    assert classifier.get_params()["objective"] is Plain
    assert Plain.made > made
    assert [row["penalty"] for row in classifier.history_] == [0.0] * QUICK["max_epochs"]


def test_options_of_a_rule_reach_training() -> None:
    few = augrad.CrossFitted(n_folds=2, confirm=False)
    classifier = clone(AugradClassifier(**QUICK, objective=few))
    assert classifier.get_params()["objective"] == few
    classifier.fit(IRIS, SPECIES)
    named = {"name": "cross_fitted", "n_folds": 2, "confirm": False}
    again = AugradClassifier(**QUICK, objective=named).fit(IRIS, SPECIES)
    np.testing.assert_array_equal(classifier.predict_proba(IRIS), again.predict_proba(IRIS))
    five = AugradClassifier(**QUICK).fit(IRIS, SPECIES)
    assert not np.array_equal(classifier.predict_proba(IRIS), five.predict_proba(IRIS))


def test_hidden_layers() -> None:
    linear = AugradClassifier(**QUICK, hidden_layer_sizes=()).fit(IRIS, SPECIES)
    deep = AugradClassifier(**QUICK, hidden_layer_sizes=(5, 6, 7)).fit(IRIS, SPECIES)
    one = AugradClassifier(**QUICK, hidden_layer_sizes=9).fit(IRIS, SPECIES)
    widths = [
        [m.out_features for m in e.model_.trunk.modules() if isinstance(m, nn.Linear)] for e in (linear, deep, one)
    ]
    assert widths == [[3], [5, 6, 7, 3], [9, 3]]


class Shift(augrad.Transform):
    """Adds an offset to all columns: a user's transform, which knows nothing of schemas."""

    modality = "estimator_test"
    offset = augrad.Range(1.0, signed=True)

    def forward(self, x: Any, *, offset: Any) -> Any:
        return x + offset[:, None]


def test_transforms_by_name_class_and_instance() -> None:
    mine = Shift(offset=0.5)
    given = ["tabular.correlated_noise", mine]
    classifier = AugradClassifier(given, **QUICK, n_layers=2).fit(IRIS, SPECIES)
    assert [row.transform for row in classifier.policy_] == ["tabular.correlated_noise", "estimator_test.shift"] * 2
    assert [row.layer for row in classifier.policy_] == [0, 0, 1, 1]
    assert AugradClassifier([Shift], **QUICK).fit(IRIS, SPECIES).policy_[0].transform == "estimator_test.shift"


def test_transforms_that_mix_rows() -> None:
    with pytest.warns(EvidenceWarning, match=r"tabular\.swap_noise put values of other samples into a sample"):
        regressor = AugradRegressor(["tabular.swap_noise"], **QUICK).fit(IRIS, SPECIES)
    np.testing.assert_array_equal(regressor.predict(IRIS), regressor.predict(IRIS))


def test_what_is_learned_can_be_used_elsewhere(tmp_path: Any) -> None:
    classifier = AugradClassifier(**QUICK).fit(MIXED, TASTE)
    again = augrad.Policy.from_json(classifier.policy_.to_json(tmp_path / "policy.json"))
    x = classifier.schema_.encode(MIXED)
    assert again.as_module()(x).shape == x.shape
    assert again == classifier.policy_


@pytest.mark.parametrize("method", ["predict", "predict_proba", "predict_log_proba"])
def test_before_fit(method: str) -> None:
    with pytest.raises(NotFittedError, match="not fitted yet"):
        getattr(AugradClassifier(), method)(IRIS)


@pytest.mark.parametrize("kind", [AugradClassifier, AugradRegressor])
def test_nothing_but_the_class_is_shared(kind: Any) -> None:
    one = kind(**QUICK).fit(IRIS, SPECIES)
    two = clone(one)
    assert not hasattr(two, "model_")
    assert one.plot_policy.__doc__


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_on_a_gpu() -> None:
    on_gpu = AugradClassifier(**QUICK, device="cuda").fit(IRIS, SPECIES)
    assert next(on_gpu.model_.parameters()).device.type == "cuda"
    again = pickle.loads(pickle.dumps(on_gpu))
    assert next(again.model_.parameters()).device.type == "cpu"
    assert next(AugradClassifier(**QUICK, device="cpu").fit(IRIS, SPECIES).model_.parameters()).device.type == "cpu"
