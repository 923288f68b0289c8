"""Fewer pieces in a tokenizer, and fewer rows in the table of word vectors: what some texts need, and what spells any other text."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tokenizers import Tokenizer

from affekt.errors import InputError

SPECIALS = 4  # <s> <pad> </s> <unk> stand first in XLM-R's vocabulary
BLANK = "▁"  # what a piece begins with where a word does
BATCH = 5000  # texts that are counted at once


def counted(tokenizer: Tokenizer, texts: Sequence[str]) -> Counter[int]:
    """How often the texts use each piece, by its id; marks at the ends of a text count too."""
    used = Counter[int]()
    for at in range(0, len(texts), BATCH):
        for encoding in tokenizer.encode_batch(list(texts[at : at + BATCH])):
            used.update(encoding.ids)
    return used


def characters(whole: Mapping[str, Any]) -> list[int]:
    """The ids of all pieces of one character, with which any text can be spelt that could be spelt before.

    Args:
        whole: a `tokenizer.json`.
    """
    return [at for at, (piece, _) in enumerate(whole["model"]["vocab"]) if len(piece.strip(BLANK)) <= 1]


def needed(whole: Mapping[str, Any], tokenizer: Tokenizer, texts: Sequence[str]) -> list[int]:
    """The ids of marks, of single characters, and of what the texts use, in their order.

    Where these are all that is left, the texts are spelt as before: a Unigram tokenizer takes the likeliest of all spellings
    (Kudo 2018, Subword Regularization), and the likeliest is left.

    Args:
        whole: the `tokenizer.json` of the tokenizer.

    Raises:
        InputError: it is of another kind.
    """
    marks = whole["model"].get("vocab", [])[:SPECIALS] if whole["model"].get("type") == "Unigram" else []
    if [piece for piece, _ in marks] != ["<s>", "<pad>", "</s>", "<unk>"]:
        raise InputError(f"only a Unigram vocabulary like XLM-R's can be trimmed; this is {whole['model'].get('type')}: leave it whole")
    return sorted({*range(SPECIALS), *characters(whole), *counted(tokenizer, texts)})


def cut_down(whole: Mapping[str, Any], rows: Sequence[int]) -> dict[str, Any]:
    """The `tokenizer.json` with some pieces alone, which get their places in `rows` as ids.

    Args:
        rows: ids of the pieces to keep; the marks come first.
    """
    pieces = whole["model"]["vocab"]
    added = [token for token in whole["added_tokens"] if token["id"] < SPECIALS]
    model = {**whole["model"], "vocab": [pieces[at] for at in rows]}
    return {**whole, "model": model, "added_tokens": added, "truncation": None, "padding": None}


def respelt(before: Tokenizer, after: Tokenizer, texts: Iterable[str]) -> float:
    """The share of texts that two tokenizers spell in other pieces."""
    given = list(texts)
    pairs = zip(before.encode_batch(given), after.encode_batch(given), strict=True)
    return sum(one.tokens != other.tokens for one, other in pairs) / max(len(given), 1)
