"""A scene of files: transcripts beside a sound, films, and how both senses are read to their end."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("av", reason="av is not installed; it comes with the speech and face extras")

from affekt.errors import EmptyInput, InputError
from affekt.results import Timeline
from affekt.scene import Scene
from affekt.sources.audio import RATE
from affekt.sources.pictures import Pictures, pushed
from affekt.transcripts import line_of, transcript_of
from scenes import (
    alone,
    mouths,  # noqa: F401 (it holds for every test here)
    scene_of,
)
from staged import Line, Staged, film, sound, within, words, write_film

# --- transcripts beside a sound


@pytest.fixture(scope="module")
def talk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two utterances in a sound of nine seconds: from 0.5 to 2.6, and from 4 to 6.6."""
    folder = tmp_path_factory.mktemp("talk")
    return write_film(folder / "talk.wav", heard=sound([Line(0.5, 0), Line(4, 1)], seconds=8))


SRT = """1
00:00:00,500 --> 00:00:02,500
I love this

2
00:00:04,000 --> 00:00:05,300
but then

3
00:00:05,300 --> 00:00:06,600
I hate it
"""


VTT = "WEBVTT\n\n00:00.500 --> 00:02.500\n<v Anna>I love this\n\n00:04.000 --> 00:06.600\n<v Ben>I hate it\n"


TURNS = [{"who": "Anna", "text": "I love this", "start": 0.5, "end": 2.5}, {"who": "Ben", "text": "I hate it", "start": 4, "end": 6.6}]


def beside(talk: Path, folder: Path, **files: str) -> Path:
    """The sound in a folder of its own, with such files beside it."""
    path = folder / "talk.wav"
    path.write_bytes(talk.read_bytes())
    for ending, text in files.items():
        (folder / f"talk.{ending}").write_text(text)
    return path


@pytest.mark.parametrize("given", [{"srt": SRT}, {"vtt": VTT}, {"json": json.dumps(TURNS)}], ids=["srt", "vtt", "json"])
def test_what_is_said_stands_in_a_file_beside_the_sound(talk: Path, tmp_path: Path, given: dict[str, str]) -> None:
    path = beside(talk, tmp_path, **given)
    timeline = Staged(transcript="beside", speakers=2).read(path)
    first, second = timeline.fused
    assert set(first.shares or ()) == set(second.shares or ()) == {"text", "speech"}
    assert first.scores["joy"] > 0.3 > second.scores["joy"] and timeline.transcript and timeline.transcript.startswith("I love this")
    words_of = [timeline.transcript[slice(*one.span)] for one in timeline.only("text") if one.span]
    assert words_of[0] == "I love this" and words_of[-1] == "I hate it"
    assert Staged(speakers=2).read(path, transcript=next(tmp_path.glob("talk.[svj]*"))) == timeline
    assert not Staged(speakers=2).read(path).only("text").readings


def test_without_a_file_beside_it_only_the_sound_is_read(talk: Path) -> None:
    timeline = Staged(transcript="beside", speakers=1).read(talk)
    assert len(timeline) == 2 and not timeline.fused and timeline.transcript is None


def test_a_transcript_must_say_when_each_line_is_said(talk: Path, tmp_path: Path) -> None:
    for name, text, why in (
        ("a.json", json.dumps([{"text": "I love this"}]), "does not say when"),
        ("a.json", "{", "not JSON"),
        ("a.json", Timeline("a.wav", 1, "seconds", "ekman7", ()).to_json(), "no list of turns"),
        ("a.srt", "hello\n", "stands before any time"),
        ("a.vtt", "", "empty"),
    ):
        (tmp_path / name).write_text(text)
        with pytest.raises(InputError, match=why):
            Staged().read(talk, transcript=tmp_path / name)
    with pytest.raises(InputError, match="no file"):
        Staged().read(talk, transcript=tmp_path / "absent.srt")
    with pytest.raises(InputError, match=r"is no transcript; give a file that ends in \.json, \.srt, \.vtt"):
        Staged().read(talk, transcript=tmp_path / "a.txt")
    with pytest.raises(InputError, match="a conversation names its own speakers"):
        Staged().read("I love this", transcript=tmp_path / "a.srt")


def test_a_file_that_is_named_is_the_transcript_and_a_model_is_none(tmp_path: Path) -> None:
    (tmp_path / "talk.vtt").touch()
    for given, setting in (("beside", ""), (None, "beside")):
        assert transcript_of(tmp_path / "talk.mp4", given, setting=setting) == tmp_path / "talk.vtt"
        assert transcript_of(np.zeros(9), given, setting=setting) is None
    assert transcript_of("talk.mp4", None, setting="tiny") is None and transcript_of("talk.mp4", None, setting="") is None
    assert (
        transcript_of("talk.mp4", "Other.SRT", setting="tiny") == transcript_of("talk.mp4", None, setting="Other.SRT") == Path("Other.SRT")
    )
    for wrong in ("tiny", Path("notes.txt"), ""):
        with pytest.raises(InputError, match=r"is no transcript; give a file that ends in \.json, \.srt, \.vtt, or 'beside'"):
            transcript_of("talk.mp4", wrong, setting="tiny")


@pytest.mark.parametrize("piece", [(0.0, 1.0), (0.0, "soon", "so"), (2.0, 1.0, "so"), (0.0, 1.0, b"so"), "so", 5, (0, 1, "a", "b", "c")])
def test_a_piece_that_is_no_line_is_refused(piece: Any) -> None:
    with pytest.raises(InputError, match="line"):
        line_of(piece, Staged()._texts.conversation())
    made = line_of((0, 1, "I love this", "Anna"), Staged()._texts.conversation())
    assert made.words == "I love this" and made.who == "Anna" and (made.start, made.end) == (0, 1)


# --- films


@pytest.fixture(scope="module")
def film_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Anna speaks, then Ben, by a lower voice; both are to be seen all along."""
    lines = [Line(0.5, 0, "anna"), Line(3.4, 1, "ben", low=True)]
    path = tmp_path_factory.mktemp("film") / "film.mkv"
    return write_film(path, film(lines, seconds=7.5, there=("anna", "ben")), sound(lines, seconds=7.5))


def test_in_a_film_each_voice_goes_to_the_mouth_that_moves(film_path: Path) -> None:
    timeline = Staged(speakers=2).read(film_path)
    assert timeline.people == ("person 1", "person 2") and not timeline.warnings
    first, second = [one for one in timeline.fused if len(one.shares or ()) == 2]
    assert first.who != second.who and first.start == pytest.approx(0.4, abs=0.2) and second.start == pytest.approx(3.3, abs=0.2)
    left = [one for one in timeline.only("face") if one.who == first.who]
    assert all(one.box is not None and one.box[0] < 0.5 for one in left)  # Anna sits on the left
    assert [one.who for one in timeline.only("speech")] == [first.who, second.who]
    assert Staged(speakers=2).read(film_path) == timeline


def test_of_a_film_one_modality_can_be_read(film_path: Path) -> None:
    heard = Staged(speakers=2).read(film_path, only="speech")
    assert heard.people == ("speaker 1", "speaker 2") and {one.modality for one in heard} == {"speech"} and not heard.fused
    seen = Staged().read(film_path, only="face")
    assert seen.people == ("face 1", "face 2") and {one.modality for one in seen} == {"face"} and not seen.fused
    with pytest.raises(InputError, match="no text to read"):
        Staged().read(film_path, only="text")


def test_a_film_without_sound_and_one_without_a_voice_are_read_by_their_faces(film_path: Path, tmp_path: Path) -> None:
    frames = film([], seconds=1.5)
    mute = Staged().read(write_film(tmp_path / "mute.mkv", frames))
    assert mute.people == ("face 1",) and not mute.warnings and not mute.fused
    silent = Staged().read(write_film(tmp_path / "silent.mkv", frames, np.zeros(int(1.5 * RATE), np.float32)))
    last = mute.readings[-1]  # ends with its file
    assert [*mute.readings[:-1], replace(last, end=silent.readings[-1].end)] == list(silent) and silent.warnings == (
        f"no speech found in {tmp_path / 'silent.mkv'}",
    )
    nobody = write_film(tmp_path / "nobody.mkv", film([], seconds=1, there=()), np.zeros(RATE, np.float32))
    with pytest.raises(EmptyInput, match=r"no speech found.*no face found"):
        Staged().read(nobody)


def test_a_film_in_which_nobody_is_seen_is_read_by_its_voices(film_path: Path, tmp_path: Path) -> None:
    lines = [Line(0.3, 0)]
    path = write_film(tmp_path / "dark.mkv", film([], seconds=3, there=()), sound(lines, seconds=3))
    timeline = Staged(speakers=1).read(path)
    assert len(timeline) == 1 and timeline.warnings == (f"no face found in {path}",)


# --- reading


class Sense:
    """What hears, or looks, piece by piece."""

    def __init__(self, given: Callable[[], Iterator[int]], *, quiet: bool = False) -> None:
        self.blocks, self.quiet = given(), quiet
        self.sights, self.heard, self.pictures = [], [], pushed([])

    def readings(self) -> Iterator[int]:
        yield from (piece for piece in self.blocks if not self.quiet)


def endless() -> Iterator[int]:
    while True:
        time.sleep(0.005)
        yield 1


def acted(one: Any, other: Any) -> Scene:
    made = scene_of()
    made.hearing, made.watching = one, other
    given = other.blocks
    other.pictures = Pictures("film", None, lambda: given)
    other.readings = lambda: (piece for piece in other.pictures.frames() if not other.quiet)
    return made


@pytest.mark.parametrize("quiet", [False, True])
def test_what_a_sense_raises_is_raised_and_the_other_is_stopped(quiet: bool) -> None:
    def broken() -> Iterator[int]:
        yield 1
        raise InputError("the sound is broken")

    before = set(threading.enumerate())
    for made in (acted(Sense(broken), Sense(endless, quiet=quiet)), acted(Sense(endless, quiet=quiet), Sense(broken))):
        with pytest.raises(InputError, match="the sound is broken"):
            within(5, made.read)
    assert alone(before)  # also where it has nothing to say


def test_a_sense_that_has_nothing_does_not_stop_the_other() -> None:
    seen = []

    def empty() -> Iterator[int]:
        raise EmptyInput("it ended before its first sample")
        yield 1

    def some() -> Iterator[int]:
        for at in range(5):
            time.sleep(0.02)
            seen.append(at)
            yield at

    within(5, acted(Sense(empty), Sense(some)).read)
    assert seen == [0, 1, 2, 3, 4]


def test_progress_is_reported_and_what_stops_it_stops_both() -> None:
    told = []

    def report() -> None:
        told.append(1)
        if len(told) == 3:
            raise KeyboardInterrupt

    before = set(threading.enumerate())
    with pytest.raises(KeyboardInterrupt):
        within(5, lambda: acted(Sense(endless), Sense(endless)).read(report=report))
    assert alone(before)


def test_samples_are_read_without_pictures() -> None:
    (one,) = Staged(speakers=1).read(np.concatenate([words(0), np.zeros(RATE, np.float32)])).readings
    assert one.modality == "speech" and one.who is None


def test_names_and_words_of_what_is_not_listened_to_are_refused() -> None:
    picture = np.zeros((40, 40, 3), np.uint8)
    for given in ({"who": ["Anna"]}, {"transcript": "call.srt"}):
        with pytest.raises(InputError, match="not listened to"):
            Staged().read(picture, **given)  # type: ignore[arg-type]
