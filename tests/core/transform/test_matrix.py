"""Matrix transforms: what they are as maps, their inverse, their units, and actions that compare equal."""

from __future__ import annotations

import pytest
import torch
from tests.core.signal_transforms import Channels, Ring, RingShift, Stretch, Swap, Turn

from augrad.errors import InversionError
from augrad.transform.matrix import in_working_units, inverse


class Flatten(Turn):
    """Projects on the first channel: no angle can be told from the result."""

    invertible = False

    def matrix(self, *, angle):
        return torch.tensor([[1.0, 0.0], [0.0, 0.0]]).expand(len(angle), 2, 2)


def test_forward_is_the_matrix_in_action():
    x, angle = torch.rand(3, 2, 5), torch.tensor([0.0, 90.0, -30.0])
    expected = torch.einsum("nij,njt->nit", Turn().matrix(angle=angle), x)
    torch.testing.assert_close(Turn()(x, angle=angle), expected)
    torch.testing.assert_close(Turn()(x, angle=angle)[0], x[0])


@pytest.mark.parametrize(
    ("transform", "values"),
    [
        (Turn(), {"angle": torch.tensor([30.0, -100.0])}),
        (Stretch(), {"first": torch.tensor([0.5, -1.0]), "second": torch.tensor([0.0, 1.0])}),
        (Swap(), {}),
        (RingShift(), {"shift": torch.tensor([0.2, -0.4])}),
    ],
    ids=lambda given: given.name if hasattr(given, "name") else "",
)
def test_invert_undoes_forward(transform, values):
    x = torch.rand(2, 3, 15)
    y = transform(x, **values)
    assert (y - x).abs().max() > 0.1
    torch.testing.assert_close(transform.invert(y, **values), x)


def test_a_matrix_without_parameters_serves_every_sample():
    x = torch.rand(4, 3, 5)
    torch.testing.assert_close(Swap()(x), x[:, [1, 0, 2]])
    assert Swap().matrices(x).shape == (4, 2, 2)
    assert Swap()(x[:0]).shape == (0, 3, 5)


def test_what_is_singular_cannot_be_undone():
    x = torch.rand(1, 2, 5)
    with pytest.raises(InversionError, match=r"signal\.flatten cannot be undone: its matrix is singular"):
        Flatten().invert(x, angle=torch.zeros(1))


def test_the_inverse_of_a_singular_matrix_does_not_raise():
    matrices = torch.stack([2 * torch.eye(2), torch.zeros(2, 2)])
    assert torch.equal(inverse(matrices)[0], torch.eye(2) / 2)


def test_products_are_taken_in_working_units():
    x = torch.zeros(1, 1, 20)
    assert Turn.action.units(x) is None
    matrix = RingShift().matrix(shift=torch.tensor([0.25]))
    assert in_working_units(Ring(), matrix, x)[0, 0, 1] == 5.0
    assert in_working_units(Channels(), matrix, x) is matrix


def test_coordinates_move_if_the_action_moves_them():
    assert RingShift.moves_coordinates
    assert not Turn.moves_coordinates


def test_equal_options_make_equal_actions():
    assert Channels() == Channels() == Turn.action
    assert Channels() != Ring()
    assert len({Channels(), Channels(), Ring()}) == 2
