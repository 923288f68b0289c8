"""Who speaks: voices are told apart, and one voice stays one."""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("av", reason="av is not installed; it comes with the speech extra")

import affekt
from affekt.preprocessing.speakers import Diariser, Embedder
from affekt.preprocessing.speech import Segmenter, Utterance
from affekt.sources.audio import RATE, open_audio

embed = Embedder().embed
SPEECH = Path(affekt.__file__).parent / "samples" / "train.ogg"


@pytest.fixture(scope="module")
def voices() -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Pieces of a voice, and of one a quarter lower."""
    sound = np.concatenate(list(open_audio(SPEECH).blocks()), axis=1)[0]
    deep = np.interp(np.arange(0, len(sound) - 1, 0.75), np.arange(len(sound)), sound).astype(np.float32)
    return [sound[at : at + 2 * RATE] for at in range(0, 4 * RATE, RATE)], [deep[at : at + 2 * RATE] for at in range(0, 6 * RATE, RATE)]


def test_an_embedding_is_of_length_one_and_does_not_hear_loudness(voices: tuple[list[np.ndarray], list[np.ndarray]]) -> None:
    piece = voices[0][0]
    one = embed(piece)
    assert one.shape == (256,) and np.linalg.norm(one) == pytest.approx(1, abs=1e-4)
    assert embed(piece * 0.1) @ one > 0.999
    for samples in (np.zeros(RATE, np.float32), piece[: RATE // 2], np.tile(piece, 6)):
        assert np.isfinite(embed(samples)).all()


def test_two_voices_are_two_people_and_one_stays_one(voices: tuple[list[np.ndarray], list[np.ndarray]]) -> None:
    usual, deep = voices
    diariser = Diariser()
    assert {diariser.assign(piece, 2.0) for piece in usual} == {"speaker 1"}
    assert {diariser.assign(piece, 2.0) for piece in deep} == {"speaker 2"}
    assert diariser.assign(usual[0], 2.0) == "speaker 1"


def test_no_more_speakers_than_there_are() -> None:
    rng = np.random.default_rng(0)
    strangers = rng.normal(size=(20, 256)).astype(np.float32)
    strangers /= np.linalg.norm(strangers, axis=1, keepdims=True)
    told, found, brief = Diariser(speakers=3), Diariser(), Diariser()
    assert len({told.place(one, 2.0) for one in strangers}) == 3
    assert len({found.place(one, 2.0) for one in strangers}) == 20
    assert {brief.place(one, 0.5) for one in strangers} == {0}  # too short to tell a stranger by


def test_it_does_not_matter_how_a_sound_comes() -> None:
    sound = np.concatenate([*open_audio(SPEECH).blocks(), np.zeros((1, RATE), np.float32)], axis=1)[0]

    def told(size: int) -> list[str]:
        segmenter, diariser = Segmenter(), Diariser()
        found: list[Utterance] = []
        for begin in range(0, len(sound), size):
            found += segmenter.push(sound[begin : begin + size])
        return [diariser.assign(one.samples, one.voiced) for one in found + segmenter.flush()]

    assert told(1600) == told(len(sound))
