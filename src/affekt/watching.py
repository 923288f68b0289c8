"""The path of pictures: frames, faces, who is who, upright crops, reading, and how expressions come and go.

A `Watcher` serves images, videos and cameras alike. Live, a reading rests on what was seen before it; when all has been seen, the
timeline's readings rest on what came after as well.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from affekt.calibration.apply import probabilities, spoken
from affekt.calibration.reading import reading_of
from affekt.errors import EmptyInput, InputError
from affekt.parts import Card, LabelSet
from affekt.preprocessing.crops import Crop, crop
from affekt.preprocessing.faces import Face, again, between, find
from affekt.preprocessing.mouths import PER_SECOND, motion, patch
from affekt.preprocessing.tracks import Tracker
from affekt.results import Clip, Event, Reading, Timeline
from affekt.sources.pictures import Frame, Pictures, next_due

Floats = NDArray[np.float32]
PLACES = 4  # of a box: a share of the picture
LOOK = 0.06  # seconds between two looks for faces that are known; between, each moves on as it last moved
SEARCH = 0.4  # seconds between two looks for faces that are new
SEARCH_FINELY = 4.0  # seconds between two such looks in tiles, which find small faces and take ten times as long
SETTLE = 0.4  # seconds: constant of the running mean over an expression
GONE = 1.0  # seconds without a reading after which a face starts anew
GAP = 0.04  # seconds that a frame stands for where nothing else is known
ON, OFF = 0.5, 0.35  # score from which an expression is there, and below which it is gone
BRIEF = 0.25  # seconds; what is shorter is no expression
RESTING = 25.0  # neutral frames that weigh as much as everybody's resting face does


class FaceEncoder(Protocol):
    """A face model whose weights are loaded.

    Args:
        side: pixels of the crops that it takes.
    """

    card: Card
    side: int

    def __call__(self, clips: Sequence[Clip], *, labels: Sequence[str]) -> dict[str, Floats]:
        """Raw outputs of each label set, (clips, labels); each clip's data are (side, side, 3) RGB."""
        ...


@dataclass(frozen=True, slots=True)
class Sight:
    """One face in one frame, judged by itself.

    Args:
        end: seconds until which it stands.
        box: as of a `Reading`.
        scores: (labels,) calibrated, of the set that the model speaks.
        reason: why it cannot be judged, None: it can.
        clarity: in [0, 1].
    """

    who: str
    start: float
    end: float
    box: tuple[float, float, float, float]
    scores: Floats
    reason: str | None
    clarity: float = 1.0


@dataclass(frozen=True, slots=True)
class Lower:
    """A face as it was looked at last.

    Args:
        lower: its lower half, as `patch` cuts it out; None: it could not be.
    """

    time: float
    face: Face
    lower: Floats | None


class Watcher:
    """Watches one source frame by frame.

    Args:
        labels: the label set that readings speak.
        still: what comes are single images: nothing is followed or smoothed.
        resting: judge each face by how it differs from its own resting face, learned from its neutral frames.
        mouths: look at how mouths move as well.

    Raises:
        InputError: the model speaks neither these labels nor a finer set, or it does not say what everybody's resting face is.
    """

    def __init__(self, encoder: FaceEncoder, labels: LabelSet, *, still: bool = False, resting: bool = False, mouths: bool = False) -> None:
        self.encoder, self.labels, self.still = encoder, labels, still
        self.spoken = spoken(encoder.card, labels)
        if resting and self.spoken.name not in encoder.card.facts.get("resting", {}):
            raise InputError(
                f"{encoder.card.name} does not know the resting face of {self.spoken.name!r}; choose another model or no resting face"
            )
        self.tracker = Tracker()
        self.resting: dict[str, tuple[Floats, int]] | None = {} if resting else None
        self.looked = self.searched = self.searched_finely = self.time = -np.inf
        self.running: dict[str, tuple[float, Floats]] = {}
        self.lower: dict[str, Lower] = {}
        self.between: list[tuple[float, Image.Image]] = []  # frames since the last one that was looked at
        self.mouths: dict[str, list[tuple[float, float]]] | None = {} if mouths else None  # seconds, and how much the mouth moved

    def glance(self, frame: Frame) -> None:
        """Keeps a frame, for its mouths, until it is known by the next one that is looked at where they were."""
        if self.tracker.present:
            self.between.append((frame.time, Image.fromarray(frame.pixels)))

    def look(self, frame: Frame) -> list[Sight]:
        """The faces in a frame; each stands until the next frame is due."""
        picture = Image.fromarray(frame.pixels)
        faces = self._faces(frame)
        names = [f"face {at + 1}" for at in range(len(faces))] if self.still else self.tracker.follow(picture, faces, time=frame.time)
        if self.mouths is not None:
            self._look_at_mouths(picture, dict(zip(names, faces, strict=True)), frame.time)
        passed = frame.time - self.time if np.isfinite(self.time) else GAP
        self.time = frame.time
        crops = [crop(picture, face, side=self.encoder.side) for face in faces]
        scores: Sequence[Floats] = list(self._scores(crops, names)) if faces else []
        end = frame.time if self.still else round(frame.time + min(passed, GONE), 3)
        size = np.array([picture.width, picture.height] * 2, np.float64)
        made = []
        for at, (name, face, one) in enumerate(zip(names, faces, crops, strict=True)):
            left, top, right, bottom = (round(float(place), PLACES) for place in np.array(face.box) / size)
            made.append(Sight(name, round(frame.time, 3), end, (left, top, right, bottom), scores[at], one.reason, one.clarity))
        return made

    def _look_at_mouths(self, picture: Image.Image, faces: dict[str, Face], time: float) -> None:
        """Takes in how mouths have moved since the look before, frame by frame; in between faces were on their way."""
        assert self.mouths is not None
        before, self.lower = self.lower, {}
        for name, face in faces.items():
            last = before.get(name)
            for moment, frame in [*self.between, (time, picture)] if last else [(time, picture)]:
                share = 1.0 if last is None else (moment - last.time) / (time - last.time)
                now = patch(frame, face if last is None else between(last.face, face, share))
                if now is not None and last is not None and last.lower is not None:
                    self.mouths.setdefault(name, []).append((moment, motion(last.lower, now)))
                last = Lower(time=last.time if last else time, face=last.face if last else face, lower=now)
            self.lower[name] = Lower(time, face, last.lower if last else None)
        self.between.clear()

    def now(self, sight: Sight) -> Reading:
        """What can be said at once: smoothed over what was seen before."""
        if sight.reason is not None or self.still:
            return self.reading(sight, sight.scores)
        last, mean = self.running.get(sight.who, (-np.inf, sight.scores))
        if sight.start - last > GONE:
            mean = sight.scores
        keep = np.float32(np.exp(-min(sight.start - last, GONE) / SETTLE))
        mean = keep * mean + (1 - keep) * sight.scores
        self.running[sight.who] = (sight.start, mean)
        return self.reading(sight, mean)

    def reading(self, sight: Sight, scores: Floats) -> Reading:
        """A sight with these scores, (labels,), as a reading."""
        made = reading_of(
            scores,
            self.spoken,
            labels=self.labels,
            card=self.encoder.card,
            modality="face",
            span=(sight.start, sight.end),
            who=sight.who,
            doubt=sight.reason,
        )
        return replace(made, box=sight.box, clarity=sight.clarity)

    def _faces(self, frame: Frame) -> list[Face]:
        """Those that were there a moment ago, looked for where they should be, and now and then whoever is new."""
        present = [] if self.still else self.tracker.present
        searching = self.still or not present or frame.time - self.searched >= SEARCH
        expected = [_moved(person.face, person.expected(frame.time)) for person in present]
        if not searching and frame.time - self.looked < LOOK:
            return [face for face, person in zip(expected, present, strict=True) if person.seen == self.time]
        self.looked = frame.time
        known = [face for face in again(frame.pixels, expected) if face]
        if len(known) == len(present) and not searching:
            return known
        finely = self.still or frame.time - self.searched_finely >= SEARCH_FINELY
        self.searched = frame.time
        self.searched_finely = frame.time if finely else self.searched_finely
        return find(frame.pixels, fine=finely, known=known)

    def _scores(self, crops: Sequence[Crop], names: Sequence[str]) -> Floats:
        """Calibrated scores, (faces, labels), of all faces of a frame in one run."""
        clips = [Clip("face", one.pixels, 0.0, 0.0) for one in crops]
        raw = self.encoder(clips, labels=[self.spoken.name])[self.spoken.name]
        if self.resting is not None:
            raw = np.stack([self._rested(raw[at], name, learn=crops[at].reason is None) for at, name in enumerate(names)])
        return probabilities(raw, self.spoken, self.encoder.card.calibration[self.spoken.name])

    def _rested(self, raw: Floats, name: str, *, learn: bool) -> Floats:
        """Raw outputs, (labels,), as they would be had this person everybody's resting face; learns it from what is neutral."""
        assert self.resting is not None
        usual = np.array(self.encoder.card.facts["resting"][self.spoken.name], np.float32)
        mean, seen = self.resting.get(name, (usual, 0))
        out = raw - np.float32(seen / (seen + RESTING)) * (mean - usual)
        if learn and self.spoken.labels[int(raw.argmax())] == "neutral":
            self.resting[name] = (mean + (raw - mean) / np.float32(seen + 1), seen + 1)
        return out


class Watching:
    """Something that is being looked at: gives readings as frames come, and at any time the timeline of what has been seen.

    Args:
        resting: as of `Watcher`.
        rate: frames a second in which faces are judged; 0: all; in the others they are only followed.
        mouths: as of `Watcher`.
    """

    def __init__(
        self,
        pictures: Pictures,
        encoder: FaceEncoder,
        labels: LabelSet,
        *,
        resting: bool = False,
        rate: float = 0.0,
        mouths: bool = False,
    ) -> None:
        self.pictures, self.labels, self.rate = pictures, labels, rate
        self.watcher = Watcher(encoder, labels, still=pictures.still, resting=resting, mouths=mouths)
        self.sights: list[Sight] = []
        self.times: list[float] = []  # of the frames in which faces were judged, seconds
        self.position = 0.0  # seconds that have been looked at
        self.ended = False

    @property
    def duration(self) -> float | None:
        """Seconds, where they are known."""
        return self.pictures.duration

    @property
    def count(self) -> int:
        """Readings so far."""
        return len(self.sights)

    def readings(self) -> Iterator[Reading]:
        """A reading for each face in each frame, as soon as the frame is there."""
        due = 0.0
        for frame in self.pictures.frames():
            if frame.time < due:
                self.watcher.glance(frame)
                continue
            due = next_due(frame.time, self.rate)
            seen = self.watcher.look(frame)
            self.sights += seen
            self.times.append(round(frame.time, 3))
            self.position = frame.time
            yield from map(self.watcher.now, seen)
        self.ended = True

    def timeline(self) -> Timeline:
        """What has been seen so far, each reading smoothed over what came before and after.

        Raises:
            EmptyInput: no face has been seen.
        """
        warnings = list(self.pictures.warnings)
        if not self.sights:
            said = f" ({'; '.join(warnings)})" if warnings else ""
            raise EmptyInput(f"no face found in {self.pictures.name}{said}; is it the right file, and are faces at least 20 pixels wide?")
        readings, events = list[Reading](), list[Event]()
        for who in dict.fromkeys(sight.who for sight in self.sights):
            for stretch in _stretches([sight for sight in self.sights if sight.who == who]):
                stretch = self._joined(stretch)
                scores = _smooth(stretch) if not self.pictures.still else [sight.scores for sight in stretch]
                made = [self.watcher.reading(sight, one) for sight, one in zip(stretch, scores, strict=True)]
                readings += made
                events += [] if self.pictures.still else events_of(made)
        unclear = [reading for reading in readings if reading.abstained]
        if len(unclear) > len(readings) / 2:
            warnings.append(f"{len(unclear)} of {len(readings)} faces could not be judged ({unclear[0].reason})")
        return Timeline(
            source=self.pictures.name,
            duration=round(max(self.pictures.duration or 0.0, *(reading.end for reading in readings)), 3),
            unit="seconds",
            labels=self.labels.name,
            readings=tuple(readings),
            warnings=tuple(warnings),
            people=tuple(dict.fromkeys(sight.who for sight in self.sights)),
            events=tuple(sorted(events, key=lambda event: event.onset)),
        )

    def _joined(self, stretch: Sequence[Sight]) -> list[Sight]:
        """Each until the next begins, the last not beyond the end of what is watched."""
        if self.pictures.still:
            return list(stretch)
        last = stretch[-1]
        end = min(last.end, round(max(self.pictures.duration or last.end, last.start), 3))
        return [*(replace(one, end=after.start) for one, after in pairwise(stretch)), replace(last, end=end)]


def looks(rate: float, *, mouths: bool) -> float:
    """Frames a second that are needed where so many are read, and mouths are looked at as well or not; 0: all."""
    return max(rate, PER_SECOND) if mouths and rate else rate


def events_of(readings: Sequence[Reading]) -> list[Event]:
    """The expressions that come and go in the readings of one face, one after another in time.

    One is there from where its score reaches a half; it begins and ends where the score passes 0.35.
    """
    clear = [reading for reading in readings if not reading.abstained]  # one blurred frame does not end a smile
    found = []
    for label in clear[0].scores if clear else ():
        span: list[Reading] = []
        for reading in clear if label != "neutral" else ():
            if span and (reading.scores[label] < OFF or reading.start - span[-1].end > GONE):
                found += _event(label, span)
                span = []
            if reading.scores[label] >= OFF:
                span.append(reading)
        found += _event(label, span)
    return found


def _event(label: str, span: Sequence[Reading]) -> list[Event]:
    """The expression that this label has in readings that all reach OFF, if it is one."""
    peak = max(span, key=lambda reading: reading.scores[label], default=None)
    if peak is None or peak.scores[label] < ON or span[-1].end - span[0].start < BRIEF:
        return []
    return [Event(label, peak.who, span[0].start, peak.start, span[-1].end, peak.scores[label])]


def _moved(face: Face, box: tuple[float, float, float, float]) -> Face:
    return Face(box, (face.landmarks + np.array([box[0] - face.box[0], box[1] - face.box[1]])).astype(np.float32), face.score)


def _stretches(sights: Sequence[Sight]) -> Iterator[list[Sight]]:
    """The sights of one person, apart where the person was away."""
    stretch: list[Sight] = []
    for sight in sights:
        if stretch and sight.start - stretch[-1].start > GONE:
            yield stretch
            stretch = []
        stretch.append(sight)
    yield stretch


def _smooth(stretch: Sequence[Sight]) -> list[Floats]:
    """Scores smoothed over past and future; those that cannot be judged neither give nor get."""
    judged = [at for at, sight in enumerate(stretch) if sight.reason is None]
    both = [sight.scores.copy() for sight in stretch]
    sides = []
    for order in (judged, judged[::-1]):
        mean, last, side = None, 0.0, {}
        for at in order:
            keep = np.float32(0 if mean is None else np.exp(-abs(stretch[at].start - last) / SETTLE))
            mean = stretch[at].scores if mean is None else keep * mean + (1 - keep) * stretch[at].scores
            last, side[at] = stretch[at].start, mean
        sides.append(side)
    for at in judged:
        both[at] = np.asarray((sides[0][at] + sides[1][at]) / 2, np.float32)
    return both
