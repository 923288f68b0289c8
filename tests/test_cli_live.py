"""`affekt listen` and `affekt watch` without a device: a file played instead, what is printed, what is saved, what is refused."""

import io
import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("av", reason="av is not installed; it comes with the speech and face extras")

from rich.console import Console

from affekt.cli import listen, main, watch
from affekt.cli.live import GONE, Screen, line, said
from affekt.results import Reading, Timeline
from affekt.sources.audio import RATE
from staged import Line, Staged, film, sound, words, write_film


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Anna is to be seen, and speaks, in three seconds and a half."""
    lines = [Line(0.4, 0, "anna")]
    return write_film(tmp_path_factory.mktemp("clip") / "clip.mkv", film(lines, seconds=3.5), sound(lines, seconds=3.5))


@pytest.fixture(autouse=True)
def models(monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands read with models that answer at once."""
    for command in (listen, watch):
        monkeypatch.setattr(command, "Reader", Staged)


def run(*arguments: str, monkeypatch: pytest.MonkeyPatch) -> int:
    """The exit code of a command."""
    monkeypatch.setattr(sys, "argv", ["affekt", *arguments])
    with pytest.raises(SystemExit) as ended:
        main.main()
    return int(ended.value.code or 0)


def test_a_file_is_listened_to_instead_of_a_microphone(
    clip: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("listen", "--from", str(clip), "--no-realtime", "--who", "Anna", monkeypatch=monkeypatch) == 0
    told = capsys.readouterr()
    assert told.err == "affekt: listening; Ctrl-C stops\n" and told.out.count("\n") == 1
    assert told.out.startswith("00:00.3  Anna ") and "anger" in told.out


def test_every_reading_is_printed_as_json_where_asked_for(
    clip: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("watch", "--from", str(clip), "--no-realtime", "--json", monkeypatch=monkeypatch) == 0
    given = [Reading.from_dict(json.loads(one)) for one in capsys.readouterr().out.splitlines()]
    assert {one.modality for one in given} == {"speech", "face", "fused"} and any(one.provisional for one in given)
    (whole,) = [one for one in given if len(one.shares or ()) == 2 and not one.provisional]
    assert whole.who == "person 1" and whole.disagreement is not None


def test_what_is_watched_is_told_in_a_line_a_sentence_and_saved(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    saved = tmp_path / "seen.json"
    assert run("watch", "--from", str(clip), "--no-realtime", "--save", str(saved), monkeypatch=monkeypatch) == 0
    told = capsys.readouterr()
    assert told.err == f"affekt: watching; Ctrl-C stops\naffekt: {saved}\n"
    timeline = Timeline.from_dict(json.loads(saved.read_text()))
    assert timeline.people == ("person 1",) and timeline.fused and timeline.fused == Staged().read(clip).fused
    assert "person 1" in told.out and all(one[2] == ":" for one in told.out.splitlines())


def test_pictures_alone_are_told_where_nobody_is_to_be_heard(
    clip: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("watch", "--from", str(clip), "--no-realtime", "--no-microphone", monkeypatch=monkeypatch) == 0
    told = capsys.readouterr().out.splitlines()
    assert len(told) > 10 and all("face 1" in one and "neutral" in one for one in told)


def test_where_there_is_nothing_to_save_that_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    silent = write_film(tmp_path / "silent.wav", heard=np.zeros(RATE, np.float32))
    assert run("listen", "--from", str(silent), "--no-realtime", "--save", str(tmp_path / "a.vtt"), monkeypatch=monkeypatch) == 0
    assert "nothing is saved: no speech found" in capsys.readouterr().err and not (tmp_path / "a.vtt").exists()


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["listen", "--from", "absent.wav"], "no file absent.wav"),
        (["listen", "microphone 1", "--from", "CLIP"], "listen to one of them"),
        (["listen", "--from", "TEXT"], "TEXT"),
        (["watch", "--from", "absent.mp4"], "no file absent.mp4"),
        (["watch", "1", "--from", "absent.mp4"], "watch one of them"),
        (["watch", "--from", "TEXT"], "TEXT"),
        (["listen", "--from", "CLIP", "--fusion", "median"], "no 'median' in fusion/"),
        (["listen", "--from", "CLIP", "--save", "a.xyz"], "no 'xyz' in formats/"),
        (["watch", "--from", "CLIP", "--save", "no/such/folder/a.json"], "no folder"),
        (["listen", "--from", "CLIP", "--labels", "ekman8"], "ekman7"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line_before_anything_is_read(
    arguments: list[str], why: str, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "text.mp4").write_text("hello\n" * 50)
    given = {"CLIP": str(clip), "TEXT": str(tmp_path / "text.mp4")}
    assert run(*(given.get(one, one) for one in arguments), "--no-realtime", monkeypatch=monkeypatch) == 2
    told = capsys.readouterr()
    assert given.get(why, why) in told.err and not told.out
    assert told.err.removeprefix("affekt: listening; Ctrl-C stops\n").removeprefix("affekt: watching; Ctrl-C stops\n").count("\n") == 1


def test_ctrl_c_saves_what_has_been_heard_and_ends_at_once(tmp_path: Path) -> None:
    talk = np.tile(np.concatenate([words(0), np.zeros(RATE, np.float32)]), 200)
    path, saved = write_film(tmp_path / "long.wav", heard=talk), tmp_path / "heard.json"
    heeding = (  # a shell that starts the tests in the background has them ignore Ctrl-C
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); from affekt.cli.main import main; main()"
    )
    command = [sys.executable, "-c", heeding, "listen", "--from", str(path), "--no-realtime", "--commercial-only", "--save", str(saved)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as made:
        assert made.stdout is not None and made.stdout.readline()
        made.send_signal(signal.SIGINT)
        _, error = made.communicate(timeout=30)
    assert made.returncode == 130, error.decode()
    assert Timeline.from_dict(json.loads(saved.read_text())).readings


# --- the screen


def reading(modality: str, label: str, end: float = 1.0, *, score: float = 0.7, who: str | None = "Anna", **given: Any) -> Reading:
    scores = {name: score if name == label else (1 - score) / 2 for name in ("anger", "joy", "neutral")}
    return Reading(modality, "ekman7", scores, max(end - 1, 0), end, "m@1", who=who, **given)  # type: ignore[arg-type]


def drawn(screen: Screen) -> str:
    Console(width=100, file=(out := io.StringIO())).print(screen.draw())
    return out.getvalue()


def test_the_screen_shows_a_person_with_bars_moods_and_what_each_modality_says() -> None:
    screen = Screen(lambda: 1.2, "fused")
    for one in (
        reading("face", "joy"),
        reading("speech", "anger"),
        reading(
            "fused", "anger", valence=-0.4, arousal=0.25, disagreement=0.82, between=("speech", "face"), shares={"speech": 0.5, "face": 0.5}
        ),
    ):
        screen.take(one)
    told = drawn(screen).splitlines()
    assert told[0].split() == ["Anna", "valence", "-0.40", "arousal", "+0.25"]
    assert told[1].split() == ["█" * 14, "anger", "0.70"] and len(told) == 7
    assert told[4].strip() == "face joy 0.70   voice anger 0.70" and told[5].strip() == "voice and face disagree (82%)"
    assert told[6] == "read 200 ms after it happened, 95 of 100 within 200 ms"


def test_a_screen_without_disagreement_does_not_speak_of_one_and_unsure_is_said() -> None:
    screen = Screen(lambda: 1.0, "fused")
    screen.take(reading("fused", "joy", disagreement=0.2, between=("speech", "face")))
    screen.take(reading("speech", "joy", abstained=True, reason="too quiet: -60 dB of full scale"))
    assert "disagree" not in drawn(screen) and "voice unsure: too quiet: -60 dB of full scale" in drawn(screen)
    assert said(reading("text", "joy")) == "joy 0.70"


def test_who_is_gone_is_not_on_the_screen() -> None:
    now = [1.0]
    screen = Screen(lambda: now[0], "face")
    assert drawn(screen).strip() == "waiting for a voice or a face"
    screen.take(reading("face", "joy", who="face 1"))
    screen.take(reading("face", "joy", who=None))
    assert "face 1" in drawn(screen) and "somebody" in drawn(screen)
    now[0] = 1.0 + GONE
    assert "face 1" not in drawn(screen)


def test_a_line_says_when_who_what_and_what_was_said() -> None:
    told = line(reading("fused", "joy", 66.0, heard=3, words="so happy", disagreement=0.7, between=("text", "face")))
    assert told.startswith("01:05.0  Anna ") and told.endswith("joy 0.70  heard 3  “so happy”  words and face disagree")
    assert line(reading("speech", "joy", who=None, abstained=True, reason="too short")).split() == ["00:00.0", "unsure:", "too", "short"]
    assert line(reading("speech", "joy", 60.98)).startswith("01:00.0")
