"""A file played as if it were live: everything in it, when it would have been heard or seen."""

from collections.abc import Iterable, Iterator
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

av = pytest.importorskip("av", reason="av is not installed; it comes with the speech extra")

from affekt.errors import InputError
from affekt.sources.audio import RATE, open_audio
from affekt.sources.live import incoming
from affekt.sources.pictures import Frame, open_video, pushed
from affekt.sources.playback import play
from timed import CHUNK, PIXELS, Time, all_of, telling

# --- files played


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """3 s: 75 frames that get brighter, and stereo at 44,100 samples a second."""
    path = tmp_path_factory.mktemp("film") / "film.mkv"
    sound = np.stack([telling(0, 3 * 44_100, 44_100), np.sin(np.arange(3 * 44_100) / 20) / 2]).astype(np.float32)
    with av.open(str(path), "w") as container:
        picture = container.add_stream("mpeg4", rate=25, width=48, height=32, pix_fmt="yuv420p")
        heard = container.add_stream("pcm_s16le", rate=44_100, layout="stereo")
        for at in range(75):
            frame = av.VideoFrame.from_ndarray(np.full((32, 48, 3), 3 * at, np.uint8), format="rgb24")
            container.mux(picture.encode(frame))
        block = av.AudioFrame.from_ndarray(sound, format="fltp", layout="stereo")
        block.sample_rate = 44_100
        for out in av.AudioResampler(format="s16", layout="stereo", rate=44_100).resample(block):
            container.mux(heard.encode(out))
        for stream in (picture, heard):
            container.mux(stream.encode(None))
    return path


@pytest.mark.parametrize("realtime", [False, True])
def test_what_is_played_is_what_is_in_the_file(film: Path, realtime: bool) -> None:
    time = Time()
    sound, frames = play(film, realtime=realtime, clock=time, sleep=time.sleep)
    assert sound is not None and frames is not None
    chunks = list(sound)
    mixed = np.concatenate(list(open_audio(film).blocks()), axis=1).mean(0)
    assert np.array_equal(np.concatenate([samples for _, samples in chunks]), mixed) and all(
        one.shape == (CHUNK,) for _, one in chunks[:-1]
    )
    assert [seconds for seconds, _ in chunks] == pytest.approx([at * 0.04 for at in range(len(chunks))])
    assert np.array_equal(all_of(incoming(chunks)), mixed)
    time.now = 0.0
    shown, there = list(frames), list(open_video(film).frames())
    assert len(shown) == len(there) == 75
    for (seconds, pixels), frame in zip(shown, there, strict=True):
        assert seconds == frame.time and np.array_equal(pixels, frame.pixels)
    for rate in (5.0, 10.0):
        thinned = [frame.time for frame in open_video(film, rate=rate).frames()]
        assert [frame.time for frame in pushed(shown, rate=rate).frames()] == thinned


def asked(items: Iterable[tuple[float, np.ndarray]], time: Time, *, busy: float = 0.0) -> list[tuple[float, float, np.ndarray]]:
    """When each was given, its own seconds, and what it is, to somebody who is busy for some seconds after each."""
    found = []
    for seconds, data in items:
        found.append((time.now, seconds, data))
        time.now += busy
    return found


def test_sound_is_given_when_it_would_have_been_heard_and_frames_when_they_would_have_been_shown(film: Path) -> None:
    time = Time(1e6)
    sound, frames = play(film, clock=time, sleep=time.sleep)
    assert sound is not None and frames is not None
    time.now += 100  # the play begins when it is first asked for
    assert next(sound)[0] == 0.0 and time.now == pytest.approx(1e6 + 100.04)
    assert next(frames)[0] == 0.0 and time.now == pytest.approx(1e6 + 100.04)  # both began together
    heard = asked(sound, time)
    assert [given - 1e6 - 100 for given, _, _ in heard] == pytest.approx([seconds + len(data) / RATE for _, seconds, data in heard])
    alone = Time()
    frames = play(film, sound=False, clock=alone, sleep=alone.sleep)[1]
    assert frames is not None
    seen = asked(frames, alone)
    assert [given for given, _, _ in seen] == pytest.approx([seconds for _, seconds, _ in seen]) and len(seen) == 75


def test_who_is_slow_gets_all_of_the_sound_and_no_old_frame(film: Path) -> None:
    time = Time()
    frames, busy = play(film, clock=time, sleep=time.sleep)[1], 0.2
    assert frames is not None
    seen = asked(frames, time, busy=busy)
    assert all(given - seconds <= 0.5 for given, seconds, _ in seen) and 12 <= len(seen) <= 20 and seen[-1][1] > 2.8
    assert all(after[1] > before[1] for before, after in pairwise(seen))
    time = Time()
    sound = play(film, clock=time, sleep=time.sleep)[0]
    assert sound is not None
    heard = asked(sound, time, busy=busy)
    mixed = np.concatenate(list(open_audio(film).blocks()), axis=1).mean(0)
    assert np.array_equal(np.concatenate([samples for _, _, samples in heard]), mixed)
    assert heard[-1][0] == pytest.approx(0.04 + busy * (len(heard) - 1))


def test_a_film_that_decodes_more_slowly_than_it_plays_is_still_seen(film: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    time = Time()

    class Slow:
        def frames(self) -> Iterator[Frame]:
            for at in range(250):
                time.now += 0.08  # seconds to decode 0.04 s
                yield Frame(at / 25, PIXELS)

    monkeypatch.setattr("affekt.sources.playback.open_video", lambda path: Slow())
    frames = play(film, clock=time, sleep=time.sleep)[1]
    assert frames is not None
    seen = asked(frames, time)
    assert seen[-1][1] > 9 and max(after[0] - before[0] for before, after in pairwise(seen)) < 1.2


def test_each_part_is_played_by_itself(film: Path, tmp_path: Path) -> None:
    assert play(film, pictures=False)[1] is None and play(film, sound=False)[0] is None
    silent = tmp_path / "silent.mkv"
    with av.open(str(silent), "w") as container:
        stream = container.add_stream("mpeg4", rate=25, width=48, height=32, pix_fmt="yuv420p")
        container.mux(stream.encode(av.VideoFrame.from_ndarray(np.zeros((32, 48, 3), np.uint8), format="rgb24")))
        container.mux(stream.encode(None))
    sound, frames = play(silent, realtime=False)
    assert sound is None and frames is not None and len(list(frames)) == 1
    with pytest.raises(InputError, match="has no sound to play"):
        play(silent, pictures=False)
    with pytest.raises(InputError, match="neither sound nor pictures"):
        play(silent, sound=False, pictures=False)
    with pytest.raises(InputError, match="no file"):
        play(tmp_path / "absent.mkv")


@pytest.mark.skipif(not Path("/dev/fd").is_dir(), reason="this system does not list open files")
def test_a_film_is_closed_with_what_plays_it(film: Path) -> None:
    def count() -> int:
        return sum(1 for _ in Path("/dev/fd").iterdir())

    before = count()
    sound, frames = play(film, realtime=False)
    assert sound is not None and frames is not None and count() == before
    with closing(sound), closing(frames):
        next(sound), next(frames)
        assert count() == before + 2
    assert count() == before
    sound = play(film, realtime=False)[0]
    assert sound is not None and next(sound) is not None
    del sound
    assert count() == before
