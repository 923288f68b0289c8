"""Heads of one's own over what a shipped speech encoder hears, each relative to the voice's personal baseline: some 100 KB.

`affekt train --modality speech` writes the folder; the encoder's graph is opened as it ships.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from affekt.encoders import speech_affekt, speech_affekt_free
from affekt.encoders._adapters import read_adapter
from affekt.encoders._card import check_speaks
from affekt.encoders.speech_affekt import SpeechAffekt
from affekt.errors import WeightsError
from affekt.parts import Encoder
from affekt.preprocessing.personal import Baseline, Population, nothing_heard
from affekt.results import Clip

Floats = NDArray[np.float32]
SHIPPED = {"speech_affekt": speech_affekt.SHIPPED, "speech_affekt_free": speech_affekt_free.SHIPPED}
PARTS = ("mean", "between", "within")  # of the population, (d,) each; "emotions" (labels, d) may be there as well


class SpeechAdapter:
    """The model, loaded; its session may be used from several threads at once."""

    def __init__(self, folder: Path, threads: int) -> None:
        self.adapter = read_adapter(folder, SHIPPED)
        self.card, weights = self.adapter.card, self.adapter.weights
        if absent := [part for part in PARTS if part not in weights]:
            raise WeightsError(f"the adapter in {folder} lacks {', '.join(absent)} of its population; train the model again")
        self.population: Population | None = Population(**{part: weights[part] for part in PARTS}, emotions=weights.get("emotions"))
        self.spread = np.sqrt(weights["within"])
        self.body = SpeechAffekt(self.adapter.base, threads)

    def __call__(self, clips: Sequence[Clip], *, labels: Sequence[str]) -> dict[str, Floats]:
        """Raw outputs of several label sets, each voice judged against the population: {set: (clips, labels of the set)}.

        Raises:
            InputError: the model does not speak one of them.
        """
        check_speaks(self.card, labels)
        heard = [self.hear(clip.data, labels=labels)[1] for clip in clips]
        wide = {name: len(self.card.calibration[name].scale) for name in labels}
        return {name: np.stack([one[name] for one in heard]) if heard else np.zeros((0, wide[name]), np.float32) for name in labels}

    def hear(self, samples: Floats, *, labels: Sequence[str], baseline: Baseline | None = None) -> tuple[Floats, dict[str, Floats]]:
        """One utterance: its features, (d,), to hear into a baseline, and the raw outputs of each label set.

        Args:
            samples: (n,) at 16 kHz.
            baseline: of the speaker, without this utterance.
        """
        assert self.population is not None
        features, _ = self.body.hear(samples, labels=[])
        return features, self.rejudge(features, labels=labels, baseline=baseline or nothing_heard(self.population))

    def rejudge(self, features: Floats, *, labels: Sequence[str], baseline: Baseline) -> dict[str, Floats]:
        """The raw outputs of an utterance that has been heard, against another baseline. Args: features (d,), as `hear` gives them."""
        assert self.population is not None
        seen = (features - baseline.shrunk(self.population)) / self.spread
        return {name: self.adapter.raw(seen, name) for name in labels}

    def cut(self, clip: Clip) -> list[Clip]:
        """The clip in equal pieces, none longer than the encoder was made for."""
        return self.body.cut(clip)


def load(folder: Path | None, threads: int) -> SpeechAdapter:
    """Opens a folder that training wrote; threads 0: as many as there are cores.

    Raises:
        WeightsError: there is no folder, a file in it is absent or broken, or it belongs to another encoder than those that ship.
    """
    if folder is None:
        raise WeightsError("speech_adapter comes without weights; train one with: affekt train --modality speech --data FILE -o FOLDER")
    return SpeechAdapter(folder, threads)


PART = Encoder(name="speech_adapter", modality="speech", load=load)
