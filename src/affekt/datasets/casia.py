"""CASIA: actors say Chinese sentences in six emotions."""

from collections.abc import Iterator
from pathlib import Path

from affekt.datasets import read_recordings
from affekt.parts import Recording, SpeechCorpus


def _recordings(folder: Path, split: str) -> Iterator[Recording]:
    return read_recordings(folder, "casia", split)


PART = SpeechCorpus(
    name="casia",
    paper="CASIA Chinese Emotional Speech Corpus, Institute of Automation, Chinese Academy of Sciences",
    licence="given out for research, no text of a licence",
    use="nc",
    languages=("zh",),
    splits=("train",),
    recordings=_recordings,
    label_maps={
        "ekman7": {"angry": "anger", "fear": "fear", "happy": "joy", "neutral": "neutral", "sad": "sadness", "surprise": "surprise"}
    },
)
