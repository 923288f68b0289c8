"""Files that somebody sends are read within limits, as what they are, and are called what their sender calls them."""

import struct
import wave
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from time import monotonic

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image, ImageFile

from affekt.errors import InputError, InputTooLarge
from affekt.pipeline import Reader
from affekt.server.app import make_app
from affekt.server.media import Limits, examine, read_file
from affekt.server.problems import Problem
from affekt.settings import resolve_server

av = pytest.importorskip("av", reason="av is not installed; it comes with the speech and face extras")

LIMITS = Limits(seconds=2.0, pixels=100_000, characters=50)
RATE = 16_000  # samples a second
SAYS = b"\x44\x89\x88"  # of Matroska: the length of a file follows, a float of 8 bytes, in thousandths of a second


@pytest.fixture(scope="module")
def reader() -> Reader:
    return Reader(threads=1)


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory, reader: Reader) -> Iterator[TestClient]:
    app = make_app(resolve_server(folder=str(tmp_path_factory.mktemp("server")), most_seconds=2, most_pixels=100_000, most_characters=50))
    app.state.reader = reader
    with TestClient(app, base_url="http://localhost", raise_server_exceptions=False) as client:
        yield client


def noise(seconds: float) -> np.ndarray:
    return np.random.default_rng(0).integers(-3000, 3000, round(seconds * RATE)).astype(np.int16)


def write_sound(path: Path, seconds: float) -> Path:
    with wave.open(str(path), "wb") as out:
        out.setparams((1, 2, RATE, 0, "NONE", ""))
        out.writeframes(noise(seconds).tobytes())
    return path


def write_matroska(path: Path, seconds: float, *, pictures: bool) -> Path:
    """A sound, or moving pictures of 64 x 48 pixels without a face."""
    with av.open(str(path), "w") as out:
        if pictures:
            stream = out.add_stream("mpeg4", rate=10)
            stream.width, stream.height, stream.time_base = 64, 48, Fraction(1, 10)
            frames = [av.VideoFrame.from_ndarray(np.full((48, 64, 3), 90, np.uint8), format="rgb24") for _ in range(round(10 * seconds))]
        else:
            stream = out.add_stream("pcm_s16le", rate=RATE, layout="mono")
            frames = [
                av.AudioFrame.from_ndarray(part[None], format="s16", layout="mono") for part in noise(seconds).reshape(-1, RATE // 10)
            ]
        for number, frame in enumerate(frames):
            frame.pts = number if pictures else number * RATE // 10
            if not pictures:
                frame.sample_rate = RATE
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return path


def shorten(path: Path, seconds: float) -> Path:
    """The file says that it is this long."""
    data = bytearray(path.read_bytes())
    at = data.index(SAYS) + len(SAYS)
    data[at : at + 8] = struct.pack(">d", 1000 * seconds)
    path.write_bytes(data)
    return path


def refused(reader: Reader, path: Path) -> Problem:
    with pytest.raises(Problem) as problem:
        read_file(reader, path, name="their.file", limits=LIMITS)
    assert str(path) not in problem.value.detail and path.name not in problem.value.detail
    return problem.value


@pytest.mark.parametrize("pictures", [False, True])
def test_what_is_too_long_is_refused_by_its_head(tmp_path: Path, reader: Reader, pictures: bool) -> None:
    path = write_matroska(tmp_path / "a.mkv", 4.0, pictures=pictures)
    assert refused(reader, path).status == 413
    with pytest.raises(InputTooLarge, match="lasts 4 s"):
        examine(path, limits=LIMITS)


@pytest.mark.parametrize("pictures", [False, True])
def test_what_is_longer_than_it_says_is_refused_while_it_is_read(tmp_path: Path, reader: Reader, pictures: bool) -> None:
    path = shorten(write_matroska(tmp_path / "a.mkv", 4.0, pictures=pictures), 1.0)
    assert examine(path, limits=LIMITS) == (("face",) if pictures else ("speech",))
    problem = refused(reader, path)
    assert problem.status == 413 and problem.detail.startswith("their.file goes on for longer than it says")


def test_an_image_of_too_many_pixels_is_refused_before_it_is_decoded(
    tmp_path: Path, reader: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    Image.new("1", (20_000, 20_000)).save(tmp_path / "a.png")  # some thousand bytes
    monkeypatch.setattr(ImageFile.ImageFile, "load", lambda _: pytest.fail("it was decoded"))
    assert refused(reader, tmp_path / "a.png").status == 413
    assert examine(write_sound(tmp_path / "a.wav", 1.0), limits=LIMITS) == ("speech",)


def test_a_frame_of_too_many_pixels_is_refused(tmp_path: Path, reader: Reader) -> None:
    path = write_matroska(tmp_path / "a.mkv", 1.0, pictures=True)
    with pytest.raises(InputTooLarge, match="3,072 pixels"):
        examine(path, limits=Limits(seconds=2.0, pixels=3000))


def test_of_an_image_with_very_many_in_it_the_first_is_soon_read(tmp_path: Path, reader: Reader) -> None:
    head = b"GIF89a" + struct.pack("<HHBBB", 1, 1, 0x80, 0, 0) + b"\0\0\0\xff\xff\xff"
    (tmp_path / "a.gif").write_bytes(head + (b"\x2c" + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\x02\x02\x4c\x01\x00") * 1_000_000 + b";")
    tags = ((256, 3, 1), (257, 3, 1), (258, 3, 8), (259, 3, 1), (262, 3, 1), (273, 4, 0), (278, 3, 1), (279, 4, 1))
    size = 2 + 12 * len(tags) + 4
    body = struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in tags)
    chain = b"".join(body + struct.pack("<I", 8 + size * (number + 1)) for number in range(50_000))
    (tmp_path / "a.tif").write_bytes(b"II*\0" + struct.pack("<I", 8) + chain + body + bytes(4))
    reader.face_encoder  # noqa: B018  # is loaded now, which takes a while
    for name in ("a.gif", "a.tif"):
        began = monotonic()
        assert "no face found in their.file" in refused(reader, tmp_path / name).detail
        assert monotonic() - began < 3.0


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.mp4", b"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nother.wav\n#EXT-X-ENDLIST\n"),
        ("a.mp3", b"ffconcat version 1.0\nfile other.wav\n"),
        ("a.wav", b"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 9 RTP/AVP 0\n"),
        ("a.png", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nshowpage\n"),
        ("a.jpg", b"P5 3 3 255\n123456789"),
    ],
)
def test_a_file_that_names_others_or_is_a_program_is_no_medium_whatever_its_ending(
    tmp_path: Path, reader: Reader, name: str, data: bytes
) -> None:
    write_sound(tmp_path / "other.wav", 1.0)
    (tmp_path / name).write_bytes(data)
    problem = refused(reader, tmp_path / name)
    assert problem.status == 422 and "their.file is no" in problem.detail


@pytest.mark.parametrize(
    ("name", "says"), [("a.png", "no image"), ("a.mp4", "no sound or video"), ("a.ogg", "no sound or video"), ("a.srt", "")]
)
def test_bytes_that_are_no_such_thing_are_told_to_be_none_by_their_senders_name(client: TestClient, name: str, says: str) -> None:
    for data in (b"\xff\xfenonsense", bytes(2000), np.random.default_rng(1).bytes(5000)):
        reply = client.post("/v1/read", files={"file": (f"C:\\mine\\{name}", data)})
        assert reply.status_code == 422 and says in reply.json()["detail"], reply.text
        assert "incoming" not in reply.text and "file_" not in reply.text and "mine" not in reply.text


def test_what_no_decoder_knows_is_refused(tmp_path: Path, reader: Reader) -> None:
    path = write_matroska(tmp_path / "a.mkv", 1.0, pictures=True)
    path.write_bytes(path.read_bytes().replace(b"V_MPEG4/ISO/ASP", b"V_UNKNOWN/CODEC"))
    problem = refused(reader, path)
    assert problem.status == 422 and "codec" in problem.detail


def test_who_waits_for_a_long_file_is_sent_to_the_jobs(client: TestClient, tmp_path: Path) -> None:
    long = write_sound(tmp_path / "a.wav", 3.0).read_bytes()
    told = client.post("/v1/read", files={"file": ("a.wav", long)})
    assert told.status_code == 413 and "a.wav lasts 3 s" in told.json()["detail"] and "jobs" in told.json()["detail"]
    told = client.post("/v1/read", files={"file": ("a.txt", b"So it goes. " * 9)})
    assert told.status_code == 413 and "108 characters" in told.json()["detail"]
    for name, data in (("a.wav", long), ("a.txt", b"So it goes. " * 9)):
        assert client.post("/v1/jobs", files={"file": (name, data)}).status_code == 202


def test_a_timeline_is_of_what_its_sender_calls_the_file(reader: Reader, tmp_path: Path) -> None:
    (tmp_path / "file_1.txt").write_text("It is fine.")
    shares: list[float] = []
    made = read_file(reader, tmp_path / "file_1.txt", name="their.txt", limits=LIMITS, report=shares.append)
    assert made.source == "their.txt" and shares == [1.0]


def test_what_a_report_raises_stops_the_reading(reader: Reader, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("It is fine. " * 4)
    for path in (tmp_path / "a.txt", write_sound(tmp_path / "a.wav", 1.5)):
        with pytest.raises(KeyError, match="enough"):
            read_file(reader, path, name="a", limits=LIMITS, report=stop)


def stop(share: float) -> None:
    raise KeyError("enough")


def test_a_text_of_a_whole_call_is_not_too_long_for_a_job(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("So it goes. " * 9)
    assert examine(tmp_path / "a.txt", limits=Limits(seconds=1, pixels=1)) == ("text",)
    with pytest.raises(InputError, match="jpg"):
        (tmp_path / "a.jpg").write_bytes(b"")
        examine(tmp_path / "a.jpg", limits=LIMITS)
