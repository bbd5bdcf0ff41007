"""`Transform`: a pure function of a batch with typed parameters, the base class for plugin authors.

Uses ranges.py, and sample_features.py and drawing.py for audits. Layers draw its values.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar, Literal, get_args

from jaxtyping import Float
from torch import Generator, Tensor, nn

from augrad.errors import ArgumentTypeError, InversionError
from augrad.options import one_of
from augrad.transform.arguments import labels_of, own_ranges, plain, ranged, recorded, size_of
from augrad.transform.batch_check import check_tensor
from augrad.transform.drawing import INK, draw_sample
from augrad.transform.naming import snake_case
from augrad.transform.ranges import Range
from augrad.transform.sample_features import flat_features, tensor_side_effects

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Gradient = Literal["pathwise", "relaxed", "straight-through"]
"""How the gradient reaches a transform's parameters; see `Transform.gradient`."""


class Transform(nn.Module, ABC):
    """A transformation of a batch that is differentiable in its declared parameters.

    To write a transform, subclass it, declare parameters as class attributes of type `Range`, and write `forward`. A
    transform is a pure function of its input, its values and its noise. It draws nothing itself, never writes into its
    input and never waits for the device. The layer decides how strong it is and how often it is applied.

    Train / eval: identical, except that a transform with `gradient = "relaxed"` may use its hard version in eval mode.

    Args:
        **ranges: another range for a declared parameter, for this instance only. A number replaces the far end (`high`,
            or `low` if that is the far end); a `Range` replaces the whole range. If a range depends on other arguments
            (such as a cut-off that ends at half the sample rate), set `self.ranges` before this constructor is called.

    Attributes:
        modality: the kind of data: `"vision"`, `"audio"`, `"tabular"`, `"graph"`, or your own word.
        assumes: the assumed invariance in a sentence: which property carries no information about the target.
        gradient: `"pathwise"` (the transform is differentiable), `"relaxed"` (a soft version is differentiated) or
            `"straight-through"` (the hard version is computed, but the gradient of a soft version is returned).
        moves_coordinates: whether contents change place. Dense outputs then move with them, and are moved back under
            `aggregation="equivariant"`.
        mixes_samples: whether the result for a sample depends on the other samples of the batch.
        ranges: the parameters by name.

    Raises:
        RangeError: a keyword is not a declared parameter, or its range is malformed.

    Example:
        >>> import torch
        >>> class Brighten(Transform):
        ...     \"\"\"Adds an offset to a signal.\"\"\"
        ...     modality = "signal"
        ...     assumes = "the level of the signal carries no information about the target"
        ...     offset = Range(2.0, unit="V", signed=True)
        ...     def forward(self, x, *, offset):
        ...         return x + offset[:, None]
        >>> Brighten.name, Brighten.ranges["offset"].unit
        ('signal.brighten', 'V')
        >>> Brighten()(torch.zeros(2, 3), offset=torch.tensor([0.0, 1.5])).tolist()
        [[0.0, 0.0, 0.0], [1.5, 1.5, 1.5]]
        >>> Brighten(offset=0.5).ranges["offset"].high
        0.5
    """

    modality: ClassVar[str]
    assumes: ClassVar[str] = ""
    gradient: ClassVar[Gradient] = "pathwise"
    moves_coordinates: ClassVar[bool] = False
    mixes_samples: ClassVar[bool] = False
    invertible: ClassVar[bool] = False
    name: ClassVar[str]
    ranges: dict[str, Range] = {}  # noqa: RUF012 - per class, replaced (never written into) by __init_subclass__

    _arguments: dict[str, Any]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        own = {name: value for name, value in vars(cls).items() if isinstance(value, Range)}
        cls.ranges = {**cls.ranges, **own}
        if hasattr(cls, "modality"):
            cls.name = f"{cls.modality}.{snake_case(cls.__name__)}"
        if "invertible" not in vars(cls) and "invert" in vars(cls):
            cls.invertible = True
        one_of("gradient", cls.gradient, get_args(Gradient), owner=cls.__name__)

    def __new__(cls, *args: Any, **kwargs: Any) -> Transform:  # noqa: PYI034 - beartype refuses Self outside classes it decorates
        if not hasattr(cls, "modality"):
            raise ArgumentTypeError(
                f"{cls.__name__} declares no modality; add a class attribute such as modality = 'vision'.",
                argument="modality",
            )
        self = super().__new__(cls)
        object.__setattr__(self, "_arguments", recorded(self, args, kwargs))
        return self

    def __init__(self, **ranges: float | Range) -> None:
        super().__init__()
        if ranges:
            self.ranges = own_ranges(self.name, self.ranges, ranges)

    @property
    def config(self) -> dict[str, Any]:
        """The constructor's arguments in JSON-able form. `policy.py` builds an equal transform from them."""
        return plain(self._arguments)

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Transform:
        """Builds a transform from the result of `config`."""
        return cls(**ranged(cls.ranges, config))

    @property
    def sizes(self) -> dict[str, int]:
        """The number of learned magnitudes of each parameter: 1, or the length of the axis in `Range.per`.

        Raises:
            RangeError: a range is declared `per="feature"`, but the transform has no `n_features`.
        """
        return {name: size_of(self, name, declared) for name, declared in self.ranges.items()}

    def labels(self, parameter: str) -> tuple[str, ...]:
        """Returns the names of the entries of a parameter that is learned for each entry of an axis.

        These are the transform's `feature_names` (or `channel_names`, depending on the axis), or else positions. Empty
        for a single magnitude.
        """
        return labels_of(self, parameter, self.ranges[parameter])

    def identity(self, n_samples: int, like: Tensor) -> dict[str, Tensor]:
        """Returns values at which the transform changes nothing, on the device and in the dtype of `like`.

        Each parameter gets a tensor `(n_samples,)`, or `(n_samples, size)` if it is learned for each entry of an axis.
        """
        return {
            name: like.new_full(
                (n_samples,) if declared.per is None else (n_samples, self.sizes[name]), declared.identity
            )
            for name, declared in self.ranges.items()
        }

    @abstractmethod
    def forward(self, x: Any, *args: Any, **values: Any) -> Any:
        """Transforms a batch.

        Args:
            x: the batch; for tensors `(batch, *event)`.
            **values: for each parameter a physical value per sample, `(batch,)`, or `(batch, size)` if it is learned
                for each entry of an axis; and `noise=` with the result of `draw_noise`, unless that is None.

        Returns:
            A new batch of the same type, shape and dtype.
        """

    def invert(self, y: Any, *args: Any, **values: Any) -> Any:
        """Undoes `forward` with the same values, on the input or on a dense output of the trunk.

        Raises:
            InversionError: this transform cannot be undone.
        """
        raise InversionError(f"{self.name} cannot be undone: it defines no invert(y, ...).", transform=self.name)

    def draw_noise(self, x: Any, generator: Generator | None) -> Any:
        """Draws the random numbers of a batch besides its parameter values, such as the pattern of additive noise.

        Args:
            x: the batch that will be transformed, for its shape, device and dtype.
            generator: the only source of randomness; on the device of `x`. None means torch's default generator.

        Returns:
            None, or a tensor (or a tuple of tensors) with a row for each sample.
        """
        return None

    def example_batch(self, n_samples: int, generator: Generator | None) -> Any:
        """Returns a small batch that `forward` accepts, for the conformance kit.

        None means `(n_samples, 4, 16)` tensors.

        Override it once in the base class of a modality. `augrad.testing.smooth` makes smooth signals and images.
        """
        return None

    @classmethod
    def example_arguments(cls) -> dict[str, Any]:
        """Returns constructor arguments of an instance that fits `example_batch`, for the conformance kit and docs.

        Override it if the constructor has required arguments, such as a sample rate.
        """
        return {}

    @classmethod
    def features(cls, x: Any) -> Float[Tensor, "batch features"]:
        """Returns a vector for each sample, by which an audit compares samples without a learned model.

        An audit looks for the nearest neighbours of a sample by these vectors. By default, a vector contains all values
        of a tensor unchanged; missing values (NaN) stay missing. Override it in the base class of a modality if other
        vectors distinguish samples better, and for batches that are not tensors. A sample's vector must depend on this
        sample alone.

        Args:
            x: the batch; for tensors `(batch, *event)`.

        Returns:
            Vectors on the device of `x`, in float32 (float64 stays), without gradient, in the units of the data.

        Raises:
            InputTypeError: `x` is not a tensor of real numbers.
            InputError: `x` has fewer than 2 axes, or no values.

        Example:
            >>> import torch
            >>> Transform.features(torch.tensor([[[1.0, 2.0], [3.0, 4.0]]]))
            tensor([[1., 2., 3., 4.]])
        """
        return flat_features(getattr(cls, "name", cls.__name__), x)

    @classmethod
    def side_effects(cls, x: Any) -> Float[Tensor, "batch effects"]:
        """Returns numbers about traces that a transform may leave on a sample, such as borders or missing values.

        These numbers alone should say nothing about the target. If they do, a model may learn the trace instead of the
        content, and an audit reports it. By default, the numbers for each sample are the shares of its values that are
        its minimum, its maximum, 0 and missing (not finite). With channels, `(batch, channels, *space)`, there are four
        more for either end of each axis of space that has at least 4 entries: mean, standard deviation and share of
        zeros of the outermost slice, and the share of values in the outer quarter that equal their inner neighbour.

        Args:
            x: the batch; for tensors `(batch, *event)`.

        Returns:
            Finite numbers on the device of `x`, in float32 (float64 stays), without gradient. The number of columns is
            the same for every batch with samples of the same shape. Each row depends on its own sample alone.

        Raises:
            InputTypeError: `x` is not a tensor of real numbers.
            InputError: `x` has fewer than 2 axes, or no values.

        Example:
            >>> import torch
            >>> Transform.side_effects(torch.tensor([[0.0, 0.5, 1.0, 1.0], [0.0, 0.1, 0.2, torch.nan]])).tolist()
            [[0.25, 0.5, 0.25, 0.0], [0.25, 0.25, 0.25, 0.25]]
        """
        return tensor_side_effects(getattr(cls, "name", cls.__name__), x)

    @classmethod
    def draw(cls, axes: Axes, sample: Any, *, original: Any = None, colour: str = INK) -> None:
        """Draws a sample for a report: an image as an image, series and vectors as lines.

        Override it in the base class of a modality whose samples look different.

        Args:
            axes: matplotlib axes without ticks.
            sample: a batch with one sample.
            original: the same sample before it was changed, as a batch with one sample. It sets the scale, and may
                be drawn faintly behind. None if `sample` is the original.
            colour: the colour, for drawings in a single colour.

        Raises:
            InputTypeError: `sample` is not a tensor.
            InputError: `sample` has another shape.
        """
        draw_sample(axes, sample, original=original, colour=colour, name=getattr(cls, "name", cls.__name__))

    def validate(self, x: Any) -> None:
        """Raises `InputError` or `InputTypeError` if `x` is not a batch that `forward` accepts.

        Called once per pass, before the batch is changed. The default accepts floating-point tensors with at
        least one event axis; override it to check more. Read only shapes and dtypes, never values.
        """
        check_tensor(self.name, x)

    def check_trunk(self, trunk: nn.Module, x: Any) -> None:
        """Raises `ArgumentError` if the trunk cannot see the changes of this transform. By default, accepts any trunk.

        `InvariantModel` calls it once, on its first batch. The trunk must be left unchanged.

        Args:
            trunk: the network that gets the transformed batch.
            x: a batch that `validate` has accepted.
        """

    def extra_repr(self) -> str:
        return ", ".join(
            f"{name}={declared.bounds[0]:g}..{declared.bounds[1]:g} {declared.unit}".rstrip()
            for name, declared in self.ranges.items()
        )
