"""Text as the words that the classic baselines count: letters with their marks, ideographs, symbols."""

import unicodedata

from affekt.preprocessing.text import normalise

# Scripts that put no blank between words: each character is a word. Kana, CJK with extension A, compatibility CJK.
UNSPACED = ((0x3040, 0x30FF), (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF))


def words(text: str) -> list[str]:
    """The words of a text in lower case; punctuation and emoji are words too, one a character.

    >>> words("I don't know… 我很开心 😀")
    ['i', "don't", 'know', '…', '我', '很', '开', '心', '😀']
    """
    found, word = [], ""
    for character in normalise(text).lower() + " ":
        if word and _within(character):
            word += character
            continue
        if word:
            found.append(word.rstrip("'’\u200c\u200d"))
            word = ""
        if _letter(character):
            word = character
        elif not character.isspace():
            found.append(character)
    return found


def _letter(character: str) -> bool:
    return character.isalnum() and not any(first <= ord(character) <= last for first, last in UNSPACED)


def _within(character: str) -> bool:
    """Whether a word goes on with it: apostrophes, joiners of Persian and Hindi, and vowel signs do not end one."""
    return _letter(character) or character in "'’\u200c\u200d" or unicodedata.category(character) in ("Mn", "Mc")
