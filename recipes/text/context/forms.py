"""What turns of dialogues are, and the forms that a rule may have which reads them in their context."""

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from itertools import groupby
from pathlib import Path

import numpy as np

from affekt import Reader
from affekt.calibration.context import Context, Conversation, in_context
from affekt.catalog import find
from affekt.datasets import read_objects
from affekt.datasets.cped import SHOWS
from affekt.labels import ekman7
from affekt.results import Clip

LABELS = ekman7.PART.labels
CROWD = "其他"  # "others": what CPED calls everybody who is not a main character, so two of its turns may be two people's
PENALTY = 1.0  # half the square of each number, in nats
PSEUDO = 100  # turns of each label, spread as one inertia for all labels would have it, that are added to the counted transitions


@dataclass(frozen=True, eq=False)  # two are the same only where they are one, so that what is told of one can be kept
class Talk:
    """Turns of several dialogues, in order.

    Args:
        scores: (n, labels) without context.
        gold: (n,) index of the label; -1: none of ours.
        dialogue: (n,)
        who: (n,)
    """

    scores: np.ndarray
    gold: np.ndarray
    dialogue: np.ndarray
    who: list[str | None]

    def dialogues(self) -> list[list[int]]:
        return [list(turns) for _, turns in groupby(range(len(self.gold)), key=lambda at: self.dialogue[at])]


def talk(name: str, split: str, work: Path) -> Talk:
    """A split of a corpus with what the shipped text model says of it."""
    part = find("datasets", name)
    folder = Path(os.environ["AFFEKT_DATA"]) / "text" / name
    rows = [row for _, row in read_objects(folder / ("all.jsonl.gz" if name == "cped" else f"{split}.jsonl.gz"))]
    if name == "cped":
        rows = [row for row in rows if SHOWS.get(row["dialogue"].partition("_")[0], "train") == split]
    mapped = [part.label_maps["ekman7"].get(row["labels"][0]) if len(row["labels"]) == 1 else None for row in rows]
    return Talk(
        scores=scored([row["text"] for row in rows], work / f"{name}_{split}.npy"),
        gold=np.array([LABELS.index(label) if label else -1 for label in mapped]),
        dialogue=np.array([row["dialogue"] for row in rows]),
        who=[None if row["speaker"].endswith(CROWD) else row["speaker"] for row in rows],
    )


def scored(texts: list[str], kept: Path) -> np.ndarray:
    if not kept.is_file():
        np.save(kept, Reader(labels="ekman7").scores([Clip("text", text, 0, max(len(text), 1)) for text in texts])[0])
    return np.load(kept)


# Fit -------------------------------------------------------------------------------------------------------------------------------

Rule = Callable[[Talk], np.ndarray]  # a talk -> scores of all its turns
Maker = Callable[[Talk, np.ndarray], Rule]  # learns a rule from those rows of a talk that the mask names
Columns = Callable[[Talk], np.ndarray]  # (n, labels, numbers): what each number is multiplied by


@cache
def features(given: Talk, decay: float) -> np.ndarray:
    """What the last own and the last other turn say before each turn, were nothing usual, (n, labels, 2)."""
    made = np.zeros((*given.scores.shape, 2))
    for turns in given.dialogues():
        conversation = Conversation(Context("ekman7", (0.0,) * len(LABELS), 0.0, 0.0, decay))
        for at in turns:
            made[at] = np.stack(conversation.before(given.who[at]), 1)
            conversation.hear(given.who[at], given.scores[at])
    return made


def pulls(given: Talk, decay: float, usual: np.ndarray) -> np.ndarray:
    """The same, less what is usual."""
    told = features(given, decay)
    left = told.sum(1, keepdims=True)  # (n, 1, 2) how much is left of each of the two turns, whose scores sum to 1; 0: there is none
    return told - usual[:, None] * left


def fitted(columns: Columns, given: Talk, chosen: np.ndarray) -> np.ndarray:
    """The numbers w that make the gold labels likeliest under softmax(log scores + columns w), by Newton's method."""
    X, scores, gold = columns(given)[chosen], given.scores[chosen], given.gold[chosen]
    w, rows = np.zeros(X.shape[2]), np.arange(len(gold))
    for _ in range(20):  # convex, and it starts near its end
        p = pulled(scores, X, w)
        mean = np.einsum("nk,nkj->nj", p, X)
        slope = (mean - X[rows, gold]).sum(0) + PENALTY * w
        curvature = np.einsum("nk,nki,nkj->ij", p, X, X) - mean.T @ mean + PENALTY * np.eye(len(w))
        w = w - np.linalg.solve(curvature, slope)
    return w


def pulled(scores: np.ndarray, X: np.ndarray, w: np.ndarray) -> np.ndarray:
    z = np.log(scores.astype(np.float64)) + X @ w
    z = np.exp(z - z.max(1, keepdims=True))
    return z / z.sum(1, keepdims=True)


def usual_of(given: Talk, chosen: np.ndarray) -> np.ndarray:
    return given.scores[chosen].astype(np.float64).mean(0).round(4)


def context_of(given: Talk, chosen: np.ndarray, decay: float, usual: np.ndarray) -> Context:
    own, other = fitted(lambda talk: pulls(talk, decay, usual), given, chosen)
    return Context("ekman7", tuple(map(float, usual)), round(float(own), 3), round(float(other), 3), decay)


def applied(context: Context, given: Talk) -> np.ndarray:
    made = [in_context(list(given.scores[turns]), [given.who[at] for at in turns], context) for turns in given.dialogues()]
    return np.concatenate([np.stack(one) for one in made]).astype(np.float64)


def context(decay: float) -> Maker:
    """The form that ships: a pull of one strength for all labels, away from what is usual."""
    return lambda given, chosen: partial(applied, context_of(given, chosen, decay, usual_of(given, chosen)))


def from_flat(decay: float) -> Maker:
    """The same, were a turn that is equally sure of all labels the one that says nothing."""
    flat = np.full(len(LABELS), 1 / len(LABELS))
    return lambda given, chosen: partial(applied, context_of(given, chosen, decay, flat))


def transitions(decay: float) -> Maker:
    """The same with log transition ratios, log P(y|y') - log P(y), instead of one strength for all labels."""

    def make(given: Talk, chosen: np.ndarray) -> Rule:
        usual, matrices = usual_of(given, chosen), np.stack([ratios(counted) for counted in counts(given, chosen)])
        return linear(lambda talk: np.einsum("naj,jak->nkj", pulls(talk, decay, usual), matrices))(given, chosen)

    return make


def linear(columns: Columns) -> Maker:
    def make(given: Talk, chosen: np.ndarray) -> Rule:
        w = fitted(columns, given, chosen)
        return lambda talk: pulled(talk.scores, columns(talk), w)

    return make


def heat(given: Talk) -> np.ndarray:
    return np.log(given.scores.astype(np.float64))[:, :, None]


temperature = linear(heat)  # and no context: what a calibration on the same rows would do alone


def both(decay: float) -> Maker:
    """A temperature of all turns and context together."""

    def make(given: Talk, chosen: np.ndarray) -> Rule:
        usual = usual_of(given, chosen)
        return linear(lambda talk: np.concatenate([heat(talk), pulls(talk, decay, usual)], axis=2))(given, chosen)

    return make


def counts(given: Talk, chosen: np.ndarray) -> np.ndarray:
    """How often a label follows a label, (2, labels, labels): after the speaker's last turn, and after the last of anybody else."""
    made = np.zeros((2, len(LABELS), len(LABELS)))
    for turns in given.dialogues():
        last: dict[str, int] = {}
        for at in turns:
            who = given.who[at]
            if who is None:
                continue
            before = [last.get(who), max((turn for name, turn in last.items() if name != who), default=None)]
            for place, turn in enumerate(before):
                if turn is not None and chosen[at] and given.gold[turn] >= 0:
                    made[place, given.gold[turn], given.gold[at]] += 1
            last[who] = at
    return made


def ratios(counted: np.ndarray) -> np.ndarray:
    """Log transition ratios, shrunk towards one inertia for all labels."""
    share, rows = counted.sum(0) / counted.sum(), counted.sum(1)
    chance = float(share @ rows / rows.sum())
    stay = max(0.0, (counted.trace() / counted.sum() - chance) / (1 - chance))
    expected = stay * np.eye(len(rows)) + (1 - stay) * share
    return np.log((counted + PSEUDO * expected) / (rows + PSEUDO)[:, None] / share)
