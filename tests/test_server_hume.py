"""The dialect of Hume's retired API: its official client gets what it understands from a server of ours."""

import asyncio
import base64
import json
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from websockets.sync.client import connect

pytest.importorskip("av", reason="av is not installed; it comes with the speech and face extras")
pytest.importorskip("hume.expression_measurement", reason="no hume is installed that measures expressions; 0.13 does")

from hume import AsyncHumeClient, HumeClient
from hume.environment import HumeClientEnvironment
from hume.expression_measurement.stream.stream.types.config import Config

import affekt
from affekt.server import hume
from affekt.store.database import open_store
from affekt.store.keys import make_key, revoke_key
from shots import reader
from staged import SPEECH
from streaming import serving

SAMPLES = Path(affekt.__file__).parent / "samples"


@dataclass
class Server:
    """A process that serves. Args: key: of a reader."""

    port: int
    key: str

    @property
    def there(self) -> HumeClientEnvironment:
        base = f"127.0.0.1:{self.port}/v0"
        return HumeClientEnvironment(base=f"http://{base}", evi=f"ws://{base}/evi", tts=f"ws://{base}/tts", stream=f"ws://{base}/stream")

    def client(self, key: str | None = None) -> HumeClient:
        return HumeClient(api_key=key or self.key, environment=self.there)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """What a user starts: `affekt serve`, with a key."""
    folder = tmp_path_factory.mktemp("hume")
    command = [sys.executable, "-m", "affekt", "keys", "make", "hume", "--role", "reader", "--folder", str(folder)]
    made = subprocess.run(command, capture_output=True, text=True)
    assert made.returncode == 0, made.stderr
    key = next(word for word in made.stdout.split() if word.startswith("affekt_"))
    log = (folder / "log").open("w")
    command = [sys.executable, "-m", "affekt", "serve", "--port", "0", "--folder", str(folder), "--access", "keys"]
    process = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        yield Server(_port_of(process.pid), key)
    finally:
        process.terminate()
        process.wait(30)
        log.close()
    told = (folder / "log").read_text()
    assert "Traceback" not in told and key not in told


def _port_of(process: int) -> int:
    """The port on which a process listens."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        nodes = {path.readlink().name for path in Path(f"/proc/{process}/fd").iterdir() if path.is_symlink() and path.exists()}
        sockets = {name.removeprefix("socket:[").rstrip("]") for name in nodes if name.startswith("socket:[")}
        for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and fields[9] in sockets:
                return int(fields[1].partition(":")[2], 16)
        time.sleep(0.1)
    raise AssertionError("the server does not listen")


def test_the_official_client_reads_a_text(server: Server) -> None:
    with server.client().expression_measurement.stream.connect() as socket:
        told = socket.send_text("What a wonderful day! I hate Mondays.", config=Config(language={}), payload_id="first")
        one, two = told.language.predictions
        assert told.payload_id == "first" and (one.text, two.text) == ("What a wonderful day!", "I hate Mondays.")
        assert (two.position.begin, two.position.end) == (22, 37)
        assert max(one.emotions, key=lambda each: each.score).name == "joy"
        again = socket.send_text("so sad")  # the models that were asked for last
        assert len(again.language.predictions) == 1


def test_the_official_client_reads_faces(server: Server) -> None:
    with server.client().expression_measurement.stream.connect() as socket:
        told = socket.send_file(str(SAMPLES / "faces.jpg"), config=Config(face={"identify_faces": True}))
        width, height = Image.open(SAMPLES / "faces.jpg").size
        for one in told.face.predictions:
            assert one.frame == 0 and one.time == 0 and one.face_id.startswith("face") and 0 < one.prob <= 1
            assert 0 <= one.bbox.x < one.bbox.x + one.bbox.w <= width and 0 <= one.bbox.y < one.bbox.y + one.bbox.h <= height
            assert sum(each.score for each in one.emotions) == pytest.approx(1, abs=0.01)
        small = max(min(one.bbox.w, one.bbox.h) for one in told.face.predictions) + 1
        none = socket.send_file(str(SAMPLES / "faces.jpg"), config=Config(face={"min_face_size": small}))
        assert none.code == "W0103"


def test_the_official_client_hears_a_voice(server: Server) -> None:
    async def hear() -> Any:
        async with AsyncHumeClient(api_key=server.key, environment=server.there).expression_measurement.stream.connect() as socket:
            return await socket.send_file(str(SPEECH), config=Config(prosody={}), payload_id="p")

    with warnings.catch_warnings(), server.client().expression_measurement.stream.connect() as socket:
        warnings.simplefilter("ignore", DeprecationWarning)  # of websockets, for what the client calls
        told = socket.send_file(str(SPEECH), config=Config(prosody={}), payload_id="p")
        assert asyncio.run(hear()) == told
        (one,) = told.prosody.predictions
        assert told.payload_id == "p" and 0 <= one.time.begin < one.time.end < 7 and len(one.emotions) == 7
        assert socket.get_job_details().job_details.job_id == socket.get_job_details().job_details.job_id
        assert socket.reset().model_dump(exclude_none=True) == {}


def test_the_official_client_is_told_that_nothing_was_found(server: Server, tmp_path: Path) -> None:
    Image.new("RGB", (64, 64)).save(tmp_path / "empty.png")
    with server.client().expression_measurement.stream.connect() as socket:
        told = socket.send_file(str(tmp_path / "empty.png"), config=Config(face={}), payload_id="x")
        assert (told.code, told.payload_id) == ("W0103", "x") and told.warning


def test_the_official_client_is_refused_without_its_key(server: Server) -> None:
    with pytest.raises(Exception, match="401"), server.client("wrong").expression_measurement.stream.connect():
        pass  # what it raises, its own error or that of websockets, depends on the version of websockets
    with pytest.raises(Exception, match="401"), connect(f"ws://127.0.0.1:{server.port}/v0/stream/models"):
        pass
    with connect(f"ws://127.0.0.1:{server.port}/v0/stream/models?apiKey={server.key}") as socket:
        socket.send("{}")
        assert json.loads(socket.recv())["code"] == "E0101"


# --- with staged models


def wav(samples: np.ndarray) -> str:
    import wave

    out = BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16000)
        file.writeframes(np.round(samples * 32767).astype("<i2").tobytes())
    return base64.b64encode(out.getvalue()).decode()


@pytest.fixture
def ask(tmp_path: Path) -> Iterator[Any]:
    with serving(tmp_path, reader()) as running, connect(f"{running.url}/v0/stream/models") as socket:

        def ask(given: Any) -> dict[str, Any]:
            socket.send(given if isinstance(given, (str, bytes)) else json.dumps(given))
            return json.loads(socket.recv(timeout=30))

        yield ask
    assert not list((tmp_path / "incoming").glob("*"))


def test_every_mistake_has_its_code(ask: Any) -> None:
    image = base64.b64encode(b"\xff\xd8\xff damaged").decode()
    for given, code in [
        ("no JSON", "E0100"),
        (b"bytes", "E0100"),
        ("[]", "E0101"),
        ({}, "E0101"),
        ({"data": "x", "raw_text": True}, "E0101"),
        ({"data": "x", "raw_text": True, "models": {"burst": {}}}, "E0101"),
        ({"data": "x", "models": {"language": {"granularity": "page"}}, "payload_id": "p"}, "E0101"),
        ({"data": "x", "raw_text": True, "models": {"face": {}}}, "E0102"),
        ({"data": base64.b64encode(b"nothing known").decode(), "models": {"face": {}}}, "E0200"),
        ({"data": "###", "models": {"face": {}}}, "E0201"),
        ({"data": image, "models": {"face": {}}}, "E0200"),
        ({"data": image, "models": {"prosody": {}}}, "E0102"),
        ({"data": "x" * 200_000, "raw_text": True, "models": {"language": {}}}, "E0206"),
        ('{"data":"\\ud800","raw_text":true,"models":{"language":{}}}', "E0100"),
    ]:
        told = ask(given)
        assert told["code"] == code and told["error"] and "incoming" not in told["error"]
    assert ask({"data": "I love it", "raw_text": True, "models": {"language": {}}})["language"]["predictions"]


def test_a_window_puts_what_was_heard_before_in_front(ask: Any) -> None:
    from staged import words

    half = words(0)
    asked = {"models": {"prosody": {}}, "stream_window_ms": 10_000}
    first, second = (ask({**asked, "data": wav(part)}) for part in np.array_split(half, 2))
    ends = [told["prosody"]["predictions"][-1]["time"]["end"] for told in (first, second)]
    assert ends[1] > ends[0] + 0.5
    alone = ask({**asked, "data": wav(np.array_split(half, 2)[1]), "reset_stream": True})
    assert alone["prosody"]["predictions"][-1]["time"]["end"] < ends[1] - 0.5


def test_a_text_may_be_read_as_a_whole(ask: Any) -> None:
    asked = {"data": "I love it. I hate it.", "raw_text": True}
    assert len(ask({**asked, "models": {"language": {}}})["language"]["predictions"]) == 2
    (whole,) = ask({**asked, "models": {"language": {"granularity": "passage"}}})["language"]["predictions"]
    assert whole["position"] == {"begin": 0, "end": 21}


def test_each_message_that_is_read_is_a_call(tmp_path: Path) -> None:
    asked = json.dumps({"data": "I love it", "raw_text": True, "models": {"language": {}}})
    with serving(tmp_path, reader(), rate=3) as running, connect(f"{running.url}/v0/stream/models") as socket:
        told = []
        for _ in range(4):
            socket.send(asked)
            told.append(json.loads(socket.recv(timeout=30)))
    assert all("language" in one for one in told[:2]) and told[-1]["code"] == "too-many-calls"  # to connect was a call, too


def test_a_connection_reads_nothing_more_when_its_key_is_revoked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hume, "REMEMBERED", 0.0)
    store = open_store(tmp_path)
    make_key(store, "boss", role="admin")
    key, word = make_key(store, "desk", role="reader")
    asked = json.dumps({"data": "I love it", "raw_text": True, "models": {"language": {}}})
    with serving(tmp_path, reader(), access="keys") as running, connect(f"{running.url}/v0/stream/models?apiKey={word}") as socket:
        socket.send(asked)
        assert "language" in json.loads(socket.recv(timeout=30))
        revoke_key(store, key.id)
        socket.send(asked)
        assert json.loads(socket.recv(timeout=30))["code"] == "unknown-caller"
    store.close()
