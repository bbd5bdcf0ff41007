"""All errors and warnings of augrad. Each class also derives from the built-in exception that fits. Imports nothing."""

from __future__ import annotations

import importlib
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable


class AugradError(Exception):
    """Base class of all errors that augrad raises on purpose.

    The message names the argument, the value that was given, the accepted values and the way out. The same facts are
    kept as attributes, so a program does not need to parse the sentence.

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
        # KeyError would print the repr of the message, with quotes.
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
    """The numbers of a `Range` are not a valid range, for example `low` above `high`."""


class MagnitudeError(ArgumentError):
    """A magnitude or physical value lies outside its declared range."""


class InputError(ArgumentError):
    """A batch has a shape, size or content that a transform or model does not accept."""


class InputTypeError(ArgumentTypeError):
    """A batch has a type that a transform or model does not accept."""


class LayerError(ArgumentError):
    """An augmentation layer or module is built wrongly: it is empty, repeats a transform or mixes modalities."""


class AggregationError(ArgumentError):
    """The trunk's output does not fit the aggregation."""


class InversionError(AugradError, RuntimeError):
    """`invert` was called on a transform that cannot be undone."""


class UnknownNameError(AugradError, KeyError):
    """Nothing is registered under the given name."""


class UnknownTransformError(UnknownNameError):
    """No transform is registered under the given name."""


class RegistrationError(ArgumentError):
    """A transform, demo or hook cannot be registered in this form."""


class PluginError(AugradError, RuntimeError):
    """A plugin could not be loaded. The error carries the plugin's name and the cause."""


class PenaltyError(AugradError, RuntimeError):
    """A penalty needs state that the last forward pass did not produce."""


class ConfigError(ArgumentError):
    """A configuration file or option is not valid."""


class PolicyError(ArgumentError):
    """A policy file is malformed, has an unknown schema, or names a transform that is not registered."""


class CheckpointError(AugradError, RuntimeError):
    """A checkpoint is missing, unreadable or altered, or it does not fit the model."""


class StorageError(AugradError, OSError):
    """A file could not be written. The file that was there before is untouched."""


class TrainingError(AugradError, RuntimeError):
    """Training stopped. The message says why, and the last good checkpoint is kept."""


class NonFiniteLossError(TrainingError):
    """The loss turned NaN or infinite."""


class RunawayWarning(AugradError, UserWarning):  # noqa: N818 - a warning; it is in this tree so that it carries facts
    """Training was stopped because a range and the training loss kept growing together; see `augrad.RunawayGuard`."""


class EvidenceWarning(AugradError, UserWarning):  # noqa: N818 - a warning; it is in this tree so that it carries facts
    """No evidence can be had of what a task is invariant to, so another objective is used."""


class ConformanceError(AugradError, AssertionError):
    """A transform breaks a promise of the transform contract. Raised by the conformance kit `augrad.testing`."""


class MissingDependencyError(AugradError, ImportError):
    """An optional dependency is not installed. The message says which package to install."""


def suggestion(name: str, known: Iterable[str]) -> str:
    """Returns `" Did you mean 'x'?"` for the known name that is nearest to `name`, or the empty string.

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
