"""One person from frame to frame: by where a face is, how it moves, and, when it comes back, by whose face it is.

A face goes to the track whose box, moved on as it last moved, overlaps it most (Bewley et al. 2016, SORT). Where it jumps or looks
otherwise all at once, as after a cut, it has to be the same person's face as well. A face without a track is compared with those that were
seen before in the same source, and never with any other source: nothing is kept.
"""

from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from affekt.preprocessing._network import WEIGHTS, opened
from affekt.preprocessing.crops import crop
from affekt.preprocessing.faces import Face, overlap

if TYPE_CHECKING:
    import onnxruntime

Floats = NDArray[np.float32]
SIDE = 160  # pixels of the face that whose it is is told by
ALIKE = 0.65  # cosine from which two faces are one person's
OTHER = 0.48  # cosine below which they are not, however near they are
MEETS = 0.2  # overlap from which a face is where its track should be
NEARBY = 0.8  # widths that a small or quick face may have moved
LOST = 1.0  # seconds after which a track that is not seen is over; the person may come back
STEADY = 0.2  # seconds over which its speed is taken
LOOKS = 1.0  # seconds between two looks at whose face a track is
GLIMPSE = 8  # pixels a side of what is compared from frame to frame
SUDDEN = 14.0  # mean difference of two glimpses, in 0 … 255, from which it may be another person's face
MOST_POINTS = 8  # looks at a person that are kept


@dataclass(slots=True)
class Person:
    """Somebody who is or was to be seen.

    Args:
        points: (1024,) each: looks at whose face it is.
        glimpse: (GLIMPSE, GLIMPSE, 3) of the face as it was last.
        doubted: it jumped or changed all at once, and whose it is has not been seen since.
    """

    name: str
    face: Face
    seen: float  # seconds: when last
    looked: float
    glimpse: Floats
    moves: tuple[float, float] = (0.0, 0.0)  # pixels a second
    points: list[Floats] = field(default_factory=list)
    doubted: bool = False

    def expected(self, time: float) -> tuple[float, float, float, float]:
        """Where the face should be."""
        x, y = (speed * min(time - self.seen, LOST) for speed in self.moves)
        left, top, right, bottom = self.face.box
        return left + x, top + y, right + x, bottom + y

    def alike(self, point: Floats) -> float:
        """Cosine of a look and the most similar one that is kept."""
        return max((float(point @ one) for one in self.points), default=0.0)

    def look(self, point: Floats, time: float) -> None:
        """Keeps what has been seen of whose face it is."""
        self.points, self.looked, self.doubted = [*self.points, point][-MOST_POINTS:], time, False


class Tracker:
    """Names the faces of one source frame by frame: "face 1" and so on, in order of appearance."""

    def __init__(self) -> None:
        self.people: list[Person] = []
        self.time = 0.0

    @property
    def present(self) -> list[Person]:
        """Who was to be seen a moment ago."""
        return [person for person in self.people if self.time - person.seen <= LOST]

    def follow(self, picture: Image.Image, faces: list[Face], *, time: float) -> list[str]:
        """The names of these faces, all of one frame.

        Args:
            time: seconds, not before that of the last frame.
        """
        self.time = time
        found: dict[int, Person] = {}
        chances = sorted(
            ((self._fits(person, face, time), at, person) for person in self.present for at, face in enumerate(faces)),
            key=lambda chance: -chance[0],
        )
        for fit, at, person in chances:
            free = fit > 0 and at not in found and person.name not in (taken := _names(found))
            if free and not self._stranger(picture, faces[at], person, time=time, taken=taken):
                found[at] = person
        for at, face in enumerate(faces):
            if at not in found:
                found[at] = self._come(picture, face, time=time, taken=_names(found))
            _see(found[at], face, time)
            found[at].glimpse = _glimpse(picture, face)
        return [found[at].name for at in range(len(faces))]

    def _fits(self, person: Person, face: Face, time: float) -> float:
        """How well a face is where a person's should be; 0: not at all."""
        box = person.expected(time)
        common = overlap(box, face.box)
        if common >= MEETS:
            return 1 + common
        x, y = (box[0] + box[2]) / 2 - face.middle[0], (box[1] + box[3]) / 2 - face.middle[1]
        far = float(np.hypot(x, y)) / max(face.width, 1.0)
        alike = 0.6 < face.width / max(box[2] - box[0], 1e-6) < 1.6
        return max(1 - far / NEARBY, 0.0) if alike else 0.0

    def _stranger(self, picture: Image.Image, face: Face, person: Person, *, time: float, taken: list[str]) -> bool:
        """Whether another person is where this one was; looked at now and then, and at once where it may be."""
        jumped = overlap(person.expected(time), face.box) < 2 * MEETS
        changed = float(np.abs(_glimpse(picture, face) - person.glimpse).mean()) > SUDDEN
        person.doubted = person.doubted or jumped or changed
        if person.points and time - person.looked < LOOKS and not person.doubted:
            return False
        point = whose(picture, face)
        if point is None:
            return jumped
        if person.points:
            stranger = person.alike(point) < (ALIKE if person.doubted else OTHER)
        else:  # could not be told until now, as who comes in from the side; it may be somebody who was there before
            stranger = self._known(point, [*taken, person.name]) is not None
        if not stranger:
            person.look(point, time)
        return stranger

    def _come(self, picture: Image.Image, face: Face, *, time: float, taken: list[str]) -> Person:
        """Who comes into the picture: somebody who was there before, or somebody new."""
        point = whose(picture, face)
        person = None if point is None else self._known(point, taken)
        if person is None:
            person = Person(f"face {len(self.people) + 1}", face, time, time, _glimpse(picture, face))
            self.people.append(person)
        if point is not None:
            person.look(point, time)
        person.moves, person.face = (0.0, 0.0), face
        return person

    def _known(self, point: Floats, taken: list[str]) -> Person | None:
        """Who has been seen before and looks like this, but for those who are somewhere else."""
        away = [person for person in self.people if person.name not in taken]
        best = max(away, key=lambda person: person.alike(point), default=None)
        return best if best is not None and best.alike(point) >= ALIKE else None


def _names(found: dict[int, Person]) -> list[str]:
    return [person.name for person in found.values()]


def _glimpse(picture: Image.Image, face: Face) -> Floats:
    """A face so small that it tells no more than that there is another one now."""
    left, top, right, bottom = map(round, face.box)
    part = picture.crop((left, top, max(right, left + 1), max(bottom, top + 1)))
    return np.asarray(part.resize((GLIMPSE, GLIMPSE), Image.Resampling.BOX), np.float32)


def _see(person: Person, face: Face, time: float) -> None:
    passed = time - person.seen
    if 0 < passed <= LOST:
        now, before = np.array(face.middle), np.array(person.face.middle)
        share = min(passed / STEADY, 1.0)  # from one frame to the next of a quick video, a face seems to jump to and fro
        person.moves = tuple((share * (now - before) / passed + (1 - share) * np.array(person.moves)).tolist())
    person.face, person.seen = face, time


def whose(picture: Image.Image, face: Face) -> Floats | None:
    """A point, (1024,) of length one, that lies near those of other pictures of the same person; None: it cannot be told."""
    found = crop(picture, face, side=SIDE)
    if found.reason is not None:
        return None
    grey = np.asarray(Image.fromarray(found.pixels).convert("L"), np.float32)
    return np.asarray(_network().run(["features"], {"pixels": grey[None, None]})[0][0], np.float32)


@lru_cache(maxsize=1)
def _network() -> "onnxruntime.InferenceSession":
    return opened(WEIGHTS / "face_faceres")
