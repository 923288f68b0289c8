"""Texts as others would have typed them: words dropped, misspelt, drawn out or in another language, marks, emoji and case changed.

A text is changed piece by piece. Faces typed in characters, links, mentions, placeholders and numbers stay as they are. So do negations
in some twenty languages, and what stands right after one is never dropped: without "not", "not good" would be praise.
"""

import json
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from affekt.encoders._words import UNSPACED
from affekt.errors import InputError
from affekt.preprocessing.text import KAOMOJI, LINK, MENTION, TYPED_FACE
from affekt.training.chances import check_chances

LEXICON = Path(__file__).with_name("code_switch.json")  # everyday words of English in Chinese
LONGEST = 4  # characters of a word that is looked up in a text without blanks; shorter than 2 they are too often part of another
MISSPELT = 4  # letters of the shortest word that is: of shorter ones little is left to tell which it was
VOWELS = "aeiouyàáâäãåæèéêëìíîïòóôöõøœùúûüýаеёиоуыэюяіїє"
NEGATIONS = frozenset(
    (
        *("not", "no", "never", "none", "nobody", "nothing", "neither", "nor", "nowhere", "without", "hardly", "cannot", "cant", "dont"),
        *("doesnt", "didnt", "isnt", "arent", "wasnt", "werent", "wont", "wouldnt", "couldnt", "shouldnt", "havent", "hasnt", "hadnt"),
        *("aint", "nicht", "kein", "keine", "keinen", "keinem", "keiner", "keines", "nie", "niemals", "niemand", "nichts", "ohne", "weder"),
        *("ne", "pas", "jamais", "rien", "aucun", "aucune", "sans", "ni", "nunca", "jamás", "nada", "nadie", "ningún", "ninguna", "sin"),
        *("tampoco", "não", "nem", "sem", "ninguém", "nenhum", "nenhuma", "non", "mai", "senza", "niente", "nessuno", "niet", "geen"),
        *("nooit", "zonder", "niets", "inte", "ingen", "aldrig", "utan", "ikke", "aldri", "uden", "uten", "nie", "nigdy", "bez", "ne"),
        *("nikdy", "nu", "niciodată", "fără", "не", "нет", "ни", "никогда", "ничего", "никто", "без", "ні", "немає", "ніколи", "değil"),
        *("yok", "hiç", "tidak", "bukan", "jangan", "tak", "không", "chưa", "chẳng", "si", "hapana", "لا", "لم", "لن", "ليس", "ما", "غير"),
        *("نہیں", "नहीं", "न", "मत", "ना", "안", "못", "아니", "아뇨"),
        *"不没沒無无别別未非勿莫否甭",
    )
)
_CONTRACTED = re.compile(r"n['’]t$|^n['’]|않|없|못하|아니")  # don't; n'est; the stems that negate in Korean

_CHARACTER = "".join(f"{chr(first)}-{chr(last)}" for first, last in UNSPACED)
# Looked at before the faces themselves, the first characters make a text of BRIGHTER take 0.16 ms instead of 0.42.
_FACES = "".join(re.escape(first) for first in sorted({face[0] for face in KAOMOJI}))
_EMOJI = "\u231a-\u23ff\u25fb-\u27bf\u2b50\u2b55\U0001f000-\U0001faff"
_NO_WORD = r"\s!-&(-/:-@\[-`{-~«»¡¿،؟؛।॥።\u2010-\u2018\u201a-\u206f\u3000-\u303f\uff00-\uffef"
_PIECE = re.compile(
    rf"(?P<kept>(?i:{LINK.pattern})|{MENTION.pattern}|(?=[{_FACES}])(?:{TYPED_FACE.pattern})"
    r"|<\|?\w+\|?>|\[[A-Z]{2,}\]|\#\w+|\d+(?:[.,:]\d+)*)"  # placeholders of corpora: <user>, [NAME]
    rf"|(?P<emoji>[{_EMOJI}](?:[\ufe0f\U0001f3fb-\U0001f3ff]|\u200d[{_EMOJI}])*)"
    rf"|(?P<word>(?![{_CHARACTER}])[^\W\d_](?:(?![{_CHARACTER}{_EMOJI}])[^{_NO_WORD}'’]|['’](?=[^\W\d_]))*)"
    rf"|(?P<character>[{_CHARACTER}])"
    r"|(?P<mark>[.,!?~]+(?![^\W_])|[…。！？，、～।؟،]+)"
    r"|(?P<blank>\s+)|(?P<other>.)",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class TextAugmentation:
    """How often what is changed: probabilities.

    Args:
        paraphrase: of a text.
        code_switch: of a word that the lexicon has.
        dropout: of a word, or of a Chinese character; at least half of them stay.
        typing: of a word: two neighbours swapped, a letter dropped or doubled; the first and the last letter stay.
        elongation: of a word.
        case: of a text: all lower case, or every word capitalised.
        punctuation: of a mark: dropped (but a question mark), doubled, three times, or dots for a stop.
        emoji: of an emoji: dropped, where there are words, or doubled.

    Raises:
        InputError: a probability is not from 0 to 1.
    """

    paraphrase: float = 0.0
    code_switch: float = 0.0
    dropout: float = 0.05
    typing: float = 0.03
    elongation: float = 0.02
    case: float = 0.1
    punctuation: float = 0.1
    emoji: float = 0.1

    def __post_init__(self) -> None:
        check_chances(self, self.__slots__)


class _Piece(NamedTuple):
    kind: str  # a group of _PIECE
    text: str


_Pieces = Sequence[_Piece]
_Change = Callable[[_Pieces, float, np.random.Generator], _Pieces]


def augmented(
    text: str,
    settings: TextAugmentation,
    rng: np.random.Generator,
    *,
    lexicon: Mapping[str, Sequence[str]] | None = None,
    paraphrase: Callable[[str], str] | None = None,
) -> str:
    """The text changed at random, never empty; the same generator gives the same text.

    Args:
        lexicon: word, in lower case, -> its translations; None: `read_lexicon()`.
        paraphrase: says a text in other words, a language model perhaps; where it says nothing, the text stays.

    Raises:
        InputError: a paraphrase is wanted, and nothing is given that makes one.

    >>> augmented("I am not happy", TextAugmentation(dropout=0, elongation=0, code_switch=1), np.random.default_rng(3))
    'I am not 开心'
    """
    if settings.paraphrase > 0:
        if paraphrase is None:
            raise InputError(f"augmentation.paraphrase is {settings.paraphrase}, and nothing paraphrases; give paraphrase=, or set it to 0")
        if rng.random() < settings.paraphrase:
            text = paraphrase(text).strip() or text
    pieces: _Pieces = [_Piece(str(match.lastgroup), match[0]) for match in _PIECE.finditer(text)]
    if settings.code_switch > 0:
        pieces = _switch(pieces, read_lexicon() if lexicon is None else lexicon, settings.code_switch, rng)
    changes: tuple[tuple[_Change, float], ...] = (
        (_drop, settings.dropout),
        (_misspell, settings.typing),
        (_elongate, settings.elongation),
        (_recase, settings.case),
        (_mark, settings.punctuation),
        (_emote, settings.emoji),
    )
    for change, often in changes:
        if often > 0:
            pieces = change(pieces, often, rng)
    made = "".join(piece.text for piece in pieces)
    return made if made.strip() else text


@lru_cache(maxsize=8)
def read_lexicon(path: Path = LEXICON) -> Mapping[str, tuple[str, ...]]:
    """Word, in lower case, -> its translations, in both directions.

    Args:
        path: JSON: {word: [its translations]}.

    Raises:
        InputError: the file holds something else.
        OSError: the file cannot be read.
    """
    try:
        given = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(f"{path} is no JSON ({error}); a lexicon is {{word: [its translations]}}") from error
    listed = isinstance(given, dict) and all(
        isinstance(others, list) and all(isinstance(o, str) and o for o in others) for others in given.values()
    )
    if not listed:
        raise InputError(f"{path} is no lexicon; one is JSON: {{word: [its translations]}}, all of them texts")
    found: dict[str, list[str]] = {}
    for word, others in given.items():
        for other in others:
            found.setdefault(word.lower(), []).append(other)
            found.setdefault(other.lower(), []).append(word)
    return {word: tuple(others) for word, others in found.items()}


def negates(word: str) -> bool:
    """Whether a word, or a Chinese character, negates."""
    low = word.lower()
    return low in NEGATIONS or _CONTRACTED.search(low) is not None


def _switch(pieces: _Pieces, lexicon: Mapping[str, Sequence[str]], often: float, rng: np.random.Generator) -> _Pieces:
    made: list[_Piece] = []
    at = 0
    while at < len(pieces):
        span = _found(pieces, at, lexicon)
        if span and rng.random() < often:
            others = lexicon["".join(piece.text for piece in pieces[at : at + span]).lower()]
            other = others[int(rng.integers(len(others)))]
            kind = "character" if re.match(f"[{_CHARACTER}]", other) else "word"
            if made and kind == made[-1].kind == "word":  # the word before was a translation too
                made.append(_Piece("blank", " "))
            made.append(_Piece(kind, other))
        else:
            made += pieces[at : at + max(span, 1)]
        at += max(span, 1)
    return made


def _found(pieces: _Pieces, at: int, lexicon: Mapping[str, Sequence[str]]) -> int:
    """How many pieces from here on are a word that the lexicon has and that does not negate; 0: none."""
    if pieces[at].kind == "word":
        return int(pieces[at].text.lower() in lexicon and not negates(pieces[at].text))
    run = ""
    for piece in pieces[at : at + LONGEST]:
        if piece.kind != "character" or negates(piece.text):
            break
        run += piece.text
    return next((size for size in range(len(run), 1, -1) if run[:size] in lexicon), 0)


def _drop(pieces: _Pieces, often: float, rng: np.random.Generator) -> _Pieces:
    words = [at for at, piece in enumerate(pieces) if piece.kind in ("word", "character")]
    after, free = False, list[int]()  # after a negation; what may go
    for at in words:
        negation = negates(pieces[at].text)
        if not (negation or after or "\u3040" <= pieces[at].text <= "\u30ff"):  # single kana are endings, and among them negations
            free.append(at)
        after = negation
    chosen = [at for at, drawn in zip(free, rng.random(len(free)).tolist(), strict=True) if drawn < often]
    return _without(pieces, set(rng.permutation(chosen)[: len(words) // 2].tolist()))


def _without(pieces: _Pieces, gone: Collection[int]) -> _Pieces:
    """The others, with one blank less for each that goes."""
    made: list[_Piece] = []
    tight = False  # whether a blank that follows goes as well
    for at, piece in enumerate(pieces):
        if at in gone:
            tight = not (made and made[-1].kind == "blank")
            if not tight:
                made.pop()
        else:
            if not (tight and piece.kind == "blank"):
                made.append(piece)
            tight = False
    return made


def _misspell(pieces: _Pieces, often: float, rng: np.random.Generator) -> _Pieces:
    def misspelt(word: str) -> str:
        at, kind = int(rng.integers(1, len(word) - 2)), int(rng.integers(3))
        middle = (word[at + 1] + word[at], word[at + 1], word[at] + word[at : at + 2])[kind]
        return word[:at] + middle + word[at + 2 :]

    return _each_word(pieces, often, rng, least=MISSPELT, change=misspelt)


def _elongate(pieces: _Pieces, often: float, rng: np.random.Generator) -> _Pieces:
    def elongated(word: str) -> str:
        at = max((place for place, letter in enumerate(word.lower()[: len(word)]) if letter in VOWELS), default=len(word) - 1)
        return word[:at] + word[at] * int(rng.integers(3, 6)) + word[at + 1 :]

    return _each_word(pieces, often, rng, least=2, change=elongated)


def _each_word(pieces: _Pieces, often: float, rng: np.random.Generator, *, least: int, change: Callable[[str], str]) -> _Pieces:
    """Some of the words changed that are all letters, at least so many, and do not negate."""
    return [
        piece._replace(text=change(piece.text))
        if piece.kind == "word" and drawn < often and len(piece.text) >= least and piece.text.isalpha() and not negates(piece.text)
        else piece
        for piece, drawn in zip(pieces, rng.random(len(pieces)).tolist(), strict=True)
    ]


def _recase(pieces: _Pieces, often: float, rng: np.random.Generator) -> _Pieces:
    """Lower case or capitals at the beginnings; not capitals throughout, which shout."""
    if rng.random() >= often:
        return pieces
    low = rng.random() < 0.5
    return [
        piece._replace(text=piece.text.lower() if low else piece.text[:1].upper() + piece.text[1:]) if piece.kind == "word" else piece
        for piece in pieces
    ]


def _mark(pieces: _Pieces, often: float, rng: np.random.Generator) -> _Pieces:
    made = []
    for piece in pieces:
        if piece.kind == "mark" and rng.random() < often:
            one, asks = piece.text[0], any(mark in piece.text for mark in "?？؟")
            others = [piece.text * 2, one * 3, *([] if asks else [""]), *(["…"] if one in ".。" else [])]
            piece = piece._replace(text=others[int(rng.integers(len(others)))])
        made.append(piece)
    return made


def _emote(pieces: _Pieces, often: float, rng: np.random.Generator) -> _Pieces:
    worded = any(piece.kind in ("word", "character") for piece in pieces)
    chosen = [at for at, piece in enumerate(pieces) if piece.kind == "emoji" and rng.random() < often]
    gone = {at for at in chosen if worded and rng.random() < 0.5}
    twice = [piece._replace(text=piece.text * 2) if at in chosen and at not in gone else piece for at, piece in enumerate(pieces)]
    return _without(twice, gone)
