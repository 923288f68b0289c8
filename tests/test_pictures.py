"""Images, videos, cameras and frames become upright RGB pixels with their times; what is broken says how."""

import struct
import threading
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from affekt.errors import InputError, InputTooLarge
from affekt.sources.pictures import LARGEST, Frame, Pictures, open_image, open_pictures, picture_of, pushed
from drawn import BLUE, RED, SIZE, halves, near, noise

moving_pictures = pytest.mark.usefixtures("av")


@pytest.fixture
def av() -> Any:
    return pytest.importorskip("av", reason="av is not installed; it comes with the face extra")


def pixels_of(source: Pictures) -> np.ndarray:
    (frame,) = source.frames()
    assert source.still and source.duration is None and frame.time == 0 and frame.pixels.dtype == np.uint8
    return frame.pixels


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
    assert near(pixels_of(source)[4, 4], RED) and "several images" in source.warnings[0] and "first" in source.warnings[0]


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
