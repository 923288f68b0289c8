import asyncio
import dataclasses
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import jsonschema
import numpy as np
import pytest

import affekt
from affekt import Reader
from affekt.calibration.apply import project
from affekt.errors import EmptyInput, InputError, InputTooLarge, UnknownName, WeightsError
from affekt.labels import ekman7, goemotions28, sentiment3
from affekt.results import Timeline
from affekt.schema import json_schema

LONG = "The room was lovely and we were so happy. But then they shouted at us, and I was furious and angry! " * 30


@pytest.fixture(scope="module")
def reader() -> Reader:
    return Reader(threads=1)


@pytest.mark.parametrize(
    ("text", "emotion"),
    [
        ("I love this so much!", "joy"),
        ("我好难过，一直在哭", "sadness"),
        ("This is outrageous, I am furious with you!", "anger"),
        ("Ich habe solche Angst.", "fear"),
        ("¡Qué sorpresa, no me lo esperaba!", "surprise"),
        ("The meeting is on Tuesday.", "neutral"),
    ],
)
def test_plain_feelings_are_read_in_many_languages(reader: Reader, text: str, emotion: str) -> None:
    assert reader.read(text).top[0] == emotion


def test_one_sentence_is_a_timeline_with_one_reading(reader: Reader) -> None:
    timeline = reader.read("我很开心，但是有点累")
    assert len(timeline) == 1 and timeline.unit == "characters" and timeline.duration == 10
    assert sum(timeline.scores.values()) == pytest.approx(1, abs=1e-3)
    assert all(-1 <= value <= 1 for value in (timeline.readings[0].valence, timeline.readings[0].arousal))


def test_a_long_text_is_a_timeline_over_its_characters(reader: Reader) -> None:
    timeline = reader.read(LONG)
    assert len(timeline) == 60 and len(timeline.fused) == 1
    for reading in timeline:
        a, b = reading.span
        assert timeline.transcript[a:b].strip() == timeline.transcript[a:b] and (reading.start, reading.end) == (a, b)
    assert timeline.at(3)[0].top[0] == "joy" and timeline.at(60)[0].top[0] == "anger"


def test_the_json_is_what_the_schema_says(reader: Reader) -> None:
    schema = json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    for text in ("ok", LONG):
        made = json.loads(reader.read(text).to_json())
        jsonschema.validate(made, schema)
        assert Timeline.from_dict(made) == reader.read(text)


@pytest.mark.parametrize("labels", ["ekman7", "ekman6", "goemotions28", "plutchik8", "sentiment3", "vad"])
def test_every_label_set_is_spoken(labels: str) -> None:
    reading = Reader(labels=labels).read("Thank you so much!").readings[0]
    assert list(reading.scores) == ([] if labels == "vad" else list(affekt.catalog.find("labels", labels).labels))
    assert reading.valence > 0


def test_many_are_read_as_one_by_one(reader: Reader) -> None:
    texts = [f"{text} {n}" for n in range(40) for text in ("I hate you", "我很开心。可是累了", LONG)]
    assert list(reader.read_many(texts[:50])) == [reader.read(text) for text in texts[:50]]
    assert list(reader.read_many([{"id": 1, "comment": texts[0]}], column="comment")) == [reader.read(texts[0])]
    whole = list(reader.read_many(texts, whole=True))
    assert [len(one) for one in whole] == [1] * len(texts)


def test_reading_many_takes_no_more_than_it_needs(reader: Reader) -> None:
    def endless():  # type: ignore[no-untyped-def]
        while True:
            yield "so happy"

    assert next(iter(reader.read_many(endless(), whole=True))).top[0] == "joy"


def test_async_is_sync_and_threads_agree(reader: Reader) -> None:
    async def both() -> tuple[Timeline, list[Timeline]]:
        return await reader.aread(LONG), [one async for one in reader.aread_many(["a b", "I am sad"])]

    one, many = asyncio.run(both())
    assert one == reader.read(LONG) and many == list(reader.read_many(["a b", "I am sad"]))
    with ThreadPoolExecutor(8) as pool:
        assert len(set(map(Timeline.to_json, pool.map(reader.read, ["so happy!"] * 32)))) == 1


def test_a_conversation_says_who_felt_what(reader: Reader, tmp_path: Path) -> None:
    (tmp_path / "call.txt").write_text("Ann: I am so happy!\nBob: I hate this, it makes me furious.\nAnn: Oh no, how sad.\n")
    timeline = reader.read(tmp_path / "call.txt")
    assert timeline.people == ("Ann", "Bob") and len(timeline) == 3
    assert timeline.by("Bob").top[0] == "anger"
    with pytest.raises(InputError, match="Ann, Bob"):
        timeline.by("Eve")


def test_a_reading_without_words_abstains(reader: Reader) -> None:
    reading = reader.read("12345 ... 678").readings[0]
    assert reading.abstained and reading.reason == "no words to read"


def test_projection_keeps_all_of_the_probability() -> None:
    scores = np.random.default_rng(0).dirichlet(np.ones(7), 50).astype(np.float32)
    coarse = project(scores, ekman7.PART, sentiment3.PART)
    assert np.allclose(coarse.sum(1), 1) and np.allclose(coarse[:, 2], scores[:, 3])
    nothing = project(np.zeros((1, 28), np.float32), goemotions28.PART, ekman7.PART)
    assert nothing[0, ekman7.PART.labels.index("neutral")] == pytest.approx(1)


@pytest.mark.parametrize(
    ("given", "error", "says"),
    [
        ("", EmptyInput, "no words"),
        (" \n\t ", EmptyInput, "no words"),
        ("no_such.txt", InputError, "no_such.txt"),
        ("x" * 10_000_001, InputTooLarge, "10,000,000"),
    ],
)
def test_bad_input_gets_a_clear_error(reader: Reader, given: str, error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        reader.read(given)


def test_unknown_names_list_what_there_is() -> None:
    with pytest.raises(UnknownName, match="ekman7, fer2013, ferplus8, goemotions28"):
        Reader(labels="ekman8")
    with pytest.raises(UnknownName, match="text_affekt"):
        Reader(models={"text": "bert"}).read("x")
    with pytest.raises(InputError, match="there are: text, speech, face"):
        Reader(models={"smell": "x"})
    with pytest.raises(InputError, match="batch"):
        Reader(batch=0)


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"card\.json"):
        Reader(models={"text": str(tmp_path)}).read("x")


def test_settings_come_from_argument_environment_and_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "affekt.toml").write_text('labels = "plutchik8"\nbatch = 8\n')
    assert (Reader().settings.labels, Reader().settings.batch) == ("plutchik8", 8)
    monkeypatch.setenv("AFFEKT_LABELS", "sentiment3")
    assert Reader().settings.labels == "sentiment3"
    assert Reader(labels="goemotions28").settings.labels == "goemotions28"
    (tmp_path / "affekt.toml").write_text("colour = 1\n")
    with pytest.raises(InputError, match="colour"):
        Reader()


def test_what_comes_before_a_bad_text_is_given_out(reader: Reader) -> None:
    made = []
    with pytest.raises(EmptyInput):
        for timeline in reader.read_many(["happy", "sad", ""]):
            made.append(timeline)
    assert len(made) == 2
    with pytest.raises(InputError, match="one string"):
        next(reader.read_many("happy"))
    with pytest.raises(InputError, match="'comment'"):
        next(reader.read_many([{"text": "x"}], column="comment"))


def test_one_turn_is_one_reading_in_its_own_time(reader: Reader, tmp_path: Path) -> None:
    (tmp_path / "one.srt").write_text("1\n00:00:05,000 --> 00:00:08,000\nI am so happy. Thank you!\n")
    timeline = reader.read(tmp_path / "one.srt")
    assert [(one.start, one.end) for one in timeline] == [(5, 8)] and timeline.unit == "seconds"


@pytest.mark.parametrize("face", [":)", "T_T", "<3", "🥺"])
def test_a_face_alone_is_something_to_read(reader: Reader, face: str) -> None:
    assert reader.read(face).readings[0].reason != "no words to read"


def test_a_run_of_dots_takes_no_time(reader: Reader) -> None:
    import time

    began = time.perf_counter()
    reader.read("." * 100_000 + "a")
    assert time.perf_counter() - began < 20


def test_a_folder_that_is_trained_anew_is_opened_anew(tmp_path: Path) -> None:
    import shutil

    from affekt.encoders._card import read_card, write_card
    from affekt.encoders.text_affekt import SHIPPED

    shutil.copytree(SHIPPED, tmp_path / "model")
    before = Reader(models={"text": str(tmp_path / "model")}).read("so happy")
    write_card(dataclasses.replace(read_card(SHIPPED), revision="00000000"), tmp_path / "model")
    after = Reader(models={"text": str(tmp_path / "model")}).read("so happy")
    assert before.readings[0].model != after.readings[0].model == "text_affekt@00000000"
