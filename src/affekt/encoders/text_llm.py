"""A language model behind an OpenAI-compatible endpoint, asked in words, with examples or without.

Its folder holds a card and nothing else: the model is the endpoint's. `affekt.training.text_llm` makes one. Nothing is sent but to the
endpoint that the card, or where that names none the environment, names; what points at a person is taken out before.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from affekt import catalog
from affekt.encoders._card import check_speaks, read_card
from affekt.encoders._llm_asking import Asking
from affekt.encoders._llm_cache import open_cache
from affekt.encoders._llm_client import Endpoint, open_library
from affekt.encoders._llm_prompt import REVISION, takes_letters
from affekt.encoders._llm_settings import FACT, Settings, read_settings, revision_of
from affekt.errors import WeightsError
from affekt.labels._matrix import matrix
from affekt.parts import Card, Encoder, LabelSet, Row
from affekt.preprocessing.text import cut
from affekt.results import Clip

MILLION = 1e6  # tokens that a price is of


@dataclass(slots=True)
class TextLLM:
    """The model, asked by `Asking`; it may be called from several threads at once."""

    card: Card
    settings: Settings
    asking: Asking

    def __call__(self, clips: Sequence[Clip], *, labels: Sequence[str]) -> dict[str, NDArray[np.float32]]:
        """Raw outputs of the one label set that the model is asked about: (clips, labels of the set).

        Raises:
            InputError: another label set is asked for.
            EndpointError: the endpoint fails, or a text has no answer.
        """
        check_speaks(self.card, labels)
        wide = len(self.asking.labels.labels)
        raw = np.array(self.asking.ask([clip.data for clip in clips]), np.float32).reshape(-1, wide)
        return dict.fromkeys(labels, raw)

    def cut(self, clip: Clip) -> list[Clip]:
        """The clip in windows of whole sentences, none longer than the card's `longest`."""
        return cut(clip, size=len, most=self.settings.longest)

    def report(self) -> dict[str, Any]:
        """What was asked since the model was opened: texts, how many of them were cached, requests, tokens, seconds, the cost."""
        used, price = self.asking.endpoint.usage, self.settings.price
        counted = {name: getattr(used, name) for name in ("texts", "cached", "requests", "tokens_in", "tokens_out")}
        told: dict[str, Any] = {**counted, "seconds": round(used.seconds, 3)}
        if price is not None:
            told["cost"] = round((used.tokens_in * price.input + used.tokens_out * price.output) / MILLION, 6)
            told["currency"] = price.currency
        return told


def load(folder: Path | None, threads: int) -> TextLLM:  # noqa: ARG001 (every encoder takes it)
    """Opens a folder with the card of a language model; nothing is sent before a text is read.

    Raises:
        WeightsError: there is no folder, or its card is not one of a language model, or was changed after it was calibrated.
        MissingExtra: the library openai is not installed.
    """
    advice = "make one with affekt.training.text_llm.make"
    if folder is None:
        raise WeightsError(f"text_llm comes without a model; {advice}, and name its folder")
    card = read_card(folder)
    if len(card.calibration) != 1:
        raise WeightsError(f"a language model is asked about one label set, and the card in {folder} has {len(card.calibration)}; {advice}")
    name = next(iter(card.calibration))
    labels = card.sets.get(name) or catalog.find("labels", name)
    try:
        settings = read_settings(card.facts.get(FACT))
        check_settings(settings, labels)
    except ValueError as error:
        raise WeightsError(f'"{FACT}" in the card in {folder} cannot be used: {error}; {advice}') from error
    if (found := revision_of(settings, labels)) != card.revision:
        raise WeightsError(
            f"what the card in {folder} says of its model has revision {found}, and was calibrated as {card.revision}; "
            f'{advice} anew, or write "revision": "{found}" to take it as it is'
        )
    open_library()
    return TextLLM(card, settings, Asking(Endpoint(settings), labels, open_cache()))


def check_settings(settings: Settings, labels: LabelSet) -> None:
    """Nothing, if a model can be asked about a label set so.

    Raises:
        ValueError: the wording is not ours, an example does not fit the set, or letters cannot answer.
    """
    if settings.prompt != REVISION:
        raise ValueError(f"the wording of its prompt has revision {settings.prompt!r}, and this version of Affekt has {REVISION!r}")
    if settings.answer == "letter" and not takes_letters(labels):
        raise ValueError(f"{labels.name} cannot be answered with one letter; answer in scores")
    if labels.kind == "dimensions":
        if not all(example.vad for example in settings.examples):
            raise ValueError("an example has no vad")
    else:
        matrix([Row(example.text, example.labels) for example in settings.examples], labels)


PART = Encoder(name="text_llm", modality="text", load=load)
