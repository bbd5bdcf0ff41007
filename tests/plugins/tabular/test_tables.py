"""What all transforms of tables share: which columns change, missing values, batches that do not fit, saving."""

from __future__ import annotations

import json
from importlib import import_module

import numpy as np
import pytest
import torch

import augrad
from augrad import AugmentationLayer, InvariantModel, Policy, keyed_generator
from augrad.errors import ArgumentError, InputError
from augrad.testing.examples import example_batch, inner_values
from augrad_tabular import Schema
from augrad_tabular.dropout import FeatureDropout
from augrad_tabular.noise import FeatureNoise
from augrad_tabular.plugin import augrad_transforms
from augrad_tabular.scale import CommonScale
from augrad_tabular.tables import example_rows, example_schema

KINDS = [getattr(import_module(m), n) for m, n in (t.split(":") for t in augrad_transforms().values())]
NAMES = [kind.name for kind in KINDS]

every_kind = pytest.mark.parametrize("kind", KINDS, ids=NAMES)


def build(kind, schema=None):
    return kind(**{**kind.example_arguments(), **({} if schema is None else {"schema": schema})})


def applied(transform, x, values=None, seed=0):
    values = inner_values(transform, len(x), x.dtype) if values is None else values
    noise = transform.draw_noise(x, keyed_generator(seed))
    return transform(x, **values, **({} if noise is None else {"noise": noise}))


def schema_of(x, **kinds):
    return Schema.from_data(x, **kinds)


@every_kind
def test_only_the_columns_of_its_kinds_change(kind):
    transform = build(kind)
    x = example_rows(40, keyed_generator(3))
    values = {name: value * 0 + value.abs().max() for name, value in inner_values(transform, 40).items()}
    changed = (applied(transform, x, values) != x).any(dim=0)
    acted = [at in kind.acts_on(transform.schema) for at in range(x.shape[1])]
    assert changed.tolist() == acted


@every_kind
def test_missing_values_stay_and_the_rest_is_finite(kind):
    complete = example_rows(12, keyed_generator(4))
    x = complete.clone()
    x[torch.arange(8), torch.arange(8)] = float("nan")
    x[10] = float("nan")
    given = {**example_schema().to_dict(), "allow_missing": True}
    transform = build(kind, Schema.from_dict(given))
    x.requires_grad_()
    values = {name: value.requires_grad_() for name, value in inner_values(transform, 12).items()}
    y = applied(transform, x, values)
    assert torch.equal(y.isnan(), x.isnan())
    y.nan_to_num().sum().backward()
    assert x.grad.isfinite().all()
    for value in values.values():
        assert value.grad.isfinite().all()
        assert value.grad.abs().sum() > 0


@every_kind
def test_missing_values_do_not_change_rows_without_any(kind):
    x = example_rows(6, keyed_generator(5))
    given = {**example_schema().to_dict(), "allow_missing": True}
    tolerant, strict = build(kind, Schema.from_dict(given)), build(kind)
    torch.testing.assert_close(applied(tolerant, x), applied(strict, x), rtol=0, atol=0)


@every_kind
def test_constant_columns_and_a_single_row_give_finite_results(kind):
    row = example_rows(1, keyed_generator(6))
    schema = schema_of(
        row.expand(5, -1), ordinal=[3], categorical=[4], one_hot={"colour": [5, 6, 7]}, names=example_schema().names
    )
    for x in (row, row.expand(3, -1)):
        transform = build(kind, schema)
        values = {name: value.requires_grad_() for name, value in inner_values(transform, len(x)).items()}
        y = applied(transform, x, values)
        assert y.isfinite().all()
        if y.requires_grad:
            y.sum().backward()
            assert all(value.grad is None or value.grad.isfinite().all() for value in values.values())
        if "scale" not in kind.name:
            torch.testing.assert_close(y, x)


@every_kind
def test_batches_of_other_tables_are_refused(kind):
    transform = build(kind)
    with pytest.raises(InputError, match=rf"{kind.name} expects the 8 columns of its schema \(length, .*but got 5"):
        transform.validate(torch.zeros(3, 5))
    with pytest.raises(
        InputError, match=rf"{kind.name} expects a table \(batch, features\), but got shape \(3, 8, 1\)"
    ):
        transform.validate(torch.zeros(3, 8, 1))


@every_kind
def test_tables_without_a_column_to_change_are_refused(kind):
    numbers, codes = schema_of(torch.zeros(2, 2)), schema_of(torch.zeros(2, 2), categorical=[0, 1])
    other = codes if kind.acts_on(numbers) else numbers
    assert kind.acts_on(other) == ()
    message = f"{kind.name} changes .* columns, but the schema has none: .*Leave {kind.name} out"
    with pytest.raises(ArgumentError, match=message):
        build(kind, other)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.statistics], ids=lambda kind: kind.name)
def test_statistics_that_the_schema_lacks_are_named(kind):
    bare = Schema.from_dict(example_schema().to_dict(statistics=[]))
    with pytest.raises(
        ArgumentError, match=f"{kind.name} needs the {kind.statistics[0]} of each column, which the sch"
    ):
        build(kind, bare)


@every_kind
def test_the_schema_is_required_and_names_itself(kind):
    with pytest.raises(ArgumentError, match=f"{kind.name}.*schema.*arguments="):
        AugmentationLayer([kind])


def test_one_schema_serves_all_transforms_of_a_layer():
    schema = example_schema()
    layer = AugmentationLayer(
        NAMES, arguments={"schema": schema, "exponents": {"length": 1.0, "area": 2.0}}, magnitude=0.5
    )
    x = example_rows(30, keyed_generator(1)).float()
    layer(x, generator=keyed_generator(0)).sum().backward()
    assert layer.strength.raw_magnitudes.grad.isfinite().all()
    assert (layer.strength.raw_magnitudes.grad != 0).sum() > len(NAMES) - 2


def test_parameters_per_feature_are_called_by_their_columns():
    noise = FeatureNoise(schema=example_schema())
    rows = Policy.from_module(augrad.AugmentationModule([AugmentationLayer([noise])]))
    assert [row.parameter for row in rows] == ["std[length]", "std[width]", "std[area]", "std[grade]"]


def _everything():
    arguments = {"schema": example_schema(), "exponents": {"length": 1.0, "area": 2.0}}
    others = [
        FeatureDropout(schema=example_schema(), fill="learned"),
        CommonScale(schema=example_schema(), columns=[0]),
    ]
    layers = [AugmentationLayer(NAMES, arguments=arguments, magnitude=0.5), AugmentationLayer(others, magnitude=0.3)]
    with torch.no_grad():
        others[0].raw_fill.add_(1.5)
    return InvariantModel(torch.nn.Linear(8, 2), augrad.AugmentationModule(layers))


def test_statistics_are_saved_with_the_policy(tmp_path):
    model, x = _everything().eval(), example_rows(20, keyed_generator(2)).float()
    model.policy.to_json(tmp_path / "policy.json")
    again = Policy.from_json(tmp_path / "policy.json")
    assert again == model.policy
    expected = model.augmentation(x, generator=keyed_generator(1))
    assert torch.equal(again.as_module()(x, generator=keyed_generator(1)), expected)
    assert not torch.equal(expected, x)


def test_statistics_are_saved_with_the_model(tmp_path):
    model, x = _everything().eval(), example_rows(20, keyed_generator(2)).float()
    again = augrad.load(augrad.save(model, tmp_path / "model"), torch.nn.Linear(8, 2))
    assert torch.equal(again(x), model(x))


@every_kind
def test_the_configuration_holds_the_statistics_it_needs_and_no_others(kind):
    written = json.loads(json.dumps(build(kind).config, allow_nan=False))["schema"]
    assert set(written) - {"columns", "allow_missing"} == set(kind.statistics)


@every_kind
def test_statistics_are_buffers(kind):
    transform = build(kind)
    buffers = dict(transform.named_buffers())
    for name in set(kind.statistics) - {"covariance"}:
        expected = np.array(getattr(transform.schema, name))[list(kind.acts_on(transform.schema))]
        np.testing.assert_allclose(buffers[name].numpy(), expected, rtol=1e-6)
    assert set(transform.state_dict()) <= set(buffers)


def test_half_precision_is_computed_in_single():
    noise, x = FeatureNoise(schema=example_schema()), example_batch(FeatureNoise(schema=example_schema()))
    values = inner_values(noise, 3)
    exact, rounded = applied(noise, x, values), applied(noise, x.bfloat16(), values)
    assert rounded.dtype == torch.bfloat16
    torch.testing.assert_close(rounded[:, :4].double(), exact[:, :4], rtol=0.2, atol=0.5)
