"""The shipped text model: a six-layer multilingual encoder in int8 with a head for every label set.

Trained by `recipes/text/text_affekt`; its starting weights are multilingual-e5-small (Wang et al. 2024,
arXiv:2402.05672) with every second layer and a vocabulary of 90,000 pieces.
"""

from pathlib import Path

from affekt.encoders._tokens import TokenNetwork, open_network
from affekt.parts import Encoder

SHIPPED = Path(__file__).parents[1] / "weights" / "text_affekt"


def load(folder: Path | None, threads: int) -> TokenNetwork:
    """Opens the shipped weights, or those of a folder that training wrote; threads 0: as many as there are cores.

    Raises:
        WeightsError: a file is absent or broken.
    """
    return open_network(folder or SHIPPED, threads)


PART = Encoder(name="text_affekt", modality="text", load=load, shipped=SHIPPED, needs_folder=False)
