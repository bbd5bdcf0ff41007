"""Construction of an estimator's model: augmentation layers in front of an encoder and a trunk.

Uses networks.py, schema.py; used by base.py.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

import augrad
from augrad.errors import ArgumentTypeError
from augrad_tabular.networks import TableEncoder, perceptron
from augrad_tabular.parameters import Parameters
from augrad_tabular.schema import Schema

DEFAULT_TRANSFORMS = ("tabular.feature_noise", "tabular.feature_dropout", "tabular.category_swap")
"""Default candidates: transforms that can be harmless in any table.

None of them mixes rows, so a prediction depends on its row alone. Scales are left out for two reasons: whether a factor
is harmless depends on the task, and a factor moves rows so far that the penalty would prefer it to all others.
"""


def default_transforms(schema: Schema) -> list[str]:
    """Returns the transforms of `DEFAULT_TRANSFORMS` that have a column to act on.

    Example:
        >>> default_transforms(Schema.from_data([[0.0, 1.0], [1.0, 3.0]]))
        ['tabular.feature_noise', 'tabular.feature_dropout']
    """
    kinds: list[Any] = [augrad.get_transform(name) for name in DEFAULT_TRANSFORMS]
    return [kind.name for kind in kinds if kind.acts_on(schema)]


def build_model(
    parameters: Parameters, schema: Schema, n_outputs: int, *, aggregation: str, seed: int
) -> augrad.InvariantModel:
    """Builds a model with weights drawn from the seed; torch's global generator keeps its state.

    Args:
        parameters: parameters of the estimator.
        schema: schema of the table.
        n_outputs: number of the trunk's outputs: classes or targets.
        aggregation: aggregation over copies.
        seed: seed of the weights, and of the draws in eval mode.

    Raises:
        ArgumentTypeError: the callable `trunk` returns no module.
        ArgumentError, UnknownTransformError: a transform is not accepted.
    """
    with torch.random.fork_rng(devices=[]):
        # torch.manual_seed would also seed the generators of all devices.
        torch.default_generator.manual_seed(seed)
        encoder = TableEncoder(schema)
        trunk = _trunk(parameters, encoder.n_outputs, n_outputs)
    names = default_transforms(schema) if parameters.transforms is None else parameters.transforms
    layers = [_layer(names, schema) for _ in range(parameters.n_layers)]
    module = augrad.AugmentationModule(layers)
    return augrad.InvariantModel(
        nn.Sequential(encoder, trunk), module, copies=parameters.copies, aggregation=aggregation, seed=seed
    )


def encoder_of(model: augrad.InvariantModel) -> nn.Module:
    """Returns the encoder in front of the trunk of a model from `build_model`."""
    return next(model.trunk.children())


def _trunk(parameters: Parameters, n_inputs: int, n_outputs: int) -> nn.Module:
    if parameters.trunk is None:
        return perceptron(n_inputs, n_outputs, parameters.hidden_layer_sizes)
    trunk = parameters.trunk(n_inputs, n_outputs)
    if not isinstance(trunk, nn.Module):
        raise ArgumentTypeError(
            f"trunk must return a torch.nn.Module when it is called with (n_inputs, n_outputs), but returned "
            f"{type(trunk).__name__}.",
            argument="trunk",
        )
    return trunk


def _layer(transforms: Sequence[Any], schema: Schema) -> augrad.AugmentationLayer:
    # Copied because training moves instances to a device, and because each layer needs its own instance.
    own = [copy.deepcopy(each) if isinstance(each, augrad.Transform) else each for each in transforms]
    arguments = {"schema": schema} if any(_takes_schema(each) for each in own) else None
    return augrad.AugmentationLayer(own, arguments=arguments)


def _takes_schema(entry: Any) -> bool:
    kind = augrad.get_transform(entry) if isinstance(entry, str) else entry
    return isinstance(kind, type) and "schema" in inspect.signature(kind).parameters
