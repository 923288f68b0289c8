"""EmoDB: ten actors say ten German sentences in seven emotions."""

from collections.abc import Iterator
from pathlib import Path

from affekt.datasets import read_recordings
from affekt.parts import Recording, SpeechCorpus


def _recordings(folder: Path, split: str) -> Iterator[Recording]:
    return read_recordings(folder, "emodb", split)


PART = SpeechCorpus(
    name="emodb",
    paper="Burkhardt et al. (2005), A Database of German Emotional Speech, Interspeech",
    licence="CC0",
    use="ship",
    languages=("de",),
    splits=("train", "dev"),
    recordings=_recordings,
    label_maps={
        "ekman7": {
            "angry": "anger",
            "boredom": None,
            "disgust": "disgust",
            "fear": "fear",
            "happy": "joy",
            "neutral": "neutral",
            "sad": "sadness",
        }
    },
)
