"""What is changed at random stays what it was: a text says the same, an utterance is as long, a face is a face."""

import json
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="torch is not installed; it comes with the train extra")

import torch

from affekt.errors import InputError
from affekt.sources.audio import RATE
from affekt.training import augment_face, augment_speech, augment_text
from affekt.training.augment_face import FaceAugmentation, mixed
from affekt.training.augment_speech import SpeechAugmentation, hidden
from affekt.training.augment_text import LEXICON, TextAugmentation, negates, read_lexicon

QUIET = TextAugmentation(dropout=0.0, typing=0.0, elongation=0.0, case=0.0, punctuation=0.0, emoji=0.0)
WILD = TextAugmentation(code_switch=1.0, dropout=1.0, typing=1.0, elongation=1.0, case=1.0, punctuation=1.0, emoji=1.0)
TEXTS = (
    "I'm not happy with this... really?? 😭😭 T_T see https://x.org/a?b=1, @anna #sad 3.5 of [NAME]!",
    "You don't know how I never wanted this!",
    "我今天不开心，但是没有生气。真的吗？",
    "嬉しくないです（泣）",
    "Ich bin nicht zufrieden, aber es ist mir egal.",
    "मैं खुश नहीं हूँ।",
    "나는 안 행복해요 ㅠㅠ",
    "👩‍👩‍👧 fine 👍🏽 ❤️ ¯\\_(ツ)_/¯",
    "😂",
    "so",
    "不",
)


def draws(text: str, settings: TextAugmentation, count: int = 60) -> list[str]:
    return [augment_text.augmented(text, settings, np.random.default_rng(seed)) for seed in range(count)]


@pytest.mark.parametrize("text", TEXTS)
def test_a_text_that_nothing_changes_stays_as_it_is(text: str) -> None:
    assert set(draws(text, QUIET, 3)) == {text}


@pytest.mark.parametrize("text", TEXTS)
def test_the_same_seed_gives_the_same_text(text: str) -> None:
    assert draws(text, WILD, 20) == draws(text, WILD, 20) and all(made.strip() for made in draws(text, WILD))


def test_other_seeds_give_other_texts() -> None:
    assert len(set(draws(TEXTS[0], TextAugmentation()))) > 20


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        (TEXTS[0], ["not"]),
        (TEXTS[1], ["don't", "never"]),
        (TEXTS[2], ["不", "没"]),
        (TEXTS[3], ["ない"]),
        (TEXTS[4], ["nicht"]),
        (TEXTS[5], ["नहीं"]),
        (TEXTS[6], ["안"]),
        (TEXTS[10], ["不"]),
    ],
)
def test_negations_stay(text: str, kept: list[str]) -> None:
    for made in draws(text, WILD):
        at = [made.lower().find(word) for word in kept]
        assert min(at) >= 0 and at == sorted(at)


def test_what_is_negated_stays() -> None:
    assert all("not good" in made for made in draws("it is not good at all", replace(QUIET, dropout=1.0)))
    assert all("不开" in made for made in draws("我今天真的不开心", replace(QUIET, dropout=1.0)))


def test_at_least_half_of_the_words_stay() -> None:
    text = "one two three four five six seven"
    for made in draws(text, replace(QUIET, dropout=1.0)):
        assert len(made.split(" ")) == 4 and set(made.split(" ")) <= set(text.split(" "))
    assert all(len(made) == 3 for made in draws("我很开心呀", replace(QUIET, dropout=1.0)))
    counts = [len(made.split(" ")) for made in draws(text, replace(QUIET, dropout=0.1), 400)]
    assert np.mean(counts) == pytest.approx(7 * 0.9, abs=0.15)


def test_a_dropped_word_leaves_no_gap() -> None:
    assert all(
        "  " not in made and not made.startswith(" ") and " ." not in made for made in draws("I am so happy.", replace(QUIET, dropout=0.5))
    )


def test_a_misspelt_word_is_still_the_word() -> None:
    made = set(draws("wonderful", replace(QUIET, typing=1.0), 200))
    assert len(made) > 15 and all(word[0] == "w" and word[-1] == "l" and 8 <= len(word) <= 10 for word in made)
    assert set(draws("so bad 3rd", replace(QUIET, typing=1.0))) == {"so bad 3rd"}


def test_a_word_is_drawn_out_at_its_last_vowel() -> None:
    assert set(draws("so", replace(QUIET, elongation=1.0))) == {"sooo", "soooo", "sooooo"}
    assert "good" not in draws("good", replace(QUIET, elongation=1.0)) and set(draws("no", replace(QUIET, elongation=1.0))) == {"no"}


def test_case_does_not_begin_to_shout() -> None:
    assert set(draws("I am SO happy :D", replace(QUIET, case=1.0))) == {"i am so happy :D", "I Am SO Happy :D"}


def test_a_question_stays_one_and_a_number_a_number() -> None:
    made = set(draws("it is 3.5, really?", replace(QUIET, punctuation=1.0), 200))
    assert len(made) == 6 and all("really?" in text and "3.5" in text for text in made)
    assert {"hi", "hi..", "hi...", "hi…"} == set(draws("hi.", replace(QUIET, punctuation=1.0)))
    assert {"好", "好！！", "好！！！"} == set(draws("好！", replace(QUIET, punctuation=1.0)))


def test_links_mentions_and_typed_faces_stay() -> None:
    for made in draws("T_T https://x.org/a,b @anna_b #sad [NAME] :( (づ｡◕‿‿◕｡)づ", WILD):
        assert made == "T_T https://x.org/a,b @anna_b #sad [NAME] :( (づ｡◕‿‿◕｡)づ"


def test_no_emoji_is_added_that_was_not_there() -> None:
    made = draws("great 😂 👍🏽", replace(QUIET, emoji=1.0), 200)
    assert set(made) == {"great", "great 😂😂", "great 👍🏽👍🏽", "great 😂😂 👍🏽👍🏽"}
    assert set(draws("😂", replace(QUIET, emoji=1.0))) == {"😂😂"}  # where there are no words it says all


def test_words_are_said_in_the_other_language() -> None:
    switch, lexicon = replace(QUIET, code_switch=1.0), {"cat": ["猫"], "开心": ["happy"], "难过": ["sad"], "开": ["on"], "not": ["不"]}
    for text, expected in (
        ("My Cat, not a category", "My 猫, not a category"),
        ("我很开心", "我很happy"),
        ("开心难过", "happy sad"),
        ("开车", "开车"),  # one character is too often a part of a word
        ("no words", "no words"),
    ):
        assert augment_text.augmented(text, switch, np.random.default_rng(0), lexicon=lexicon) == expected


def test_the_lexicon_goes_both_ways_and_negates_nothing(tmp_path: Path) -> None:
    lexicon = read_lexicon()
    assert len(json.loads(LEXICON.read_text(encoding="utf-8"))) > 300
    assert "开心" in lexicon["happy"] and "happy" in lexicon["开心"]
    for word, others in lexicon.items():
        assert word == word.lower().strip() and len(set(others)) == len(others) > 0
        assert not negates(word) and not any(map(negates, others)) and word not in others
        assert all(word in lexicon[other.lower()] for other in others)
    own = tmp_path / "own.json"
    own.write_text('{"cat": ["Katze"]}', encoding="utf-8")
    assert read_lexicon(own) == {"cat": ("Katze",), "katze": ("cat",)}
    for broken in ("[1]", "{", '{"a": "b"}', '{"a": [1]}'):
        other = tmp_path / f"{len(broken)}{ord(broken[-1])}.json"
        other.write_text(broken, encoding="utf-8")
        with pytest.raises(InputError, match="word"):
            read_lexicon(other)


def test_a_paraphrase_is_asked_for_and_must_be_given() -> None:
    settings, rng = replace(QUIET, paraphrase=1.0), np.random.default_rng(0)
    assert augment_text.augmented("good", settings, rng, paraphrase=lambda text: f"very {text} ") == "very good"
    assert augment_text.augmented("good", settings, rng, paraphrase=lambda _: " ") == "good"
    with pytest.raises(InputError, match="paraphrase="):
        augment_text.augmented("good", settings, rng)


STILL = SpeechAugmentation(speed=0.0, reverb=0.0, noise=0.0, gain=0.0, telephone=0.0, hide=0.0)
LOUD = SpeechAugmentation(speed=1.0, reverb=1.0, noise=1.0, gain=1.0, telephone=1.0, gains=(20.0, 40.0))


def tone(hertz: float, n: int = 8000, peak: float = 0.3) -> np.ndarray:
    return (peak * np.sin(2 * np.pi * hertz * np.arange(n) / RATE)).astype(np.float32)


def decibels(power: float) -> float:
    return float(10 * np.log10(power))


def test_an_utterance_that_nothing_changes_stays_as_it_is() -> None:
    assert np.array_equal(augment_speech.augmented(tone(300), STILL, np.random.default_rng(0)), tone(300))


@pytest.mark.parametrize("settings", [SpeechAugmentation(), LOUD, replace(LOUD, speed=0.0)], ids=["usual", "loud", "unhurried"])
@pytest.mark.parametrize("n", [0, 1, 2, 3, 101, 8000])
def test_an_utterance_keeps_its_length_and_full_scale(settings: SpeechAugmentation, n: int) -> None:
    for seed in range(15):
        made, again = (augment_speech.augmented(tone(300, n), settings, np.random.default_rng(seed)) for _ in range(2))
        assert made.dtype == np.float32 and np.isfinite(made).all() and np.array_equal(made, again)
        assert np.abs(made).max(initial=0) <= 1
        if settings.speed:
            assert n / settings.speeds[1] - 2 <= len(made) <= n / settings.speeds[0] + 1
        else:
            assert len(made) == n


def test_speed_moves_the_pitch() -> None:
    made = augment_speech.augmented(tone(400), replace(STILL, speed=1.0, speeds=(1.25, 1.25)), np.random.default_rng(0))
    assert len(made) == pytest.approx(6400, abs=1)
    assert np.abs(np.fft.rfft(made)).argmax() * RATE / len(made) == pytest.approx(500, abs=3)


@pytest.mark.parametrize("recorded", [False, True])
def test_noise_lies_as_far_below_as_it_says(recorded: bool) -> None:
    settings, noises = replace(STILL, noise=1.0, snr=(12.0, 12.0)), [tone(1000, 1600)] if recorded else []
    made = augment_speech.augmented(tone(300), settings, np.random.default_rng(0), noises=noises)
    noise = made.astype(float) - tone(300)
    assert decibels(np.mean(tone(300).astype(float) ** 2) / np.mean(noise**2)) == pytest.approx(12, abs=0.01)
    if recorded:
        assert np.abs(np.fft.rfft(noise)).argmax() * RATE / len(noise) == pytest.approx(1000, abs=3)


def test_silence_stays_silence() -> None:
    assert not augment_speech.augmented(np.zeros(1000, np.float32), LOUD, np.random.default_rng(0)).any()


def test_gain_is_in_its_range() -> None:
    made = augment_speech.augmented(tone(300, peak=0.1), replace(STILL, gain=1.0, gains=(6.0, 6.0)), np.random.default_rng(0))
    assert made == pytest.approx(tone(300, peak=0.1) * 10 ** (6 / 20), abs=1e-6)


def test_a_telephone_lets_only_its_band_through() -> None:
    line = replace(STILL, telephone=1.0)
    low, middle, high = (augment_speech.augmented(tone(hertz), line, np.random.default_rng(0)) for hertz in (100, 1000, 5000))
    assert np.abs(low).max() < 0.01 and np.abs(high).max() < 0.01 and len(middle) == 8000
    error = middle[500:-500].astype(float) - tone(1000)[500:-500]
    assert 30 < decibels(np.mean(tone(1000).astype(float) ** 2) / np.mean(error**2)) < 45  # eight bits of mu-law: about 38 dB
    assert len(augment_speech.augmented(tone(1000, 8001), line, np.random.default_rng(0))) == 8001


def test_opus_keeps_the_place_of_what_is_said() -> None:
    pytest.importorskip("av", reason="av is not installed; it comes with the speech extra")
    said = tone(500, 16_000) * np.linspace(0, 1, 16_000, dtype=np.float32) ** 2
    line = replace(STILL, opus=1.0, bit_rates=(24_000, 24_000))
    made, again = (augment_speech.augmented(said, line, np.random.default_rng(0)) for _ in range(2))
    assert np.array_equal(made, again) and len(made) == len(said) and not np.array_equal(made, said)
    assert np.corrcoef(made, said)[0, 1] > 0.95


def test_a_spectrogram_is_covered_here_and_there() -> None:
    mel = torch.randn(6, 80, 120, generator=torch.Generator().manual_seed(0))
    before = mel.clone()
    made = hidden(mel, replace(STILL, hide=1.0), np.random.default_rng(0))
    assert torch.equal(mel, before) and 0.01 < (made != mel).float().mean() < 0.3
    assert torch.equal(hidden(mel, STILL, np.random.default_rng(0)), mel)


@pytest.mark.parametrize("given", [{"blur": -0.1}, {"mix": 10.0}])
def test_a_probability_is_one(given: dict[str, float]) -> None:
    with pytest.raises(InputError, match="from 0 to 1"):
        FaceAugmentation(**given)
    with pytest.raises(InputError, match="dropout is 5"):
        TextAugmentation(dropout=5)
    with pytest.raises(InputError, match="noise is 2"):
        SpeechAugmentation(noise=2)


CALM = FaceAugmentation(**{field.name: 0.0 for field in fields(FaceAugmentation)})


def faces(channels: int, size: int = 32) -> torch.Tensor:
    return 255 * torch.rand((10, channels, size, size), generator=torch.Generator().manual_seed(0))


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("channels", [1, 3])
def test_a_face_that_nothing_changes_stays_as_it_is(channels: int) -> None:
    given = faces(channels)
    assert torch.allclose(augment_face.augmented(given, CALM, seeded(), size=32), given, atol=1e-2)


@pytest.mark.parametrize("channels", [1, 3])
def test_faces_are_changed_in_bounds_and_repeatably(channels: int) -> None:
    given = faces(channels)
    made = augment_face.augmented(given, FaceAugmentation(), seeded(), size=48)
    assert made.shape == (10, channels, 48, 48) and float(made.min()) >= 0 and float(made.max()) <= 255
    assert torch.equal(given, faces(channels)) and torch.equal(made, augment_face.augmented(given, FaceAugmentation(), seeded(), size=48))
    assert not torch.equal(made, augment_face.augmented(given, FaceAugmentation(), seeded(1), size=48))


def test_a_mirrored_face_is_the_mirror_image() -> None:
    given = faces(1)
    assert torch.allclose(augment_face.augmented(given, replace(CALM, mirror=1.0), seeded(), size=32), given.flip(3), atol=1e-2)


@pytest.mark.parametrize(
    ("setting", "most"),
    [("blur", 1.0), ("cover", 1.0), ("noise", 4.0), ("brightness", 35.0), ("slope", 25.0), ("contrast", 0.4), ("turn", 15.0)],
)
def test_each_setting_does_something_alone(setting: str, most: float) -> None:
    given = faces(1)
    made = augment_face.augmented(given, replace(CALM, **{setting: most}), seeded(), size=32)
    assert (made - given).abs().amax((1, 2, 3)).min() > 1


def test_mixed_targets_are_still_distributions() -> None:
    given, targets = faces(1), {"a": torch.eye(5).repeat(2, 1), "b": torch.full((10, 4), 0.25), "c": torch.zeros(10, 2)}
    pixels, made = mixed(given, targets, FaceAugmentation(mix=1.0), seeded())
    assert torch.allclose(made["a"].sum(1), torch.ones(10)) and torch.allclose(made["b"], targets["b"]) and not made["c"].any()
    assert made["a"].amax(1).min() >= 0.5 and not torch.equal(made["a"], targets["a"])  # one's own share is the larger
    share = 1 - made["a"][made["a"].amax(1) < 1].amax(1)[0]
    other = [
        int(torch.isclose((pixels[at] - (1 - share) * given[at]) / share, given, atol=0.1).all(3).all(2).all(1).nonzero()[0])
        for at in range(10)
    ]
    assert sorted(other) == list(range(10))
    assert torch.allclose(made["a"], (1 - share) * targets["a"] + share * targets["a"][other])
    same, untouched = mixed(given, targets, FaceAugmentation(mix=0.0), seeded())
    assert torch.equal(same, given) and all(torch.equal(untouched[name], targets[name]) for name in targets)
