"""Whether a source is heard, looked at, both or neither."""

from typing import Any

import numpy as np

from affekt.errors import InputError
from affekt.results import Modality
from affekt.sources import is_picture, is_sound, is_video
from affekt.sources.audio import tracks

OF_SOUND = "who names the speakers of a sound, and transcript holds what is said in it"


def senses(source: Any, *, kind: str | None, only: Modality | None, said: bool) -> tuple[bool, bool]:
    """Whether a source is listened to, and whether it is looked at; neither, where it is a text.

    Args:
        source, kind, only: as in `Reader.read`.
        said: speakers are named, or what they say is given.

    Raises:
        InputError: there is nothing in it of what is asked for.
    """
    array = isinstance(source, np.ndarray)
    what = "an array" if array else source
    seen = is_picture(source, kind) or (array and source.ndim == 3)
    both = is_video(source, kind) and kind != "sound"
    heard = not seen and (both or array or is_sound(source, kind))
    if not seen and not heard:
        if said:
            raise InputError(f"{OF_SOUND}; a conversation names its own speakers")
        if only not in (None, "text"):
            raise InputError(f"there is no {only} in what is read as a text; a sound, a video or an image has it")
        return False, False
    if only == "text" or (only == "speech" and seen) or (only == "face" and not seen and not both):
        raise InputError(f"there is no {only} to read in {what}")
    sound, pictures = (heard, seen) if not both or only else tracks(source)
    looked = only == "face" or (only is None and pictures)
    listened = only != "face" and (sound or not looked) and heard
    if said and not listened:
        raise InputError(f"{OF_SOUND}; {what} is not listened to")
    return listened, looked
