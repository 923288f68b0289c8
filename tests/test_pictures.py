"""Images, videos, cameras and frames become upright RGB pixels with their times; what is broken says how."""

import io
import struct
import threading
import wave
import zlib
from collections.abc import Iterator
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from affekt.errors import EmptyInput, InputError, InputTooLarge
from affekt.sources import pictures
from affekt.sources.pictures import LARGEST, Frame, Pictures, camera, open_image, open_pictures, open_video, picture_of, pushed
from drawn import drawn_face, write_video

SIZE = (48, 32)  # width and height of the images
RED, BLUE = (200, 0, 0), (0, 0, 200)
moving_pictures = pytest.mark.usefixtures("av")


@pytest.fixture
def av() -> Any:
    return pytest.importorskip("av", reason="av is not installed; it comes with the face extra")


def halves(size: tuple[int, int] = SIZE) -> Image.Image:
    """Red above, blue below."""
    image = Image.new("RGB", size, RED)
    image.paste(BLUE, (0, size[1] // 2, size[0], size[1]))
    return image


def noise(size: tuple[int, int], seed: int = 0) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8))


def pixels_of(source: Pictures) -> np.ndarray:
    (frame,) = source.frames()
    assert source.still and source.duration is None and frame.time == 0 and frame.pixels.dtype == np.uint8
    return frame.pixels


def near(pixels: np.ndarray, colour: tuple[int, int, int], far: int = 6) -> bool:
    return bool((np.abs(pixels.astype(int) - colour) <= far).all())


# --- images


@pytest.mark.parametrize("ending", ["png", "jpg", "webp", "bmp", "gif", "tif"])
def test_an_image_becomes_rgb(ending: str, tmp_path: Path) -> None:
    halves().save(tmp_path / f"a.{ending}")
    pixels = pixels_of(open_pictures(tmp_path / f"a.{ending}"))
    assert pixels.shape == (32, 48, 3) and near(pixels[4, 4], RED) and near(pixels[-4, -4], BLUE)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "CMYK", "I;16", "I", "F", "YCbCr"])
def test_an_image_of_any_kind_looks_the_same(mode: str, tmp_path: Path) -> None:
    grey = Image.fromarray(np.repeat(np.uint8([[0], [255]]), [24, 24], axis=0).repeat(64, 1))
    if mode in ("I;16", "I", "F"):
        kind = {"I;16": np.uint16, "I": np.int32, "F": np.float32}[mode]
        image = Image.fromarray(np.asarray(grey).astype(kind) * kind(257))
    else:
        image = grey.convert("RGB").convert(mode)
    path = tmp_path / ("a.jpg" if mode in ("CMYK", "YCbCr") else "a.png" if mode not in ("I", "F") else "a.tif")
    image.save(path)
    assert np.abs(pixels_of(open_image(path)).astype(int) - np.asarray(grey.convert("RGB"))).max() <= 8


def test_sixteen_bits_are_read_as_the_eight_bits_they_say(tmp_path: Path) -> None:
    values = np.uint8([[60, 100], [100, 140]]).repeat(16, 0).repeat(16, 1)  # neither black nor white is in it
    Image.fromarray(values.astype(np.uint16) * 257).save(tmp_path / "a.png")
    assert np.array_equal(pixels_of(open_image(tmp_path / "a.png"))[..., 0], values)


def test_what_is_transparent_is_white(tmp_path: Path) -> None:
    image = Image.new("RGBA", SIZE, (0, 0, 0, 0))
    image.paste((*RED, 255), (0, 0, 24, 32))
    image.save(tmp_path / "rgba.png")
    palette = Image.new("P", SIZE, 1)
    palette.putpalette([0, 0, 0, *RED])
    palette.paste(0, (24, 0, 48, 32))
    palette.save(tmp_path / "palette.png", transparency=0)
    palette.save(tmp_path / "palette.gif", transparency=0)
    for name in ("rgba.png", "palette.png", "palette.gif"):
        pixels = pixels_of(open_image(tmp_path / name))
        assert near(pixels[:, :24], RED) and near(pixels[:, 24:], (255, 255, 255)), name


def test_of_an_animated_image_the_first_frame_is_read_and_that_is_said(tmp_path: Path) -> None:
    halves().save(tmp_path / "a.gif", save_all=True, append_images=[Image.new("RGB", SIZE, name) for name in ("white", "green")])
    source = open_image(tmp_path / "a.gif")
    assert near(pixels_of(source)[4, 4], RED) and "3 images" in source.warnings[0] and "first" in source.warnings[0]


def test_a_phones_jpeg_with_a_preview_in_it_is_one_image(tmp_path: Path) -> None:
    halves().save(tmp_path / "a.jpg", format="MPO", save_all=True, append_images=[halves((24, 16))])
    source = open_image(tmp_path / "a.jpg")
    assert pixels_of(source).shape == (32, 48, 3) and not source.warnings


@pytest.mark.parametrize("orientation", range(1, 9))
def test_an_image_is_turned_as_its_exif_data_say(orientation: int, tmp_path: Path) -> None:
    upright = halves()
    upright.paste((0, 200, 0), (0, 0, 12, 8))  # so that a mirror shows
    undo = [None, 0, 3, 1, 5, 2, 6, 4][orientation - 1]  # what a camera held so would have written
    stored = upright if undo is None else upright.transpose(Image.Transpose(undo))
    exif = Image.Exif()
    exif[0x0112] = orientation
    for name in ("a.png", "a.jpg"):
        stored.save(tmp_path / name, exif=exif, **({"quality": 95, "subsampling": 0} if name == "a.jpg" else {}))
        pixels = pixels_of(open_image(tmp_path / name))
        assert pixels.shape == (32, 48, 3)
        assert near(pixels[2, 2], (0, 200, 0), 30) and near(pixels[2, -2], RED, 30) and near(pixels[-2, 2], BLUE, 30)


def test_damaged_exif_data_do_no_harm(tmp_path: Path) -> None:
    halves().save(tmp_path / "a.jpg", exif=b"Exif\0\0garbage!")
    assert pixels_of(open_image(tmp_path / "a.jpg")).shape == (32, 48, 3)


def test_one_pixel_and_one_row_are_images(tmp_path: Path) -> None:
    for size in ((1, 1), (9000, 1), (1, 9000)):
        Image.new("RGB", size, RED).save(tmp_path / "a.png")
        pixels = pixels_of(open_image(tmp_path / "a.png"))
        assert max(pixels.shape[:2]) <= LARGEST and min(pixels.shape[:2]) == 1 and near(pixels, RED)


def huge_png(path: Path, side: int, *, bits: int = 1) -> Path:
    """A grey image without much in it, so that it is written at once."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    rows = zlib.compress((b"\0" + b"\xff" * (side * bits // 8)) * min(side, 12_000), 1)
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, bits, 0, 0, 0, 0))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", rows) + chunk(b"IEND", b""))
    return path


def test_a_huge_image_is_made_smaller_and_a_bomb_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tallest = 0
    plain = Image.Image.convert

    def convert(self: Image.Image, *given: Any, **named: Any) -> Image.Image:
        nonlocal tallest
        tallest = max(tallest, self.width * self.height)
        return plain(self, *given, **named)

    Image.new("L", (12_000, 12_000), 128).save(tmp_path / "a.jpg")
    for path in (huge_png(tmp_path / "a.png", 12_000), tmp_path / "a.jpg"):
        with monkeypatch.context() as patch:
            patch.setattr(Image.Image, "convert", convert)
            source = open_image(path)
        assert pixels_of(source).shape == (LARGEST, LARGEST, 3) and "12000 x 12000" in source.warnings[0]
    assert tallest < 10_000_000  # no more than a band of it is held a second time
    with pytest.raises(InputTooLarge, match="30000 x 30000"):
        open_image(huge_png(tmp_path / "bomb.png", 30_000))


def test_a_large_image_keeps_its_places_and_colours(tmp_path: Path) -> None:
    image = Image.new("RGBA", (9001, 600), (*RED, 255))
    image.paste((*BLUE, 255), (4500, 0, 9001, 300))
    image.paste((0, 0, 0, 0), (4500, 300, 9001, 600))
    image.save(tmp_path / "a.png", compress_level=1)
    pixels = pixels_of(open_image(tmp_path / "a.png"))
    assert pixels.shape == (273, LARGEST, 3)
    assert near(pixels[:, :2040], RED) and near(pixels[:130, 2060:], BLUE) and near(pixels[140:, 2060:], (255, 255, 255))


def test_pillows_limit_is_as_before_however_many_read(tmp_path: Path) -> None:
    before = Image.MAX_IMAGE_PIXELS
    halves().save(tmp_path / "a.png")
    threads = [threading.Thread(target=lambda: [open_image(tmp_path / "a.png") for _ in range(30)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert before == Image.MAX_IMAGE_PIXELS


def test_what_is_no_image_says_so(tmp_path: Path) -> None:
    (tmp_path / "text.jpg").write_text("hello, this is a text\n" * 20)
    (tmp_path / "empty.png").touch()
    (tmp_path / "folder.png").mkdir()
    for name in ("text.jpg", "empty.png"):
        with pytest.raises(InputError, match=rf"{name} is no image that can be decoded; there are: \.jpg"):
            open_pictures(tmp_path / name)
    for name in ("absent.jpg", "folder.png", "absent.mp4"):
        with pytest.raises(InputError, match=f"no file .*{name}"):
            open_pictures(tmp_path / name)


@pytest.mark.filterwarnings("ignore::UserWarning")  # Pillow's, of tags that are broken
@pytest.mark.parametrize("ending", ["jpg", "png", "gif", "webp", "tif", "bmp", "avif"])
def test_an_image_that_is_cut_off_or_broken_says_so(ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"a.{ending}"
    try:
        noise((80, 60)).save(path)
    except (OSError, KeyError, ValueError):
        pytest.skip(f"Pillow was built without {ending}")
    whole = path.read_bytes()
    for share in (0.05, 0.5, 0.9):
        path.write_bytes(whole[: int(len(whole) * share)])
        with pytest.raises(InputError, match=r"is (damaged|no image)"):
            open_image(path)
    rng = np.random.default_rng(0)
    for _ in range(20):
        broken = bytearray(whole)
        for at in rng.integers(0, len(whole), 4):
            broken[at] = rng.integers(256)
        path.write_bytes(broken)
        with suppress(InputError):  # some of it can be seen, or it says why not
            assert pixels_of(open_image(path)).ndim == 3


# --- arrays and frames


def test_an_array_is_a_picture() -> None:
    grey = np.arange(48, dtype=np.uint8).reshape(6, 8)
    assert np.array_equal(pixels_of(open_pictures(grey)), np.repeat(grey[..., None], 3, 2))
    colour = np.asarray(halves())
    assert np.array_equal(pixels_of(picture_of(colour)), colour)


@pytest.mark.parametrize(
    "pixels",
    [
        np.zeros((4, 4, 3)),
        np.zeros((4, 4, 3), np.int64),
        np.zeros((4, 4, 4), np.uint8),
        np.zeros((2, 4, 4, 3), np.uint8),
        np.zeros((0, 4, 3), np.uint8),
        np.zeros(4, np.uint8),
        "no",
        None,
    ],
)
def test_what_is_no_picture_is_refused(pixels: Any) -> None:
    with pytest.raises(InputError, match="a picture is"):
        picture_of(pixels)
    with pytest.raises(InputError, match="a picture is"):
        list(pushed([(0.5, pixels)]).frames())


@pytest.mark.parametrize("source", [b"bytes", {"a": 1}, 1.5])
def test_what_is_no_source_is_refused(source: Any) -> None:
    with pytest.raises(InputError, match="pictures are a path"):
        open_pictures(source)


def test_pushed_frames_have_their_times() -> None:
    pixels = np.asarray(halves())
    assert [frame.time for frame in open_pictures([pixels] * 3).frames()] == [0, 0.04, 0.08]
    assert [frame.time for frame in open_pictures([(0.5, pixels), (np.float32(0.75), pixels), (3, pixels)]).frames()] == [0.5, 0.75, 3]
    source = open_pictures(iter([(0, pixels)]))
    assert not source.still and source.duration is None
    assert np.array_equal(next(source.frames()).pixels, pixels) and open_pictures(source) is source


def test_pushed_frames_come_one_by_one() -> None:
    given = 0

    def frames() -> Iterator[tuple[float, np.ndarray]]:
        nonlocal given
        while True:
            given += 1
            yield given / 10, np.zeros((4, 4, 3), np.uint8)

    reading = pushed(frames()).frames()
    for count in (1, 2, 3):
        next(reading)
        assert given == count


@pytest.mark.parametrize("times", [(0.0, 0.5, 0.4), (0.0, 0.5, 0.5), (0.0, float("nan")), (-1.0,), (0.0, float("inf")), ("soon",)])
def test_time_goes_on(times: tuple[Any, ...]) -> None:
    pixels, read = np.zeros((4, 4, 3), np.uint8), list[Frame]()
    with pytest.raises(InputError, match=f"frame {len(times) - 1} of stream is of .*; (a time is|time goes on)"):
        read.extend(pushed([(time, pixels) for time in times]).frames())
    reading = pushed([(time, pixels) for time in times]).frames()
    assert len([next(reading) for _ in times[:-1]]) == len(times) - 1  # what was right had come before


@pytest.mark.parametrize("fps", [12, 25, 30, 60])
def test_pushed_frames_are_thinned_to_the_rate(fps: int) -> None:
    pixels = np.zeros((4, 4, 3), np.uint8)
    read = [frame.time for frame in pushed([(at / fps, pixels) for at in range(10 * fps)], rate=5).frames()]
    assert 49 <= len(read) <= 52 and np.diff(read).min() > 0.1 and np.diff(read).max() < 0.3


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
