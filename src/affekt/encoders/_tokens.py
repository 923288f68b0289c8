"""What networks over subword tokens share at run time: a tokenizer and an ONNX graph in a folder, from texts to raw outputs."""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from affekt.encoders._card import check_speaks, read_card
from affekt.encoders._session import session
from affekt.errors import WeightsError
from affekt.parts import Card
from affekt.preprocessing.text import cut, normalise
from affekt.results import Clip

if TYPE_CHECKING:
    import onnxruntime

Floats = NDArray[np.float32]
GRAPH, TOKENIZER = "model.onnx", "tokenizer.json"
PAD = 1  # of XLM-R's vocabulary
CALL = 12  # tokens that take about as long as what a run takes beside its tokens: 3 on a processor without VNNI, more on one that has it
LATELY, SHORT = 256, 1000  # texts whose spelling is remembered, as each is asked for three times; and characters of such a text at most
MOST_TOKENS = 128  # of a window, with the marks at its ends; the shipped model's training saw 96, its positions would allow 512


class TokenNetwork:
    """The network, loaded; onnxruntime sessions and tokenizers may be used from several threads at once.

    The card may say `most_tokens` of a window, `pad`, the id of what fills a batch up, and `turns`: how many turns of a conversation
    before a text the network was taught to take into account.
    """

    def __init__(self, folder: Path, card: Card, session: "onnxruntime.InferenceSession") -> None:
        self.card, self.session = card, session
        try:
            self.tokenizer = Tokenizer.from_file(str(folder / TOKENIZER))
        except Exception as error:  # the library raises a bare one
            raise WeightsError(
                f"{TOKENIZER} in {folder} is absent or damaged: {error}; train the model again, or fetch it again"
            ) from error
        self.spelling = Spelling(
            self.tokenizer,
            most=int(card.facts.get("most_tokens", MOST_TOKENS)),
            turns=int(card.facts.get("turns", 0)),
        )
        self.pad = int(card.facts.get("pad", PAD))

    def __call__(self, clips: Sequence[Clip], *, labels: Sequence[str]) -> dict[str, Floats]:
        """Raw outputs of several label sets in one pass: {set: (clips, labels of the set)}.

        Raises:
            InputError: the network does not speak one of them.
        """
        check_speaks(self.card, labels)
        if not clips:
            return {name: np.zeros((0, len(self.card.calibration[name].scale)), np.float32) for name in labels}
        return dict(zip(labels, self.run(clips, labels), strict=True))

    def run(self, clips: Sequence[Clip], outputs: Sequence[str]) -> list[Floats]:
        """Outputs of the graph for the clips, of which there are some, (clips, …) each."""
        spelt = [self.spelling.window(clip.data, clip.before) for clip in clips]
        groups = alike([len(ids) for ids, _ in spelt])
        told = [self._run([spelt[at] for at in group], outputs) for group in groups]
        back = np.argsort(np.concatenate(groups))
        return [np.concatenate(parts)[back] for parts in zip(*told, strict=True)]

    def _run(self, spelt: Sequence[tuple[list[int], int]], outputs: Sequence[str]) -> list[Floats]:
        ids, mask, own = padded(spelt, self.pad)
        given = {"ids": ids, "mask": mask, **({"own": own} if self.spelling.turns else {})}
        return list(self.session.run(list(outputs), given))

    def cut(self, clip: Clip) -> list[Clip]:
        """The clip in windows of whole sentences, none longer than the network was made for."""
        most = self.spelling.most
        if len(self.spelling.clean(clip.data)) < most // self.spelling.widest:
            return [clip]
        return cut(clip, size=self.size, most=most)

    def size(self, text: str) -> int:
        """How many tokens a text takes, its end marks included."""
        return len(self.spelling.ids(text))


def open_network(folder: Path, threads: int) -> TokenNetwork:
    """The network in a folder that training wrote; threads 0: as many as there are cores.

    Raises:
        WeightsError: a file is absent or broken.
    """
    card = read_card(folder)
    for file in (GRAPH, TOKENIZER):
        if not (folder / file).is_file():
            raise WeightsError(f"no {file} in {folder}; install the package again, or name a folder that holds a model")
    try:
        opened = session(folder / GRAPH, threads, traced=bool(card.facts.get("traced")))
    except Exception as error:  # the library raises types of its own, and bare ones
        raise WeightsError(f"the model in {folder} is damaged: {error}; install the package again, or train the model again") from error
    return TokenNetwork(folder, card, opened)


class Spelling:
    """From a text to token ids, the same in training and at run time.

    Args:
        most: tokens of a window.
        turns: turns of a conversation that come before the text.
    """

    def __init__(self, tokenizer: Tokenizer, *, most: int, turns: int = 0) -> None:
        self.tokenizer, self.most, self.turns = tokenizer, most, turns
        tokenizer.encode_special_tokens = True  # a user who types "<pad>" means the word
        tokenizer.no_padding()
        tokenizer.no_truncation()
        in_bytes = spells_bytes(tokenizer)
        self.known = None if in_bytes else frozenset(piece for piece in tokenizer.get_vocab() if len(piece) == 1)
        self.widest = 4 if in_bytes else 2  # tokens of a character: its bytes in UTF-8, or its piece and a blank
        marks = tokenizer.encode("").ids
        self.begins = len(marks) > 1  # it puts a mark before a text, and not only behind it
        self._lately = lru_cache(maxsize=LATELY)(self._spell)

    def clean(self, text: str) -> str:
        """The text as the network was taught to see it."""
        return normalise(text, known=None if self.known is None else self.known.__contains__)

    def ids(self, text: str) -> list[int]:
        """The tokens of a text, however many."""
        return list(self._lately(text) if len(text) <= SHORT else self._spell(text))

    def _spell(self, text: str) -> tuple[int, ...]:
        return tuple(self.tokenizer.encode(self.clean(text)).ids)

    def window(self, text: str, before: Sequence[str] = ()) -> tuple[list[int], int]:
        """The tokens of a text behind those of the turns before it, and where its own begin.

        The text keeps at least its first `most` tokens, its end mark among them; turns get what room is left, the nearest first.
        """
        own = self.ids(text)
        if len(own) > self.most:
            own = [*own[: self.most - 1], own[-1]]
        kept = list[int]()
        for turn in reversed(before[len(before) - self.turns :] if self.turns else ()):
            ids = self.ids(turn)[1 if self.begins else 0 :]
            if len(ids) + len(kept) + len(own) > self.most:
                break
            kept = ids + kept
        if not kept:
            return own, 0
        first = own[:1] if self.begins else []
        return [*first, *kept, *own[len(first) :]], len(first) + len(kept)


def spells_bytes(tokenizer: Tokenizer) -> bool:
    """Whether it spells in bytes, as that of GPT-2 (Radford et al. 2019), and so anything; the others lack most emoji."""
    step = tokenizer.pre_tokenizer
    return step is not None and "🥺" not in "".join(piece for piece, _ in step.pre_tokenize_str("🥺"))


def alike(sizes: Sequence[int]) -> list[list[int]]:
    """Which texts go through the network together: those of about one length, so that little is padding.

    Args:
        sizes: tokens of each.

    >>> alike([30, 3, 4, 31, 3])
    [[1, 4, 2], [0, 3]]
    """
    groups, padding = list[list[int]](), 0
    for at in sorted(range(len(sizes)), key=sizes.__getitem__):
        more = len(groups[-1]) * (sizes[at] - sizes[groups[-1][-1]]) if groups else 0  # what those before it are padded by
        if groups and padding + more <= CALL:
            groups[-1].append(at)
            padding += more
        else:
            groups.append([at])
            padding = 0
    return groups


def padded(spelt: Sequence[tuple[Sequence[int], int]], pad: int) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Token ids, which of them are no padding, and which are of the text itself: (texts, tokens) each."""
    longest = max(len(ids) for ids, _ in spelt)
    ids, mask, own = (np.full((len(spelt), longest), fill, np.int64) for fill in (pad, 0, 0))
    for row, (found, begin) in enumerate(spelt):
        ids[row, : len(found)], mask[row, : len(found)], own[row, begin : len(found)] = found, 1, 1
    return ids, mask, own
