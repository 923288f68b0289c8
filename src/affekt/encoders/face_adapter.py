"""Heads of one's own over what the shipped face network sees before its own heads: some 10 KB.

`affekt train --modality face` writes the folder; the network's graph is opened as it ships.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from affekt.encoders._adapters import read_adapter
from affekt.encoders._card import check_speaks, read_card
from affekt.encoders._session import outputs_of, session
from affekt.encoders.face_affekt import LUMA, SHIPPED
from affekt.errors import WeightsError
from affekt.parts import Encoder
from affekt.results import Clip

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]
FEATURES = "mean"  # the tensor of the shipped graph that heads see: (faces, width)


class FaceBody:
    """The shipped network up to its heads; its session may be used from several threads at once.

    Args:
        side: pixels of a face.
    """

    def __init__(self, threads: int) -> None:
        self.side = int(read_card(SHIPPED).facts["side"])
        graph = (SHIPPED / "model.onnx").read_bytes() + outputs_of([FEATURES])
        self.session = session(graph, threads or 1, traced=True)  # so small a network gains nothing from a second core

    def features(self, faces: Sequence[Bytes]) -> Floats:
        """What heads see, (faces, width). Args: faces, of which there are some: (side, side, 3) each, RGB in 0 … 255."""
        pixels = np.stack(faces).astype(np.float32) @ LUMA
        return np.asarray(self.session.run([FEATURES], {"pixels": pixels[:, None]})[0], np.float32)


class FaceAdapter:
    """The model, loaded; it may be used from several threads at once.

    Args:
        side: pixels of a face, as `affekt.preprocessing.crops` cuts it out.
    """

    def __init__(self, folder: Path, threads: int) -> None:
        self.adapter = read_adapter(folder, {"face_affekt": SHIPPED})
        self.card, self.body = self.adapter.card, FaceBody(threads)
        self.side = self.body.side

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
        features = self.body.features([clip.data for clip in clips])
        return {name: self.adapter.raw(features, name) for name in labels}

    def cut(self, clip: Clip) -> list[Clip]:
        """The clip, as it is: a face is one piece."""
        return [clip]


def load(folder: Path | None, threads: int) -> FaceAdapter:
    """Opens a folder that training wrote; threads 0: one.

    Raises:
        WeightsError: there is no folder, a file in it is absent or broken, or it belongs to another network than the one that ships.
    """
    if folder is None:
        raise WeightsError("face_adapter comes without weights; train one with: affekt train --modality face --data FILE -o FOLDER")
    return FaceAdapter(folder, threads)


PART = Encoder(name="face_adapter", modality="face", load=load)
