"""The models that a reader uses, each opened when it is first needed, once; and the label set that they are to speak."""

from collections.abc import Sequence
from copy import copy
from pathlib import Path
from threading import Lock
from typing import cast

from affekt import catalog
from affekt.calibration.apply import sets_of, spoken_for
from affekt.calibration.context import Context, open_context
from affekt.encoders._card import CARD, read_card
from affekt.encoders._open import exists, open_encoder
from affekt.errors import InputError, LicenceRefused, UnknownName
from affekt.hearing import SpeechEncoder
from affekt.parts import Card, LabelSet, OpenEncoder
from affekt.preprocessing.transcript import Transcriber
from affekt.results import Modality
from affekt.settings import Settings
from affekt.watching import FaceEncoder

KNOWN_TO_CONTEXT = "text_affekt"  # whose scores the shipped context was learned on


def choose_labels(settings: Settings, *, judge: Modality | None = None) -> LabelSet:
    """The label set that readings speak: the one that is asked for, else the default, else what a chosen model speaks.

    A model in a folder may have a set of its own in its card. Where no set is asked for and such a model speaks neither the default
    nor a finer one, it is the model's own; of several such models the first counts, text before speech before face.

    Args:
        judge: look at this modality's model alone, for it is to be judged: what data for it say is in its own set, where it has one.

    Raises:
        UnknownName: neither the catalog nor the card of a chosen model has the set.
        WeightsError: a card cannot be read.
    """
    cards = _cards(settings, judge)
    default = settings.labels
    if "labels" in settings.model_fields_set:
        return _named(default, cards)
    wanted = catalog.find("labels", default)
    for card in cards:
        own = [*card.sets.values(), *sets_of(card)]
        if own and ((judge and card.sets) or spoken_for(card, wanted) is None):
            return own[0]
    return wanted


def _cards(settings: Settings, judge: Modality | None) -> list[Card]:
    """The cards of the models that are folders, which nothing needs to be opened for; a name that Affekt has is no folder's."""
    named: dict[Modality, str] = {"text": settings.text_model, "speech": settings.speech_model, "face": settings.face_model}
    chosen = [Path(name) for modality, name in named.items() if judge in (None, modality) and name not in catalog.names("encoders")]
    return [read_card(folder) for folder in chosen if (folder / CARD).is_file()]


def _named(name: str, cards: Sequence[Card]) -> LabelSet:
    found = [card.sets[name] for card in cards if name in card.sets]
    if found or name in catalog.names("labels"):
        return found[0] if found else catalog.find("labels", name)
    own = [one for card in cards for one in card.sets]
    raise UnknownName(name, "labels", {*catalog.names("labels"), *own}, also="nor in the card of a model" if cards else "")


class Models:
    """Models by what the settings name.

    Raises:
        UnknownName: there is no such model.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        for name in (settings.text_model, settings.speech_model, settings.face_model):
            if not exists(name):
                raise UnknownName(name, "encoders", catalog.names("encoders"), also="nor a folder of that name")
        self._loading = Lock()
        self._opened: dict[Modality, OpenEncoder] = {}
        self._transcribers: dict[str, Transcriber] = {}
        self._context: Context | None = None

    def text(self) -> OpenEncoder:
        """The text model."""
        return self._encoder("text", self.settings.text_model)

    def speech(self) -> SpeechEncoder:
        """The speech model; where only commercial use is allowed, `speech_affekt` has a free sibling."""
        name = self.settings.speech_model
        if self.settings.commercial_only and name == "speech_affekt":
            name = "speech_affekt_free"
        return cast(SpeechEncoder, self._encoder("speech", name))

    def face(self) -> FaceEncoder:
        """The face model."""
        return cast(FaceEncoder, self._encoder("face", self.settings.face_model))

    def transcriber(self) -> Transcriber:
        """The model that writes down what is said."""
        name = self.settings.transcript
        with self._loading:
            if name not in self._transcribers:
                self._transcribers[name] = Transcriber(name, threads=self.settings.threads)
        return self._transcribers[name].told(self.settings.language or None)

    def under(self, settings: Settings) -> "Models":
        """What other settings name; what both name is opened once."""
        other = copy(self)
        other.settings = settings
        return other

    def context(self) -> Context | None:
        """How earlier turns of a conversation pull at a turn; None: not at all.

        Raises:
            InputError: it is asked for, and was learned for another model.
        """
        if not self.settings.context:
            return None
        if (name := self.text().card.name) != KNOWN_TO_CONTEXT:
            raise InputError(f"context was learned for {KNOWN_TO_CONTEXT}, not for {name}; leave context out, or choose that model")
        with self._loading:
            self._context = self._context or open_context()
        return self._context

    def _encoder(self, modality: Modality, name: str) -> OpenEncoder:
        with self._loading:
            if modality not in self._opened:
                opened = open_encoder(name, self.settings.threads)
                if opened.card.modality != modality:
                    raise InputError(f"{opened.card.name} reads {opened.card.modality}, not {modality}; choose a {modality} model")
                if self.settings.commercial_only and not opened.card.commercial:
                    licence = opened.card.licence["weights"]
                    raise LicenceRefused(f"{opened.card.name} is not for commercial use ({licence}); choose another model")
                self._opened[modality] = opened
        return self._opened[modality]
