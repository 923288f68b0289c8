"""Any speech emotion model in the Hugging Face hub's format, wav2vec2, HuBERT, WavLM, Whisper, AST and the like, by folder or by name.

What such a model says is taken as it is: nobody here has calibrated it, and it does not get to know voices. One that
`affekt train --family hub` wrote has a card, which says what it speaks, and is calibrated.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from affekt.encoders._card import check_speaks
from affekt.encoders._hub import Found, card_of, check_places, find, find_in, library, load_both, project
from affekt.encoders._hub_trained import labels_of, own_card
from affekt.errors import WeightsError
from affekt.parts import Card, Encoder
from affekt.preprocessing.personal import Baseline
from affekt.results import Clip
from affekt.sources.audio import RATE

Floats = NDArray[np.float32]
LEAST, MOST = RATE // 5, 30 * RATE  # samples: 0.2 s, padded to if shorter; 30 s, all that Whisper hears


@dataclass(slots=True)
class SpeechTransformers:
    """The model, loaded; it may be used from several threads at once.

    Args:
        places: of ekman7's labels among the model's own; None: its own labels are those of the set that its card has.
    """

    card: Card
    places: dict[str, list[int]] | None
    extractor: Any
    model: Any
    population: None = None  # it has no personal baseline

    def __call__(self, clips: Sequence[Clip], *, labels: Sequence[str]) -> dict[str, Floats]:
        """Raw outputs of the one label set that the model speaks, {set: (clips, labels)}; one clip at a time, so that none is padded.

        Raises:
            InputError: another label set is asked for.
        """
        check_speaks(self.card, labels)
        raw = [self._raw(self._logits(clip.data)) for clip in clips]
        return dict.fromkeys(labels, np.stack(raw) if raw else np.zeros((0, labels_of(self.card)), np.float32))

    def hear(
        self,
        samples: Floats,
        *,
        labels: Sequence[str],
        baseline: Baseline | None = None,  # noqa: ARG002 (every speech model takes it)
    ) -> tuple[Floats, dict[str, Floats]]:
        """One utterance: what the model says in labels of its own, (own labels,), and the raw outputs of each label set.

        Args:
            samples: (n,) at 16 kHz; what is after 30 s, or after the end of what the model takes, is left out.
            baseline: changes nothing.

        Raises:
            InputError: another label set is asked for.
        """
        check_speaks(self.card, labels)
        logits = self._logits(samples)
        return logits, dict.fromkeys(labels, self._raw(logits))

    def cut(self, clip: Clip) -> list[Clip]:
        """The clip in equal pieces of at most 30 s."""
        pieces = np.array_split(clip.data, -(-len(clip.data) // MOST) or 1)
        ends = np.cumsum([0, *map(len, pieces)]) / max(len(clip.data), 1) * (clip.end - clip.start) + clip.start
        return [Clip("speech", piece, a, b, who=clip.who) for piece, (a, b) in zip(pieces, pairwise(ends.tolist()), strict=True)]

    def _raw(self, logits: Floats) -> Floats:
        return logits if self.places is None else project(logits, self.places)

    def _logits(self, samples: Floats) -> Floats:
        whole = samples[:MOST] if len(samples) >= LEAST else np.pad(samples, (0, LEAST - len(samples)))
        given = self.extractor(np.asarray(whole, np.float32), sampling_rate=RATE, return_tensors="pt")
        with library("torch").inference_mode():
            return np.asarray(self.model(**given).logits[0].numpy(), np.float32)


def open_model(name: str | Path, *, threads: int) -> SpeechTransformers:
    """Opens a folder in the hub's format, or fetches "hf:owner/model" from the hub, once, and opens that.

    Args:
        name: of a model on the hub with "hf:" in front, of one revision of it with "@revision" behind; else a folder.
        threads: 0: as many as there are cores; torch has one number for the whole process, the last model opened sets it.

    Raises:
        MissingExtra: transformers or torch is not installed.
        InputError: the name is none, or the model's labels are not those of one emotion out of several that ekman7 has.
        WeightsError: the model cannot be fetched, is no classifier of sound in safetensors, or a file of it is absent or broken.
    """
    return open_found(find(name), threads=threads)


def open_found(found: Found, *, threads: int, card: Card | None = None) -> SpeechTransformers:
    """As `open_model`, of a model that has been found.

    Args:
        card: of a model that training wrote.

    Raises:
        InputError, WeightsError: as there.
    """
    places = check_places(found) if card is None else None
    extractor, model = load_both(found, "speech", threads=threads)
    if extractor.sampling_rate != RATE:
        raise WeightsError(
            f"{found.folder} is made for {extractor.sampling_rate:,} samples a second; only models for {RATE:,} can be opened"
        )
    return SpeechTransformers(card or card_of(found, "speech", places=places or {}), places, extractor, model)


def load(folder: Path | None, threads: int) -> SpeechTransformers:
    """As `open_model`, of a folder, which training may have written.

    Raises:
        MissingExtra, InputError, WeightsError: as there; or no folder is named.
    """
    found = find_in(folder, "speech_transformers")
    return open_found(found, threads=threads, card=own_card(found))


PART = Encoder(name="speech_transformers", modality="speech", load=load)
