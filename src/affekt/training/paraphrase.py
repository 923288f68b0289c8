"""Says texts in other words through a language model, for augmentation."""

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

from affekt.encoders._card import read_card
from affekt.encoders._llm_client import Endpoint, open_library
from affekt.encoders._llm_settings import FACT, read_settings
from affekt.errors import WeightsError
from affekt.policy.redaction import redact

TASK = (
    "Say the text in other words, in its own language, with the same meaning, the same feeling and about the same length. "
    "Answer with the new text alone."
)
TOKENS = 400  # of an answer
KEPT = 100_000  # paraphrases that are asked for only once


def paraphrasing(folder: Path) -> Callable[[str], str]:
    """What paraphrases a text by the language model in a folder that `affekt.training.text_llm.make` wrote.

    A text is said anew once, and the same way each time; asked again in another process the model may say it otherwise.

    Raises:
        WeightsError: the folder holds no language model.
        MissingExtra: the library openai is not installed.
    """
    try:
        settings = read_settings(read_card(folder).facts.get(FACT))
    except ValueError as error:
        raise WeightsError(f"{folder} holds no language model that could paraphrase: {error}; make one as docs/llm.md says") from error
    open_library()
    endpoint = Endpoint(settings)

    @lru_cache(maxsize=KEPT)
    def paraphrase(text: str) -> str:
        shown = redact(text) if settings.redact else text
        messages = [{"role": "system", "content": TASK}, {"role": "user", "content": shown}]
        return endpoint.send(messages, wire="text", schema={}, most=TOKENS).content.strip()

    return paraphrase
