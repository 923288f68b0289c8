"""Live streams over WebSocket: what is read, that a lost connection loses nothing, and that nothing a client sends does harm."""

import asyncio
import json
import math
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest

pytest.importorskip("av", reason="av is not installed; it comes with the speech and face extras")

from websockets.sync.client import connect

import staged
from affekt.server import live, stream
from affekt.server.thinning import Thinning
from affekt.sources.audio import RATE, open_audio
from fuzzed import fuzz
from shots import reader
from staged import SPEECH, Line, film, sound
from streaming import HEAD, Played, Running, heard, play, refused, rest, said, seen, serving

LINES = [Line(0.3, 0), Line(3.2, 1), Line(6.6, 2)]
END = said(type="end")
SOUND = {"sound": {}, "who": "anna"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with serving(tmp_path_factory.mktemp("server"), reader(), streams=8) as running:
        yield running


@pytest.fixture(scope="module")
def samples() -> np.ndarray:
    return sound(LINES, seconds=9.0)


@pytest.fixture(scope="module")
def spoken(samples: np.ndarray) -> list[Any]:
    """Sound, with lines of a transcript in between."""
    lines = [said(type="words", start=0.4, end=2.3, text="so happy", who="anna"), said(type="words", start=3.4, end=5.6, text="not at all")]
    frames = list(heard(samples))
    return [*frames[:50], lines[0], *frames[50:120], lines[1], *frames[120:], END]


@pytest.fixture(scope="module")
def whole(server: Running, spoken: list[Any]) -> Played:
    return play(server.url, {**SOUND, "words": True}, spoken)


def decided(timeline: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in timeline.items() if name != "source"}


def wait_for(what: Any, *, seconds: float = 10.0) -> None:
    until = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < until
        time.sleep(0.02)


# --- what is read


def test_a_stream_over_the_network_gives_what_the_recording_gives(tmp_path: Path) -> None:
    """With the shipped models."""
    samples = np.concatenate(list(open_audio(SPEECH).blocks()), axis=1)[0]
    with serving(tmp_path, transcript="") as running:
        played = play(running.url, {"sound": {}}, [*heard(samples), END])
        read = running.app.state.reader.read(np.round(samples * 32767).astype(np.int16))
    assert played.close == (1000, "")
    assert decided(played.timeline) == decided(json.loads(json.dumps(read.to_dict())))
    assert [one for one in played.finals if one["modality"] == "speech"] == played.timeline["readings"]
    assert any(one["reading"].get("provisional") for one in played.of("reading"))


def test_every_input_is_acknowledged(whole: Played, spoken: list[Any]) -> None:
    counts = [one["received"] for one in whole.of("ack")]
    assert counts == sorted(counts) and counts[-1] >= len(spoken) - 50


@pytest.mark.parametrize("seed", range(6))
def test_a_connection_that_is_lost_anywhere_loses_and_doubles_nothing(server: Running, spoken: list[Any], whole: Played, seed: int) -> None:
    """In which order sound and words are read side by side is chance; what comes of it is not."""
    played = play(server.url, {**SOUND, "words": True}, spoken, drops=Random(seed))
    assert played.connections > 3 and played.timeline == whole.timeline
    for modality in ("speech", "text"):
        once, again = ([one for one in given.finals if one["modality"] == modality] for given in (whole, played))
        assert once == again


@pytest.mark.parametrize("seed", range(6))
def test_of_sound_alone_even_the_order_is_the_same(server: Running, samples: np.ndarray, seed: int) -> None:
    calm, lost = (play(server.url, SOUND, [*heard(samples), END], drops=drops) for drops in (None, Random(seed)))
    assert lost.connections > 3 and lost.finals == calm.finals and lost.timeline == calm.timeline


def test_pictures_survive_a_lost_connection_too(server: Running, one: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "FRAMES", 10_000)  # none is left out, so that both see the same
    inputs = sorted(
        [
            *((at * 0.05 + 0.05, frame) for at, frame in enumerate(heard(one.samples))),
            *((time, seen(time, pixels)) for time, pixels in one.frames),
        ],
        key=lambda each: each[0],
    )
    frames = [*(frame for _, frame in inputs), END]
    calm, lost = (play(server.url, {"sound": {}, "pictures": True}, frames, drops=drops) for drops in (None, Random(1)))
    assert lost.connections > 1 and lost.timeline == calm.timeline
    assert decided(calm.timeline)["readings"][:-1] == json.loads(json.dumps(one.read.to_dict()))["readings"][:-1]


def test_expressions_that_come_and_go_are_told_of(server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "FRAMES", 10_000)
    white = staged._white
    monkeypatch.setattr(staged, "_white", lambda pixels: 5 * white(pixels))
    frames = film([], seconds=4.0, there=("anna",), smiles=lambda who, at: 1 < at < 3)
    played = play(server.url, {"pictures": True}, [*(seen(time, pixels) for time, pixels in frames), END])
    assert [one["event"] for one in played.of("event")] == played.timeline["events"]
    assert played.timeline["events"][0]["label"] == "joy"


@pytest.mark.parametrize("rate", [2, 10])
def test_a_client_says_how_often_faces_are_judged(server: Running, rate: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "FRAMES", 10_000)
    frames = [seen(time, pixels) for time, pixels in film([], seconds=4.0, there=("anna",))]
    played = play(server.url, {"pictures": {"rate": rate}}, [*frames, END])
    assert len(played.timeline["readings"]) == pytest.approx(4 * rate, abs=1)


def test_provisional_readings_are_not_sent_to_who_does_not_want_them(server: Running, samples: np.ndarray) -> None:
    played = play(server.url, {**SOUND, "provisional": False}, [*heard(samples), END])
    assert played.finals and not any(one["reading"].get("provisional") for one in played.of("reading"))


def test_times_place_sound_where_it_was_heard(server: Running, samples: np.ndarray) -> None:
    frames = list(heard(samples, timed=True))
    gap = [frame for at, frame in enumerate(frames) if not 60 <= at < 130]  # while the second line was said
    played = play(server.url, SOUND, [*gap, END])
    assert [round(one["start"]) for one in played.timeline["readings"]] == [0, 6 if played.timeline["readings"][1]["start"] < 6.5 else 7]
    assert "away once" in played.timeline["warnings"][0]


def test_a_stream_in_which_nothing_is_said_ends_with_nothing(server: Running) -> None:
    played = play(server.url, SOUND, [*heard(np.zeros(RATE, np.float32)), END])
    assert played.timeline is None and played.close[0] == 1000 and "no speech found" in played.of("warning")[0]["warning"]
    played = play(server.url, SOUND, [END])
    assert played.timeline is None and played.close[0] == 1000


def test_two_streams_do_not_learn_each_others_voices(server: Running, samples: np.ndarray) -> None:
    first, second = (play(server.url, SOUND, [*heard(samples), END]).timeline for _ in range(2))
    assert first == second


def test_sound_that_comes_faster_than_it_is_read_waits(server: Running) -> None:
    many = np.tile(sound(LINES[:1], seconds=4.0), 15)  # a minute, six times what may wait
    played = play(server.url, SOUND, [*heard(many, size=8000), END])
    assert len(played.timeline["readings"]) == 15


def test_pictures_that_come_faster_than_they_are_looked_at_are_left_out(server: Running, one: Any) -> None:
    frames = [seen(time, pixels) for time, pixels in one.frames]
    many = [HEAD.pack(2, at / 100) + frames[at % len(frames)][HEAD.size :] for at in range(400)]
    played = play(server.url, {"pictures": True}, [*many, END])
    assert "left out" in played.of("warning")[0]["warning"] and len(played.timeline["readings"]) < 400


def test_a_picture_that_cannot_be_decoded_is_left_out(server: Running, one: Any) -> None:
    good = [seen(time, pixels) for time, pixels in one.frames[:10]]
    played = play(server.url, {"pictures": True}, [good[0], good[1][:60], *good[2:], END], pace=0.02)
    assert played.close[0] == 1000 and "could not be decoded" in played.of("warning")[0]["warning"]


# --- what is refused

START = said(type="start", **SOUND)
PIXELS = np.zeros((8, 8, 3), np.uint8)
WRONG = {
    "not JSON": ([b"x".decode()], 4400),
    "no object": (["[]"], 4400),
    "an unknown first message": (['{"type":"words"}'], 4400),
    "sound first": ([HEAD.pack(1, 0.0)], 4400),
    "nothing to read": (['{"type":"start"}'], 4400),
    "an unknown member": (['{"type":"start","words":true,"x":1}'], 4400),
    "an unknown label set": (['{"type":"start","words":true,"labels":"ekman9"}'], 4400),
    "an unknown stream": (['{"type":"resume","stream":"stream_x","resume":"x"}'], 4404),
    "not JSON later": ([START, "{"], 4400),
    "a second start": ([START, START], 4400),
    "a short frame": ([START, b"\x01"], 4400),
    "an unknown kind": ([START, HEAD.pack(7, 0.0)], 4400),
    "a negative time": ([START, HEAD.pack(1, -1.0)], 4400),
    "an infinite time": ([START, HEAD.pack(1, math.inf)], 4400),
    "time that goes back": ([START, HEAD.pack(1, 3.0) + bytes(640), HEAD.pack(1, 1.0) + bytes(640)], 4400),
    "time that leaps": ([START, HEAD.pack(1, 1e6) + bytes(640)], 4400),
    "a picture not promised": ([START, seen(0.0, PIXELS)], 4400),
    "words not promised": ([START, said(type="words", start=0, end=1, text="x")], 4400),
    "an input after the end": ([START, END, HEAD.pack(1, 0.0)], 4400),
    "too much sound at once": ([START, HEAD.pack(1, 0.0) + bytes(16000 * 2 * 11)], 4413),
    "a long message": ([START, "x" * 300_000], 4413),
    "a picture without a time": ([said(type="start", pictures=True), HEAD.pack(2, math.nan) + b"x"], 4400),
    "words that end before they start": ([said(type="start", words=True), said(type="words", start=2, end=1, text="x")], 4400),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_is_wrong_is_told_once_and_closes(server: Running, what: str) -> None:
    messages, code = WRONG[what]
    closed, told = refused(server.url, *messages)
    problems = [one for one in told if one["type"] == "problem"]
    assert closed == code and len(problems) == 1
    assert problems[0]["problem"].startswith("urn:affekt:problem:") and {"title", "status", "detail"} <= set(problems[0])
    wait_for(lambda: not server.streams.running)


def test_a_picture_of_too_many_pixels_ends_the_stream(tmp_path: Path) -> None:
    with serving(tmp_path, reader(), most_pixels=1000) as running:
        code, told = refused(running.url, said(type="start", pictures=True), seen(0.0, np.zeros((50, 50, 3), np.uint8)))
    assert code == 4413 and "50 x 50" in told[-1]["detail"]


def test_only_so_many_streams_run_at_a_time(tmp_path: Path) -> None:
    with serving(tmp_path, reader(), streams=1) as running:
        session: list[Played] = []
        first = threading.Thread(target=lambda: session.append(play(running.url, SOUND, [*heard(np.zeros(RATE)), END], pace=0.1)))
        first.start()
        wait_for(lambda: running.streams.running)
        assert refused(running.url, START)[0] == 4429
        first.join()
        assert session[0].close[0] == 1000
        assert play(running.url, SOUND, [END]).close[0] == 1000


def test_who_says_nothing_is_let_go(server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "BEGIN", 0.2)
    monkeypatch.setattr(stream, "IDLE", 0.4)
    assert refused(server.url)[0] == 4408
    assert refused(server.url, START)[0] == 4408


def test_another_connection_takes_a_stream_over_and_only_with_its_token(server: Running) -> None:
    with connect(f"{server.url}/v1/stream") as first, connect(f"{server.url}/v1/stream") as second:
        first.send(START)
        begun = json.loads(first.recv())
        assert refused(server.url, said(type="resume", stream=begun["stream"], resume="guessed"))[0] == 4404
        second.send(said(type="resume", stream=begun["stream"], resume=begun["resume"]))
        assert json.loads(second.recv()) == {"type": "resumed", "received": 0}
        told = rest(first)
        assert told[-1]["status"] == 409 and first.protocol.close_code == 4409
        second.send(END)
        assert rest(second)[-1]["type"] == "ended"


def test_a_stream_that_nobody_comes_back_to_is_over(server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "RESUMABLE", 0.3)
    with connect(f"{server.url}/v1/stream") as socket:
        socket.send(START)
        begun = json.loads(socket.recv())
    wait_for(lambda: begun["stream"] not in server.streams.sessions and not server.streams.running)
    assert refused(server.url, said(type="resume", stream=begun["stream"], resume=begun["resume"]))[0] == 4404


def test_a_server_that_shuts_down_reads_what_has_come_and_says_so(tmp_path: Path, samples: np.ndarray) -> None:
    with serving(tmp_path, reader()) as running, connect(f"{running.url}/v1/stream") as socket:
        socket.send(START)
        for frame in heard(samples):
            socket.send(frame)
        wait_for(lambda: any(one.received == 180 for one in running.streams.sessions.values()))
        loop = next(iter(running.streams.sessions.values())).loop
        asyncio.run_coroutine_threadsafe(running.streams.close(), loop)
        told = rest(socket)
    assert told[-1]["problem"] == "urn:affekt:problem:shutting-down" and len(told[-1]["timeline"]["readings"]) == 3
    assert socket.protocol.close_code == 1012


# --- what does harm


def test_3000_messages_of_any_kind_do_no_harm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(live, "RESUMABLE", 0.5)
    with serving(tmp_path, reader(), streams=16) as running:
        play(running.url, SOUND, [END])
        before = len(threads())
        found = fuzz(running.url, 3000, seed=7)
        assert found.messages >= 3000 and 1011 not in found.codes and None not in found.codes
        wait_for(lambda: not running.streams.sessions and not running.streams.running, seconds=30)
        wait_for(lambda: len(threads()) <= before)
        assert play(running.url, SOUND, [*heard(sound(LINES[:1], seconds=4.0)), END]).timeline["readings"]
    told = [record for record in caplog.records if record.levelname in ("ERROR", "CRITICAL") or record.exc_info]
    assert not told


def threads() -> list[str]:
    """Threads, but for those of pools, which wait for work of any kind."""
    return [one.name for one in threading.enumerate() if not one.name.startswith(("asyncio", "AnyIO", "affekt-run", "uvloop"))]


# --- provisional readings where there is little time


def test_provisional_readings_give_way_where_sound_waits() -> None:
    clock = [0.0]
    thinning = Thinning(2, now=lambda: clock[0])

    def spend(seconds: float, *, waited: float) -> float:
        """The share of that many seconds in which provisional readings were made, of 0.05 s each, asked for 100 times a second."""
        made, until = 0, clock[0] + seconds
        while clock[0] < until:
            clock[0] += 0.01
            thinning.tell(waited)
            made += thinning.run(lambda: clock.__setitem__(0, clock[0] + 0.05) or 1) or 0
        return made * 0.05 / seconds

    free = spend(10, waited=0.0)
    assert free > 0.5
    spend(5, waited=0.4)
    assert spend(5, waited=0.4) < 0.05
    spend(80, waited=0.0)
    assert spend(5, waited=0.0) == pytest.approx(free, rel=0.2)
