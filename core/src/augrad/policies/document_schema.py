"""The schema of a document of an augmentation module, checked by pydantic. Used by document_reader.py."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, PlainValidator, ValidationError

from augrad.errors import PolicyError
from augrad.policies.document import SCHEMA


def _number(value: Any) -> float:
    """Returns a number; also accepts the words for numbers that JSON lacks, such as `"inf"`."""
    if isinstance(value, bool) or not (isinstance(value, int | float) or value in ("inf", "-inf", "nan")):
        raise ValueError(f"must be a number, but is {value!r}")
    return float(value)


def _numbers(value: Any) -> list[float] | float:
    return [_number(each) for each in value] if isinstance(value, list) else _number(value)


Number = Annotated[float, PlainValidator(_number)]
# Not a union, so that pydantic reports the place as it is in the document.
MaybeNumber = Annotated[float | None, PlainValidator(_number)]
Numbers = Annotated[Any, PlainValidator(_numbers)]


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")


class ParameterEntry(_Strict):
    """The learned range of a parameter: its physical ends, and the exact magnitude if known."""

    low: Numbers
    high: Numbers
    unit: str = ""
    magnitude: Numbers = None
    raw_magnitude: Numbers = None


class StateEntry(_Strict):
    """A tensor of a transform's state."""

    dtype: str
    shape: list[int]
    values: Any


class TransformEntry(_Strict):
    """A transform of a layer."""

    name: str
    weight: Number
    raw_weight: MaybeNumber = None
    config: dict[str, Any] = {}
    parameters: dict[str, ParameterEntry] = {}
    state: dict[str, StateEntry] = {}


class LayerEntry(_Strict):
    """A layer."""

    temperature: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1.0
    selection: str = "straight_through"
    distribution: str = "uniform"
    strength: str = "global"
    strength_config: dict[str, Any] = {}
    preference: str | None = None
    state: dict[str, StateEntry] = {}
    dtype: str = "float32"
    transforms: Annotated[list[TransformEntry], Field(min_length=1)]


class DocumentEntry(_Strict):
    """The whole document."""

    schema_number: int = Field(alias="schema")
    layers: Annotated[list[LayerEntry], Field(min_length=1)]


def parse(document: Any) -> DocumentEntry:
    """Validates a document and returns its entries.

    Raises:
        PolicyError: the document is malformed or has a newer schema. The message begins with the place.
    """
    schema = document.get("schema") if isinstance(document, dict) else None
    if isinstance(schema, int) and schema > SCHEMA:
        raise PolicyError(
            f"schema: this augrad reads up to {SCHEMA}, but got {schema}: it was written by a newer one. Upgrade with: "
            "pip install --upgrade augrad",
            schema=schema,
        )
    if schema != SCHEMA:
        raise PolicyError(f"schema: must be {SCHEMA}, but got {schema!r}. Is this a policy of augrad?", schema=schema)
    try:
        return DocumentEntry.model_validate(document)
    except ValidationError as error:
        first = error.errors()[0]
        # pydantic calls it "Extra inputs are not permitted" and "Value error, must be ...".
        cause = first["msg"].removeprefix("Value error, ")
        raise document_error(_place(first["loc"]), f"{cause[0].lower()}{cause[1:]}.") from error


def document_error(place: str, message: str) -> PolicyError:
    """Returns an error about a place in a document, such as `layers[0].transforms[2].name`."""
    return PolicyError(f"{place}: {message}", place=place)


def _place(location: tuple[int | str, ...]) -> str:
    text = ""
    for part in location:
        text += f"[{part}]" if isinstance(part, int) else f".{part}"
    return text.removeprefix(".")
