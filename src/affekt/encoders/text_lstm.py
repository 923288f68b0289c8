"""Word vectors and one LSTM layer (Hochreiter and Schmidhuber 1997): the network of a thousand tutorials, as a baseline.

Runs in onnxruntime; `affekt train --family lstm` fits it.
"""

from pathlib import Path

from affekt.encoders._word_network import WordNetwork, open_words
from affekt.parts import Encoder


def load(folder: Path | None, threads: int) -> WordNetwork:
    """Opens a folder that training wrote; threads 0: as many as there are cores.

    Raises:
        WeightsError: there is no folder, or a file in it is absent, broken or of another model.
    """
    return open_words(folder, threads, name="text_lstm")


PART = Encoder(name="text_lstm", modality="text", load=load)
