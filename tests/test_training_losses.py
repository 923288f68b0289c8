"""What answers cost, held against closed forms."""

import math

import numpy as np
import pytest

pytest.importorskip("torch", reason="torch is not installed; it comes with the train extra")

import torch
from torch import Tensor, nn

from affekt.errors import InputError
from affekt.evaluation.metrics import ccc
from affekt.labels import ekman6, ekman7, vad
from affekt.parts import LabelSet
from affekt.training.losses import Loss, heads_loss, label_weights, loss

SETS = (ekman7.PART, ekman6.PART, vad.PART)
PLAIN = Loss()
FOCAL = Loss(kind="focal")
ROWS = 12


def made(labels: LabelSet, *, seed: int = 0, soft: bool = True) -> tuple[Tensor, Tensor, Tensor]:
    """Raw outputs, gold, and known all ones."""
    rng = torch.Generator().manual_seed(seed)
    shape = (ROWS, len(labels.labels))
    raw, drawn = 2 * torch.randn(shape, generator=rng), torch.rand(shape, generator=rng)
    if labels.kind == "single":
        gold = drawn / drawn.sum(1, keepdim=True) if soft else nn.functional.one_hot(drawn.argmax(1), shape[1]).float()
    elif labels.kind == "multi":
        gold = drawn if soft else (drawn > 0.5).float()
    else:
        gold = 2 * drawn - 1
    return raw, gold, torch.ones(shape)


def slope(raw: Tensor, *rest: object, **options: object) -> Tensor:
    """The gradient of the loss by the raw outputs."""
    raw = raw.clone().requires_grad_()
    loss(raw, *rest, **options).backward()  # type: ignore[arg-type]
    assert raw.grad is not None
    return raw.grad


def test_costs_are_the_closed_forms() -> None:
    raw, gold, known = made(ekman7.PART, soft=False)
    assert torch.allclose(loss(raw, gold, known, ekman7.PART, PLAIN), nn.functional.cross_entropy(raw, gold.argmax(1)))
    raw, gold, known = made(ekman7.PART)
    assert torch.allclose(loss(raw, gold, known, ekman7.PART, PLAIN), nn.functional.cross_entropy(raw, gold))
    raw, gold, known = made(ekman6.PART)
    assert torch.allclose(loss(raw, gold, known, ekman6.PART, PLAIN), nn.functional.binary_cross_entropy_with_logits(raw, gold))
    raw, gold, known = made(vad.PART)
    assert torch.allclose(loss(raw, gold, known, vad.PART, PLAIN), nn.functional.mse_loss(raw, gold))


@pytest.mark.parametrize("labels", SETS[:2], ids=lambda labels: labels.name)
@pytest.mark.parametrize("gamma", [0.5, 2.0, 5.0])
def test_focal_is_lins_formula(labels: LabelSet, gamma: float) -> None:
    raw, gold, known = made(labels, soft=False)
    x, y = raw.double().numpy(), gold.numpy().astype(bool)
    if labels.kind == "single":
        hit = (np.exp(x) / np.exp(x).sum(1, keepdims=True))[y]
    else:
        hit = np.where(y, 1 / (1 + np.exp(-x)), 1 / (1 + np.exp(x)))
    expected = float((-((1 - hit) ** gamma) * np.log(hit)).mean())
    assert loss(raw, gold, known, labels, Loss(kind="focal", gamma=gamma)).item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("labels", SETS[:2], ids=lambda labels: labels.name)
@pytest.mark.parametrize("gamma", [0.0, 1e-7])
def test_focal_without_focus_is_cross_entropy(labels: LabelSet, gamma: float) -> None:
    raw, gold, known = made(labels)
    focal = Loss(kind="focal", gamma=gamma)
    assert torch.allclose(loss(raw, gold, known, labels, focal), loss(raw, gold, known, labels, PLAIN), rtol=1e-5)
    assert torch.allclose(slope(raw, gold, known, labels, focal), slope(raw, gold, known, labels, PLAIN), atol=1e-6)


def test_focal_makes_little_of_what_is_known() -> None:
    gold, known = torch.eye(7)[:1], torch.ones(1, 7)
    easy, hard = 6 * torch.eye(7)[:1], 6 * torch.eye(7)[1:2]
    for raw, most, least in ((easy, 1e-3, 0.0), (hard, 1.0, 0.98)):
        share = (loss(raw, gold, known, ekman7.PART, FOCAL) / loss(raw, gold, known, ekman7.PART, PLAIN)).item()
        assert least <= share <= most


@pytest.mark.parametrize(
    "settings", [PLAIN, FOCAL, Loss(smoothing=0.1), Loss(distil=0.5, temperature=2.0), Loss(dimensions="ccc")], ids=str
)
@pytest.mark.parametrize("labels", SETS, ids=lambda labels: labels.name)
def test_what_is_not_known_teaches_nothing(labels: LabelSet, settings: Loss) -> None:
    raw, gold, known = made(labels)
    known[0] = 0.0
    known[1:, 1] = 0.0
    hidden = known == 0
    told = slope(raw, gold, known, labels, settings, teacher=gold)
    assert (told[hidden] == 0).all() and (told[2:, 0] != 0).all()
    strange = [torch.where(hidden, odd, part) for part, odd in ((raw, torch.inf), (gold, torch.nan), (gold, torch.nan))]
    said = loss(strange[0], strange[1], known, labels, settings, teacher=strange[2])
    assert torch.equal(said, loss(raw, gold.masked_fill(hidden, 0.0), known, labels, settings, teacher=gold))
    assert torch.equal(slope(strange[0], strange[1], known, labels, settings, teacher=strange[2]), told)


def test_a_label_that_was_no_choice_is_not_chosen() -> None:
    raw, gold, known = made(ekman7.PART, soft=False)
    known[:, 2] = 0.0
    gold[:, 2] = 0.0
    gold[:, 0] += 1 - gold.sum(1)
    others = [0, 1, 3, 4, 5, 6]
    expected = nn.functional.cross_entropy(raw[:, others], gold[:, others])
    assert torch.allclose(loss(raw, gold, known, ekman7.PART, PLAIN), expected)
    assert torch.allclose(
        loss(raw, gold, known, ekman7.PART, Loss(smoothing=0.2)),
        nn.functional.cross_entropy(raw[:, others], gold[:, others], label_smoothing=0.2),
    )


def test_half_known_costs_half() -> None:
    for labels in SETS:
        raw, gold, known = made(labels)
        assert torch.allclose(loss(raw, gold, known / 2, labels, PLAIN), loss(raw, gold, known, labels, PLAIN) / 2)


def test_smoothing_spreads_evenly() -> None:
    raw, gold, known = made(ekman7.PART, soft=False)
    settings = Loss(smoothing=0.1)
    expected = nn.functional.cross_entropy(raw, gold.argmax(1), label_smoothing=0.1)
    assert torch.allclose(loss(raw, gold, known, ekman7.PART, settings), expected)
    raw, gold, known = made(ekman6.PART, soft=False)
    expected = nn.functional.binary_cross_entropy_with_logits(raw, 0.9 * gold + 0.05)
    assert torch.allclose(loss(raw, gold, known, ekman6.PART, settings), expected)


@pytest.mark.parametrize("balance", ["inverse", "effective"])
@pytest.mark.parametrize("labels", SETS[:2], ids=lambda labels: labels.name)
def test_weights_are_one_on_average_and_the_rarer_is_heavier(labels: LabelSet, balance: str) -> None:
    wide = len(labels.labels)
    counts = [300, 100, 30, 10, 3, 0, 1][:wide]
    gold = torch.cat([torch.eye(wide)[at].repeat(count, 1) for at, count in enumerate(counts)])
    weights = label_weights(gold, torch.ones_like(gold), labels, Loss(balance=balance))  # type: ignore[arg-type]
    assert weights.shape == (wide,) and weights.mean().item() == pytest.approx(1) and weights[5] == 1  # which nobody has
    met = weights[[at for at in range(wide) if at != 5]]
    assert torch.equal(met.argsort(descending=True), torch.tensor([counts[at] for at in range(wide) if at != 5]).argsort())


def test_weights_are_the_closed_forms() -> None:
    counts = np.array([900, 90, 9, 40, 5, 77, 2])
    gold = torch.eye(7)[torch.from_numpy(np.repeat(np.arange(7), counts))]
    known = torch.ones_like(gold)
    effective = (1 - 0.99) / (1 - 0.99**counts)
    for settings, expected in (
        (Loss(balance="effective", beta=0.99), effective / effective.mean()),
        (Loss(balance="inverse"), (1 / counts) / (1 / counts).mean()),
        (Loss(balance="effective", beta=1 - 1e-9), (1 / counts) / (1 / counts).mean()),
        (Loss(balance="effective", beta=0.0), np.ones(7)),
        (PLAIN, np.ones(7)),
    ):
        assert label_weights(gold, known, ekman7.PART, settings).numpy() == pytest.approx(expected, rel=1e-4)
    assert torch.equal(label_weights(torch.rand(9, 3), torch.ones(9, 3), vad.PART, Loss(balance="inverse")), torch.ones(3))
    assert torch.equal(label_weights(gold, 0 * known, ekman7.PART, Loss(balance="inverse")), torch.ones(7))


def test_weights_weigh() -> None:
    settings, weights = Loss(balance="inverse"), torch.arange(1.0, 8.0)
    raw, gold, known = made(ekman7.PART, soft=False)
    each = nn.functional.cross_entropy(raw, gold.argmax(1), weight=weights, reduction="none")
    assert torch.allclose(loss(raw, gold, known, ekman7.PART, settings, weights=weights), each.mean())
    raw, gold, known = made(ekman6.PART)
    expected = nn.functional.binary_cross_entropy_with_logits(raw, gold, weight=weights[:6])
    assert torch.allclose(loss(raw, gold, known, ekman6.PART, settings, weights=weights[:6]), expected)


@pytest.mark.parametrize("labels", SETS, ids=lambda labels: labels.name)
def test_a_teacher_who_says_what_the_labels_say_changes_nothing(labels: LabelSet) -> None:
    raw, gold, known = made(labels)
    settings = Loss(distil=0.7)
    assert torch.allclose(loss(raw, gold, known, labels, settings, teacher=gold), loss(raw, gold, known, labels, PLAIN))
    assert torch.allclose(slope(raw, gold, known, labels, settings, teacher=gold), slope(raw, gold, known, labels, PLAIN), atol=1e-7)


@pytest.mark.parametrize("heat", [1.0, 2.0, 5.0])
def test_distillation_is_hintons(heat: float) -> None:
    settings = Loss(distil=0.3, temperature=heat)
    raw, gold, known = made(ekman7.PART, soft=False)
    says = made(ekman7.PART, seed=1)[0]
    expected = 0.7 * nn.functional.cross_entropy(raw, gold)
    expected = expected + 0.3 * heat**2 * nn.functional.cross_entropy(raw / heat, (says / heat).softmax(1))
    assert torch.allclose(loss(raw, gold, known, ekman7.PART, settings, teacher=says.softmax(1)), expected, rtol=1e-5)
    raw, gold, known = made(ekman6.PART, soft=False)
    says = made(ekman6.PART, seed=1)[0]
    cells = nn.functional.binary_cross_entropy_with_logits
    expected = 0.7 * cells(raw, gold) + 0.3 * heat**2 * cells(raw / heat, (says / heat).sigmoid())
    assert torch.allclose(loss(raw, gold, known, ekman6.PART, settings, teacher=says.sigmoid()), expected, rtol=1e-5)


@pytest.mark.parametrize("heat", [1.0, 3.0])
def test_who_answers_as_the_teacher_learns_nothing_more_from_it(heat: float) -> None:
    for labels, say in ((ekman7.PART, lambda raw: raw.softmax(1)), (ekman6.PART, torch.sigmoid)):
        raw, gold, known = made(labels)
        told = slope(raw, gold, known, labels, Loss(distil=1.0, temperature=heat), teacher=say(raw))
        assert told.abs().max() < 1e-6


@pytest.mark.parametrize("labels", SETS, ids=lambda labels: labels.name)
def test_a_silent_teacher_leaves_the_row_to_the_labels(labels: LabelSet) -> None:
    raw, gold, known = made(labels)
    teacher = gold.flip(0).clone()
    teacher[:4] = torch.nan
    told = slope(raw, gold, known, labels, Loss(distil=1.0), teacher=teacher)
    assert torch.allclose(told[:4], slope(raw, gold, known, labels, PLAIN)[:4])
    assert torch.allclose(told[4:], slope(raw, gold.flip(0), known, labels, PLAIN)[4:], atol=1e-7)


def test_concordance_is_that_of_the_evaluation() -> None:
    raw, gold, known = made(vad.PART)
    expected = np.mean([1 - ccc(x, y) for x, y in zip(raw.double().numpy().T, gold.double().numpy().T, strict=True)])
    settings = Loss(dimensions="ccc")
    assert loss(raw, gold, known, vad.PART, settings).item() == pytest.approx(expected, rel=1e-5)
    assert loss(gold, gold, known, vad.PART, settings).item() == pytest.approx(0, abs=1e-6)
    known[3:, 1] = 0.0
    some = [ccc(x.double().numpy(), y.double().numpy()) for x, y in ((raw[:3, 1], gold[:3, 1]), (raw[:, 0], gold[:, 0]))]
    some.append(ccc(raw[:, 2].double().numpy(), gold[:, 2].double().numpy()))
    assert loss(raw, gold, known, vad.PART, settings).item() == pytest.approx(1 - np.mean(some), rel=1e-5)
    assert loss(raw, gold, 0 * known, vad.PART, settings).item() == 0
    assert slope(raw[:1], gold[:1], known[:1], vad.PART, settings).abs().max() == 0  # one row agrees with nothing


@pytest.mark.parametrize("labels", SETS, ids=lambda labels: labels.name)
def test_a_row_that_counts_twice_teaches_twice(labels: LabelSet) -> None:
    raw, gold, known = made(labels)
    often = torch.ones(ROWS)
    often[3] = 2.0
    told, plain = slope(raw, gold, known, labels, PLAIN, row_weights=often), slope(raw, gold, known, labels, PLAIN)
    assert torch.allclose(told[3], 2 * plain[3]) and torch.equal(told[:3], plain[:3])
    settings = Loss(dimensions="ccc")
    twice = [torch.cat([part, part[3:4]]) for part in (raw, gold, known)]
    if labels.kind == "dimensions":
        assert torch.allclose(loss(raw, gold, known, labels, settings, row_weights=often), loss(*twice, labels, settings))


@pytest.mark.parametrize(
    "settings", [PLAIN, FOCAL, Loss(kind="focal", gamma=0.3), Loss(distil=0.5, temperature=4.0, smoothing=0.1)], ids=str
)
@pytest.mark.parametrize("labels", SETS, ids=lambda labels: labels.name)
def test_costs_and_gradients_are_finite_whatever_is_said(labels: LabelSet, settings: Loss) -> None:
    raw, gold, known = made(labels, soft=False)
    for scale in (0.0, 1.0, 1e4):
        for kind in (torch.bfloat16, torch.float16, torch.float32):
            given = (raw * scale).clamp(-6e4, 6e4).to(kind)
            said = loss(given, gold, known, labels, settings, teacher=gold)
            assert said.dtype == torch.float32 and said.isfinite()
            assert slope(given, gold, known, labels, settings, teacher=gold).isfinite().all()


def test_several_heads_cost_their_weighted_sum() -> None:
    heads = {labels.name: made(labels) for labels in SETS}
    raw, gold, known = ({name: parts[at] for name, parts in heads.items()} for at in range(3))
    shares = {"ekman7": 0.5, "ekman6": 2.0, "vad": 1.0}
    settings = Loss(balance="inverse", distil=0.5)
    weights = {labels.name: label_weights(gold[labels.name], known[labels.name], labels, settings) for labels in SETS[:2]}
    said = heads_loss(raw, gold, known, SETS, settings, shares=shares, weights=weights, teacher={"ekman6": gold["ekman6"]})
    each = [
        loss(*heads[labels.name], labels, settings, weights=weights.get(labels.name)) * shares[labels.name]  # type: ignore[call-arg]
        for labels in SETS
    ]
    assert said.item() == pytest.approx(math.fsum(one.item() for one in each), rel=1e-6)
    even = sum(loss(*heads[labels.name], labels, PLAIN) for labels in SETS)  # type: ignore[call-arg]
    assert torch.allclose(heads_loss(raw, gold, known, SETS, PLAIN), torch.as_tensor(even))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"kind": "hinge"}, "cross_entropy, focal"),
        ({"balance": "even"}, "none, inverse, effective"),
        ({"dimensions": "mae"}, "mse, ccc"),
        ({"gamma": -1.0}, "at least 0"),
        ({"beta": 1.0}, "below 1"),
        ({"smoothing": 1.0}, "below 1"),
        ({"distil": 1.5}, "from 0 to 1"),
        ({"temperature": 0.0}, "above 0"),
    ],
)
def test_settings_say_what_they_allow(given: dict[str, object], said: str) -> None:
    with pytest.raises(InputError, match=said):
        Loss(**given)  # type: ignore[arg-type]


def test_what_does_not_fit_is_refused() -> None:
    raw, gold, known = made(ekman7.PART)
    with pytest.raises(InputError, match=r"\(batch, 6\)"):
        loss(raw, gold, known, ekman6.PART, PLAIN)
    with pytest.raises(InputError, match="label_weights"):
        loss(raw, gold, known, ekman7.PART, Loss(balance="inverse"))
