"""Who of those to be seen says what is heard: how often the right face is chosen, by what the others do and how often they are looked at.

    AFFEKT_DATA=/data python bench/speakers_seen.py

Writes bench/results/speakers_seen.json. Needs the face extra and scikit-learn.

Few clips of AFFEKT_DATA/video can serve. d3 and single_face have no sound, and in talk_5s a face is to be seen for one second. The sound
of d10, d11 and d12 is music; in d10 and d11 a mouth is in step with it (in d11 a child mimes rapped words), in d12 it is not. So d10 and
d11 are the speakers, 24 s in all; d12 is measured apart; all are what is to be seen beside them. Nobody in these clips speaks freely.

* pairs: a speaker in one panel, 256 pixels high, another face in the other, and the speaker's sound. The sound is cut by the Segmenter,
  and, as that gives three utterances, into pieces of 3 s as well, each 1.5 s after the one before. The other face starts at many points.
  Panels do not influence each other, so each is followed once, and the pairs are made of what was measured.
* voice_over: one face with its own sound against the same face with other sounds; area under the ROC curve, and how
  often it is said to speak where the prior is ALONE.
* left out: bias and weights are fitted without any trial in which the clip that is judged has a part; `shipped` are those of mouths.py,
  which are fitted to all. Each rate has its own. What else is in mouths.py (bands, lags, regions) was chosen by looking at these clips.
* interval: 95 %, pieces drawn again with replacement; they overlap, and come from two people, so the truth is wider.
"""

import json
import os
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from affekt.preprocessing import mouths
from affekt.preprocessing.faces import Face, again, between, find
from affekt.preprocessing.mouths import Cues, band_levels, cues, motion, patch, speaking, timed
from affekt.preprocessing.speech import Segmenter
from affekt.sources.audio import RATE, open_audio
from affekt.sources.pictures import open_video
from face_clips import clip, frames_of, resized

RESULTS = Path(__file__).parents[1] / "bench" / "results" / "speakers_seen.json"
SPEAKERS = ("d10", "d11")
APART = "d12"
OTHERS = ("d10", "d11", "d12", "d3", "single_face")
MIMING = ("d10", "d11", "d12")
SOUNDS = ("test_eng_5_seconds.wav", "test_dutch_5_seconds.wav")  # voices of nobody to be seen
HIGH, SMALL = 256, 96  # pixels of a panel: faces about 120 and 45 wide
HELD = 0.2  # seconds: faces are found five times a second, and mouths looked at more often, as in `affekt.watching`
RATES = (5.0, 8.0, 12.5, 25.0)  # looks a second
PIECE, STEP = 3.0, 1.5  # seconds
BEGINS = 1.0  # seconds between two points at which the other face starts
NOISE = 1.0  # of 255: spread of what changes from look to look in a picture that is frozen
KINDS: dict[str, tuple[tuple[str, ...], float | None]] = {  # what the other face does: its clips, and how fast they go; None: not at all
    "mimes other words": (MIMING, 1.0),
    "the same, slowed to a half": (MIMING, 0.5),
    "the same, backwards": (MIMING, -1.0),
    "is frozen": (MIMING, None),
    "makes faces": (("d3",), 1.0),
    "smiles": (("single_face",), 1.0),
}


@dataclass
class Seen:
    """A clip's mouth, every frame, and its sound."""

    times: np.ndarray
    patches: np.ndarray
    samples: np.ndarray
    moved: dict[tuple[int, int], float] = field(default_factory=dict)

    def motions(self, rate: float, until: float, at: Callable[[float], float] | None, begin: float) -> list[tuple[float, float]]:
        """What is measured up to a point in time, so many looks a second.

        Args:
            at: the clip's time by the seconds since `begin`; what is beyond its ends goes back and forth; None: it is frozen.
        """
        looks = np.arange(max(0.0, until - mouths.MEMORY), until + 1e-6, 1 / rate)
        if at is None:
            return self._frozen(looks, begin)
        last = self.times[-1]
        there = np.array([last - abs((at(float(look) - begin)) % (2 * last) - last) for look in looks])
        frames = np.searchsorted(self.times, there + 1e-6, side="right") - 1
        return [(float(look), self._motion(*pair)) for look, pair in zip(looks[1:], pairwise(frames.tolist()), strict=True)]

    def _motion(self, before: int, after: int) -> float:
        key = (before, after)
        if key not in self.moved:
            self.moved[key] = motion(self.patches[before], self.patches[after])
        return self.moved[key]

    def _frozen(self, looks: np.ndarray, begin: float) -> list[tuple[float, float]]:
        rng, still = np.random.default_rng(0), self.patches[int(np.searchsorted(self.times, begin)) % len(self.patches)]
        shown = [still + rng.normal(0, NOISE, still.shape).astype(np.float32) for _ in looks]
        return [(float(look), motion(*pair)) for look, pair in zip(looks[1:], pairwise(shown), strict=True)]


@dataclass(frozen=True)
class Trial:
    """A sound and two faces, the first of whom it belongs to."""

    speaker: str
    other: str
    kind: str
    cut: str
    right: Cues
    wrong: Cues


def sound_of(name: str) -> np.ndarray:
    return np.concatenate(list(open_audio(clip(name)).blocks()), 1).mean(0).astype(np.float32)


def seen(name: str, *, high: int = HIGH, every: float = 0.0) -> Seen:
    """Every frame of a clip as a panel, and its face followed.

    Args:
        high: pixels of the panel.
        every: seconds between two finds of the face; in between it is taken to be on its way from one place to the next.
    """
    last: tuple[float, Face] | None = None
    waiting: list[tuple[float, np.ndarray]] = []
    times, patches = list[float](), list[np.ndarray]()
    for frame in open_video(clip(f"{name}.mp4"), rate=0).frames():
        pixels = resized(frame.pixels, round(frame.pixels.shape[1] * high / frame.pixels.shape[0]), high)
        waiting.append((frame.time, pixels))
        if last is not None and frame.time < last[0] + every - 1e-6:
            continue
        known = again(pixels, [last[1]])[0] if last else None
        face = known or max(find(pixels, fine=False), key=lambda one: one.width)
        begin, before = last or (frame.time - 1, face)
        for time_, one in waiting:
            found = patch(Image.fromarray(one), between(before, face, (time_ - begin) / (frame.time - begin)))
            if found is not None:
                times.append(time_)
                patches.append(found)
        last, waiting = (frame.time, face), []
    return Seen(np.array(times), np.stack(patches), sound_of(f"{name}.mp4"))


def cuts(samples: np.ndarray) -> Iterator[tuple[str, float, float]]:
    """What is judged of a clip's sound: how it was cut, and its begin and end in seconds."""
    segmenter = Segmenter()
    for utterance in [*segmenter.push(samples), *segmenter.flush()]:
        yield "utterances", utterance.start, utterance.end
    for begin in np.arange(0, len(samples) / RATE - PIECE + 0.1, STEP):
        yield "pieces", float(begin), float(min(begin + PIECE, len(samples) / RATE))


def voice_of(samples: np.ndarray, begin: float, end: float) -> list[tuple[float, float]]:
    return timed(band_levels(samples[round(begin * RATE) : round(end * RATE)]), start=begin)


def trials(clips: dict[str, Seen], rate: float) -> Iterator[Trial]:
    """Every pair of a speaker and another face, from every point at which that may start."""
    for speaker in (*SPEAKERS, APART):
        own = clips[speaker]
        for cut, begin, end in cuts(own.samples):
            voice = voice_of(own.samples, begin, end)
            right = cues(own.motions(rate, end, own_time(begin), begin), voice)
            for name, kind, motions in others(clips, rate, begin, end):
                wrong = cues(motions, voice)
                if name != speaker and right and wrong:
                    yield Trial(speaker, name, kind, cut, right, wrong)


def own_time(begin: float) -> Callable[[float], float]:
    return lambda passed: begin + passed


def others(clips: dict[str, Seen], rate: float, begin: float, end: float) -> Iterator[tuple[str, str, list[tuple[float, float]]]]:
    """Name of the clip, what it does, and what is measured of it, for each face that may be seen beside a speaker."""
    for kind, (names, pace) in KINDS.items():
        for name in names:
            for start in np.arange(0, clips[name].times[-1] - 1, BEGINS).tolist():
                yield (
                    name,
                    kind,
                    clips[name].motions(rate, end, None if pace is None else _paced(pace, start), start if pace is None else begin),
                )


def _paced(pace: float, start: float) -> Callable[[float], float]:
    return lambda passed: start + pace * passed


def fitted(chosen: list[Trial]) -> np.ndarray:
    """Bias and two weights: a logistic regression in which every speaker counts as much as every other, and right as much as wrong."""
    rows, gold, weights = [], [], []
    count = {name: sum(trial.speaker == name for trial in chosen) for name in SPEAKERS}
    for trial in chosen:
        for one, is_speaker in ((trial.right, 1), (trial.wrong, 0)):
            rows.append((one.moved, one.together))
            gold.append(is_speaker)
            weights.append(1 / count[trial.speaker])
    model = LogisticRegression(C=100.0).fit(rows, gold, sample_weight=np.array(weights) * len(chosen))
    return np.array([model.intercept_[0], *model.coef_[0]])


def odds(one: Cues, constants: np.ndarray) -> float:
    return float(constants @ (1, one.moved, one.together))


def accuracy(judged: list[tuple[Trial, np.ndarray]]) -> dict[str, Any]:
    """How often the speaker is chosen, by what the other does, and over all kinds, each weighing the same."""
    made: dict[str, Any] = {}
    for kind in KINDS:
        hits = defaultdict(list)
        for t, constants in judged:
            if t.kind == kind:
                hits[t.right].append(odds(t.right, constants) > odds(t.wrong, constants))
        pieces, counts = np.array([[sum(one), len(one)] for one in hits.values()], float).T
        drawn = np.random.default_rng(0).integers(0, len(pieces), (2000, len(pieces)))
        ends = np.percentile(pieces[drawn].sum(1) / counts[drawn].sum(1), [2.5, 97.5])
        right = round(float(pieces.sum() / counts.sum()), 3)
        made[kind] = {"right": right, "interval": [round(float(one), 3) for one in ends], "trials": int(counts.sum())}
    made["all kinds alike"] = {"right": round(float(np.mean([one["right"] for one in made.values()])), 3)}
    return made


def log_loss(judged: list[tuple[Trial, np.ndarray]]) -> float:
    """Mean negative logarithm of the probability given to the truth, speakers, others and kinds weighing the same; 0.69: a coin."""
    made = []
    for kind in KINDS:
        of_kind = [(t, w) for t, w in judged if t.kind == kind]
        made += [
            np.mean([np.logaddexp(0, -odds(t.right, w)) for t, w in of_kind]),
            np.mean([np.logaddexp(0, odds(t.wrong, w)) for t, w in of_kind]),
        ]
    return round(float(np.mean(made)), 3)


def left_out(found: list[Trial], cut: str) -> list[tuple[Trial, np.ndarray]]:
    """The trials of each speaker with constants that are fitted without any trial in which that clip has a part."""
    made = []
    for name in SPEAKERS:
        constants = fitted([t for t in found if t.cut == "pieces" and t.speaker in SPEAKERS and name not in (t.speaker, t.other)])
        made += [(t, constants) for t in found if t.cut == cut and t.speaker == name]
    return made


def three(judged: list[tuple[Trial, np.ndarray]]) -> float:
    """How often the speaker is chosen of three, the others both miming other words; chance is a third."""
    groups = defaultdict(list)
    for t, constants in judged:
        if t.kind == "mimes other words":
            groups[t.right, t.other].append(odds(t.wrong, constants) < odds(t.right, constants))
    hits = defaultdict(lambda: 1.0)
    for (right, _), won in groups.items():
        hits[right] *= float(np.mean(won))  # any of one other's starts goes with any of the second's
    return round(float(np.mean(list(hits.values()))), 3)


def voice_over(clips: dict[str, Seen], rate: float, constants: dict[str, np.ndarray]) -> dict[str, Any]:
    """A face with its own sound against the same with another's: another clip's, its own of another time, or a voice without a face."""
    sounds = {**{name: clips[name].samples for name in MIMING}, **{name: sound_of(name) for name in SOUNDS}}
    made: dict[str, Any] = {}
    for name in SPEAKERS:
        scores, gold = [], []
        pieces = [(begin, end) for cut, begin, end in cuts(clips[name].samples) if cut == "pieces"]
        for begin, end in pieces:
            motions = clips[name].motions(rate, end, own_time(begin), begin)
            for other, samples in sounds.items():
                for start in np.arange(0, len(samples) / RATE - PIECE + 0.1, STEP).tolist():
                    is_own = other == name and start == begin
                    voice = [(at - start + begin, level) for at, level in voice_of(samples, start, start + end - begin)]
                    one = cues(motions, voice)
                    if one and (is_own or other != name or abs(start - begin) >= PIECE):
                        scores.append(odds(one, constants[name]))
                        gold.append(is_own)
        own, said = np.array(gold), np.array(scores) + mouths.ALONE > 0
        made[name] = {"auc": round(float(roc_auc_score(gold, scores)), 3), "own": int(own.sum()), "other": int((~own).sum())}
        made[name] |= {"own, said to speak": round(float(said[own].mean()), 3), "other, said to speak": round(float(said[~own].mean()), 3)}
    return made


def speed() -> dict[str, float]:
    """Milliseconds, medians: a face found again, what a look at its mouth takes on top of that, and an utterance of 9 s."""
    face, before, motions = None, None, list[tuple[float, float]]()
    took: dict[str, list[float]] = {"found_again_ms": [], "look_ms": []}
    for at, pixels in enumerate(frames_of(clip("d11.mp4"), rate=mouths.PER_SECOND)):
        picture = Image.fromarray(pixels)
        began = time.perf_counter()
        face = (again(pixels, [face])[0] if face else None) or find(pixels, fine=False)[0]
        found = time.perf_counter()
        now = patch(picture, face)
        if before is not None and now is not None:
            motions.append((at / mouths.PER_SECOND, motion(before, now)))
        took["look_ms"].append(1000 * (time.perf_counter() - found))
        took["found_again_ms"].append(1000 * (found - began))
        before = now
    samples = sound_of("d11.mp4")
    began = time.perf_counter()
    speaking(motions, timed(band_levels(samples), start=0.0))
    return {
        **{name: round(float(np.median(one)), 2) for name, one in took.items()},
        "utterance_ms": round(1000 * (time.perf_counter() - began), 2),
    }


def row(clips: dict[str, Seen], rate: float) -> dict[str, Any]:
    """All that is measured at so many looks a second."""
    found = list(trials(clips, rate))
    without = left_out(found, "pieces")
    made: dict[str, Any] = {
        "fitted": [round(float(value), 2) for value in fitted([t for t in found if t.cut == "pieces" and t.speaker in SPEAKERS])],
        "left out, pieces": accuracy(without),
        "left out, utterances": accuracy(left_out(found, "utterances")),
        **{f"left out, pieces of {name}": accuracy([one for one in without if one[0].speaker == name]) for name in SPEAKERS},
        "left out, motion alone": accuracy([(t, np.array([0.0, 1.0, 0.0])) for t, _ in without]),
        "left out, correlation alone": accuracy([(t, np.array([0.0, 0.0, 1.0])) for t, _ in without]),
        "left out, of three": three(without),
        "left out, log loss": log_loss(without),
        "voice_over": voice_over(clips, rate, {t.speaker: w for t, w in without}),
    }
    if rate == mouths.PER_SECOND:
        shipped = np.array([mouths.BIAS, mouths.MOVED, mouths.TOGETHER])
        made["shipped, pieces"] = accuracy([(t, shipped) for t in found if t.cut == "pieces" and t.speaker in SPEAKERS])
        made[f"shipped, pieces of {APART}"] = accuracy([(t, shipped) for t in found if t.cut == "pieces" and t.speaker == APART])
    return made


def main() -> None:
    clips = {name: seen(name) for name in OTHERS}
    counts = {name: Counter(cut for cut, *_ in cuts(clips[name].samples)) for name in (*SPEAKERS, APART)}
    made: dict[str, Any] = {"speakers": SPEAKERS, "piece_s": PIECE, "cuts": counts, "looks_per_second": {}}
    for rate in RATES:
        made["looks_per_second"][f"{rate:g}"] = row(clips, rate)
    usual = mouths.PER_SECOND
    made[f"at {usual}, panels {SMALL} pixels high"] = row({name: seen(name, high=SMALL) for name in OTHERS}, usual)
    made[f"at {usual}, faces found every {HELD} s"] = row({name: seen(name, every=HELD) for name in OTHERS}, usual)
    made["speed"] = speed()
    RESULTS.write_text(json.dumps(made, indent=1) + "\n")


if __name__ == "__main__":
    if "AFFEKT_DATA" not in os.environ:
        raise SystemExit("AFFEKT_DATA is not set; it names the folder that holds the clips")
    main()
