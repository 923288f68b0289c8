"""Speech through the public door: files, samples and streams, voices that are kept, and the commands."""

import asyncio
import json
import signal
import subprocess
import sys
import time
import wave
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("av", reason="av is not installed; it comes with the speech extra")

import affekt
from affekt import Reader
from affekt.errors import EmptyInput, InputError, LicenceRefused
from affekt.preprocessing.personal import Baseline, Voices
from affekt.results import Reading, Timeline
from affekt.sources.audio import RATE, open_audio
from affekt.sources.live import incoming, microphone

SPEECH = Path(affekt.__file__).parent / "samples" / "train.ogg"
AFFEKT = [sys.executable, "-m", "affekt"]


@pytest.fixture(scope="module")
def reader() -> Reader:
    return Reader(commercial_only=True, threads=1)


@pytest.fixture(scope="module")
def samples() -> np.ndarray:
    sound = np.concatenate(list(open_audio(SPEECH).blocks()), axis=1)[0]
    return np.concatenate([sound, np.zeros(RATE, np.float32), 0.5 * sound, np.zeros(RATE, np.float32)])


def write(path: Path, samples: np.ndarray) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", ""))
        file.writeframes((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())
    return path


def test_a_file_and_its_samples_are_read_alike(reader: Reader, samples: np.ndarray, tmp_path: Path) -> None:
    timeline = reader.read(write(tmp_path / "call.wav", samples))
    assert isinstance(timeline, Timeline) and timeline.unit == "seconds" and len(timeline) >= 2
    assert timeline.people == ("speaker 1",) and timeline.top and timeline.readings[0].model.startswith("speech_affekt_free@")
    integers = (np.clip(samples, -1, 1) * 32767).astype("<i2")
    assert reader.read(integers).readings == timeline.readings
    assert reader.read(str(tmp_path / "call.wav")).readings == timeline.readings


def test_a_stream_gives_what_the_file_gives_and_more_while_it_goes_on(reader: Reader, samples: np.ndarray) -> None:
    integers = (np.clip(samples, -1, 1) * 32767).astype("<i2")
    whole = reader.read(integers).readings

    async def pieces() -> AsyncIterator[bytes]:
        data = integers.tobytes()
        for begin in range(0, len(data), 1111):  # a sample may be cut in two
            yield data[begin : begin + 1111]

    async def gather(source: object) -> list[Reading]:
        return [reading async for reading in reader.stream(source)]  # type: ignore[arg-type]

    for source in (pieces(), [integers[:5000], integers[5000:]]):
        live = asyncio.run(gather(source))
        assert tuple(one for one in live if not one.provisional) == whole
        early = [one for one in live if one.provisional]
        starts = {one.start for one in whole}
        assert len(early) >= 10 and {one.start for one in early} <= starts and all(one.end % 0.5 < 0.04 or one.end for one in early)


def test_a_stream_at_another_rate_is_resampled(reader: Reader, samples: np.ndarray) -> None:
    narrow = samples[::2]
    heard = reader.hear(iter(np.array_split(narrow, 40)), rate=8000)
    assert len(list(heard.readings())) >= 2 and heard.position == pytest.approx(len(samples) / RATE, abs=0.1)


@pytest.mark.parametrize("chunk", [np.zeros((2, 100), np.float32), np.array(["a"])])
def test_a_piece_that_is_no_sound_is_refused(reader: Reader, chunk: np.ndarray) -> None:
    with pytest.raises(InputError, match=r"chunk of shape|samples of type"):
        list(reader.hear([chunk]).readings())


def test_a_stream_without_a_sample_or_with_an_odd_rate_is_refused(reader: Reader) -> None:
    with pytest.raises(EmptyInput, match="before its first sample"):
        list(reader.hear(iter([])).readings())
    with pytest.raises(InputError, match="4,000"):
        incoming([], rate=10)
    with pytest.raises(InputError, match="not int"):
        reader.hear(5)


def test_no_microphone_is_said_in_words() -> None:
    with pytest.raises(InputError, match="microphone"):
        microphone("no such thing")


def test_a_voice_is_learned_kept_and_erased(samples: np.ndarray, tmp_path: Path) -> None:
    kept = Reader(commercial_only=True, voices=tmp_path / "voices")
    assert kept.enrol("Anna", samples).heard == 2
    again = Reader(commercial_only=True, voices=tmp_path / "voices")
    assert isinstance(again.voices, Voices) and list(again.voices) == ["Anna"]
    assert again.read(samples, who=["Anna"]).readings[0].heard == 2
    del again.voices["Anna"]
    assert not list((tmp_path / "voices").iterdir())
    nowhere = Reader(commercial_only=True)
    assert nowhere.enrol("Ben", samples).heard == 2 and nowhere.read(samples, who=["Ben"]).readings[0].heard == 2


def test_people_without_a_name_leave_nothing_behind(samples: np.ndarray, tmp_path: Path) -> None:
    reader = Reader(commercial_only=True, voices=tmp_path / "voices")
    reader.read(np.stack([samples, np.roll(samples, 9 * RATE) * 0.9]))
    reader.read(samples)
    assert not (tmp_path / "voices").exists()


def test_a_known_voice_changes_what_is_read(reader: Reader, samples: np.ndarray) -> None:
    before = reader.read(samples, who=["Cleo"]).readings[0]
    population = reader.speech_encoder.population
    assert population is not None
    reader.voices["Cleo"] = Baseline(population.mean + 2 * np.sqrt(population.between), 40)
    assert reader.read(samples, who=["Cleo"]).readings[0].scores != before.scores


def test_names_belong_to_sounds_and_licences_are_kept(reader: Reader) -> None:
    with pytest.raises(InputError, match="who names the speakers of a sound"):
        reader.read("I am happy", who=["Anna"])
    named = Reader(commercial_only=True, models={"speech": str(Path(affekt.__file__).parent / "weights" / "speech_affekt")})
    with pytest.raises(LicenceRefused, match="not for commercial use"):
        _ = named.speech_encoder
    with pytest.raises(InputError, match="reads speech, not text"):
        _ = Reader(models={"text": "speech_affekt"}).encoder


def run(*arguments: str, **given: object) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([*AFFEKT, *arguments], capture_output=True, timeout=120, **given)  # type: ignore[call-overload, no-any-return]


def test_the_command_reads_a_sound(tmp_path: Path) -> None:
    done = run("read", str(SPEECH), "--commercial-only", "-f", "json", "--who", "Anna")
    made = json.loads(done.stdout)
    assert done.returncode == 0 and made["people"] == ["Anna"] and made["readings"][0]["modality"] == "speech"
    assert run("read", str(SPEECH), "--commercial-only", "-f", "webvtt", "-o", str(tmp_path)).returncode == 0
    assert (tmp_path / "1-train.ogg.vtt").read_text().startswith("WEBVTT")


def test_what_is_no_speech_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "text.wav").write_text("this is a text")
    write(tmp_path / "silent.wav", np.zeros(3 * RATE))
    for name, why in (("text.wav", b"no sound or video"), ("silent.wav", b"no speech found"), ("absent.wav", b"no file")):
        done = run("read", str(tmp_path / name), "--commercial-only")
        assert done.returncode == 2 and why in done.stderr and done.stderr.count(b"\n") == 1 and not done.stdout


def test_listening_to_a_pipe_tells_while_it_is_said(samples: np.ndarray) -> None:
    data = (np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes()
    done = run("listen", "-", "--json", "--commercial-only", "--who", "Anna", input=data)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0 and any(one["provisional"] for one in lines) and sum(not one["provisional"] for one in lines) >= 2
    assert run("listen", "-", "--commercial-only", input=data).stdout.count(b"\n") == sum(not one["provisional"] for one in lines)


def test_voices_are_enrolled_listed_exported_and_erased(tmp_path: Path) -> None:
    common = ["--voices", str(tmp_path / "voices"), "--model", "speech_affekt_free"]
    assert run("voices", "enrol", "Anna", str(SPEECH), *common).returncode == 0
    assert run("voices", "list", *common).stdout.decode().startswith("Anna\t")
    assert run("voices", "export", "Anna", str(tmp_path / "anna.npz"), *common).returncode == 0 and (tmp_path / "anna.npz").stat().st_size
    assert run("voices", "erase", "Ben", *common).returncode == 2
    assert run("voices", "erase", "Anna", *common).returncode == 0 and run("voices", "list", *common).stdout == b""
    nowhere = run("voices", "list", cwd=tmp_path)
    assert nowhere.returncode == 2 and b"--voices" in nowhere.stderr


def test_ctrl_c_keeps_what_has_been_read(samples: np.ndarray, tmp_path: Path) -> None:
    long = write(tmp_path / "long.wav", np.tile(samples, 120))  # half an hour
    heeding = (  # a shell that starts the tests in the background has them ignore Ctrl-C
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); from affekt.cli.main import main; main()"
    )
    command = [sys.executable, "-c", heeding, "read", str(long), "--commercial-only", "-f", "json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as made:
        time.sleep(6)
        made.send_signal(signal.SIGINT)
        out, error = made.communicate(timeout=60)
    assert made.returncode == 130 and b"is read up to" in error
    assert json.loads(out)["readings"]
