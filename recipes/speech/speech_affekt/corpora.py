"""The corpora, as the steps of this recipe see them."""

import os
import tomllib
from pathlib import Path

import numpy as np

from affekt.catalog import find
from affekt.labels import ekman7
from affekt.preprocessing.speech import trimmed
from affekt.sources.audio import open_audio
from affekt.training.speech_finetune import Clips

CONFIG = tomllib.loads((Path(__file__).parent / "config.toml").read_text())
NAMES = ("emodb", "ravdess", "nemo", "casia")
LABELS = ekman7.PART.labels
FOLDS = 5


class Corpus:
    """One corpus, or several one after another: what is known of each recording, and its samples or features.

    Args:
        label: in the corpus's own words; `ours` in those of ekman7, "" where it has none.
    """

    def __init__(self, data: list | np.ndarray, label: np.ndarray, speaker: np.ndarray, split: np.ndarray, name: np.ndarray) -> None:
        self.data, self.label, self.speaker, self.split, self.name = data, label, speaker, split, name

    @property
    def ours(self) -> np.ndarray:
        maps = {name: find("datasets", name).label_maps["ekman7"] for name in set(self.name.tolist())}
        return np.array([maps[name][label] or "" for name, label in zip(self.name.tolist(), self.label.tolist(), strict=True)])

    def only(self, rows: np.ndarray) -> "Corpus":
        data = self.data[rows] if isinstance(self.data, np.ndarray) else [self.data[at] for at in np.flatnonzero(rows)]
        return Corpus(data, self.label[rows], self.speaker[rows], self.split[rows], self.name[rows])

    def in_our_words(self) -> "Corpus":
        """With ekman7's labels; recordings without one are left out."""
        kept = self.ours != ""
        corpus = self.only(kept)
        corpus.label = self.ours[kept]
        return corpus

    def clips(self) -> Clips:
        told = self.in_our_words()
        return Clips(told.data, np.array([LABELS.index(label) for label in told.label]), told.speaker, told.name)


def joined(corpora: list[Corpus]) -> Corpus:
    data = [one.data for one in corpora]
    whole = np.concatenate(data) if isinstance(data[0], np.ndarray) else [clip for clips in data for clip in clips]
    return Corpus(whole, *(np.concatenate([getattr(one, part) for one in corpora]) for part in ("label", "speaker", "split", "name")))


def recordings(name: str) -> Corpus:
    """The recordings of a corpus below AFFEKT_DATA, decoded, their silent ends cut off."""
    folder, part = Path(os.environ["AFFEKT_DATA"]) / "speech", find("datasets", name)
    found = [(split, one) for split in part.splits for one in part.recordings(folder, split)]
    samples = [trimmed(np.concatenate(list(open_audio(one.path).blocks()), axis=1).mean(0)) for _, one in found]
    about = [[one.label, one.speaker, split, name] for split, one in found]
    return Corpus(samples, *np.array(about).T)


def heard(run: Path, name: str) -> Corpus:
    """The features of a corpus as the encoder of a run hears it."""
    with np.load(run / f"{name}.npz") as found:
        rows = len(found["label"])
        return Corpus(found["features"].astype(np.float32), found["label"], found["speaker"], found["split"], np.full(rows, name))


def held_out(corpus: Corpus, fold: int) -> np.ndarray:
    """Which recordings of one corpus a fold leaves out, (n,): every fifth speaker; nEMO's dev speakers; one of CASIA's two."""
    name = corpus.name[0]
    if name == "nemo":
        return corpus.split == "dev"
    people = sorted(set(corpus.speaker.tolist()))
    count = min(FOLDS, len(people))
    return np.isin(corpus.speaker, people[fold % count :: count])
