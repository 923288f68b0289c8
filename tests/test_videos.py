"""Videos and cameras: every frame upright, at its own time, and what is wrong with a file said."""

import io
import struct
import wave
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from affekt.errors import EmptyInput, InputError
from affekt.sources import pictures
from affekt.sources.pictures import Pictures, camera, open_pictures, open_video
from drawn import RED, SIZE, drawn_face, halves, near, noise, write_video

moving_pictures = pytest.mark.usefixtures("av")


@pytest.fixture
def av() -> Any:
    return pytest.importorskip("av", reason="av is not installed; it comes with the face extra")


# --- videos


def brightness(source: Pictures) -> list[tuple[float, float]]:
    return [(frame.time, float(frame.pixels.mean())) for frame in source.frames()]


def steps(count: int, size: tuple[int, int] = SIZE) -> list[Image.Image]:
    """Grey frames that become brighter by two each."""
    return [Image.new("RGB", size, (20 + 2 * at,) * 3) for at in range(count)]


@moving_pictures
@pytest.mark.parametrize("ending", ["mp4", "mkv", "avi", "mov", "ts"])
def test_a_video_gives_its_frames_with_their_times(ending: str, tmp_path: Path) -> None:
    source = open_video(write_video(tmp_path / f"a.{ending}", steps(50)))
    for _ in range(2):  # it can be read again
        read = brightness(source)
        assert 48 <= len(read) <= 50 and read[0][0] == 0 and np.diff([time for time, _ in read]).min() > 0.02
        assert all(bright == pytest.approx(20 + 50 * time, abs=5) for time, bright in read)
    assert source.duration == pytest.approx(2, abs=0.1) and not source.still and not source.warnings


@moving_pictures
@pytest.mark.parametrize("fps", [24, 25, 30])
@pytest.mark.parametrize("rate", [1, 5, 10])
def test_a_rate_gives_about_that_many_frames_a_second(fps: int, rate: int, tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", steps(4 * fps), fps)
    times = [frame.time for frame in open_video(path, rate=rate).frames()]
    assert 4 * rate <= len(times) <= 4 * rate + 1
    assert np.diff(times).min() > 0.5 / rate and np.diff(times).max() < 1.5 / rate
    assert len(list(open_video(path, rate=200).frames())) == 4 * fps


@moving_pictures
def test_frames_at_a_rate_that_varies_keep_their_times(tmp_path: Path) -> None:
    times = [0, 0.04, 0.5, 0.54, 2, 2.04, 2.4]
    path = write_video(tmp_path / "a.mp4", steps(len(times)), times=times)
    assert [time for time, _ in brightness(open_video(path))] == pytest.approx(times, abs=0.002)
    read = brightness(open_video(path, rate=5))
    assert [time for time, _ in read] == pytest.approx([0, 0.5, 2, 2.4], abs=0.002)
    assert [bright for _, bright in read] == pytest.approx([20, 24, 28, 32], abs=2)


def turned(path: Path, matrix: tuple[int, int, int, int]) -> Path:
    """The file with another matrix in its track's header, (a, b, c, d) of ISO 14496-12: x to ax + cy, y to bx + dy."""
    data = bytearray(path.read_bytes())
    at = data.index(b"tkhd") + 44
    data[at : at + 36] = struct.pack(">9i", matrix[0] << 16, matrix[1] << 16, 0, matrix[2] << 16, matrix[3] << 16, 0, 0, 0, 1 << 30)
    path.write_bytes(data)
    return path


@moving_pictures
@pytest.mark.parametrize(
    ("matrix", "red"),
    [((1, 0, 0, 1), "top"), ((0, 1, -1, 0), "right"), ((-1, 0, 0, -1), "bottom"), ((0, -1, 1, 0), "left")],
)
def test_a_video_from_a_phone_is_upright(matrix: tuple[int, int, int, int], red: str, tmp_path: Path) -> None:
    path = turned(write_video(tmp_path / "a.mp4", [halves((160, 96))] * 3), matrix)
    pixels = next(open_video(path).frames()).pixels
    assert pixels.shape == ((96, 160, 3) if red in ("top", "bottom") else (160, 96, 3)) and pixels.flags.c_contiguous
    places = {"top": pixels[8, 48], "bottom": pixels[-8, 48], "left": pixels[48, 8], "right": pixels[48, -8]}
    assert near(places.pop(red), RED, 12)
    assert not any(near(place, RED, 12) for name, place in places.items() if {name, red} in ({"top", "bottom"}, {"left", "right"}))


@moving_pictures
@pytest.mark.parametrize(("aspect", "shape"), [(Fraction(2, 1), (96, 320)), (Fraction(1, 2), (192, 160)), (Fraction(1, 1), (96, 160))])
def test_pixels_are_square(aspect: Fraction, shape: tuple[int, int], tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", [halves((160, 96))] * 2, aspect=aspect)
    assert next(open_video(path).frames()).pixels.shape == (*shape, 3)


@moving_pictures
def test_damage_in_the_middle_is_skipped_and_said(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", [noise((64, 48), seed) for seed in range(50)])
    data = bytearray(path.read_bytes())
    middle = data.index(b"mdat") + len(data) // 3
    data[middle : middle + 8000] = np.random.default_rng(0).integers(0, 256, 8000, dtype=np.uint8).tobytes()
    path.write_bytes(data)
    source = open_video(path)
    for _ in range(2):
        times = [frame.time for frame in source.frames()]
        assert 20 < len(times) < 50 and times[0] == 0 and times[-1] == pytest.approx(1.96, abs=0.1) and np.diff(times).min() > 0
        assert len(source.warnings) == 1 and "damaged" in source.warnings[0] and "skipped" in source.warnings[0]


@moving_pictures
def test_a_video_that_is_cut_off_says_so(tmp_path: Path) -> None:
    frames = [noise((64, 48), seed) for seed in range(100)]
    path = write_video(tmp_path / "a.mp4", frames, options={"movflags": "faststart"})  # its index is at the begin, so much can be seen
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    source = open_video(path)
    assert 20 < len(list(source.frames())) < 80 and any("cut off" in warning for warning in source.warnings)
    path.write_bytes(whole[: whole.index(b"mdat") + 10])
    with pytest.raises(EmptyInput, match="not one frame"):
        list(open_video(path).frames())
    late = write_video(tmp_path / "b.mp4", frames[:10]).read_bytes()  # its index is at the end
    (tmp_path / "b.mp4").write_bytes(late[: len(late) // 2])
    with pytest.raises(InputError, match="no video that can be decoded"):
        open_video(tmp_path / "b.mp4")


@moving_pictures
def test_clips_put_one_after_another_go_on(tmp_path: Path) -> None:
    one = write_video(tmp_path / "a.ts", steps(50)).read_bytes()
    (tmp_path / "b.ts").write_bytes(one + one)
    times = [frame.time for frame in open_video(tmp_path / "b.ts").frames()]
    assert 95 <= len(times) <= 100 and np.diff(times).min() > 0 and times[-1] == pytest.approx(3.96, abs=0.2)


@moving_pictures
def test_frames_without_times_come_at_the_usual_rate(tmp_path: Path) -> None:
    times = [frame.time for frame in open_video(write_video(tmp_path / "a.h264", steps(10))).frames()]
    assert times == pytest.approx(np.arange(10) / 25, abs=0.01)


@moving_pictures
def test_a_video_of_one_frame_has_one(tmp_path: Path) -> None:
    assert len(brightness(open_video(write_video(tmp_path / "a.mp4", steps(1))))) == 1


@moving_pictures
def test_what_is_no_video_says_so(tmp_path: Path, av: Any) -> None:
    with wave.open(str(tmp_path / "sound.mp4"), "wb") as file:
        file.setparams((1, 2, 16_000, 0, "NONE", ""))
        file.writeframes(bytes(32_000))
    with pytest.raises(InputError, match="has no moving pictures: it holds audio"):
        open_video(tmp_path / "sound.mp4")
    (tmp_path / "text.mp4").write_text("hello, this is a text\n" * 50)
    (tmp_path / "empty.mp4").touch()
    for name in ("text.mp4", "empty.mp4"):
        with pytest.raises(InputError, match="no video that can be decoded"):
            open_video(tmp_path / name)
    with pytest.raises(InputError, match=r"no file .*absent\.mp4"):
        open_video(tmp_path / "absent.mp4")
    with av.open(str(tmp_path / "none.mp4"), "w") as container:  # zero duration, no frames
        container.add_stream("mpeg4", rate=25, width=64, height=64, pix_fmt="yuv420p")
        container.start_encoding()
    with pytest.raises(InputError):
        list(open_video(tmp_path / "none.mp4").frames())


@moving_pictures
def test_the_cover_of_a_record_is_no_moving_picture(tmp_path: Path, av: Any) -> None:
    cover = io.BytesIO()
    halves().save(cover, "JPEG")
    data = cover.getvalue()
    block = struct.pack(">II", 3, 10) + b"image/jpeg" + struct.pack(">IIIIII", 0, *SIZE, 24, 0, len(data)) + data
    with av.open(str(tmp_path / "plain.flac"), "w") as container:
        stream = container.add_stream("flac", rate=16_000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 4096), np.int16), format="s16", layout="mono")
        frame.sample_rate = 16_000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    plain = (tmp_path / "plain.flac").read_bytes()
    end = 4 + 4 + 34  # after the first of the blocks that say what the file is
    (tmp_path / "a.flac").write_bytes(plain[:end] + bytes([6]) + len(block).to_bytes(3, "big") + block + plain[end:])
    with pytest.raises(InputError, match="has no moving pictures: it holds audio, video"):
        open_video(tmp_path / "a.flac")


@moving_pictures
def test_a_large_video_is_made_smaller(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "LARGEST", 80)
    assert next(open_video(write_video(tmp_path / "a.mp4", steps(2, (160, 96)))).frames()).pixels.shape == (48, 80, 3)


# --- cameras


@moving_pictures
@pytest.mark.parametrize("number", [97, "no such camera", -1])
def test_a_camera_that_is_not_there_is_an_error(number: int | str) -> None:
    with pytest.raises(InputError, match=f"the camera {number!r} cannot be used|no camera can be used"):
        camera(number)


@moving_pictures
def test_a_platform_without_cameras_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.platform", "emscripten")
    with pytest.raises(InputError, match="no camera can be used on emscripten"):
        open_pictures(None)


@moving_pictures
def test_a_camera_gives_frames_and_can_be_used_again(monkeypatch: pytest.MonkeyPatch, av: Any) -> None:
    if "lavfi" not in av.formats_available:
        pytest.skip("PyAV was built without lavfi, which stands for a camera here")
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setattr(pictures, "CAMERAS", {"linux": ("lavfi", "testsrc=size=64x48:rate=25:duration={}")})
    source = camera(2, rate=5)
    assert source.name == "camera" and source.duration is None and not source.still
    for _ in range(2):
        times = [frame.time for frame in source.frames()]
        assert 10 <= len(times) <= 11 and np.diff(times).min() > 0.1


@moving_pictures
def test_a_drawn_face_can_be_written_and_read_again(tmp_path: Path) -> None:
    face = drawn_face(96)
    read = next(open_video(write_video(tmp_path / "a.mp4", [face] * 2)).frames()).pixels
    assert np.abs(read.astype(int) - np.asarray(face)).mean() < 6
