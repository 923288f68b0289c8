"""An encoder like BERT (Devlin et al. 2019), fine-tuned: the shipped one, one of the hub, or one in a folder.

`affekt train --family encoder` writes the folder that this opens; what runs needs no torch.
"""

from pathlib import Path

from affekt.encoders._tokens import TokenNetwork, open_network
from affekt.errors import WeightsError
from affekt.parts import Encoder


def load(folder: Path | None, threads: int) -> TokenNetwork:
    """Opens a folder that training wrote; threads 0: as many as there are cores.

    Raises:
        WeightsError: there is no folder, or a file in it is absent or broken.
    """
    if folder is None:
        raise WeightsError("text_encoder comes without weights; train one with: affekt train --family encoder --data FILE -o FOLDER")
    return open_network(folder, threads)


PART = Encoder(name="text_encoder", modality="text", load=load)
