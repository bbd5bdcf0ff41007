"""The audit: what it finds in models of which the truth is known, what it leaves alone, what it refuses."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.tree import DecisionTreeClassifier
from tests.core.auditing.cases import Fade, Lift, Negate, Reads, loader, samples
from tests.core.signal_transforms import Shift
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from augrad import AugmentationLayer, InvariantModel
from augrad.auditing import AuditReport, audit
from augrad.errors import ArgumentError, ArgumentTypeError, InputError, InputTypeError, StorageError

KINDS = [Lift, Negate]


def flip_rate(share: float, key: str) -> object:
    (row,) = audit(Reads(share), loader(300, key), [Lift], strengths=(1.0,)).measurements
    return row.flip_rate


@pytest.mark.parametrize("n_audits", [30, pytest.param(100, marks=pytest.mark.slow)])
def test_intervals_cover_the_truth(n_audits):
    """A model that is misled on a known share of the samples: half of these are lifted to the other side."""
    for share in (0.0, 0.3, 1.0):
        found = [flip_rate(share, f"{share} {number}") for number in range(n_audits)]
        assert sum(each.low <= share / 2 <= each.high for each in found) >= 0.93 * n_audits


def test_the_order_is_right():
    rates = [[flip_rate(share, f"order {number}").value for share in (0.0, 0.2, 0.5, 1.0)] for number in range(4)]
    assert all(rate == sorted(rate) for rate in rates)


def test_exactly_invariant_and_exactly_not():
    report = audit(Reads(), loader(500), KINDS)
    lift, negate = report.of("audited.lift")[-1], report.of("audited.negate")[-1]
    assert (lift.invariance.value, lift.invariance.low, lift.flip_rate.value) == (1.0, 1.0, 0.0)
    assert lift.loss_change.value == pytest.approx(0, abs=1e-6)
    assert negate.flip_rate.value == 1.0
    assert negate.invariance.high < 0
    assert negate.score.value == pytest.approx(1 - report.facts.score.value)


def test_verdicts():
    report = audit(Reads(), loader(500), KINDS)
    assert {verdict.transform: verdict.kind for verdict in report} == {
        "audited.lift": "invariant",
        "audited.negate": "sensitive",
    }
    assert report.verdict("audited.lift").safe_strength == 1.0
    assert report.verdict("audited.lift").safe == "level ±4 V"
    assert report.verdict("audited.negate").safe_strength == 0.0
    assert report.verdict("audited.negate").safe == "no"


def test_not_even_the_weakest_strength_may_be_safe():
    class Tilt(Lift):
        """Lifts the half that says what a sample is."""

        def forward(self, x, *, level):
            return super().forward(x.flip(1), level=level).flip(1)

    (verdict,) = audit(Reads(), loader(500), [Tilt], strengths=(0.5, 1.0))
    assert (verdict.safe_strength, verdict.safe) == (0.0, "not even level ±2 V")


class Blind(nn.Module):
    """Ignores the sign, and with it the class."""

    def forward(self, x):
        half = x.shape[1] // 2
        score = x[:, half:].mean(dim=1).abs() - 1
        return torch.stack([-score, score], dim=1)


def test_over_invariance_is_found_and_its_twin_is_not_accused():
    assert audit(Blind(), loader(500), [Negate]).verdicts[0].kind == "over-invariant"
    assert audit(Reads(), loader(500), [Negate]).verdicts[0].kind == "sensitive"


def test_a_model_that_mostly_sees_that_labels_change_is_not_accused():
    """A third of the samples are read without their sign: of these it says the same when they are turned over."""

    class MostlyReads(nn.Module):
        def forward(self, x):
            blind = x[:, :1].abs().frac() < 1 / 3  # the size of the first number tells neither class nor sign
            return torch.where(blind, Blind()(x), Reads()(x))

    report = audit(MostlyReads(), loader(500), [Negate])
    (row,) = report.measurements
    assert 0.05 < row.ignored.value < 0.5 * row.changed.value
    assert report.verdicts[0].kind == "sensitive"


def test_a_missed_invariance_is_found_and_its_twin_is_not():
    (verdict,) = audit(Reads(0.8), loader(500), [Lift])
    assert verdict.kind == "missed"
    assert verdict.expected_gain is None or verdict.expected_gain.high <= 1
    (verdict,) = audit(Reads(0.0), loader(500), [Lift])
    assert verdict.kind == "invariant"


def test_an_off_manifold_strength_is_found_and_its_twin_is_not():
    (far,) = audit(Reads(), loader(500), [Lift(level=10.0)])  # the level is 3 V at most: up to 6 V is among the data
    assert far.off_manifold_from == 0.2
    assert far.knee == 0.4
    assert far.warnings
    (near,) = audit(Reads(), loader(500), [Lift(level=0.2)])
    assert (near.off_manifold_from, near.knee, near.warnings) == (None, None, ())


# What is left as it was.


def test_model_loader_and_generators_are_left_as_they_were():
    x, target = samples(80)
    trunk = nn.Sequential(nn.Linear(8, 6), nn.BatchNorm1d(6), nn.Dropout(0.5), nn.Linear(6, 2))
    trunk[1].eval()
    trunk[0].weight.grad = torch.ones_like(trunk[0].weight)
    generator = torch.Generator().manual_seed(3)
    shuffled = DataLoader(TensorDataset(x, target), batch_size=16, shuffle=True, generator=generator)
    before = {name: value.clone() for name, value in trunk.state_dict().items()}
    modes = [module.training for module in trunk.modules()]
    drawn = np.random.get_state()[1].copy()  # noqa: NPY002 - theirs to draw from
    # Not Python's own: the type checker of these tests draws from it.
    states = torch.get_rng_state(), drawn, generator.get_state()
    report = audit(trunk, shuffled, KINDS, layers=["0"])
    assert all(torch.equal(value, before[name]) for name, value in trunk.state_dict().items())
    assert [module.training for module in trunk.modules()] == modes
    assert bool((trunk[0].weight.grad == 1).all())
    assert all(parameter.requires_grad for parameter in trunk.parameters())
    assert not trunk[0]._forward_hooks
    assert torch.equal(torch.get_rng_state(), states[0])
    assert (np.random.get_state()[1] == states[1]).all()  # noqa: NPY002
    assert torch.equal(generator.get_state(), states[2])
    assert set(report.measurements[0].layers) == {"0"}


def test_it_replays_and_another_seed_does_not():
    model = Reads(0.3)
    first, again, other = (audit(model, loader(200), KINDS, seed=seed).measurements for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_fewer_samples_may_be_read():
    report = audit(Reads(), loader(300), [Negate], max_samples=100)
    assert (report.facts.n_samples, report.facts.more) == (100, True)
    assert not audit(Reads(), loader(300), [Negate], max_samples=300).facts.more
    assert audit(Reads(), loader(90), [Negate], max_samples=None).facts.n_samples == 90


# What can be audited.


def test_an_estimator_of_scikit_learn():
    x, target = samples(400, "train")
    for estimator in (LogisticRegression(), DecisionTreeClassifier(random_state=0)):
        report = audit(estimator.fit(x.numpy(), target.numpy()), loader(400), KINDS)
        assert report.verdict("audited.negate").kind == "sensitive"
        assert report.sensitivities["audited.lift"] is None


def test_a_regression():
    x, _ = samples(400)
    wanted = x[:, 4:].mean(dim=1)
    report = audit(lambda x: x[:, 4:].mean(dim=1, keepdim=True), [(x, wanted)], KINDS)
    assert report.verdict("audited.lift").kind == "invariant"
    assert report.of("audited.negate")[0].flip_rate.value > 0.9
    assert report.facts.target == "numbers"


def test_without_labels_what_needs_them_is_left_out_and_said_so():
    x, _ = samples(300)
    report = audit(Reads(), [x], KINDS)
    row = report.of("audited.negate")[0]
    assert row.flip_rate.value == 1.0
    assert (row.preservation, row.score, row.loss_change, row.shortcut, row.changed) == (None,) * 5
    assert any("no labels" in reason for reason in report.facts.skipped.values())
    assert {verdict.kind for verdict in report} == {"undecided"}


def test_an_output_is_selected():
    class Both(nn.Module):
        def forward(self, x):
            answer = Reads()(x)
            return {"logits": answer, "rest": (x, answer)}

    report = audit(Both(), loader(200), [Negate], output="logits")
    assert report.measurements == audit(Reads(), loader(200), [Negate]).measurements
    other = audit(Both(), loader(200), [Negate], output=lambda found: found["rest"][1])
    assert other.measurements == report.measurements
    with pytest.raises(ArgumentTypeError, match=r"the model returns a mapping with 'logits', 'rest'.*output="):
        audit(Both(), loader(200), [Negate])
    with pytest.raises(ArgumentError, match="output='logit' selects nothing: the model returns a mapping"):
        audit(Both(), loader(200), [Negate], output="logit")


class Band(Lift):
    """Needs to know something of the samples."""

    def __init__(self, *, width, **ranges):
        super().__init__(**ranges)
        self.width = width


def test_transforms_are_constructed_as_those_of_the_model_were():
    model = InvariantModel(Reads(), AugmentationLayer([Band(width=3), Negate]), copies=2)
    for given in ([Band], [Band(width=4), Negate], [Negate], Band(width=3)):
        assert audit(model, loader(60), given, strengths=(1.0,)).verdicts
    assert audit(model, loader(60), [Band], strengths=(1.0,), arguments={"width": 4}).verdicts
    with pytest.raises(ArgumentError, match="needs width"):
        audit(Reads(), loader(60), [Band])


def test_a_model_that_augrad_trained_shows_its_policy():
    model = InvariantModel(Reads(), AugmentationLayer([Lift, Negate]), copies=2)
    report = audit(model, loader(200), [Lift])
    assert [row["transform"] for row in report.policy] == ["audited.lift", "audited.negate"]


def test_other_references():
    tree = DecisionTreeClassifier(max_depth=3, random_state=0)
    report = audit(Reads(), loader(400), KINDS, reference=tree)
    assert report.facts.reference == "DecisionTreeClassifier"
    assert report.verdict("audited.negate").kind == "sensitive"
    assert report.verdict("audited.lift").kind == "invariant"
    trained = audit(Reads(), loader(400), KINDS, reference=Reads())
    assert trained.facts.reference == "Reads"
    assert trained.facts.reference_accuracy.value == 1.0


def test_a_reference_that_knows_nothing_decides_nothing():
    x, target = samples(300)
    shuffled = target[torch.randperm(300, generator=torch.Generator().manual_seed(0))]
    report = audit(Reads(), [(x, shuffled)], KINDS)
    assert {verdict.kind for verdict in report} == {"undecided"}
    assert "no better than chance" in report.verdicts[0].because


def test_sensitivity_is_the_slope_at_the_identity():
    class Linear(nn.Module):
        def forward(self, x):
            return torch.stack([x[:, 0], -x[:, 0]], dim=1)

    x, target = samples(200)
    (found,) = audit(Linear(), [(x, target)], [Lift]).sensitivities.values()
    outputs = Linear()(x)
    apart = torch.cdist(outputs, outputs).sum() / (200 * 199)
    # At strength 1 the first value goes 4 V to either side: the output by 4 times the root of 2.
    assert found.value == pytest.approx(4 * 2**0.5 / float(apart), rel=0.15)
    assert audit(Reads(), [(x, target)], [Negate]).sensitivities == {"audited.negate": None}


# What it gives.


def test_frame_json_and_card(tmp_path):
    report = audit(Reads(0.2), loader(300), KINDS, strengths=(0.5, 1.0))
    frame = report.to_frame()
    assert list(frame["strength"]) == [0.5, 1.0, 1.0]
    assert {"flip_rate", "flip_rate_low", "flip_rate_high", "verdict", "values"} <= set(frame)
    document = json.loads(report.to_json(tmp_path / "audit.json"))
    assert document["schema_version"] == 1
    assert AuditReport.from_json(tmp_path / "audit.json") == report
    text = report.to_markdown()
    assert "audited.lift" in text
    assert Lift.assumes in text
    with pytest.raises(ArgumentError, match=r"path must end in \.html, \.json or \.md, but got"):
        report.save(tmp_path / "audit.pdf")
    assert report.save(tmp_path / "card.md").read_text() == text


def test_what_is_no_audit_is_refused(tmp_path):
    with pytest.raises(StorageError, match="cannot be read"):
        AuditReport.from_json(tmp_path / "none.json")
    (tmp_path / "other.json").write_text('{"schema_version": 99}')
    with pytest.raises(ArgumentError, match="schema_version 99"):
        AuditReport.from_json(tmp_path / "other.json")


def test_a_model_that_has_learned_nothing_is_said_to_know_no_more_than_chance():
    report = audit(lambda x: torch.stack([x[:, 0], -x[:, 0]], dim=1), loader(200), KINDS)
    (warning,) = report.warnings
    assert "no better than chance" in warning
    assert "no better than chance" in report.to_markdown()
    assert audit(Reads(), loader(200), KINDS).warnings == ()


def test_a_model_may_be_given_a_name():
    assert audit(Reads(), loader(60), [Negate]).facts.subject == "Reads"
    assert audit(Reads(), loader(60), [Negate], name="before").facts.subject == "before"


# What it refuses.

REFUSED = [
    ({"loader": []}, ArgumentError, "loader yields no samples"),
    ({"loader": 3}, ArgumentTypeError, "loader must be a DataLoader or another iterable"),
    ({"loader": [(torch.zeros(4, 8), torch.zeros(3))]}, InputError, "4 samples with targets of shape"),
    ({"model": object()}, ArgumentTypeError, "model must be a torch.nn.Module, a scikit-learn estimator or a function"),
    ({"strengths": (0.5, 1.5)}, ArgumentError, "strengths must be shares .* at most 1"),
    ({"strengths": ()}, ArgumentError, "strengths must be shares"),
    ({"strengths": "all"}, ArgumentTypeError, "strengths must be shares"),
    ({"epsilon": 0.7}, ArgumentError, "epsilon must be a share of the labels"),
    ({"layers": ["nuisanc"]}, ArgumentError, "no such submodule"),
    ({"reference": "neighbors"}, ArgumentError, "reference must be 'neighbours'"),
    ({"reference": 3}, ArgumentTypeError, "reference must be 'neighbours'"),
    ({"max_samples": 0}, ArgumentError, "max_samples must be an int of at least 1, but got 0. None takes all"),
    ({"max_samples": 1}, InputError, "at least 2 samples, but got 1"),
    ({"loader": loader(1)}, InputError, "at least 2 samples, but got 1"),
    ({"transforms": "no_modality"}, Exception, "no_modality"),
]


@pytest.mark.parametrize(("options", "kind", "message"), REFUSED, ids=[str(next(iter(each[0]))) for each in REFUSED])
def test_bad_input_is_refused_by_name(options, kind, message):
    given = {"model": Reads(), "loader": loader(100), "transforms": [Lift], **options}
    with pytest.raises(kind, match=message):
        audit(given.pop("model"), given.pop("loader"), given.pop("transforms"), **given)


def test_outputs_that_are_not_finite_are_refused():
    with pytest.raises(InputError, match="NaN or infinities for transformed samples"):
        audit(lambda x: x[:, :2] / (x[:, :1] > -5), loader(200), [Lift])


def test_transforms_of_another_modality_are_refused():
    class Turn(Lift):
        modality = "audited"

        def validate(self, x):
            raise InputTypeError("audited.turn expects images.", transform=self.name)

    with pytest.raises(InputTypeError, match="expects images"):
        audit(Reads(), loader(100), [Turn])


def test_a_fading_sample_is_lost_at_full_strength():
    report = audit(Reads(), loader(500), [Fade], strengths=(0.5, 1.0))
    half, whole = report.of("audited.fade")
    assert half.preservation.value > 0.9 > whole.preservation.value
    assert report.verdicts[0].safe_strength == 0.5


def test_dense_outputs_are_moved_back_first():
    """A network that follows shifts has no error; one that looks at places has."""
    x = torch.randn(120, 1, 16, generator=torch.Generator().manual_seed(0))
    follows = nn.Conv1d(1, 2, 3, padding=1, padding_mode="circular")
    ramp = torch.linspace(0, 1, 16)
    (right,) = audit(follows, [x], [Shift], strengths=(0.5,)).measurements
    assert right.equivariance_error.value == pytest.approx(0, abs=1e-3)
    assert right.invariance.value < 0.5
    (wrong,) = audit(lambda x: x * ramp, [x], [Shift], strengths=(0.5,)).measurements
    assert wrong.equivariance_error.value > 0.1
    (none,) = audit(lambda x: x.mean(dim=2), [x], [Shift], strengths=(0.5,)).measurements
    assert none.equivariance_error is None


def test_attention_has_a_sensitivity_and_its_fused_path_is_given_back():
    class Attends(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer, self.head = nn.TransformerEncoderLayer(4, 2, 8, batch_first=True), nn.Linear(4, 2)

        def forward(self, x):
            return self.head(self.layer(x.reshape(-1, 2, 4)).mean(dim=1))

    assert audit(Attends(), loader(60), [Lift]).sensitivities["audited.lift"].value > 0
    assert torch.backends.mha.get_fastpath_enabled()
