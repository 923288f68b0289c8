"""A document: plain text, or Markdown read as prose."""

from affekt.errors import EmptyInput
from affekt.sources.markdown import prose
from affekt.sources.opened import Opened
from affekt.sources.text import is_blank, open_text

ENDINGS = (".txt", ".md", ".markdown")


def open_document(text: str, *, name: str, markdown: bool = False) -> Opened:
    """One clip that holds the document's prose; `transcript` is that prose, and spans point into it.

    Raises:
        EmptyInput: there is no prose in it.
        InputTooLarge: it is longer than a text may be.
    """
    if markdown and not is_blank(text):
        text = prose(text)
        if is_blank(text):
            raise EmptyInput(f"{name} holds no prose, only markup or code; read it as it stands with kind='text'")
    return open_text(text, name=name)
