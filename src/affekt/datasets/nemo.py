"""nEMO: actors say Polish sentences in six emotions."""

from collections.abc import Iterator
from pathlib import Path

from affekt.datasets import read_recordings
from affekt.parts import Recording, SpeechCorpus


def _recordings(folder: Path, split: str) -> Iterator[Recording]:
    return read_recordings(folder, "nemo", split)


PART = SpeechCorpus(
    name="nemo",
    paper="Christop (2024), nEMO: Dataset of Emotional Speech in Polish, LREC-COLING",
    licence="CC BY-NC-SA 4.0",
    use="nc",
    languages=("pl",),
    splits=("train", "dev"),
    recordings=_recordings,
    label_maps={
        "ekman7": {"angry": "anger", "fear": "fear", "happy": "joy", "neutral": "neutral", "sad": "sadness", "surprise": "surprise"}
    },
)
