"""`Transform`: a pure map with typed parameters, the one base a plugin author meets.

Uses ranges.py, and sample_features.py and drawing.py for what an audit asks of it; drawn from by layer.py.
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
    """A transformation of a batch, differentiable in its declared parameters.

    Subclass it, declare parameters as class attributes of type `Range`, and write `forward`. A transform is
    a pure function of its input, its values and its noise: it draws nothing itself, never writes into its
    input and never waits for the device. How strong and how often it is applied is the layer's business.

    Train / eval: the same, unless `gradient` is `"relaxed"`, where eval may use the hard version.

    Args:
        **ranges: for one instance, another range for a declared parameter: a number replaces `high`
            (and `low`, where that is the far end), a `Range` replaces it whole. Ranges that depend on other arguments
            (a cut-off that ends at half the sample rate) are set as `self.ranges` before this constructor is called.

    Attributes:
        modality: what it works on: `"vision"`, `"audio"`, `"tabular"`, `"graph"`, or your own word.
        assumes: the invariance it stands for, in one sentence: what must carry no information about the target.
        gradient: `"pathwise"` (the map is differentiable), `"relaxed"` (a soft version is differentiated) or
            `"straight-through"` (the hard version is computed, a soft gradient is returned).
        moves_coordinates: whether contents change place, so that dense outputs move with them and are moved
            back under `aggregation="equivariant"`.
        mixes_samples: whether a sample's result depends on the other samples of the batch.
        ranges: the parameters by name.

    Raises:
        RangeError: a keyword names no declared parameter, or its range is malformed.

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
        """The constructor's arguments as given, JSON-able: what `policy.py` needs to build an equal transform."""
        return plain(self._arguments)

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Transform:
        """Builds a transform from what `config` returned."""
        return cls(**ranged(cls.ranges, config))

    @property
    def sizes(self) -> dict[str, int]:
        """How many learned magnitudes each parameter has: 1, or the length of the axis named by `Range.per`.

        Raises:
            RangeError: a range is declared `per="feature"` but the transform has no `n_features`.
        """
        return {name: size_of(self, name, declared) for name, declared in self.ranges.items()}

    def labels(self, parameter: str) -> tuple[str, ...]:
        """What the entries of a parameter learned per axis entry are called: the transform's `feature_names` (or
        `channel_names`, after the axis) if it has them, else their positions. Empty for a single magnitude.
        """
        return labels_of(self, parameter, self.ranges[parameter])

    def identity(self, n_samples: int, like: Tensor) -> dict[str, Tensor]:
        """Values at which the transform changes nothing: one `(n_samples,)` tensor per parameter, or
        `(n_samples, size)` for one learned per axis entry, on the device and in the dtype of `like`.
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
            **values: for each parameter one physical value per sample, `(batch,)`, or `(batch, size)` where it
                is learned per axis entry; and `noise=`, as `draw_noise` returned it, if that is not None.

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
        """Draws the inner randomness for a batch: None, or a tensor (or a tuple of them) with one row per sample.

        Args:
            x: the batch that will be transformed, for its shape, device and dtype.
            generator: the only source of randomness to use; on the device of `x`. None is torch's default one.
        """
        return None

    def example_batch(self, n_samples: int, generator: Generator | None) -> Any:
        """A small batch that `forward` accepts, for the conformance kit; None stands for `(n_samples, 4, 16)` tensors.

        Override it once in the base class of a modality; `augrad.testing.smooth` makes smooth signals and images.
        """
        return None

    @classmethod
    def example_arguments(cls) -> dict[str, Any]:
        """Constructor arguments of an instance that fits `example_batch`, for the conformance kit and the docs.

        Override it if the constructor needs some, such as a sample rate.
        """
        return {}

    @classmethod
    def features(cls, x: Any) -> Float[Tensor, "batch features"]:
        """What samples are compared by where nothing has been learned: one vector per sample.

        An audit looks for the samples that are nearest to one. The default takes all values of a tensor as they are, so
        that what is missing (NaN) stays missing; override it in the base class of a modality where other vectors tell
        samples apart better, and for batches that are no tensors. A sample's vector depends on that sample alone.

        Args:
            x: the batch; for tensors `(batch, *event)`.

        Returns:
            On the device of `x`, in float32 (float64 stays), without gradient. Units are those of the data.

        Raises:
            InputTypeError: `x` is no tensor of real numbers.
            InputError: `x` has fewer than 2 axes, or no values.

        Example:
            >>> import torch
            >>> Transform.features(torch.tensor([[[1.0, 2.0], [3.0, 4.0]]]))
            tensor([[1., 2., 3., 4.]])
        """
        return flat_features(getattr(cls, "name", cls.__name__), x)

    @classmethod
    def side_effects(cls, x: Any) -> Float[Tensor, "batch effects"]:
        """What a transform may leave on a sample that is not its content: borders, clipping, missing values, counts.

        Nothing about the target should be readable from these alone. Where it is, a model may learn the trace instead
        of the content, and an audit says so. The default takes, of each sample, the shares of values that are the
        least, the greatest, 0 and missing (no finite number). With channels, `(batch, channels, *space)`, it takes for
        either end of each axis of space of at least 4 entries: mean, standard deviation and share of zeros of the
        outermost slice, and the share of values in the outer quarter that equal the next one inwards.

        Args:
            x: the batch; for tensors `(batch, *event)`.

        Returns:
            On the device of `x`, in float32 (float64 stays), without gradient; as many columns for every batch of
            samples of one shape. Finite. Each sample's row depends on that sample alone.

        Raises:
            InputTypeError: `x` is no tensor of real numbers.
            InputError: `x` has fewer than 2 axes, or no values.

        Example:
            >>> import torch
            >>> Transform.side_effects(torch.tensor([[0.0, 0.5, 1.0, 1.0], [0.0, 0.1, 0.2, torch.nan]])).tolist()
            [[0.25, 0.5, 0.25, 0.0], [0.25, 0.25, 0.25, 0.25]]
        """
        return tensor_side_effects(getattr(cls, "name", cls.__name__), x)

    @classmethod
    def draw(cls, axes: Axes, sample: Any, *, original: Any = None, colour: str = INK) -> None:
        """Draws one sample for a report: an image as an image, series and vectors as lines.

        Override it in the base class of a modality that looks otherwise.

        Args:
            axes: matplotlib's, without ticks.
            sample: a batch of one.
            original: the same before it was changed, as a batch of one, which gives the scale and is drawn faintly
                behind where that helps; None if `sample` is it.
            colour: of what is drawn in one colour.

        Raises:
            InputTypeError: `sample` is no tensor.
            InputError: it has another shape.
        """
        draw_sample(axes, sample, original=original, colour=colour, name=getattr(cls, "name", cls.__name__))

    def validate(self, x: Any) -> None:
        """Raises `InputError` or `InputTypeError` if `x` is not a batch that `forward` accepts.

        Called once per pass, before anything changes. The default accepts floating-point tensors with at
        least one event axis; override it to say more. Read shapes and dtypes only, never values.
        """
        check_tensor(self.name, x)

    def check_trunk(self, trunk: nn.Module, x: Any) -> None:
        """Raises `ArgumentError` if the trunk cannot see what this transform changes. Accepts any trunk by default.

        `InvariantModel` calls it once, on the first batch it gets. The trunk must be left as it was.

        Args:
            trunk: what will be given the transformed batch.
            x: a batch that `validate` has accepted.
        """

    def extra_repr(self) -> str:
        return ", ".join(
            f"{name}={declared.bounds[0]:g}..{declared.bounds[1]:g} {declared.unit}".rstrip()
            for name, declared in self.ranges.items()
        )
