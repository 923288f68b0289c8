"""Texts and files in, timelines out; whatever is wrong is told as a problem, and nothing of it reaches a log."""

import io
import json
import logging
import random
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from jsonschema import Draft202012Validator
from PIL import Image

import affekt
from affekt.schema import json_schema
from affekt.server.app import make_app
from affekt.settings import resolve_server

SAMPLES = Path(affekt.__file__).parent / "samples"
PROBLEM = "application/problem+json"


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    app = make_app(resolve_server(folder=str(tmp_path_factory.mktemp("server")), most_texts=5, most_characters=2000, most_bytes=2**21))
    with TestClient(app, base_url="http://localhost", raise_server_exceptions=False) as opened:
        yield opened


def refused(answer: Any, status: int, kind: str) -> str:
    told = answer.json()
    assert (answer.status_code, told["type"], answer.headers["content-type"]) == (status, f"urn:affekt:problem:{kind}", PROBLEM), told
    assert "Traceback" not in answer.text and "/site-packages/" not in answer.text
    return str(told["detail"])


def test_a_text_is_read_as_python_reads_it(client: TestClient) -> None:
    (told,) = client.post("/v1/read", json={"text": "so proud of you all! But I am tired."}).json()["timelines"]
    Draft202012Validator(json_schema()).validate(told)
    assert told == affekt.Reader(threads=1).read("so proud of you all! But I am tired.", kind="text").to_dict()


def test_many_texts_come_back_in_order_and_a_bad_one_does_not_harm_the_others(client: TestClient) -> None:
    told = client.post("/v1/read", json={"texts": ["I hate this", " ", "我很开心"], "labels": "sentiment3"}).json()
    tops = [one and max(one["readings"][0]["scores"], key=one["readings"][0]["scores"].get) for one in told["timelines"]]
    assert tops == ["negative", None, "positive"] and [one["index"] for one in told["problems"]] == [1]


def test_a_string_that_is_a_files_name_is_a_text(client: TestClient) -> None:
    told = client.post("/v1/read", json={"text": "/etc/passwd"}).json()
    assert told["timelines"][0]["transcript"] == "/etc/passwd"


@pytest.mark.parametrize(
    ("charset", "name", "called"),
    [
        ("utf-7", b"a+2AA-.txt", "a_.txt"),
        ("unicode_escape", b"\\ud800.txt", "_.txt"),
        ("utf-8", b"a\0.txt", "a_.txt"),
        ("punycode", b"a.txt", None),
    ],
)
def test_a_name_that_no_reply_can_hold_is_told_without_what_it_cannot(
    client: TestClient, charset: str, name: bytes, called: str | None
) -> None:
    body = b'--x\r\nContent-Disposition: form-data; name="file"; filename="%b"\r\n\r\nso proud of you\r\n--x--\r\n' % name
    kind = {"content-type": f"multipart/form-data; boundary=x; charset={charset}"}
    for path in ("/v1/read", "/v1/jobs"):
        reply = client.post(path, content=body, headers=kind)
        if called is None:
            assert "charset" in refused(reply, 422, "invalid-request")
        else:
            assert called == (reply.json()["timelines"][0]["source"] if path == "/v1/read" else reply.json()["file"])
    assert client.get("/v1/jobs").status_code == 200  # one name would keep all jobs from being listed


@pytest.mark.parametrize("name", ["train.ogg", "faces.jpg", "call.txt", "review.txt"])
def test_a_file_of_any_kind_is_read(client: TestClient, name: str) -> None:
    if name in ("train.ogg",):
        pytest.importorskip("av")
    answer = client.post("/v1/read", files={"file": (name, (SAMPLES / name).read_bytes())})
    (told,) = answer.json()["timelines"]
    Draft202012Validator(json_schema()).validate(told)
    assert told["readings"] and told["source"] == name


def test_options_of_a_file_are_followed(client: TestClient) -> None:
    pytest.importorskip("av")
    sent = {"options": json.dumps({"labels": "sentiment3", "who": ["Anna"]})}
    (told,) = client.post("/v1/read", files={"file": ("a.ogg", (SAMPLES / "train.ogg").read_bytes())}, data=sent).json()["timelines"]
    assert told["people"] == ["Anna"] and set(told["readings"][0]["scores"]) == {"negative", "neutral", "positive"}


def test_what_cannot_be_used_is_told(client: TestClient) -> None:
    assert "text and texts" in refused(client.post("/v1/read", json={}), 422, "invalid-request")
    refused(client.post("/v1/read", json={"text": "a", "texts": ["b"]}), 422, "invalid-request")
    assert "txt" in refused(client.post("/v1/read", json={"txt": "a"}), 422, "invalid-request")
    refused(client.post("/v1/read", content="{", headers={"content-type": "application/json"}), 422, "invalid-request")
    refused(client.post("/v1/read", content="a", headers={"content-type": "text/csv"}), 415, "unknown-body")
    assert "ekman7" in refused(client.post("/v1/read", json={"text": "a", "labels": "ekman9"}), 422, "unknown-name")
    assert "at most 5" in refused(client.post("/v1/read", json={"texts": ["a"] * 6}), 413, "too-large")
    assert "2,000" in refused(client.post("/v1/read", json={"text": "a" * 2001}), 413, "too-large")
    refused(client.post("/v1/read", content=b"a" * (2**21 + 1), headers={"content-type": "application/json"}), 413, "too-large")
    refused(client.post("/v1/read", files={"file": ("a.exe", b"MZ")}), 415, "unknown-kind")
    refused(client.post("/v1/read", files={"file": ("a.txt", b"")}), 422, "empty-input")
    refused(client.post("/v1/read", data={"file": "no file"}, files={"other": ("a.txt", b"a")}), 422, "invalid-request")
    refused(client.get("/v1/read"), 405, "method-not-allowed")
    refused(client.get("/v1/nothing"), 404, "not-found")


def test_a_body_that_hides_its_size_is_refused_as_well(client: TestClient) -> None:
    answer = client.post("/v1/read", content=(b"a" * 2**16 for _ in range(40)), headers={"content-type": "application/json"})
    refused(answer, 413, "too-large")


def test_what_nobody_expected_is_a_number_and_no_text_reaches_the_log(
    client: TestClient, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def breaks(*_: object, **__: object) -> None:
        raise RuntimeError("my secret text")

    monkeypatch.setattr("affekt.server.reads.open_source", breaks)
    with caplog.at_level(logging.DEBUG):
        detail = refused(client.post("/v1/read", json={"text": "my secret text"}), 500, "internal-error")
    number = detail.rpartition(" ")[2]
    assert number.startswith("fault_") and number in caplog.text
    assert "secret" not in caplog.text and "secret" not in detail


def malformed(dice: random.Random) -> tuple[str, bytes]:
    """A file that is not what its name says, or not whole, or much more than it seems."""
    sound, picture = io.BytesIO(), io.BytesIO()
    with wave.open(sound, "wb") as out:
        out.setparams((1, 2, 16000, 0, "NONE", ""))
        out.writeframes(np.random.default_rng(dice.randrange(2**31)).integers(-3000, 3000, 8000).astype("<i2").tobytes())
    Image.effect_noise((64, 64), 50).convert("RGB").save(picture, dice.choice(["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF"]))
    whole = dice.choice(
        [sound.getvalue(), picture.getvalue(), (SAMPLES / "train.ogg").read_bytes()[:20_000], b'{"text": "a"}', b"a\xff\x00b"]
    )
    ending = dice.choice(
        [".wav", ".mp3", ".ogg", ".mp4", ".webm", ".jpg", ".png", ".gif", ".webp", ".tif", ".txt", ".srt", ".vtt", ".json", ".md"]
    )
    how = dice.randrange(4)
    if how == 0:
        return f"a{ending}", whole[: dice.randrange(len(whole))]
    if how == 1:
        broken = bytearray(whole)
        for _ in range(dice.randrange(1, 60)):
            broken[dice.randrange(len(broken))] = dice.randrange(256)
        return f"a{ending}", bytes(broken)
    if how == 2:
        return f"a{ending}", dice.randbytes(dice.randrange(1, 3000))
    return dice.choice(["", "../../a.txt", "a\x00.wav", "a" * 300 + ".jpg", "ａ.ｗａｖ", ".txt", "a.tar.gz", ending]), whole


def test_malformed_uploads_are_refused_or_read_and_leave_nothing(client: TestClient) -> None:
    pytest.importorskip("av")
    dice = random.Random(7)
    for number in range(1000):
        name, body = malformed(dice)
        answer = client.post("/v1/read", files={"file": (name, body)})
        assert answer.status_code in (200, 413, 415, 422), (number, name, answer.text)
        assert "Traceback" not in answer.text and "incoming" not in answer.text, (number, name, answer.text)
    assert not [*(client.app.state.service.store.folder / "incoming").glob("*")]  # type: ignore[attr-defined]


def bombs() -> Iterator[tuple[str, bytes]]:
    """Small files that are large when they are opened."""
    picture = io.BytesIO()
    Image.new("1", (30_000, 30_000)).save(picture, "PNG", optimize=True)
    yield "bomb.png", picture.getvalue()
    header = bytearray(
        b"RIFF\xff\xff\xff\xffWAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00\x80\x3e\x00\x00\x00\x7d\x00\x00\x02\x00\x10\x00data\xff\xff\xff\xff"
    )
    yield "bomb.wav", bytes(header) + b"\x00" * 100
    frames = [Image.effect_noise((32, 32), 50) for _ in range(200)]
    animated = io.BytesIO()
    frames[0].save(animated, "GIF", save_all=True, append_images=frames[1:], duration=3000)
    yield "bomb.gif", animated.getvalue()


@pytest.mark.parametrize("name", ["bomb.png", "bomb.wav", "bomb.gif"])
def test_what_is_much_more_than_it_seems_is_refused_or_read_in_bounds(client: TestClient, name: str) -> None:
    pytest.importorskip("av")
    body = dict(bombs())[name]
    answer = client.post("/v1/read", files={"file": (name, body)})
    assert answer.status_code in (200, 413, 422), answer.text
    assert client.get("/healthz").status_code == 200
