"""Sound in, utterances out: every container and fault of a file, and the same cuts however the samples arrive."""

import wave
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("av", reason="av is not installed; it comes with the speech extra")

import itertools

import av

import affekt
from affekt.errors import EmptyInput, InputError
from affekt.preprocessing.speech import FRAME, LEAST, MOST, PAD, PAUSE, Segmenter, Utterance
from affekt.sources.audio import RATE, Audio, audio_of, open_audio

SPEECH = Path(affekt.__file__).parent / "samples" / "train.ogg"  # a synthetic voice: two sentences about a train that does not come


def all_of(audio: Audio) -> np.ndarray:
    return np.concatenate(list(audio.blocks()), axis=1)


def write(path: Path, samples: np.ndarray, *, rate: int = RATE, codec: str = "pcm_s16le", layout: str = "mono") -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=rate, layout=layout)
        frame = av.AudioFrame.from_ndarray(np.atleast_2d(samples).astype(np.float32), format="fltp", layout=layout)
        frame.sample_rate = rate
        resampler = av.AudioResampler(format=stream.codec_context.format, layout=layout, rate=rate)
        for out in resampler.resample(frame):
            container.mux(stream.encode(out))
        container.mux(stream.encode(None))
    return path


def tone(seconds: float, rate: int = RATE) -> np.ndarray:
    return 0.5 * np.sin(2 * np.pi * 440 * np.arange(int(seconds * rate)) / rate)


@pytest.mark.parametrize(("rate", "layout", "ending", "codec"), [
    (8000, "mono", "wav", "pcm_s16le"),
    (96_000, "stereo", "wav", "pcm_f32le"),
    (48_000, "5.1", "wav", "pcm_s16le"),
    (44_100, "stereo", "flac", "flac"),
    (44_100, "mono", "m4a", "aac"),
    (48_000, "stereo", "mkv", "pcm_s16le"),
])  # fmt: skip
def test_any_file_becomes_sixteen_thousand_samples_a_second(tmp_path: Path, rate: int, layout: str, ending: str, codec: str) -> None:
    channels = {"mono": 1, "stereo": 2, "5.1": 6}[layout]
    path = write(tmp_path / f"a.{ending}", np.stack([tone(2, rate)] * channels), rate=rate, codec=codec, layout=layout)
    audio = open_audio(path)
    samples = all_of(audio)
    assert audio.channels == len(samples) == min(channels, 2) and audio.duration == pytest.approx(2, abs=0.1)
    assert samples.shape[1] == pytest.approx(2 * RATE, abs=0.06 * RATE) and not audio.warnings
    spectrum = np.abs(np.fft.rfft(samples[0, : 2**14]))
    assert np.argmax(spectrum) * RATE / 2**14 == pytest.approx(440, abs=2)


def test_what_is_no_sound_is_refused(tmp_path: Path) -> None:
    text = tmp_path / "a.wav"
    text.write_text("this is no sound")
    with pytest.raises(InputError, match="no sound or video that can be decoded"):
        open_audio(text)
    with pytest.raises(InputError, match="no file"):
        open_audio(tmp_path / "absent.wav")
    with pytest.raises(EmptyInput, match="not one sample"):
        with wave.open(str(tmp_path / "empty.wav"), "wb") as empty:
            empty.setparams((1, 2, RATE, 0, "NONE", ""))
        all_of(open_audio(tmp_path / "empty.wav"))
    silent = tmp_path / "silent.mp4"
    with av.open(str(silent), "w") as container:
        stream = container.add_stream("mpeg4", rate=5)
        stream.width = stream.height = 32
        for _ in range(5):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8))))
        container.mux(stream.encode(None))
    with pytest.raises(InputError, match="has no sound: it holds video"):
        open_audio(silent)


def test_a_file_that_was_cut_off_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    whole = write(tmp_path / "a.wav", tone(5)).read_bytes()
    (tmp_path / "b.wav").write_bytes(whole[: len(whole) // 2])
    assert all_of(open_audio(tmp_path / "b.wav")).shape[1] == pytest.approx(2.5 * RATE, abs=0.1 * RATE)
    flac = write(tmp_path / "a.flac", np.random.default_rng(0).normal(size=5 * RATE) * 0.1, codec="flac").read_bytes()
    (tmp_path / "b.flac").write_bytes(flac[: len(flac) // 2])
    audio = open_audio(tmp_path / "b.flac")
    assert 0 < all_of(audio).shape[1] < 3.5 * RATE and audio.warnings


def test_arrays_are_sounds_too() -> None:
    assert all_of(audio_of(tone(1))).shape == (1, RATE)
    assert all_of(audio_of(np.zeros((2, 8000)), rate=8000)).shape[1] == pytest.approx(RATE, abs=400)
    assert all_of(audio_of(np.zeros((6, 100)))).shape == (1, 100)
    assert all_of(audio_of(np.array([-32768, 32767, 0], np.int16)))[0].tolist() == pytest.approx([-1, 1, 0], abs=1e-4)
    assert all_of(audio_of(np.array([0, 255, 128], np.uint8)))[0].tolist() == pytest.approx([-1, 1, 0], abs=1e-2)
    audio = audio_of(np.array([0.5, np.nan, np.inf]))
    assert all_of(audio)[0].tolist() == [0.5, 0, 0] and audio.warnings == ["some samples are not numbers; they were read as silence"]


@pytest.mark.parametrize(("samples", "rate", "why"), [
    (np.zeros(0), RATE, "no samples"),
    (np.zeros((2, 3, 4)), RATE, "shape"),
    (np.zeros(9), 10, "rate of 10"),
    (np.array(["a"]), RATE, "type"),
])  # fmt: skip
def test_arrays_that_are_no_sound_are_refused(samples: np.ndarray, rate: int, why: str) -> None:
    with pytest.raises(InputError, match=why):
        audio_of(samples, rate=rate)


# --- utterances


def cut(samples: np.ndarray, size: int, segmenter: Segmenter | None = None) -> list[Utterance]:
    segmenter = segmenter or Segmenter()

    def run() -> Iterator[Utterance]:
        for begin in range(0, len(samples), size):
            yield from segmenter.push(samples[begin : begin + size])
        yield from segmenter.flush()

    return list(run())


def loud(frames: np.ndarray) -> np.ndarray:
    return np.asarray(np.abs(frames).max(1) > 0.05, np.float32)


def bursts(*seconds: float) -> np.ndarray:
    """Noise and silence in turn, beginning with silence."""
    rng = np.random.default_rng(0)
    return np.concatenate([(at % 2) * 0.2 * rng.normal(size=int(length * RATE)) for at, length in enumerate(seconds)]).astype(np.float32)


def test_the_cuts_do_not_depend_on_the_size_of_the_pieces() -> None:
    samples = all_of(open_audio(SPEECH))[0]
    samples = np.concatenate([samples, np.zeros(RATE, np.float32), samples])
    whole = cut(samples, len(samples))
    assert len(whole) >= 2 and all(one.final for one in whole)
    for size in (160, 4000):
        pieces = cut(samples, size)
        assert [(one.start, one.end) for one in pieces] == [(one.start, one.end) for one in whole]
        assert all(np.array_equal(a.samples, b.samples) for a, b in zip(pieces, whole, strict=True))


def test_an_utterance_ends_at_a_pause_and_keeps_its_edges() -> None:
    first, second = cut(bursts(1, 2, 1, 1, 1), RATE, Segmenter(loud))
    pad = PAD * FRAME / RATE
    assert first.start == pytest.approx(1 - pad, abs=0.07) and first.end == pytest.approx(3 + pad, abs=0.07)
    assert second.start == pytest.approx(4 - pad, abs=0.07) and second.end == pytest.approx(5 + pad, abs=0.07)
    assert len(first.samples) == pytest.approx((first.end - first.start) * RATE, abs=FRAME)


def test_a_short_pause_does_not_part_and_a_click_is_no_speech() -> None:
    assert len(cut(bursts(1, 1, 0.5 * PAUSE * FRAME / RATE, 1, 1), RATE, Segmenter(loud))) == 1
    assert not cut(bursts(1, 0.5 * LEAST * FRAME / RATE, 2), RATE, Segmenter(loud))
    assert not cut(np.zeros(5 * RATE, np.float32), RATE)


def test_long_speech_is_cut_where_it_is_quietest_and_nothing_is_lost() -> None:
    found = cut(bursts(0, 30, 1), RATE, Segmenter(loud))
    assert all(len(one.samples) <= MOST * FRAME for one in found) and len(found) >= 3
    assert all(a.end == b.start for a, b in itertools.pairwise(found))
    assert found[0].start == 0 and found[-1].end == pytest.approx(30, abs=0.3)


def test_what_is_going_on_can_be_asked_for() -> None:
    segmenter = Segmenter(loud)
    assert segmenter.pending is None
    assert not segmenter.push(bursts(1, 1))
    assert segmenter.pending is not None and not segmenter.pending.final
    assert segmenter.pending.end == pytest.approx(2, abs=0.05)


def test_a_constant_offset_is_taken_off_and_clipping_is_counted() -> None:
    shifted = cut(bursts(1, 2, 1) + np.float32(0.3), RATE, Segmenter(lambda frames: np.asarray(frames.std(1) > 0.05, np.float32)))[0]
    assert abs(float(shifted.samples.mean())) < 0.02 and shifted.clipped < 0.02
    full = cut(np.clip(bursts(0, 2, 1) * 20, -1, 1), RATE, Segmenter(loud))[0]
    assert full.clipped > 0.5 and full.loudness == pytest.approx(-1, abs=1)
