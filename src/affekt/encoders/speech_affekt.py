"""A speech model: the first layers of Whisper's encoder in int8, their statistics, and a linear head over how the
voice differs from its personal baseline.

Trained by `recipes/speech/speech_affekt`; its starting weights are Whisper tiny.en's (Radford et al. 2022). The corpora allow
research only; `speech_affekt_free` is the same of a corpus that allows everything.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from affekt.encoders._card import read_card
from affekt.encoders._session import session
from affekt.errors import WeightsError
from affekt.parts import Card, Encoder
from affekt.preprocessing.personal import Baseline, Population
from affekt.results import Clip

Floats = NDArray[np.float32]
WEIGHTS = Path(__file__).parents[1] / "weights"
FRAME = 320  # samples that two hops of the spectrogram, one frame of the encoder, take
HEAD = "head.npz"  # the linear head once more, and the population that it was fitted to
LEAST, MOST = 10 * FRAME, 600 * FRAME  # 0.2 s, padded to if shorter; 12 s


class SpeechAffekt:
    """The model, loaded; its session may be used from several threads at once."""

    def __init__(self, folder: Path, threads: int) -> None:
        self.card: Card = read_card(folder)
        for file in ("model.onnx", HEAD):
            if not (folder / file).is_file():
                raise WeightsError(f"no {file} in {folder}; install the package again, or name a folder that holds a model")
        try:
            self.session = session(folder / "model.onnx", threads)
            with np.load(folder / HEAD, allow_pickle=False) as found:
                self.population: Population | None = Population(found["mean"], found["between"], found["within"], found["emotions"])
                self.weight, self.bias = found["weight"].astype(np.float32), found["bias"].astype(np.float32)
        except Exception as error:  # both libraries raise types of their own, and bare ones
            raise WeightsError(f"the model in {folder} is damaged: {error}; install the package again, or train the model again") from error

    def __call__(self, clips: Sequence[Clip], *, labels: Sequence[str]) -> dict[str, Floats]:
        """Raw outputs of several label sets, each voice judged against the population: {set: (clips, labels of the set)}."""
        made = {name: np.zeros((len(clips), len(self.card.calibration[name].scale)), np.float32) for name in labels}
        for at, clip in enumerate(clips):
            for name, raw in self.hear(clip.data, labels=labels)[1].items():
                made[name][at] = raw
        return made

    def hear(self, samples: Floats, *, labels: Sequence[str], baseline: Baseline | None = None) -> tuple[Floats, dict[str, Floats]]:
        """One utterance: its features, (d,), to hear into a baseline, and the raw outputs of each label set.

        Args:
            samples: (n,) at 16 kHz.
            baseline: of the speaker, without this utterance.
        """
        whole = samples[:MOST] if len(samples) >= LEAST else np.pad(samples, (0, LEAST - len(samples)))
        given = {"samples": whole[None, : len(whole) // FRAME * FRAME].astype(np.float32)}
        if baseline is not None and self.population is not None:
            given["baseline"] = baseline.shrunk(self.population)
        features, *raw = self.session.run(["features", *labels], given)
        return features[0], {name: values[0] for name, values in zip(labels, raw, strict=True)}

    def rejudge(self, features: Floats, *, labels: Sequence[str], baseline: Baseline) -> dict[str, Floats]:
        """The raw outputs of an utterance that has been heard, against another baseline. Args: features (d,), as `hear` gives them."""
        assert self.population is not None
        scaled = (features - baseline.shrunk(self.population)) / np.sqrt(self.population.within)
        return {name: np.asarray(scaled @ self.weight + self.bias, np.float32) for name in labels}

    def cut(self, clip: Clip) -> list[Clip]:
        """The clip in equal pieces, none longer than the model was made for."""
        pieces = np.array_split(clip.data, -(-len(clip.data) // MOST) or 1)
        ends = np.cumsum([0, *map(len, pieces)]) / max(len(clip.data), 1) * (clip.end - clip.start) + clip.start
        return [Clip("speech", piece, ends[at], ends[at + 1], who=clip.who) for at, piece in enumerate(pieces)]


def loading(shipped: Path) -> Callable[[Path | None, int], SpeechAffekt]:
    """What opens the weights in a folder that training wrote, or those shipped in that folder; threads 0: as many as there are cores."""
    return lambda folder, threads: SpeechAffekt(folder or shipped, threads)


SHIPPED = WEIGHTS / "speech_affekt"
PART = Encoder(name="speech_affekt", modality="speech", load=loading(SHIPPED), shipped=SHIPPED, needs_folder=False)
