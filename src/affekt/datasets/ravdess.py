"""RAVDESS: actors say two English sentences in eight emotions, most of them at two intensities."""

from collections.abc import Iterator
from pathlib import Path

from affekt.datasets import read_recordings
from affekt.parts import Recording, SpeechCorpus


def _recordings(folder: Path, split: str) -> Iterator[Recording]:
    return read_recordings(folder, "ravdess", split)


PART = SpeechCorpus(
    name="ravdess",
    paper="Livingstone and Russo (2018), The Ryerson Audio-Visual Database of Emotional Speech and Song, PLoS ONE",
    licence="CC BY-NC-SA 4.0",
    use="nc",
    languages=("en",),
    splits=("train", "dev"),
    recordings=_recordings,
    label_maps={
        "ekman7": {
            "neutral": "neutral",
            "calm": "neutral",
            "happy": "joy",
            "sad": "sadness",
            "angry": "anger",
            "fear": "fear",
            "disgust": "disgust",
            "surprise": "surprise",
        }
    },
)
