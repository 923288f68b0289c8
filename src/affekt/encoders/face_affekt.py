"""A face model: MobileNet (Howard et al. 2017) in int8 over grey, upright faces.

Trained by `recipes/face/face_affekt`; its starting weights are FaceRes' (Savchenko 2019), a network that was taught to tell people
apart. Its images are photographs from the web, for research only.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from affekt.encoders._card import check_speaks, read_card
from affekt.errors import WeightsError
from affekt.parts import Card, Encoder
from affekt.preprocessing._network import opened
from affekt.results import Clip

Floats = NDArray[np.float32]
SHIPPED = Path(__file__).parents[1] / "weights" / "face_affekt"
LUMA = np.array([0.299, 0.587, 0.114], np.float32)  # ITU-R BT.601, as Pillow greys


class FaceAffekt:
    """The model, loaded; its session may be used from several threads at once.

    Args:
        side: pixels of a face, as `affekt.preprocessing.crops` cuts it out.
    """

    def __init__(self, folder: Path, threads: int) -> None:
        self.card: Card = read_card(folder)
        if not isinstance(side := self.card.facts.get("side"), int):
            raise WeightsError(f'the card in {folder} has no "side", the pixels of a face; train the model again, or fetch it again')
        self.side = side
        self.session = opened(folder, threads=threads or 1)  # so small a network gains nothing from a second core

    def __call__(self, clips: Sequence[Clip], *, labels: Sequence[str]) -> dict[str, Floats]:
        """Raw outputs of several label sets: {set: (clips, labels of the set)}.

        Args:
            clips: each with data (side, side, 3), RGB in 0 … 255; all go through in one run.

        Raises:
            InputError: the model does not speak one of the label sets.
        """
        check_speaks(self.card, labels)
        if not clips:
            return {name: np.zeros((0, len(self.card.calibration[name].scale)), np.float32) for name in labels}
        pixels = np.stack([clip.data for clip in clips]).astype(np.float32) @ LUMA
        return dict(zip(labels, self.session.run(list(labels), {"pixels": pixels[:, None]}), strict=True))

    def cut(self, clip: Clip) -> list[Clip]:
        """The clip, as it is: a face is one piece."""
        return [clip]


def load(folder: Path | None, threads: int) -> FaceAffekt:
    """Opens the weights in a folder that training wrote, or the shipped ones; threads 0: one."""
    return FaceAffekt(folder or SHIPPED, threads)


PART = Encoder(name="face_affekt", modality="face", load=load, shipped=SHIPPED, needs_folder=False)
