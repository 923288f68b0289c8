"""Convolutions over word vectors, the largest answer of each over the text (Kim 2014), as a baseline.

Runs in onnxruntime; `affekt train --family cnn` fits it.
"""

from pathlib import Path

from affekt.encoders._word_network import WordNetwork, open_words
from affekt.parts import Encoder


def load(folder: Path | None, threads: int) -> WordNetwork:
    """Opens a folder that training wrote; threads 0: as many as there are cores.

    Raises:
        WeightsError: there is no folder, or a file in it is absent, broken or of another model.
    """
    return open_words(folder, threads, name="text_cnn")


PART = Encoder(name="text_cnn", modality="text", load=load)
