"""Divides labelled rows into train, dev and test, so that what belongs together stays together.

Stratified by label as well as the groups allow, in the manner of Sechidis et al. 2011 (On the Stratification of Multi-Label Data,
ECML PKDD): the largest piece first, into the part that lacks its labels most.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from affekt.errors import EmptyInput, InputError
from affekt.parts import Row
from affekt.training.ties import Integers, Ties, ties_of

Floats = NDArray[np.float64]
PARTS = ("train", "dev", "test")
MOST = 0.2  # share of the rows that texts may hang together beyond their groups: what does more is a template or a stock phrase
FEW = 20  # rows; below that a share means little


@dataclass(frozen=True, slots=True)
class Split:
    """The parts; no text, file or group is in two of them, unless the data came split.

    Args:
        notes: what was not as asked for, one sentence each.
    """

    train: tuple[Row, ...]
    dev: tuple[Row, ...]
    test: tuple[Row, ...]
    notes: tuple[str, ...] = ()


def split_rows(rows: Sequence[Row], *, dev: float, test: float, seed: int) -> Split:
    """The rows in three parts; which row is where depends on the rows and the seed, and not on the order of the rows.

    Rows that share a group or a further tie, the same or nearly the same text, or a file of the same content are in one
    part; texts tie less where they would hang more than a fifth of the rows together, and a note says so. Where the rows
    say which part they are in, that is obeyed, and dev is cut from train if no row is in it; rows of such data that do not
    say are in train.

    Args:
        dev, test: shares of the rows, in [0, 1), that sum to less than 1; 0: no such part.

    Raises:
        InputError: the shares are none, or a part cannot be filled while all labels stay in train; says why.
        EmptyInput: there are no rows.
    """
    if not (0 <= dev < 1 and 0 <= test < 1 and dev + test < 1):
        raise InputError(f"dev={dev} and test={test} must be shares of the rows in [0, 1) that leave some for training, say 0.1 and 0.1")
    if not rows:
        raise EmptyInput("there are no rows to split")
    rows = sorted(rows, key=lambda row: _key(row, seed))
    if not {row.split for row in rows} & {"dev", "test"}:
        return _cut(rows, {"dev": dev, "test": test})
    given = {part: [row for row in rows if (row.split or "train") == part] for part in PARTS}
    _check_train(given)
    notes = ("no row of the data says that it is test",) if test and not given["test"] else ()
    if given["dev"] or not dev:
        return Split(tuple(given["train"]), tuple(given["dev"]), tuple(given["test"]), notes)
    inner = _cut(given["train"], {"dev": dev})
    return Split(inner.train, inner.dev, tuple(given["test"]), (*notes, *inner.notes))


def _key(row: Row, seed: int) -> tuple[str, str]:
    """Where a row comes in the order that everything is done in: by chance, and the same for the same row."""
    place = "/".join(row.path.parts[-3:]) if row.path else ""  # a folder of data may move
    content = (seed, row.text, row.labels, row.lang, row.group, row.ties, row.who, row.turn, place)
    return hashlib.blake2b(repr(content).encode("utf-8", "surrogatepass"), digest_size=16).hexdigest(), str(row.path)


def _check_train(given: Mapping[str, Sequence[Row]]) -> None:
    if not given["train"]:
        raise InputError("the data say that each row is dev or test, and none is train; leave the split of the data out, or correct it")
    trained = {label for row in given["train"] for label in row.labels or ()}
    for part in ("dev", "test"):
        absent = sorted({label for row in given[part] for label in row.labels or ()} - trained)
        if absent:
            raise InputError(
                f"the data say which rows are {part}, and only these have {', '.join(map(repr, absent[:10]))}: "
                "no model can learn what is not in train; move rows with it there, or leave the split of the data out"
            )


def _cut(rows: Sequence[Row], shares: Mapping[str, float]) -> Split:
    """The rows in parts by share; what is left is train."""
    wanted = {part: share for part, share in shares.items() if share}
    if not wanted:
        return Split(tuple(rows), (), ())
    aims = np.array([1 - sum(wanted.values()), *wanted.values()])  # (parts,)
    names = ("train", *wanted)
    piece, notes = _pieces(ties_of(rows))
    counts, labels = _counts(rows, piece)
    part = _assigned(counts, aims)
    _return_labels(part, counts)
    for at in range(1, len(names)):
        if not (part == at).any() and not _fill(part, counts, aims, at):
            raise InputError(
                f"no row can go to {names[at]} while every label stays in train: {_reason(counts, labels)}; "
                f"add rows, name fewer columns as groups, or set {names[at]} to 0"
            )
    found = {name: tuple(row for row, at in zip(rows, part[piece], strict=True) if names[at] == name) for name in names}
    return Split(found["train"], found.get("dev", ()), found.get("test", ()), (*notes, *_far_off(found, aims)))


def _pieces(ties: Ties) -> tuple[Integers, list[str]]:
    """The piece of each row, numbered from 0 by the first row of each, and a note where texts that are alike had to be parted.

    "Okay." is said in most dialogues, and would hang them all together; a text alone is never parted from itself.
    """
    piece, looser = ties.pieces(), (ties.pieces(near=False), ties.pieces(near=False, same=False))
    parted = np.zeros(len(piece), np.bool_)
    for without in looser:
        for at in np.flatnonzero(np.bincount(piece) > max(FEW, MOST * len(piece))):
            inside = piece == at
            if len(np.unique(without[inside])) > 1 and len(np.unique(ties.same[inside])) > 1:
                piece, parted = np.where(inside, without, piece), parted | inside
    notes = []
    if parted.any():
        notes.append(
            f"{parted.sum()} of {len(piece)} rows hang together by equal or nearly equal texts, and are parted all the same; "
            "rows that share a group are not"
        )
    return np.unique(piece, return_inverse=True)[1], notes


def _counts(rows: Sequence[Row], piece: Integers) -> tuple[Floats, list[str]]:
    """How many rows of each label each piece has, and in the last column how many rows, (pieces, labels + 1); and the labels."""
    labels = sorted({label for row in rows for label in row.labels or ()})
    place = {label: at for at, label in enumerate(labels)}
    counts = np.zeros((piece.max() + 1, len(labels) + 1))
    counts[:, -1] = np.bincount(piece)
    for row, at in zip(rows, piece.tolist(), strict=True):
        for label in row.labels or ():
            counts[at, place[label]] += 1
    return counts, labels


def _assigned(counts: Floats, aims: Floats) -> Integers:
    """The part of each piece, (pieces,): largest first, to where it lowers sum((rows of a label - aim)^2 / all rows of it) most."""
    totals = counts.sum(0)
    lacks = aims[:, None] * totals  # (parts, labels + 1)
    part = np.zeros(len(counts), np.int64)
    for at in np.argsort(-counts[:, -1], kind="stable"):
        part[at] = np.argmax(lacks @ (counts[at] / totals))  # the first of equals: train
        lacks[part[at]] -= counts[at]
    return part


def _return_labels(part: Integers, counts: Floats) -> None:
    """Put the smallest piece that has it into train, for each label that is not there."""
    for label in range(counts.shape[1]):
        if not counts[part == 0, label].sum():
            having = np.flatnonzero(counts[:, label])
            part[having[np.argmin(counts[having, -1])]] = 0


def _fill(part: Integers, counts: Floats, aims: Floats, at: int) -> bool:
    """Put the most fitting piece that others can spare into an empty part; False where there is none."""
    left = np.stack([counts[part == one].sum(0) for one in range(len(aims))])[part] - counts  # (pieces, labels + 1) of a part, without it
    spared = np.where(part == 0, ((left > 0) | (counts == 0)).all(1), left[:, -1] > 0)
    if not spared.any():
        return False
    totals = counts.sum(0)
    costs = ((counts - aims[at] * totals) ** 2 / totals).sum(1)
    part[np.argmin(np.where(spared, costs, np.inf))] = at
    return True


def _reason(counts: Floats, labels: Sequence[str]) -> str:
    """Why nothing can be spared."""
    rows, most = counts[:, -1].sum(), counts[:, -1].max()
    if most > rows / 2:
        return f"{most:.0f} of {rows:.0f} rows hang together by a group, a speaker or a text that they share"
    alone = [label for label, pieces in zip(labels, (counts > 0).sum(0), strict=False) if pieces == 1]
    if not alone:
        return f"there are only {len(counts)} pieces of rows that share no group and no text"
    return f"all rows with {', '.join(map(repr, alone[:10]))} share a group, a speaker or a text"


def _far_off(found: Mapping[str, Sequence[Row]], aims: Floats) -> list[str]:
    """What is said of a part that is not half or more than twice as large as was asked for, and by more than a row."""
    rows, notes = sum(map(len, found.values())), []
    for (name, part), aim in zip(found.items(), aims.tolist(), strict=True):
        if not aim / 2 <= len(part) / rows <= aim * 2 and abs(len(part) - aim * rows) > 1:
            notes.append(f"{name} has {len(part) / rows:.0%} of the rows, and not {aim:.0%}: what hangs together is too large to divide so")
    return notes
