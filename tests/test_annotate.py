"""A picture or video again: every frame, the label that holds at its time, and no face to be seen where faces are hidden."""

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

av = pytest.importorskip("av", reason="PyAV is not installed; it comes with the face extra")

from PIL import Image, ImageColor

from affekt.annotate import CELLS, DARK, annotate
from affekt.errors import InputError
from affekt.formats._palette import colours
from affekt.preprocessing._network import WEIGHTS
from affekt.preprocessing.faces import find
from affekt.results import Reading, Timeline
from affekt.sources.pictures import Frame, open_video
from drawn import drawn_face, on, write_video
from test_formats import EKMAN

FILLS = colours(list(EKMAN), "ekman7")
RATE = 10  # frames a second
HIGH, WIDE = 121, 161  # odd: encoders want even
SIDE = 32  # pixels of a face
FACE = np.random.default_rng(0).integers(0, 2, (SIDE, SIDE, 1), dtype=np.uint8).repeat(3, axis=2) * 255  # as sharp as can be
Place = Callable[[float], tuple[int, int] | None]


def still(_: float) -> tuple[int, int]:
    return 60, 40


def moving(time: float) -> tuple[int, int]:
    return 10 + round(30 * time), 40


def picture(place: tuple[int, int] | None) -> np.ndarray:
    pixels = np.full((HIGH, WIDE, 3), 128, np.uint8)
    if place is not None:
        pixels[place[1] : place[1] + SIDE, place[0] : place[0] + SIDE] = FACE
    return pixels


def video(path: Path, place: Place, *, seconds: float = 2.0, begin: float = 0.0, sound: str | None = None) -> Path:
    """A lossless video in which a face moves, with two seconds of sound from 0 on where one is asked for."""
    with av.open(str(path), "w") as output:
        stream = output.add_stream("ffv1", rate=RATE)
        stream.height, stream.width, stream.pix_fmt = HIGH, WIDE, "bgr0"
        heard = output.add_stream(sound, rate=16_000) if sound else None
        if heard is not None:
            heard.codec_context.layout = "mono"
            output.mux(packets_of(heard))
        for number in range(round(seconds * RATE)):
            frame = av.VideoFrame.from_ndarray(picture(place(number / RATE)), "rgb24")
            frame.pts, frame.time_base = round(begin * RATE) + number, Fraction(1, RATE)
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return path


def packets_of(heard: Any) -> list[Any]:
    samples = (np.sin(np.arange(32_000) / 10) * 9000).astype(np.int16)[None]
    frame = av.AudioFrame.from_ndarray(samples, "s16", "mono")
    frame.sample_rate, frame.pts, frame.time_base = 16_000, 0, Fraction(1, 16_000)
    heard.codec_context.open()
    resampler = av.AudioResampler(heard.codec_context.format.name, "mono", 16_000, heard.codec_context.frame_size or 1024)
    pieces = [*resampler.resample(frame), *resampler.resample(None)]
    return [packet for piece in [*pieces, None] for packet in heard.encode(piece)]


def seen(place: tuple[int, int], start: float, end: float, label: str = "joy", **more: Any) -> Reading:
    x, y = place
    box = (x / WIDE, y / HIGH, (x + SIDE) / WIDE, (y + SIDE) / HIGH)
    scores = {name: 0.7 if name == label else 0.05 for name in EKMAN}
    return Reading("face", "ekman7", scores, start, end, "m@1", present=(label,), box=box, **{"who": "face 1", **more})


def timeline(*readings: Reading) -> Timeline:
    return Timeline("talk.mkv", 2.0, "seconds", "ekman7", readings)


def every(place: Place, times: list[float], **more: Any) -> Timeline:
    found = [(time, place(time)) for time in times]
    return timeline(*(seen(where, time, time + 0.2, **more) for time, where in found if where is not None))


def frames_of(path: Path) -> list[Frame]:
    return list(open_video(path).frames())


def sharp(frame: Frame, place: tuple[int, int]) -> float:
    """How different neighbouring pixels are where a face is: some 128 where it is to be seen."""
    x, y = place
    part = frame.pixels[y : y + SIDE, x : x + SIDE, 1].astype(float)
    return float(np.abs(np.diff(part, axis=1)).mean())


def near(pixels: np.ndarray, colour: str, most: int = 60) -> int:
    """Pixels of a colour, or nearly, as video has it."""
    return int((np.abs(pixels.astype(int) - ImageColor.getrgb(colour)).sum(axis=2) < most).sum())


@pytest.mark.parametrize("ending", ["mp4", "mov", "mkv"])
def test_every_frame_is_written_at_its_time(ending: str, tmp_path: Path) -> None:
    source = video(tmp_path / "a.mkv", moving)
    out = annotate(source, every(moving, [0.0, 1.0]), tmp_path / f"out.{ending}")
    before, after = frames_of(source), frames_of(out)
    assert [frame.time for frame in after] == pytest.approx([frame.time for frame in before], abs=0.002)
    assert after[0].pixels.shape == (HIGH + 1, WIDE + 1, 3)
    assert sharp(after[15], moving(1.5)) > 100  # nothing is drawn or hidden where nothing was read
    assert np.abs(after[15].pixels[100:, :40].astype(int) - 128).max() < 4


def test_frames_of_a_varying_rate_keep_their_times(tmp_path: Path) -> None:
    times = [0, 40, 50, 400, 430, 1000]  # milliseconds
    with av.open(str(tmp_path / "a.mkv"), "w") as output:
        stream = output.add_stream("ffv1", rate=1000)
        stream.height, stream.width, stream.pix_fmt = HIGH, WIDE, "bgr0"
        for time in times:
            frame = av.VideoFrame.from_ndarray(picture(None), "rgb24")
            frame.pts, frame.time_base = time, Fraction(1, 1000)
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    out = annotate(tmp_path / "a.mkv", timeline(seen((9, 9), 0, 1)), tmp_path / "b.mp4")
    assert [frame.time * 1000 for frame in frames_of(out)] == pytest.approx(times, abs=2)


def test_each_frame_has_the_label_that_holds_at_its_time_or_nearly(tmp_path: Path) -> None:
    given = timeline(seen((60, 40), 0, 0.5), seen((60, 40), 0.5, 1, "sadness"), seen((60, 40), 1, 1.2, abstained=True, reason="dark"))
    after = [frame.pixels for frame in frames_of(annotate(video(tmp_path / "a.mkv", lambda _: None), given, tmp_path / "b.mp4"))]
    warm = [float((frame[..., 0].astype(int) - frame[..., 2]).mean()) for frame in after]  # joy is yellow, sadness is blue
    assert min(warm[:5]) > 2 and max(warm[5:10]) < -2 and max(map(abs, warm[10:])) < 1
    assert [near(frame, DARK) > 100 for frame in after] == [True] * 15 + [False] * 5  # what is read is shown for 0.3 s more


def test_no_frame_shows_a_face_that_is_hidden(tmp_path: Path) -> None:
    source = video(tmp_path / "a.mkv", moving)
    times = [0.0, 0.2, 0.4, 1.2, 1.4, 1.6, 1.8]  # for 0.6 s it was not found
    before, after = (frames_of(path) for path in (source, annotate(source, every(moving, times), tmp_path / "b.mp4", blur_faces=True)))
    assert min(sharp(frame, moving(frame.time)) for frame in before) > 100
    assert max(sharp(frame, moving(frame.time)) for frame in after) < 60  # lines of the box
    plain = frames_of(annotate(source, every(moving, times), tmp_path / "c.mp4", blur_faces=True, draw=False))
    assert max(sharp(frame, moving(frame.time)) for frame in plain) < 15


def test_a_face_is_hidden_before_it_was_found_and_after_it_was_lost(tmp_path: Path) -> None:
    source = video(tmp_path / "a.mkv", still)
    out = annotate(source, every(still, [0.8, 1.0]), tmp_path / "b.mp4", blur_faces=True, draw=False)
    visible = [number for number, frame in enumerate(frames_of(out)) if sharp(frame, still(0)) > 100]
    assert visible == [0, 1, 2, 18, 19]


def test_at_a_cut_a_face_is_hidden_where_it_was_and_where_it_will_be(tmp_path: Path) -> None:
    def cut(time: float) -> tuple[int, int]:
        return (10, 40) if time < 0.65 else (110, 60)

    out = annotate(video(tmp_path / "a.mkv", cut), every(cut, [0.0, 0.4, 0.8, 1.2, 1.6]), tmp_path / "b.mp4", blur_faces=True, draw=False)
    assert max(sharp(frame, cut(frame.time)) for frame in frames_of(out)) < 15


def test_faces_without_names_are_hidden_each_for_itself(tmp_path: Path) -> None:
    source = video(tmp_path / "a.mkv", still, seconds=0.5)
    given = timeline(*(seen(place, 0.2, 0.4, who=None) for place in (still(0), (5, 5))))
    out = annotate(source, given, tmp_path / "b.mp4", blur_faces=True, draw=False)
    assert max(sharp(frame, still(0)) for frame in frames_of(out)) < 15


@pytest.mark.parametrize("ending", ["png", "jpg", "JPEG", "webp"])
def test_an_image_is_written_by_the_ending_and_without_its_metadata(ending: str, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x010E] = "Anna at home"
    Image.fromarray(picture((60, 40))).save(tmp_path / "a.jpg", quality=95, exif=exif)
    calls: list[tuple[float, int]] = []
    out = annotate(tmp_path / "a.jpg", timeline(seen((60, 40), 0, 0)), tmp_path / f"b.{ending}", report=lambda *done: calls.append(done))
    with Image.open(out) as image:
        assert image.format == {"jpg": "JPEG", "jpeg": "JPEG"}.get(ending.lower(), ending.upper())
        assert image.size == (WIDE, HIGH) and not image.getexif()
        assert near(np.asarray(image.convert("RGB")), FILLS["joy"]) > 50
    assert calls == [(1.0, 1)]


@pytest.mark.parametrize("place", [(60, 40), (-20, -9), (150, 100), (400, 0)])
def test_a_mosaic_has_few_cells_and_stays_in_the_picture(place: tuple[int, int], tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (HIGH, WIDE, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "a.png")
    given = timeline(seen(place, 0, 0))
    with Image.open(annotate(tmp_path / "a.png", given, tmp_path / "b.png", blur_faces=True, draw=False)) as image:
        hidden = np.asarray(image)
    changed = (hidden != noise).any(axis=2)
    x, y = (np.clip([at, at + SIDE], 0, most) for at, most in zip(place, (WIDE, HIGH), strict=True))
    assert changed[y[0] : y[1], x[0] : x[1]].all()
    assert len(np.unique(hidden[changed], axis=0)) <= CELLS**2 <= 64
    assert changed.sum() <= (1.25 * SIDE + 2) ** 2


def test_what_is_drawn_stays_in_the_picture_wherever_the_face_is(tmp_path: Path) -> None:
    Image.fromarray(picture(None)).save(tmp_path / "a.png")
    for place in ((0, 0), (-30, 110), (150, -10), (0, 100)):
        given = timeline(seen(place, 0, 0, who="客户 with a very long name " * 9))
        with Image.open(annotate(tmp_path / "a.png", given, tmp_path / "b.png")) as image:
            assert near(np.asarray(image), DARK) > 50


def test_the_sound_is_copied_and_stays_in_time(tmp_path: Path) -> None:
    source = video(tmp_path / "a.mkv", still, begin=1.0, seconds=1.0, sound="aac")
    with av.open(str(annotate(source, every(still, [0.0]), tmp_path / "b.mp4"))) as after, av.open(str(source)) as before:
        packets = [[(float(p.pts * p.time_base), bytes(p)) for p in one.demux(audio=0) if p.pts is not None] for one in (before, after)]
    assert packets[1] and [data for _, data in packets[1]] == [data for time, data in packets[0] if time >= 0.999]
    late = {data: time for time, data in packets[0]}
    assert [time for time, _ in packets[1]] == pytest.approx([late[data] - 1.0 for _, data in packets[1]], abs=0.002)


def test_sound_that_the_file_cannot_hold_is_left_out_and_said_so(tmp_path: Path) -> None:
    source = video(tmp_path / "a.mkv", still, sound="flac")
    with pytest.warns(UserWarning, match=r"'flac' cannot be copied into mov.*\.mkv"):
        annotate(source, every(still, [0.0]), tmp_path / "b.mov")
    annotate(source, every(still, [0.0]), tmp_path / "b.mkv")
    with av.open(str(tmp_path / "b.mov")) as without, av.open(str(tmp_path / "b.mkv")) as held:
        assert [len(one.streams.audio) for one in (without, held)] == [0, 1]
    assert len(frames_of(tmp_path / "b.mov")) == len(frames_of(tmp_path / "b.mkv")) == 20


def test_without_an_h264_encoder_the_video_is_mpeg4(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(av, "codecs_available", {"mpeg4"})
    source = video(tmp_path / "a.mkv", still, seconds=0.5)
    with av.open(str(annotate(source, every(still, [0.0]), tmp_path / "b.mp4"))) as written:
        assert written.streams.video[0].codec_context.name == "mpeg4"
    assert len(frames_of(tmp_path / "b.mp4")) == 5


@pytest.mark.parametrize("turned", [0, 90])
def test_a_video_keeps_the_shape_in_which_it_is_to_be_seen(turned: int, tmp_path: Path) -> None:
    source = write_video(tmp_path / "a.mp4", [on((160, 120))] * 3, turned=turned, aspect=Fraction(4, 3))
    with av.open(str(annotate(source, timeline(seen((9, 9), 0, 1)), tmp_path / "b.mp4"))) as written:
        stream = written.streams.video[0]
        shape = stream.width / stream.height * (stream.sample_aspect_ratio or 1)
    assert float(shape) == pytest.approx(120 / (160 * 4 / 3) if turned else 160 * 4 / 3 / 120, rel=0.02)


@pytest.mark.skipif(not (WEIGHTS / "face_blazeface").is_dir(), reason="the weights that find faces are not there")
def test_what_finds_faces_finds_none_where_they_are_hidden(tmp_path: Path) -> None:
    scene = on((640, 360), (drawn_face(200), 60, 80), (drawn_face(150, "flat"), 400, 60))
    scene.save(tmp_path / "a.png")
    faces = find(np.asarray(scene))
    boxes = [(left / 640, top / 360, right / 640, bottom / 360) for left, top, right, bottom in (face.box for face in faces)]
    given = timeline(*(replace(seen((0, 0), 0, 0, who=f"face {at}"), box=box) for at, box in enumerate(boxes)))
    with Image.open(annotate(tmp_path / "a.png", given, tmp_path / "b.png", blur_faces=True, draw=False)) as hidden:
        assert len(faces) == 2 and not find(np.asarray(hidden))


def test_progress_ends_with_all(tmp_path: Path) -> None:
    calls: list[tuple[float, int]] = []
    source = video(tmp_path / "a.mkv", still, seconds=1)
    annotate(source, every(still, [0.0]), tmp_path / "b.mp4", report=lambda *done: calls.append(done))
    assert calls == sorted(calls) and calls[-1] == (1.0, 10) and len(calls) == 11


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_nothing_half_written_is_left_behind(error: type[BaseException], tmp_path: Path) -> None:
    def stop(_: float, frames: int) -> None:
        if frames == 3:
            raise error

    source = video(tmp_path / "a.mkv", still, sound="aac")
    (tmp_path / "b.mp4").write_text("of yesterday")
    with pytest.raises(error):
        annotate(source, every(still, [0.0]), tmp_path / "b.mp4", report=stop)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["a.mkv", "b.mp4"]
    assert (tmp_path / "b.mp4").read_text() == "of yesterday"


def test_what_cannot_be_written_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    given = timeline(seen((9, 9), 0, 1))
    for source, out, says in (
        ("a.jpg", "b.mp4", r"is an image.*\.png, \.jpg"),
        ("a.mp4", "b.png", r"is a video.*\.mp4, \.m4v, \.mov, \.mkv, not '\.png'"),
        ("a.mp4", "b", "without an ending"),
        ("a.mp4", "no/b.mp4", "no folder"),
        ("a.mp4", "b.mp4", r"no file .*a\.mp4"),
    ):
        with pytest.raises(InputError, match=says):
            annotate(tmp_path / source, given, tmp_path / out)
    (tmp_path / "a.mp4").write_text("no video")
    with pytest.raises(InputError, match="name another file"):
        annotate(tmp_path / "a.mp4", given, tmp_path / "a.mp4")
    with pytest.raises(InputError, match="no face is in the timeline"):
        annotate(tmp_path / "a.mp4", timeline(), tmp_path / "b.mp4", blur_faces=True)
    with pytest.raises(InputError, match="no video that can be decoded"):
        annotate(tmp_path / "a.mp4", given, tmp_path / "b.mp4")
    assert [file.name for file in tmp_path.iterdir()] == ["a.mp4"]
