"""Every error augrad raises, and its warning: one tree, each class also the built-in that fits. Uses nothing."""

from __future__ import annotations

import importlib
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable


class AugradError(Exception):
    """Base of all errors raised on purpose by augrad.

    The message names the argument, what came, what is accepted and the way out. The same facts are
    kept as attributes, so that a program need not parse the sentence.

    Args:
        message: the sentence shown to the user.
        **facts: stored as attributes of the same name.

    Example:
        >>> error = AugradError("copies must be at least 1, but got 0.", copies=0)
        >>> error.copies, str(error)
        (0, 'copies must be at least 1, but got 0.')
    """

    def __init__(self, message: str, **facts: Any) -> None:
        super().__init__(message)
        self.message = message
        self.facts = facts
        self.__dict__.update(facts)

    def __str__(self) -> str:
        # KeyError would print the repr of the message, quotes and all.
        return self.message

    def __reduce__(self) -> tuple[Any, ...]:
        return (_rebuild, (type(self), self.message, self.facts))


def _rebuild(kind: type[AugradError], message: str, facts: dict[str, Any]) -> AugradError:
    return kind(message, **facts)


class ArgumentError(AugradError, ValueError):
    """An argument has the right type but a value that is not accepted."""


class ArgumentTypeError(AugradError, TypeError):
    """An argument has the wrong type."""


class RangeError(ArgumentError):
    """A `Range` is declared with numbers that make no range."""


class MagnitudeError(ArgumentError):
    """A magnitude or physical value lies outside its declared range."""


class InputError(ArgumentError):
    """A batch has a shape, size or content that a transform or model does not accept."""


class InputTypeError(ArgumentTypeError):
    """A batch is of a type that a transform or model does not accept."""


class LayerError(ArgumentError):
    """An augmentation layer or module is put together wrongly (empty, duplicate transforms, mixed modalities)."""


class AggregationError(ArgumentError):
    """The trunk's output does not fit the aggregation."""


class InversionError(AugradError, RuntimeError):
    """A transform that cannot be undone was asked to be."""


class UnknownNameError(AugradError, KeyError):
    """A name that nothing is registered under."""


class UnknownTransformError(UnknownNameError):
    """No transform is registered under the name asked for."""


class RegistrationError(ArgumentError):
    """A transform, demo or hook cannot be registered as given."""


class PluginError(AugradError, RuntimeError):
    """A plugin could not be loaded; carries the plugin's name and the cause."""


class PenaltyError(AugradError, RuntimeError):
    """A penalty needs state that the last pass did not produce."""


class ConfigError(ArgumentError):
    """A configuration file or option is not valid."""


class PolicyError(ArgumentError):
    """A policy file is malformed, of a foreign schema, or names what is not there."""


class CheckpointError(AugradError, RuntimeError):
    """A checkpoint is missing, unreadable, tampered with, or does not fit the model."""


class StorageError(AugradError, OSError):
    """A file could not be written; what stood there before is untouched."""


class TrainingError(AugradError, RuntimeError):
    """Training stopped for a reason the message names; the last good checkpoint is kept."""


class NonFiniteLossError(TrainingError):
    """The loss turned NaN or infinite."""


class RunawayWarning(AugradError, UserWarning):  # noqa: N818 - a warning, in the tree for its facts
    """A range kept growing while the training loss did, and training was stopped; see `augrad.RunawayGuard`."""


class ConformanceError(AugradError, AssertionError):
    """A transform breaks a promise of its contract; raised by the conformance kit `augrad.testing`."""


class MissingDependencyError(AugradError, ImportError):
    """An optional dependency is not installed; the message says what to install."""


def suggestion(name: str, known: Iterable[str]) -> str:
    """Returns `" Did you mean 'x'?"` for the nearest known name, or the empty string.

    Example:
        >>> suggestion("vision.rotat", ["vision.rotate", "vision.hue"])
        " Did you mean 'vision.rotate'?"
        >>> suggestion("zzz", ["vision.rotate"])
        ''
    """
    close = get_close_matches(name, list(known), n=1)
    return f" Did you mean {close[0]!r}?" if close else ""


def optional(module: str, extra: str, purpose: str) -> Any:
    """Imports a module that an extra of `augrad` brings.

    Args:
        module: its name, such as `"matplotlib"`.
        extra: of `augrad`.
        purpose: what needs it, as the subject of the sentence.

    Raises:
        MissingDependencyError: it is not installed.

    Example:
        >>> optional("json", "report", "a page with pictures").dumps(1)
        '1'
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        # The module is there, but something that it needs is not: that has a message of its own.
        if error.name != module:
            raise
        raise MissingDependencyError(
            f'{purpose} needs {module}, which is not installed. Install it: pip install "augrad[{extra}]"',
            extra=extra,
        ) from error
