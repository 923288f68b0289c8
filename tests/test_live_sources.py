"""Streams that behave badly: whatever comes, a second of the stream is a second of the clock."""

import re
import tracemalloc
from collections.abc import Callable, Iterator
from threading import Barrier, Thread
from typing import Any

import numpy as np
import pytest

av = pytest.importorskip("av", reason="av is not installed; it comes with the speech extra")

from affekt.errors import EmptyInput, InputError
from affekt.sources.audio import RATE
from affekt.sources.live import Clock, incoming, stamped
from affekt.sources.pictures import Frame, pushed
from timed import CHUNK, PIXELS, Time, all_of, telling


def misplaced(samples: np.ndarray) -> np.ndarray:
    """Seconds by which each sample that was heard comes later than it was heard."""
    at = np.flatnonzero(samples)
    return at / RATE - (samples[at].astype(np.float64) - 1e-6) * 1000


def microphone(
    time: Time, *, seconds: float, ppm: float = 0.0, size: int = CHUNK, late: Callable[[float], float] = lambda end: 0.0
) -> Iterator[np.ndarray]:
    """Blocks that tell when they were heard, each given when its last sample was heard, or so much later.

    Args:
        ppm: by how many millionths its clock is too fast.
        late: seconds, given those at which a block ended.
    """
    begin, rate = time.now, RATE * (1 + ppm / 1e6)
    for count in range(0, int(seconds * rate), size):
        end = (count + size) / rate
        time.now = max(time.now, begin + end + late(end))
        yield telling(begin + count / rate, size, rate)[None]


# --- sound placed by its times


@pytest.mark.parametrize("jitter", [0.0, 0.04])
def test_chunks_that_follow_on_give_the_sound_sample_for_sample(jitter: float) -> None:
    random, sound = np.random.default_rng(0), telling(0, 10 * RATE)
    cuts = np.sort(random.integers(0, len(sound), 200))
    times = np.maximum(np.array([0, *cuts]) / RATE + random.uniform(-jitter, jitter, 201), 0)
    audio = incoming(zip(times, np.split(sound, cuts), strict=True))
    assert np.array_equal(all_of(audio), sound) and not audio.warnings
    assert np.array_equal(all_of(incoming(np.split(sound, cuts))), sound)
    mixed = [(time, piece) if at % 3 else piece for at, (time, piece) in enumerate(zip(times, np.split(sound, cuts), strict=True))]
    assert np.array_equal(all_of(incoming(mixed)), sound)


def test_where_the_sound_was_away_there_is_silence() -> None:
    audio = incoming([(0.0, telling(0, RATE)), (3.5, telling(3.5, RATE)), telling(4.5, RATE), (5.75, telling(5.75, 10))])
    blocks = list(audio.blocks())
    samples = np.concatenate(blocks, axis=1)[0]
    assert np.abs(misplaced(samples)).max() < 1e-3 and len(samples) == 5.75 * RATE + 10
    assert not samples[RATE : int(3.5 * RATE)].any() and not samples[int(5.5 * RATE) : int(5.75 * RATE)].any()
    assert max(block.shape[1] for block in blocks) <= RATE
    assert audio.warnings == ["the sound was away 2 times, 2.8 s in all; read as silence"]
    once = incoming([(0, telling(0, RATE)), (2.0, telling(2, RATE))])
    assert len(all_of(once)) == 3 * RATE and once.warnings == ["the sound was away once, 1.0 s in all; read as silence"]


def test_an_hour_away_costs_no_memory() -> None:
    blocks = incoming([(0.0, telling(0, RATE)), (3600.0, telling(0, RATE))]).blocks()
    tracemalloc.start()
    count = sum(block.shape[1] for block in blocks)
    assert count == 3601 * RATE and tracemalloc.get_traced_memory()[1] < 4e6
    tracemalloc.stop()


def test_a_clock_that_counts_from_elsewhere_is_refused_at_once() -> None:
    with pytest.raises(InputError, match=r"chunk 0 of stream is of 1700000000.0 s.*a new stream"):
        all_of(incoming([(1.7e9, telling(0, 10))]))
    blocks = incoming([(0.0, telling(0, RATE)), (3601.1, telling(0, 10))]).blocks()
    assert next(blocks).shape == (1, RATE)
    with pytest.raises(InputError, match=r"chunk 1 .* ended at 1\.0 s"):
        next(blocks)


@pytest.mark.parametrize("time", [-0.1, float("nan"), float("inf"), "soon", np.zeros(3)])
def test_a_time_is_a_number_of_seconds(time: Any) -> None:
    with pytest.raises(InputError, match=r"chunk 1 of stream is of .*; a time is"):
        all_of(incoming([(0, telling(0, 10)), (time, telling(0, 10))]))


def test_what_comes_twice_is_left_out() -> None:
    again = incoming([(0.0, telling(0, 2 * RATE)), (1.5, telling(1.5, 2 * RATE)), (3.5, telling(3.5, RATE)), (2.0, telling(2, RATE))])
    assert np.array_equal(all_of(again), telling(0, int(4.5 * RATE)))
    assert again.warnings == ["the sound overlapped what came before it 2 times, 1.5 s in all; what came twice was left out"]


def test_where_time_goes_back_to_its_begin_nothing_is_heard_until_it_has_caught_up() -> None:
    pieces = [(at / 10, telling(at / 10, RATE // 10)) for at in (*range(50), *range(70))]
    audio = incoming(pieces)
    samples = all_of(audio)
    assert len(samples) == 7 * RATE and np.abs(misplaced(samples)).max() < 1e-3
    assert audio.warnings == ["the sound overlapped what came before it once, 5.0 s in all; what came twice was left out"]
    without = [pieces[at] if at < 51 else pieces[at][1] for at in range(len(pieces))]  # each stands after the one before it
    assert np.array_equal(all_of(incoming(without)), samples)


def test_what_is_said_of_a_stream_is_said_while_it_goes_on_and_anew_with_every_reading() -> None:
    pieces = [(0.0, telling(0, RATE)), (2.0, telling(2, RATE)), (2.0, telling(2, RATE)), (5.0, np.full(5, np.nan)), (6.0, telling(6, 5))]
    audio = incoming(pieces)
    for _ in range(2):
        said = [tuple(audio.warnings) for _ in audio.blocks()]
        assert [len(one) for one in said] == [0, 1, 1, 2, 2, 3, 3, 3] and len(audio.warnings) == 3
        assert audio.warnings[0] == "the sound was away 3 times, 4.0 s in all; read as silence" and "not numbers" in audio.warnings[2]


def test_a_device_that_takes_a_moment_to_start_was_not_away() -> None:
    soon, late = incoming([(0.5, telling(0.5, 100))]), incoming([(20.0, telling(20, 100))])
    assert np.abs(misplaced(all_of(soon))).max() < 1e-3 and not soon.warnings
    assert np.abs(misplaced(all_of(late))).max() < 1e-3 and "away once, 20.0 s" in late.warnings[0]


def test_an_empty_chunk_tells_that_nothing_was_heard() -> None:
    nothing = np.zeros(0, np.float32)
    audio = incoming([(0.0, telling(0, RATE)), (0.3, nothing), (1.05, nothing), (1.5, nothing), (2.5, b""), (3.0, telling(3, RATE))])
    blocks, samples, read = audio.blocks(), np.zeros(0, np.float32), list[int]()
    for block in blocks:
        samples = np.concatenate([samples, block[0]])
        read.append(len(samples))
    assert read == [RATE, 1.5 * RATE, 2.5 * RATE, 3 * RATE, 4 * RATE]  # so that who speaks is heard out before sound comes back
    assert np.abs(misplaced(samples)).max() < 1e-3 and audio.warnings == ["the sound was away once, 2.0 s in all; read as silence"]
    with pytest.raises(EmptyInput, match="before its first sample"):
        all_of(incoming([(0.0, nothing), (0.05, nothing)]))


@pytest.mark.parametrize("rate", [8000, 44_100, 48_000])
def test_any_rate_is_placed_by_its_times(rate: int) -> None:
    tone = (0.5 * np.sin(np.arange(rate) / rate * 2 * np.pi * 440)).astype(np.float32)
    audio = incoming([(0.0, tone), (2.5, tone[: rate // 2]), (2.75, tone[: rate // 2]), (4.0, tone)], rate=rate)
    samples = all_of(audio)
    assert len(samples) == pytest.approx(5 * RATE, abs=32) and len(audio.warnings) == 2
    level = np.sqrt((samples[: len(samples) // 160 * 160].reshape(-1, 160) ** 2).mean(1))  # 10 ms each
    loud = np.flatnonzero(np.diff((level > 0.1).astype(int))) / 100 + 0.01
    assert loud == pytest.approx([1.0, 2.5, 3.25, 4.0], abs=0.02)


def test_bytes_may_be_cut_within_a_sample() -> None:
    whole = (telling(0, 3 * RATE) * 32767).astype("<i2")
    data, size = whole.tobytes(), 1111
    pieces = [(begin / 2 / RATE, data[begin : begin + size]) for begin in range(0, len(data), size)]
    assert np.array_equal(all_of(incoming(pieces)), whole / np.float32(32768))
    heard = all_of(incoming([*pieces[:3], (2.0, memoryview(data)[4 * RATE :])]))  # the other half of a sample is lost: three odd pieces
    assert np.array_equal(heard[2 * RATE :], whole[2 * RATE :] / np.float32(32768)) and not heard[1700 : 2 * RATE].any()


@pytest.mark.parametrize("ppm", [-1000, -50, 50, 1000])
@pytest.mark.parametrize("size", [CHUNK, 4001])
def test_a_clock_that_drifts_is_put_right_over_ten_minutes(ppm: float, size: int) -> None:
    rate = RATE * (1 + ppm / 1e6)
    times = [count / rate for count in range(0, 600 * RATE, size)]
    audio = incoming((time, telling(time, size, rate)) for time in times)
    samples = all_of(audio)
    assert abs(len(samples) / RATE - times[-1] - size / rate) < 0.15
    assert np.abs(misplaced(samples)).max() < 0.101
    said = {-1000: r"the sound was away [56] times, 0\.[56] s", 1000: r"the sound overlapped what came before it 5 times, 0\.[56] s"}
    assert len(audio.warnings) == (abs(ppm) == 1000) and all(re.match(said[ppm], warning) for warning in audio.warnings)


# --- the time of what devices give


def test_arrival_may_jitter_without_harm() -> None:
    random, time = np.random.default_rng(1), Time(50.0)
    late = random.exponential(0.05, 10_000)
    times = [begin for begin, _ in stamped(microphone(time, seconds=60, late=lambda end: late[int(end * 25)]), Clock(time))]
    assert late.max() > 0.3  # seconds; by arrival alone, pieces would be as far from their place
    lasting = np.diff(times[25:])
    assert np.abs(np.array(times[25:]) - np.arange(25, 1500) / 25).max() < 0.02 and np.abs(lasting - 0.04).max() < 0.02


@pytest.mark.parametrize("ppm", [-1000, 1000])
def test_a_device_that_jitters_and_drifts_stays_on_the_clock(ppm: float) -> None:
    random, time = np.random.default_rng(2), Time()
    device = microphone(time, seconds=600, ppm=ppm, late=lambda end: float(random.exponential(0.02)))
    assert np.abs(misplaced(all_of(incoming(stamped(device, Clock(time)))))).max() < 0.13


def interrupted(time: Time, *, away: float) -> Iterator[np.ndarray]:
    """A microphone that hears 20 s, nothing for some, and 20 s again."""
    yield from microphone(time, seconds=20)
    time.now += away
    yield from microphone(time, seconds=20)


@pytest.mark.parametrize("away", [2.0, 300.0])
def test_a_microphone_that_was_away_comes_back_at_its_time(away: float) -> None:
    time = Time()
    audio = incoming(stamped(interrupted(time, away=away), Clock(time)))
    samples = all_of(audio)
    assert np.abs(misplaced(samples)).max() < 0.01 and len(samples) == pytest.approx((40 + away) * RATE, abs=2)
    assert audio.warnings == [f"the sound was away once, {away:.1f} s in all; read as silence"]


def test_samples_that_a_device_lost_are_missed_within_ten_seconds() -> None:
    time = Time()
    samples = all_of(incoming(stamped(interrupted(time, away=0.5), Clock(time))))
    wrong = np.abs(misplaced(samples)) > 0.01
    assert not wrong[: 20 * RATE].any() and not wrong[-9 * RATE :].any() and np.abs(misplaced(samples)).max() < 0.51


def test_pieces_that_waited_somewhere_keep_their_time() -> None:
    time = Time()
    stalled = microphone(time, seconds=20, late=lambda end: 13.0 - end if 10 < end < 13 else 0.0)  # 3 s come at once
    audio = incoming(stamped(stalled, Clock(time)))
    assert np.array_equal(all_of(audio), np.concatenate([block[0] for block in microphone(Time(), seconds=20)])) and not audio.warnings


def test_what_is_left_waiting_at_the_end_is_given_out() -> None:
    time = Time()

    def device() -> Iterator[np.ndarray]:
        yield from microphone(time, seconds=1)
        time.now += 5
        yield from microphone(time, seconds=0.04)

    assert [begin for begin, _ in stamped(device(), Clock(time))][-2:] == pytest.approx([0.96, 6.0])


def test_devices_share_one_clock() -> None:
    time = Time(1000.0)
    clock = Clock(time)
    assert [begin for begin, _ in stamped(microphone(time, seconds=1), clock)][::24] == pytest.approx([0.0, 0.96])
    frames = [(7 + at / 25, PIXELS) for at in range(25)]  # a camera whose own clock says 7

    def camera() -> Iterator[Any]:
        for frame in frames:
            time.now += 0.04
            yield frame

    seen = list(stamped(camera(), clock))
    assert [begin for begin, _ in seen] == pytest.approx([1.04 + at / 25 for at in range(25)]) and seen[0][1] is PIXELS


def test_a_clock_begins_once_however_many_ask() -> None:
    clock, barrier, said = Clock(), Barrier(8), list[float]()

    def ask() -> None:
        barrier.wait()
        said.append(clock())

    threads = [Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert said.count(0.0) >= 1 and all(0 <= one < 5 for one in said) and clock() >= max(said)


def test_a_camera_that_disappears_and_comes_back_goes_on_at_its_time() -> None:
    time, shown = Time(), list[float]()

    def camera() -> Iterator[Frame]:
        for away in (0.0, 30.0):  # opened anew, its clock begins anew
            time.now += away
            for at in range(50):
                time.now += 0.04
                shown.append(time.now)
                yield Frame(at / 25, PIXELS)

    clock = Clock(time)
    pictures = pushed(stamped(camera(), clock), late="skip")
    assert [frame.time for frame in pictures.frames()] == pytest.approx(shown) and not pictures.warnings


def test_what_was_heard_before_the_clock_began_is_not_of_the_stream() -> None:
    time = Time()
    kept = iter([telling(0, RATE)])  # a second that waits already when it is first asked for

    def device() -> Iterator[np.ndarray]:
        yield next(kept)
        yield from microphone(time, seconds=2, size=RATE)

    audio = incoming(stamped(device(), Clock(time)))
    samples = all_of(audio)
    assert len(samples) == 2 * RATE and np.abs(misplaced(samples)).max() < 1e-3 and not audio.warnings


def test_bytes_have_a_time_by_their_samples() -> None:
    time = Time()

    def device() -> Iterator[bytes]:
        for at in range(1, 101):
            time.now = at * 321 / 32_000
            yield bytes(321)

    assert [begin for begin, _ in stamped(device(), Clock(time))] == pytest.approx([at * 321 / 32_000 for at in range(100)])


@pytest.mark.parametrize("piece", [PIXELS, ("soon", PIXELS), (None, PIXELS)])
def test_a_frame_of_a_device_has_a_time(piece: Any) -> None:
    with pytest.raises(InputError, match="a time"):
        list(stamped([piece], Clock()))


# --- frames that come late


def test_frames_that_come_late_or_twice_are_left_out_where_that_is_asked_for() -> None:
    times = [0.0, 0.04, 0.04, 0.02, 0.08, 5.0, 0.12, 0.0, 5.04]
    pictures = pushed([(time, PIXELS) for time in times], late="skip")
    assert [frame.time for frame in pictures.frames()] == [0.0, 0.04, 0.08, 5.0, 5.04]
    assert pictures.warnings == ["4 frames came late or twice and were left out"]
    one = pushed([(0.0, PIXELS), (0.0, PIXELS)], late="skip")
    assert len(list(one.frames())) == 1 and one.warnings == ["a frame came late or twice and was left out"]
    with pytest.raises(InputError, match="a time is"):
        list(pushed([(float("nan"), PIXELS)], late="skip").frames())
    with pytest.raises(InputError, match="time goes on"):
        list(pushed([(time, PIXELS) for time in times]).frames())
