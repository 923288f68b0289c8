"""Cleans text so that nothing which carries emotion is lost, and cuts long text into windows.

Every step can be switched off (`steps=`), so that an ablation can say which of them earn their place.
"""

import re
import unicodedata
from bisect import bisect_left
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from functools import lru_cache

from affekt.results import Clip

STEPS = ("controls", "links", "mentions", "kaomoji", "emoji", "elongation")

# Faces typed in characters, and the emoji that says the same. Most of them fall apart into unknown or
# meaningless pieces in a subword vocabulary; the emoji is one piece with a meaning.
FACES = {
    "😭": ("T_T", "T.T", "TT_TT", "ToT", "QAQ", "Q_Q", "(╥﹏╥)", "╥﹏╥", "(ಥ﹏ಥ)", "(ಥ_ಥ)", "(´;ω;`)"),
    "😢": ("QwQ", ";_;", ";-;", "(;′⌒`)", "(。•́︿•̀。)", ":'(", ":’(", ":'‑("),
    "😠": ("ಠ_ಠ", ">:("),
    "😡": ("(╯°□°)╯︵ ┻━┻", "(╯°□°）╯︵ ┻━┻", "(╬ಠ益ಠ)", "(｀皿´)", "(╯‵□′)╯"),
    "😊": ("^_^", "^-^", "^^", "(^_^)", "(´▽`)", "(◕‿◕)", "(｡◕‿◕｡)", "(*´▽`*)", ":3"),
    "😄": ("(^o^)", "(≧▽≦)", "(*^▽^*)", "(＾▽＾)", "ヽ(´▽`)/", "\\(^o^)/", ":D", ":-D", "=D"),
    "🤗": ("(づ｡◕‿‿◕｡)づ", "(つ≧▽≦)つ"),
    "😔": ("(´･ω･`)", "(´・ω・`)"),
    "😞": ("orz", "Orz", "OTZ"),
    "😅": ("囧", "-_-||"),
    "😑": ("-_-", "-.-", "=_="),
    "😳": ("(⊙_⊙)", "O_O", "(*/ω＼*)"),
    "😲": ("(⊙o⊙)", "o_O", "O_o"),
    "😱": ("°Д°", "(°Д°)", "Σ(°△°)", "(゜ロ゜)", "(ﾟДﾟ)"),
    "🤷": ("¯\\_(ツ)_/¯",),
    "😒": ("(¬_¬)",),
    "😏": ("(￣ー￣)",),
    "💪": ("(ง •̀_•́)ง",),
    "❤": ("<3",),
    "💔": ("</3",),
    "🙂": (":-)", ":)", "=)"),
    "🙁": (":-(", ":(", "=("),
    "😆": ("XD", "xD"),
    "😉": (";)", ";-)"),
    "😛": (":P", ":-P", ":p"),
    "😮": (":O", ":-O", ":o"),
    "😕": (":/", ":-/"),
    "😘": (":*", ":-*"),
}
KAOMOJI = {face: emoji for emoji, faces in FACES.items() for face in faces}


def _face(face: str) -> str:
    """The pattern of one face: letters stand free ("XD", not "XDR"), "3:0" is a score, "x:(y)" a bracket."""
    before = r"(?<![A-Za-z0-9])" if face[0].isalnum() or face[-1].isalnum() or face[-1] == "*" else r"(?<!\d)" if face[0] in ":;=" else ""
    after = r"(?![A-Za-z0-9])" if face[-1].isalnum() else r"(?![\w/])" if face[-1] in "(/*" else ""
    return before + re.escape(face) + after


# Where no face begins, one look at the character tells; ninety patterns tried at each take twelve times as long.
TYPED_FACE = re.compile(
    f"(?=[{re.escape(''.join(sorted({face[0] for face in KAOMOJI})))}])"
    f"(?:{'|'.join(_face(face) for face in sorted(KAOMOJI, key=len, reverse=True))})"
)
LINK = re.compile(r"(?:https?://|www\.)[^\s<>\"'，。！？、（）]+", re.IGNORECASE)
MENTION = re.compile(r"(?<![\w@.])@[\w\-·]{1,40}")
_ELONGATED = re.compile(r"([^\W\d_]|[!?.~。！？…～，,])\1{3,}")  # four or more of one letter or mark
_BLANK = re.compile(r"[^\S\n]+")
_INVISIBLE = dict.fromkeys([0x200B, 0x200E, 0x200F, 0x2060, 0xFEFF, 0x00AD, *range(0x202A, 0x202F), *range(0xFE00, 0xFE10)])


def _controls(text: str) -> str:
    text = text.translate(_INVISIBLE).replace("\r\n", "\n")
    return "".join(" " if unicodedata.category(c) in ("Cc", "Cs") and c != "\n" else c for c in text)


@lru_cache(maxsize=4096)
def _spell(character: str) -> str:
    name = unicodedata.name(character, "")
    return f" {name.lower()} " if name else character


def normalise(text: str, *, steps: Collection[str] = STEPS, known: Callable[[str], bool] | None = None) -> str:
    """Text as the encoder wants it; the words, the emoji and the shouting stay.

    Args:
        steps: which of `STEPS` to run; all by default.
        known: says whether the encoder's vocabulary has a pictograph; one it lacks is spelled out by its Unicode
            name ("🥺" becomes "face with pleading eyes"). None: every pictograph is known.

    >>> normalise("@anna sooooo good!!!!!! https://example.org T_T")
    '@user sooo good!!! http 😭'
    """
    if "controls" in steps:
        text = _controls(text)
    if "links" in steps:
        text = LINK.sub("http", text)
    if "mentions" in steps:
        text = MENTION.sub("@user", text)
    if "kaomoji" in steps:
        text = TYPED_FACE.sub(lambda match: KAOMOJI[match[0]], text)
    if "emoji" in steps and known is not None and not text.isascii():
        text = "".join(_spell(c) if c > "\u2190" and unicodedata.category(c) == "So" and not known(c) else c for c in text)
    if "elongation" in steps:
        text = _ELONGATED.sub(r"\1\1\1", text)
    return _BLANK.sub(" ", text).strip()


# A sentence ends at a full stop, question or exclamation mark (a Latin full stop only before a blank and no lower
# case letter: "e.g. this"), at an ellipsis, or at the end of a line; closing quotes and emoji after it belong to it.
_SENTENCE_END = re.compile(
    r"(?:[。！？!?…؟।።]+|(?<!\b[A-Za-z])(?<!\b(?:Mr|Dr|St|vs))(?<!\bMrs)(?<!\.)\.++(?=\s+[^\sa-z]|\s*$|[\"”’)]))[\"'”’」』）)\]]*(?:\s*[\U0001F000-\U0001FAFF☀-➿\ufe0f])*|\n+"
)
_CLAUSE_END = re.compile(r"[,;:，；：、،]\s*|\s+")
BEGIN = 16  # characters a token that a window takes: of longer texts this much is looked at first, see `_fits`; tokens have 1 to 6


def sentences(text: str) -> list[tuple[int, int]]:
    """The stretches of the sentences, without the blanks between them; a text with none is one sentence.

    >>> [("Good. Bad!")[a:b] for a, b in sentences("Good. Bad!")]
    ['Good.', 'Bad!']
    """
    found, start = [], 0
    for end in [*(match.end() for match in _SENTENCE_END.finditer(text)), len(text)]:
        piece = text[start:end]
        if any(c.isalnum() or unicodedata.category(c) == "So" for c in piece):
            found.append((start + len(piece) - len(piece.lstrip()), start + len(piece.rstrip())))
        elif piece.strip() and found:  # a lone mark belongs to the sentence before it
            found[-1] = (found[-1][0], start + len(piece.rstrip()))
        start = end
    return found or [(0, len(text))]


def cut(clip: Clip, *, size: Callable[[str], int], most: int) -> list[Clip]:
    """The clip in windows of whole sentences that take at most so many tokens; its time is shared out by length."""
    text, offset = clip.data, clip.span[0] if clip.span else 0
    if _fits(text, size, most):
        return [clip]
    stretches = windows(text, size=size, most=most)
    if len(stretches) < 2:
        return [clip]
    share = (clip.end - clip.start) / len(text)
    return [
        replace(clip, data=text[a:b], start=clip.start + a * share, end=clip.start + b * share, span=(offset + a, offset + b))
        for a, b in stretches
    ]


def windows(text: str, *, size: Callable[[str], int], most: int) -> list[tuple[int, int]]:
    """Stretches of whole sentences, as long as fit: a sentence too long for a window is cut at its clauses.

    Args:
        size: how many tokens a text takes.
        most: how many tokens a window may take.
    """
    pieces = [piece for sentence in sentences(text) for piece in _fitting(text, sentence, size, most)]
    packed: list[tuple[int, int]] = []
    held = 0
    for start, end in pieces:
        tokens = size(text[start:end])
        if packed and held + tokens <= most:
            packed[-1], held = (packed[-1][0], end), held + tokens
        else:
            packed.append((start, end))
            held = tokens
    return packed


def _fitting(text: str, stretch: tuple[int, int], size: Callable[[str], int], most: int) -> list[tuple[int, int]]:
    """The stretch, or parts of it that fit."""
    start, end = stretch
    breaks = [start + match.end() for match in _CLAUSE_END.finditer(text[start:end])]
    return _halved(text, stretch, breaks, size, most)


def _halved(text: str, stretch: tuple[int, int], breaks: Sequence[int], size: Callable[[str], int], most: int) -> list[tuple[int, int]]:
    """The stretch, cut at the break that is nearest to its middle, and its parts likewise, until all fit."""
    start, end = stretch
    if end - start < 2 or _fits(text[start:end], size, most):
        return [stretch]
    middle = (start + end) // 2
    after = bisect_left(breaks, middle)
    near = [at for at in breaks[max(after - 1, 0) : after + 1] if start < at < end] or [middle]
    cut = min(near, key=lambda at: abs(at - middle))
    return [*_halved(text, (start, cut), breaks, size, most), *_halved(text, (cut, end), breaks, size, most)]


def _fits(text: str, size: Callable[[str], int], most: int) -> bool:
    """Whether a text takes at most so many tokens.

    What follows changes how a text begins to be spelt only near the seam, by fewer tokens than `most`: a begin that takes twice as many
    tells of the whole, and cutting takes time in proportion to the text.
    """
    begin = text[: BEGIN * most]
    return (len(begin) == len(text) or size(begin) <= 2 * most) and size(text) <= most
