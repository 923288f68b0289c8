"""Any face emotion model in the Hugging Face hub's format, ViT, ConvNeXT, MobileNet, ResNet and the like, by folder or by name.

What such a model says is taken as it is: nobody here has calibrated it. One that `affekt train --family hub` wrote has a card, which says
what it speaks, and is calibrated.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from affekt.encoders import _hub
from affekt.encoders._card import check_speaks
from affekt.encoders._hub import Found, card_of, check_places, find, find_in, library, load_both, project
from affekt.encoders._hub_trained import labels_of, own_card
from affekt.errors import WeightsError
from affekt.parts import Card, Encoder
from affekt.results import Clip

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]
FORMS = {**_hub.FORMS, "disgust": (*_hub.FORMS["disgust"], "contempt")}  # as ferplus8 projects it
BATCH = 32  # faces that go through at once: 19 MB of pixels at 224 a side


@dataclass(slots=True)
class FaceTransformers:
    """The model, loaded; it may be used from several threads at once.

    Args:
        side: pixels of a face, as `affekt.preprocessing.crops` cuts it out.
        places: of ekman7's labels among the model's own; None: its own labels are those of the set that its card has.
    """

    card: Card
    side: int
    places: dict[str, list[int]] | None
    processor: Any
    model: Any

    def __call__(self, clips: Sequence[Clip], *, labels: Sequence[str]) -> dict[str, Floats]:
        """Raw outputs of the one label set that the model speaks: {set: (clips, labels)}.

        Args:
            clips: each with data (side, side, 3), RGB in 0 … 255.

        Raises:
            InputError: another label set is asked for.
        """
        check_speaks(self.card, labels)
        raw = [np.zeros((0, labels_of(self.card)), np.float32)]
        for at in range(0, len(clips), BATCH):
            logits = self.logits([clip.data for clip in clips[at : at + BATCH]])
            raw.append(logits if self.places is None else project(logits, self.places))
        return dict.fromkeys(labels, np.concatenate(raw))

    def logits(self, faces: Sequence[Bytes]) -> Floats:
        """What the model says in labels of its own, (faces, own labels)."""
        given = self.processor(list(faces), input_data_format="channels_last", return_tensors="pt")
        with library("torch").inference_mode():
            return np.asarray(self.model(**given).logits.numpy(), np.float32)

    def cut(self, clip: Clip) -> list[Clip]:
        """The clip, as it is: a face is one piece."""
        return [clip]


def open_model(name: str | Path, *, threads: int) -> FaceTransformers:
    """Opens a folder in the hub's format, or fetches "hf:owner/model" from the hub, once, and opens that.

    Args:
        name: of a model on the hub with "hf:" in front, of one revision of it with "@revision" behind; else a folder.
        threads: 0: as many as there are cores; torch has one number for the whole process, the last model opened sets it.

    Raises:
        MissingExtra: transformers, torch or Pillow is not installed.
        InputError: the name is none, or the model's labels are not those of one emotion out of several that ekman7 has.
        WeightsError: the model cannot be fetched, is no classifier of RGB pictures in safetensors, or a file of it is absent or broken.
    """
    return open_found(find(name), threads=threads)


def open_found(found: Found, *, threads: int, card: Card | None = None) -> FaceTransformers:
    """As `open_model`, of a model that has been found.

    Args:
        card: of a model that training wrote.

    Raises:
        MissingExtra, InputError, WeightsError: as there.
    """
    library("PIL")
    places = check_places(found, forms=FORMS) if card is None else None
    processor, model = load_both(found, "face", threads=threads)
    side = side_of(processor, found)
    opened = FaceTransformers(card or card_of(found, "face", places=places or {}), side, places, processor, model)
    try:
        opened.logits([np.zeros((side, side, 3), np.uint8)])
    except Exception as error:  # whatever the library's many processors and models raise where the two do not fit each other
        raise WeightsError(f"the model in {found.folder} cannot take an RGB picture of {side} x {side} pixels: {error}") from error
    return opened


def load(folder: Path | None, threads: int) -> FaceTransformers:
    """As `open_model`, of a folder, which training may have written.

    Raises:
        MissingExtra, InputError, WeightsError: as there; or no folder is named.
    """
    found = find_in(folder, "face_transformers")
    return open_found(found, threads=threads, card=own_card(found))


def side_of(processor: Any, found: Found) -> int:
    """Pixels of what the processor resizes pictures to; where it does not, of what it cuts out of them, or of what the model takes."""
    for name, done in (("size", "do_resize"), ("crop_size", "do_center_crop")):
        size = getattr(processor, name, None)
        if getattr(processor, done, None) and size is not None:
            sides = [size.get(key) or 0 for key in ("height", "width", "shortest_edge")]
            if any(sides):
                return int(max(sides))
    side = getattr(found.config, "image_size", None)
    if not isinstance(side, int):
        raise WeightsError(f"preprocessor_config.json in {found.folder} does not say how large a picture the model takes")
    return side


PART = Encoder(name="face_transformers", modality="face", load=load)
