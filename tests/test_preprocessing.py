import pytest

from affekt.preprocessing.text import STEPS, normalise, sentences, windows


@pytest.mark.parametrize(
    ("given", "made"),
    [
        ("sooooooo goooood", "sooo goood"),
        ("哈哈哈哈哈哈", "哈哈哈"),
        ("what?!?!!!!!!!", "what?!?!!!"),
        ("see https://example.org/a?b=c, ok", "see http ok"),
        ("@anna_b hi", "@user hi"),
        ("mail me at anna@example.org", "mail me at anna@example.org"),
        ("great :) T_T", "great 🙂 😭"),
        ("it is 3:0 now", "it is 3:0 now"),
        ("he said:(yes)", "he said:(yes)"),
        ("XDR file", "XDR file"),
        ("aged <30 years, Note:3 items, list:*bold*, x=D", "aged <30 years, Note:3 items, list:*bold*, x=D"),
        ("a\u200bb\x07c\r\nd", "ab c\nd"),
        ("  two   blanks ", "two blanks"),
    ],
)
def test_noise_is_folded_and_feeling_is_kept(given: str, made: str) -> None:
    assert normalise(given) == made


def test_a_pictograph_that_the_vocabulary_lacks_is_spelled_out() -> None:
    assert normalise("no 🥺", known=lambda c: c != "🥺") == "no face with pleading eyes"
    assert normalise("no 🥺", known=lambda _: True) == "no 🥺"


@pytest.mark.parametrize("step", STEPS)
def test_every_step_can_be_switched_off_alone(step: str) -> None:
    text = "@a sooooo 🥺 T_T http://x.org \x07"
    assert normalise(text, steps=[s for s in STEPS if s != step], known=lambda _: False) != normalise(text, known=lambda _: False)


def test_cleaning_twice_is_cleaning_once() -> None:
    once = normalise("@a sooooo!!!!! T_T http://x.org 🥺", known=lambda c: c != "🥺")
    assert normalise(once, known=lambda c: c != "🥺") == once


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("Good. Bad!", ["Good.", "Bad!"]),
        ("Dr. Who came, e.g. today. Fine", ["Dr. Who came, e.g. today.", "Fine"]),
        ("很好。可是我累了！真的？", ["很好。", "可是我累了！", "真的？"]),
        ("It costs 3.50 now", ["It costs 3.50 now"]),
        ("first line\nsecond line", ["first line", "second line"]),
        ("Wow!!! 😍 Really", ["Wow!!! 😍", "Really"]),
        ('He said "no." Then left.', ['He said "no."', "Then left."]),
        ("...", ["..."]),
        ("नमस्ते। कैसे हो?", ["नमस्ते।", "कैसे हो?"]),
    ],
)
def test_sentences_are_found(text: str, parts: list[str]) -> None:
    assert [text[a:b] for a, b in sentences(text)] == parts


@pytest.mark.parametrize("text", ["word " * 1000, "字" * 5000, "One. Two! Three? " * 200, "no end"])
def test_windows_cover_the_text_and_fit(text: str) -> None:
    found = windows(text, size=lambda piece: len(piece) // 3 + 2, most=128)
    assert all(len(text[a:b]) // 3 + 2 <= 128 for a, b in found)
    covered = "".join(text[a:b] for a, b in found)
    assert covered.replace(" ", "") == text.replace(" ", "")


@pytest.mark.parametrize("words", [10_000, 100_000])
def test_cutting_a_text_without_a_full_stop_takes_time_in_proportion_to_it(words: int) -> None:
    text, looked_at = "word " * words, list[int]()

    def size(piece: str) -> int:
        looked_at.append(len(piece))
        return len(piece) // 4

    assert len(windows(text, size=size, most=128)) >= words // 128
    assert sum(looked_at) < 7 * len(text)
