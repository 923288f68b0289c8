"""Labelled texts, recordings and faces, clear and spoilt, with what each model says of them that has not learned from them."""

import os
import random
import string
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image, ImageEnhance, ImageFilter

from affekt import Reader
from affekt.calibration.apply import probabilities, project
from affekt.catalog import find
from affekt.encoders.face_affekt import load as load_face
from affekt.encoders.speech_affekt_free import PART as FREE
from affekt.evaluation.pictures import squared
from affekt.labels import ekman7, ferplus8
from affekt.preprocessing.clarity import letters, piece_size, range_of
from affekt.preprocessing.crops import GRAIN, sharpness
from affekt.preprocessing.personal import Baseline
from affekt.preprocessing.speech import trimmed
from affekt.results import Clip
from affekt.sources.audio import RATE, open_audio
from affekt.texts import MARKS
from affekt.training.protocols import cross_fitted, folds_of

LABELS = ekman7.PART.labels
SPEECH = ("emodb", "ravdess", "nemo", "casia")
FREE_SPEECH = ("emodb",)
HEARD = 3  # other utterances of a speaker that are heard before one is judged
FOLDS = 5
SPOILT = 4  # one item in so many is also spoilt, of recordings one in twice as many
SEED = 7
UNKNOWN = 9.0  # letters in a piece, where that tells nothing: more than there ever are


def data(folder: str) -> Path:
    return Path(os.environ["AFFEKT_DATA"]) / folder


class Judged:
    """What was said of items, one row each, in several versions.

    Args:
        scores: (n, labels) calibrated.
        gold: (n,) index of the label.
        group: (n,) whose they are; no group is in two halves.
        version: (n,) "clear", or how it was spoilt.
        measures: (n, m) what its clarity is told by.
    """

    NAMES = ("scores", "gold", "group", "version", "measures")

    def __init__(self, rows: list[tuple]) -> None:
        for name, values in zip(self.NAMES, zip(*rows, strict=True), strict=True):
            setattr(self, name, np.array(values))

    def save(self, path: Path) -> None:
        np.savez_compressed(path, **{name: getattr(self, name) for name in self.NAMES})


# Texts -----------------------------------------------------------------------------------------------------------------------------


def text_rows() -> Iterator[tuple[str, int]]:
    """Texts with exactly one of ekman7's labels, each from a split that the model neither learned from nor is reported on."""
    finer = find("labels", "goemotions28").projections["ekman7"]
    for row in find("datasets", "goemotions").rows(data("text"), "dev"):
        found = {finer[name] for name in row.labels or ()}
        if len(found) == 1:
            yield row.text, LABELS.index(found.pop())
    for row in find("datasets", "brighter").rows(data("text"), "tune"):
        whole = row.space is None or len(row.space) == len(LABELS) - 1
        if whole and len(row.labels or ()) <= 1:
            yield row.text, LABELS.index(row.labels[0] if row.labels else "neutral")


def text_versions(text: str, rng: random.Random) -> Iterator[tuple[str, str]]:
    yield "clear", text
    words = text.split()
    for count in (1, 2, 4):
        if len(words) > count:
            yield f"{count} words", " ".join(words[:count])
    noise = " ".join("".join(rng.choice(string.ascii_lowercase) for _ in range(rng.randint(2, 9))) for _ in range(rng.randint(3, 12)))
    yield "noise", noise


def texts() -> Judged:
    rng, rows = random.Random(SEED), []
    reader = Reader()
    for at, (text, gold) in enumerate(text_rows()):
        for version, changed in text_versions(text, rng):
            if version == "clear" or at % SPOILT == 0:
                rows.append((changed, gold, f"text {at}", version))
    scores, _ = reader.scores([Clip("text", text, 0, len(text)) for text, *_ in rows])
    measured = [(letters(text), piece_size(text, reader.encoder.size(text) - MARKS) or UNKNOWN) for text, *_ in rows]
    return Judged([(score, *row[1:], one) for score, row, one in zip(scores, rows, measured, strict=True)])


# Speech ----------------------------------------------------------------------------------------------------------------------------


def babble(clips: list[np.ndarray], rng: np.random.Generator, count: int) -> np.ndarray:
    """Six people at once, (count,)."""
    return sum(np.resize(clips[at], count) for at in rng.integers(len(clips), size=6))


def at_snr(samples: np.ndarray, noise: np.ndarray, snr: float) -> np.ndarray:
    power = float((samples**2).mean()) / max(float((noise**2).mean()), 1e-12)
    return (samples + noise * np.sqrt(power * 10 ** (-snr / 10))).astype(np.float32)


def speech_versions(clips: list[np.ndarray], at: int, rng: np.random.Generator) -> Iterator[tuple[str, np.ndarray]]:
    samples = clips[at]
    for snr in (20, 10, 5, 0):
        yield f"hiss {snr} dB", at_snr(samples, rng.normal(size=len(samples)), snr)
        yield f"babble {snr} dB", at_snr(samples, babble(clips, rng, len(samples)), snr)
    yield "noise", (rng.normal(size=len(samples)) * np.sqrt((samples**2).mean())).astype(np.float32)
    middle = len(samples) // 2
    for seconds in (0.3, 0.6, 1.0):
        half = int(seconds * RATE / 2)
        yield f"{seconds} s", samples[max(middle - half, 0) : middle + half]


def speech(corpora: tuple[str, ...]) -> Judged:
    """Judged by heads that have not heard the speaker, over Whisper's encoder as it is, which has heard none of them."""
    encoder = FREE.load(FREE.shipped, 1)
    hear = lambda samples: encoder.hear(samples, labels=["ekman7"])[0]  # noqa: E731
    found = [(name, one) for name in corpora for split in find("datasets", name).splits for one in _recordings(name, split)]
    clips = [trimmed(np.concatenate(list(open_audio(one.path).blocks()), axis=1).mean(0)) for _, one in found]
    gold = np.array([LABELS.index(find("datasets", name).label_maps["ekman7"][one.label]) for name, one in found])
    speakers = np.array([f"{name} {one.speaker}" for name, one in found])
    features = np.stack([hear(samples) for samples in clips])
    rng = np.random.default_rng(SEED)
    folds = folds_of(speakers, folds=FOLDS)
    heads = cross_fitted(features, gold, speakers, folds, names=ekman7.PART, rng=rng)
    fold = np.stack(folds).argmax(0)
    rows = []
    for at in range(len(clips)):
        head, known = heads[fold[at]], None
        others = np.flatnonzero(speakers == speakers[at])
        for other in rng.permutation(others[others != at])[:HEARD]:
            scores = head.judge(features[other], known)
            known = Baseline(features[other], 1, scores) if known is None else known.hear(features[other], scores)
        versions = [("clear", clips[at], features[at])]
        if at % (2 * SPOILT) == 0:
            versions += [(version, samples, hear(samples)) for version, samples in speech_versions(clips, at, rng)]
        for version, samples, heard in versions:
            rows.append((head.judge(heard, known), gold[at], speakers[at], version, (range_of(samples), len(samples) / RATE)))
    return Judged(rows)


def _recordings(name: str, split: str) -> list:
    part = find("datasets", name)
    return [one for one in part.recordings(data("speech"), split) if part.label_maps["ekman7"].get(one.label)]


# Faces -----------------------------------------------------------------------------------------------------------------------------


def face_versions(picture: Image.Image, rng: np.random.Generator) -> Iterator[tuple[str, Image.Image, float]]:
    """(how it was spoilt, picture, pixels a side that are left)."""
    whole = float(picture.width)
    yield "clear", picture, whole
    for share in (0.3, 0.15, 0.06):
        yield f"brightness {share}", ImageEnhance.Brightness(picture).enhance(share), whole
    for share in (0.3, 0.1):
        yield f"contrast {share}", ImageEnhance.Contrast(picture).enhance(share), whole
    for radius in (1, 2, 3):
        yield f"blur {radius}", picture.filter(ImageFilter.GaussianBlur(radius)), whole
    for side in (24, 16, 12):
        yield (
            f"{side} pixels",
            picture.resize((side, side), Image.Resampling.BOX).resize(picture.size, Image.Resampling.BILINEAR),
            float(side),
        )
    pixels = np.asarray(picture, np.float32)
    for spread in (20, 50):
        noisy = np.clip(pixels + rng.normal(size=pixels.shape) * spread, 0, 255).astype(np.uint8)
        yield f"grain {spread}", Image.fromarray(noisy), whole
    yield "noise", Image.fromarray(rng.integers(0, 256, pixels.shape).astype(np.uint8)), whole


def faces() -> Judged:
    """FER2013's validation images on whose label more than half of FER+'s annotators agree."""
    with np.load(data("faces") / "fer2013_ferplus.npz") as found:
        rows = found["split"] == "valid"
        images, votes = found["images"][rows], found["ferplus_votes"][rows]
    encoder, rng = load_face(None, 2), np.random.default_rng(SEED)
    mapping = ferplus8.PART.projections["ekman7"]
    best, agreed = votes.argmax(1), votes.max(1) > votes.sum(1) / 2
    rows = []
    for at in np.flatnonzero(agreed & (best < len(ferplus8.PART.labels))):
        gold = LABELS.index(mapping[ferplus8.PART.labels[best[at]]])
        for version, picture, side in face_versions(Image.fromarray(images[at]), rng):
            if version == "clear" or at % SPOILT == 0:
                grain = min(GRAIN, round(side))
                grey = np.asarray(picture.resize((grain, grain), Image.Resampling.BOX), np.float32)
                measures = (side, sharpness(grey), float(grey.std()), float(grey.mean()))
                rows.append((squared(np.asarray(picture), encoder.side), gold, f"face {at}", version, measures))
    raw = [
        encoder([Clip("face", pixels, 0, 0) for pixels, *_ in rows[begin : begin + 64]], labels=["ferplus8"])["ferplus8"]
        for begin in range(0, len(rows), 64)
    ]
    scores = probabilities(np.concatenate(raw), ferplus8.PART, encoder.card.calibration["ferplus8"])
    scores = project(scores, ferplus8.PART, ekman7.PART)
    return Judged([(score, *row[1:]) for score, row in zip(scores, rows, strict=True)])


MAKERS: dict[str, Callable[[], Judged]] = {
    "face": faces,
    "text": texts,
    "speech": lambda: speech(SPEECH),
    "speech_free": lambda: speech(FREE_SPEECH),
}
