"""Who is who where faces are seen and voices are heard: which face speaks an utterance, and which face and voice are one person.

What is said of an utterance rests on it and on what came before, and is never taken back, so a stream and a file are told apart alike;
names are given by all that has been heard and seen until they are asked for.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

NOBODY = ""  # of those to be seen
Speaker = str | None  # as the sound names it; None: one that has no name
HISTORY = 1.5  # log odds at most by whose voice and face went together before
TAKEN = 1.0  # log odds against a face that goes with another voice


@dataclass(slots=True)
class People:
    """Faces and voices of one source.

    Args:
        given: names that speakers have of their own.
    """

    given: frozenset[Speaker] = frozenset()
    together: dict[Speaker, dict[str, float]] = field(default_factory=dict)  # seconds that a voice was spoken by a face
    order: list[str] = field(default_factory=list)  # faces as they appear

    def appear(self, face: str) -> None:
        """Somebody is seen."""
        if face not in self.order:
            self.order.append(face)

    def prior(self, speaker: Speaker, face: str) -> float:
        """Log odds that this face speaks with this voice, by what went together before."""
        mine = self.together.get(speaker, {})
        with_it, without = mine.get(face, 0.0), sum(seconds for name, seconds in mine.items() if name != face)
        odds = max(-HISTORY, min(HISTORY, math.log((1 + with_it) / (1 + without))))
        others = max((one.get(face, 0.0) for name, one in self.together.items() if name != speaker), default=0.0)
        return odds - TAKEN * (others > with_it)

    def speaks(self, speaker: Speaker, evidence: Mapping[str, float], *, seconds: float) -> str | None:
        """Which face speaks an utterance, None: none that is seen.

        Args:
            evidence: face -> log odds that it does, by what is to be seen of its mouth.
            seconds: that the utterance lasts.
        """
        likely = self.likeliest(speaker, evidence)
        if evidence:
            mine = self.together.setdefault(speaker, {})
            mine[likely or NOBODY] = mine.get(likely or NOBODY, 0.0) + seconds
        return likely

    def likeliest(self, speaker: Speaker, evidence: Mapping[str, float]) -> str | None:
        """As `speaks`, of an utterance that goes on; nothing is learned of it."""
        told = {face: odds + self.prior(speaker, face) for face, odds in evidence.items()}
        best = max(told, key=told.__getitem__, default=None)
        return best if best is not None and told[best] > 0 else None

    def joined(self) -> dict[Speaker, str]:
        """Voice -> the face that it belongs to: that spoke more than half of what was said with this voice while somebody was to be seen.

        Each face has one voice at most, the one that it spoke with longest.
        """
        pairs = [(seconds, who, face) for who, faces in self.together.items() for face, seconds in faces.items() if face != NOBODY]
        found: dict[Speaker, str] = {}
        for seconds, speaker, face in sorted(pairs, key=lambda pair: -pair[0]):
            mostly = 2 * seconds > sum(self.together[speaker].values())
            if mostly and speaker not in found and face not in found.values():
                found[speaker] = face
        return found

    def names(self, called: Mapping[Speaker, str] | None = None) -> tuple[dict[Speaker, str], dict[str, str]]:
        """Voice -> what the person is called, where that is another name, and face -> likewise: "person 2" where nobody gave a name.

        The number is that of the face, so that nobody gets another's when more people speak.

        Args:
            called: names of voices that a transcript gives.
        """
        voices = {speaker: name for speaker, name in (called or {}).items() if speaker not in self.given}
        faces = dict[str, str]()
        for speaker, face in self.joined().items():
            self.appear(face)
            own = voices.get(speaker) or (speaker if speaker in self.given else None)
            voices[speaker] = faces[face] = own or f"person {self.order.index(face) + 1}"
        return voices, faces


def called(seconds: Iterable[tuple[Speaker, str, float]]) -> dict[Speaker, str]:
    """Voice -> the name that a transcript gives it for most of the time; each name goes to one voice.

    Args:
        seconds: voice, name, and how long both lasted at once.
    """
    sums: dict[tuple[Speaker, str], float] = {}
    for speaker, name, length in seconds:
        sums[speaker, name] = sums.get((speaker, name), 0.0) + length
    found: dict[Speaker, str] = {}
    for (speaker, name), length in sorted(sums.items(), key=lambda item: -item[1]):
        if length and speaker not in found and name not in found.values():
            found[speaker] = name
    return found
