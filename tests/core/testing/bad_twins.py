"""For each check a transform that breaks its promise: a good one with one mistake. Used by test_bad_twins.py."""

from __future__ import annotations

import random
from typing import Any

import torch
from tests.core.signal_transforms import Blend, ColumnNoise, Flip, Gain, Noise, Quantize, Turn
from torch import Tensor

from augrad import Range, Transform


class NoGradient(Gain):
    """Cuts the gradient of its gain."""

    gradient = "straight-through"

    def forward(self, x, *, gain_db):
        return super().forward(x, gain_db=gain_db.detach())


class DeadHalf(Gain):
    """Clamps its gain at half of the range."""

    def forward(self, x, *, gain_db):
        return super().forward(x, gain_db=gain_db.clamp(-5.5, 5.5))


class EndlessSlope(Gain):
    """Its slope in the gain is infinite at the identity."""

    gain_db = Range(6.0, unit="dB")

    def forward(self, x, *, gain_db):
        return super().forward(x, gain_db=gain_db.sqrt())


class DoubledParameterGradient(Gain):
    """Returns twice the gradient of its gain."""

    def forward(self, x, *, gain_db):
        return super().forward(x, gain_db=2 * gain_db - gain_db.detach())


class DoubledInputGradient(Flip):
    """Returns twice the gradient of its input."""

    def forward(self, x):
        return super().forward(2 * x - x.detach())


class WrongWay(Quantize):
    """Returns the gradient of its step with the wrong sign."""

    def forward(self, x, *, step):
        return super().forward(x, step=2 * step.detach() - step)


class MovesAtZero(Gain):
    """Adds a little, even at gain 0."""

    def forward(self, x, *, gain_db):
        return super().forward(x, gain_db=gain_db) + 0.01

    def invert(self, y, *, gain_db):
        return super().invert(y - 0.01, gain_db=gain_db)


class WrongIdentity(Transform):
    """Multiplies by `factor`, but declares 0 as neutral."""

    modality = "signal"
    assumes = "the loudness of the signal carries no information about the target"
    factor = Range(2.0)

    def forward(self, x: Tensor, *, factor: Tensor) -> Tensor:
        return x * factor[:, None, None]


class WritesIntoInput(Gain):
    """Writes the result of the gain into its input."""

    def forward(self, x, *, gain_db):
        y = super().forward(x, gain_db=gain_db)
        x.detach().copy_(y.detach())
        return y


class WritesIntoNoise(Noise):
    """Scales its noise in place by std."""

    def forward(self, x, *, std, noise):
        y = super().forward(x, std=std, noise=noise.clone())
        noise.zero_()
        return y


class DropsAxis(Flip):
    """Drops the channel axis."""

    def forward(self, x):
        return super().forward(x).mean(1)

    def invert(self, y):
        return y.flip(-1)


class AlwaysSingle(Flip):
    """Returns single precision."""

    def forward(self, x):
        return super().forward(x).float()


class RefusesHalf(Flip):
    """Refuses bfloat16."""

    def forward(self, x):
        if x.dtype == torch.bfloat16:
            raise RuntimeError("not implemented for 'BFloat16'")
        return super().forward(x)


class MakesItsOwnPlace(Flip):
    """Mixes in a tensor that it makes on the default device."""

    def forward(self, x):
        return super().forward(x) * torch.ones(x.shape[-1], dtype=x.dtype)


class ComesHome(Flip):
    """Returns its result on the CPU, wherever the input was."""

    def forward(self, x):
        return torch.zeros(x.shape, dtype=x.dtype) if x.is_meta else super().forward(x)


class DividesByEnergy(Flip):
    """Divides by the energy of each sample."""

    def forward(self, x):
        energy = x.square().sum((1, 2), keepdim=True)
        return super().forward(x * energy / energy)

    def invert(self, y):
        return super().forward(y)


class KinkAtSilence(Gain):
    """Has an infinite slope in the gain for silence."""

    def forward(self, x, *, gain_db):
        loudness = (x.square().sum((1, 2), keepdim=True) * (1 + gain_db[:, None, None].square())).sqrt()
        return super().forward(x, gain_db=gain_db) + 0 * loudness


class UndoesNothing(Gain):
    """Gives back what it got when asked to undo its gain."""

    def invert(self, y, *, gain_db):
        return y.clone()


class LeavesItsMatrix(Turn):
    """Turns by twice the angle of its matrix."""

    def forward(self, x, **values):
        return super().forward(x, angle=2 * values["angle"])

    def invert(self, y, **values):
        return super().forward(y, angle=-2 * values["angle"])


class OneMatrixForAll(Turn):
    """Turns every sample by the mean angle of the batch."""

    mixes_samples = True

    def matrix(self, *, angle):
        return super().matrix(angle=angle.sum()[None] / max(len(angle), 1))


class TurnsAtZero(Turn):
    """Turns by one degree more than its angle."""

    def matrix(self, *, angle):
        return super().matrix(angle=angle + 1)


class LiesAboutPlaces(Turn):
    """Says that turning channels by an angle moves coordinates."""

    moves_coordinates = True


class NeedsCompany(Flip):
    """Fails on a batch of one."""

    def forward(self, x):
        if x.shape[0] == 1:
            raise RuntimeError("expected more than 1 sample")
        return super().forward(x)


class LosesOne(Flip):
    """Loses the last sample of a batch of three."""

    def forward(self, x):
        return super().forward(x)[:2]


class BatchMean(Flip):
    """Subtracts a trifle of the mean over the batch without saying so."""

    def forward(self, x):
        return super().forward(x) - 1e-3 * (x - x.sum(0, keepdim=True) / max(x.shape[0], 1))


class BlendsWithItself(Blend):
    """Claims to mix samples, but blends each with its own reverse by its share."""

    def forward(self, x, *, share):
        share = share.to(x.dtype)[:, None, None]
        return (1 - share) * x + share * x.flip(-1)


class OneNoiseForAll(Noise):
    """Draws one row of noise for the whole batch; std scales it."""

    def draw_noise(self, x, generator):
        return super().draw_noise(x, generator)[:1]


class NoiseElsewhere(Noise):
    """Draws its noise on the meta device unless asked for a single std."""

    def draw_noise(self, x, generator):
        return torch.empty(x.shape, dtype=x.dtype, device="meta")


class AsksForItem(Flip):
    """Asks for the largest value on the host."""

    def forward(self, x):
        return super().forward(x) + 0 * x.sum().item()


class Lists(Flip):
    """Fetches a tensor as a list."""

    def forward(self, x):
        return super().forward(x) + 0 * sum(x.sum((1, 2)).tolist())


class Masks(Flip):
    """Indexes with a boolean mask."""

    def forward(self, x):
        y = super().forward(x)
        y[y > 2] = 2.0
        return y


class Inverts(Turn):
    """Inverts a matrix of its angle and waits for the error flag."""

    def matrix(self, *, angle):
        return torch.linalg.inv(super().matrix(angle=-angle))


class Loops(Flip):
    """Goes sample by sample."""

    def forward(self, x):
        parts = [super(Loops, self).forward(sample[None]) for sample in x]
        return torch.cat(parts) if parts else x.clone()


class DrawsInForward(Noise):
    """Draws its noise in forward, from the global generator; std scales it."""

    def forward(self, x, *, std, noise):
        return super().forward(x, std=std, noise=torch.randn_like(noise))


class DrawsAndForgets(Flip):
    """Draws from torch's global generator and throws it away."""

    def forward(self, x):
        torch.rand(1)
        return super().forward(x)


class Dice(Flip):
    """Draws from Python's global generator and throws it away."""

    def forward(self, x):
        random.random()
        return super().forward(x)


class Remembers(Gain):
    """Keeps the first gain it was given for a batch of four, as kornia's generators keep their distribution."""

    def forward(self, x, *, gain_db):
        if len(gain_db) == 4 and gain_db.dtype == torch.float32:
            self.__dict__.setdefault("first", gain_db)
            gain_db = self.first
        return super().forward(x, gain_db=gain_db)


class Lags(Gain):
    """Moves with its gain, but half-way: it averages with what it was given first."""

    def forward(self, x, *, gain_db):
        if len(gain_db) == 4 and gain_db.dtype == torch.float32:
            gain_db = (gain_db + self.__dict__.setdefault("first", gain_db)) / 2
        return super().forward(x, gain_db=gain_db)


class KeepsLambda(Flip):
    """Keeps a function that cannot be pickled."""

    def __init__(self, **ranges: Any) -> None:
        super().__init__(**ranges)
        self.reverse = lambda x: x


class KeepsGraph(Gain):
    """Keeps its last gain with the graph, which cannot be copied."""

    def forward(self, x, *, gain_db):
        self.last = gain_db * 2
        return super().forward(x, gain_db=gain_db)


class ForgetsOnCopy(Noise):
    """Loses its scale of std when pickled."""

    scale = 1.0

    def __init__(self, **ranges: Any) -> None:
        super().__init__(**ranges)
        self.scale = 0.5

    def forward(self, x, *, std, noise):
        return super().forward(x, std=self.scale * std, noise=noise)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "scale"}


class RandomBuffer(Flip):
    """Holds a table of signs that its state_dict does not."""

    seeds = iter(range(10**6))

    def __init__(self, **ranges: Any) -> None:
        super().__init__(**ranges)
        self.register_buffer("sign", torch.tensor(float(next(self.seeds))), persistent=False)

    def forward(self, x):
        return super().forward(x) + self.sign.to(x.dtype)

    def invert(self, y):
        return super().forward(y - self.sign.to(y.dtype))


class TakesTensor(Flip):
    """Takes a tensor as its option, which no JSON can hold."""

    def __init__(self, scale: Tensor, **ranges: Any) -> None:
        super().__init__(**ranges)
        self.register_buffer("scale", scale)


class ConfigForgets(Gain):
    """Forgets in its config that its gain has another range."""

    @property
    def config(self) -> dict[str, Any]:
        return {}


class BadModality(Flip):
    """Has two words for its modality."""

    modality = "Signal and noise"


class NoAssumption(Flip):
    """Does not say what it assumes."""

    assumes = "symmetry"


class NoDocstring(Flip):
    __doc__ = None


class SilentDocstring(Gain):
    """Does not mention what can be learned."""


class HiddenOption(Flip):
    """Takes an option in forward that nobody will pass."""

    def forward(self, x, *, amount=1.0):
        return super().forward(x)


class NoiseUntaken(Flip):
    """Draws noise that forward does not take."""

    def draw_noise(self, x, generator):
        return torch.rand(x.shape[:1], generator=generator)


class ParameterUntaken(Gain):
    """Declares a gain that forward does not take."""

    def forward(self, x):
        return x.clone()


class NoiseNeverDrawn(Flip):
    """Takes noise that is never drawn."""

    def forward(self, x, *, noise=None):
        return super().forward(x)


class WrongUnit(Gain):
    """Says dB in the name of its gain and something else in its range."""

    gain_db = Range(6.0, unit="Hz", signed=True)


class UndoesUnasked(Flip):
    """Undoes, but declares that it cannot."""

    invertible = False

    def invert(self, y):
        return super().invert(y)


class TakesAnything(Flip):
    """Validates nothing."""

    def validate(self, x: Any) -> None:
        return None


class NamelessError(Flip):
    """Raises errors that do not say who raises them."""

    def validate(self, x: Any) -> None:
        try:
            super().validate(x)
        except Exception as error:
            raise type(error)("bad input") from error


class TakesIntegers(Flip):
    """Lets integer tensors through."""

    def validate(self, x: Any) -> None:
        super().validate(x.float() if isinstance(x, Tensor) else x)


class TakesScalars(Flip):
    """Lets tensors without axes through."""

    def validate(self, x: Any) -> None:
        super().validate(x[None, None] if isinstance(x, Tensor) else x)


class RaisesBare(Flip):
    """Raises a bare AttributeError for what is no tensor."""

    def validate(self, x: Any) -> None:
        if x.ndim:
            super().validate(x)


class RefusesItsOwn(Flip):
    """Refuses its own example."""

    def validate(self, x: Any) -> None:
        super().validate(x)
        super().validate(x.flatten()[0])


class SwallowsOptions(Gain):
    """Swallows any option; its gain keeps its range."""

    def __init__(self, **options: Any) -> None:
        super().__init__()


class CrashesOnOptions(ColumnNoise):
    """Fails on a malformed std with an error of its own."""

    def __init__(self, std: float = 1.0) -> None:
        if not std < 10:
            raise ZeroDivisionError("std")
        super().__init__(n_features=5, std=std)
