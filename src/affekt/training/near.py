"""Texts that are nearly the same: a Jaccard similarity of their character 5-shingles of 0.8 or more.

Found by MinHash and banding (Broder 1997, On the resemblance and containment of documents; Leskovec et al. 2014, Mining of Massive
Datasets, chapter 3), then counted exactly. Characters rather than words, so that scripts without blanks are served as well.
"""

import unicodedata
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from affekt.training.joined import join, root

SHINGLE = 5  # characters
LEAST = 0.8  # similarity of near-duplicates
BANDS, WIDTH = 20, 6  # a pair of similarity s is looked at with a chance of 1 - (1 - s^6)^20: 0.998 at 0.8, 0.27 at 0.5
HASHES = BANDS * WIDTH
NEIGHBOURS = 4  # of a text in a band's bucket that it is compared with: a bucket of thousands would make millions of pairs
MARGIN = 0.15  # under the least similarity, what an estimate from 120 hashes is off by 4 standard errors (0.037 at 0.8)
CHUNK = 2**16  # hashes in memory at once, half a megabyte

Integers = NDArray[np.int64]
Hashes = NDArray[np.uint32]


def plain(text: str) -> str:
    """The text as it is compared: compatible characters alike, in lower case, with single blanks.

    >>> plain(" So   GOOD！")
    'so good!'
    """
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def near_pairs(texts: Sequence[str]) -> Integers:
    """Pairs of near-duplicates, (pairs, 2), as places in `texts`, in order: as many as it takes to hang together all that do.

    Of three texts that are all alike there are two pairs.

    Args:
        texts: different ones, as `plain` gives them.
    """
    if len(texts) < 2:
        return np.zeros((0, 2), np.int64)
    signatures = _signatures(texts)
    met = np.sort(np.concatenate([_met(signatures[:, at : at + WIDTH]) for at in range(0, HASHES, WIDTH)]))
    codes = met[np.diff(met, prepend=-1) > 0]
    pairs = np.stack([codes // len(texts), codes % len(texts)], axis=-1)  # (candidates, 2)
    parts = np.array_split(pairs, len(pairs) * HASHES // CHUNK + 1)
    agreement = np.concatenate([_agreement(signatures, part) for part in parts])
    order = np.argsort(-agreement, kind="stable")[: (agreement >= LEAST - MARGIN).sum()]  # the surest first: they spare the others
    return np.array(sorted(_similar(texts, pairs[order])), np.int64).reshape(-1, 2)


def _signatures(texts: Sequence[str]) -> Hashes:
    """The least value of each hash function over the shingles of each text, (texts, hashes)."""
    rng = np.random.default_rng(0)
    factors = rng.integers(0, 2**63, HASHES, dtype=np.uint64) * np.uint64(2) + np.uint64(1)  # odd: multiply-shift, Dietzfelbinger 1997
    shifts = rng.integers(0, 2**63, HASHES, dtype=np.uint64)
    out = np.empty((len(texts), HASHES), np.uint32)
    for first, last in _chunks(texts):
        shingles, starts = _shingles(texts[first:last])
        for at in range(HASHES):
            hashed = (shingles * factors[at] + shifts[at]) >> np.uint64(32)
            out[first:last, at] = np.minimum.reduceat(hashed, starts)
    return out


def _chunks(texts: Sequence[str]) -> Iterator[tuple[int, int]]:
    first = size = 0
    for at, text in enumerate(texts):
        if size and size + len(text) > CHUNK:
            yield first, at
            first, size = at, 0
        size += max(len(text), SHINGLE)
    yield first, len(texts)


def _shingles(texts: Sequence[str]) -> tuple[NDArray[np.uint64], Integers]:
    """A number for each shingle of each text, one after the other, and where each text begins; a shorter text is one shingle."""
    padded = [text.ljust(SHINGLE, "\0") for text in texts]
    points = np.frombuffer("".join(padded).encode("utf-32-le", "surrogatepass"), np.uint32).astype(np.uint64)
    values = np.zeros(len(points) - SHINGLE + 1, np.uint64)
    for at in range(SHINGLE):
        values = values * np.uint64(0x9E3779B97F4A7C15) + points[at : at + len(values)]  # 2^64 / golden ratio
    values ^= values >> np.uint64(32)  # the low bits of a product know little of the high bits
    lengths = np.array([len(text) for text in padded])
    ends = np.cumsum(lengths)
    inside = np.ones(len(points), np.bool_)
    for at in range(1, SHINGLE):
        inside[ends - at] = False  # a shingle that begins here reaches into the next text
    return values[inside[: len(values)]], np.concatenate([[0], np.cumsum(lengths - SHINGLE + 1)[:-1]])


def _met(band: Hashes) -> Integers:
    """The pairs that share all hashes of a band, (texts, width), as codes."""
    key = np.zeros(len(band), np.uint64)
    for column in band.T:
        key = (key ^ column) * np.uint64(0x9E3779B97F4A7C15)
        key ^= key >> np.uint64(29)
    order = np.argsort(key, kind="stable")  # texts of one bucket stay in order
    key, found = key[order], list[Integers]()
    for step in range(1, min(NEIGHBOURS, len(key) - 1) + 1):
        same = np.flatnonzero(key[step:] == key[:-step])
        found.append(order[same] * len(key) + order[same + step])
    return np.concatenate(found).astype(np.int64)


def _agreement(signatures: Hashes, pairs: Integers) -> NDArray[np.float64]:
    """The share of hashes that agree, which estimates the similarity, (pairs,)."""
    return (signatures[pairs[:, 0]] == signatures[pairs[:, 1]]).mean(1)


def _similar(texts: Sequence[str], pairs: Integers) -> Iterator[tuple[int, int]]:
    """The pairs that are similar enough, by the shingles themselves, without those that others hang together."""
    parents = list(range(len(texts)))
    for a, b in pairs.tolist():
        if root(parents, a) != root(parents, b) and _similarity(texts[a], texts[b]) >= LEAST:
            join(parents, a, b)
            yield a, b


def _similarity(one: str, other: str) -> float:
    """The Jaccard similarity of the shingles."""
    a, b = ({text[at : at + SHINGLE] for at in range(max(len(text) - SHINGLE + 1, 1))} for text in (one, other))
    return len(a & b) / len(a | b)
