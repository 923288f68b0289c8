"""Timelines of several modalities: every format says what they say together, whose words those were, and where two disagree."""

import csv
import io
import json
import math
import re
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

import test_formats
import test_formats_clocked
from affekt.errors import UnknownName
from affekt.formats import _fused_figure
from affekt.formats._behind import behind, told, words_of
from affekt.formats._fused_page import LEFT, RIGHT
from affekt.formats._marks import SIGN, Disc, Rect, Words
from affekt.formats.label_studio import config_of, kind_of
from affekt.results import MODALITIES, Reading, Timeline
from test_formats import EKMAN, EMOTIONML, FORMATS, SVG
from test_formats_clocked import blocks, grid

SAID = (  # who, start and end in seconds, words, and what face, voice and words show
    ("Anna", 1.0, 4.5, "Hi! Thanks for coming in today.", "joy", "joy", "joy"),
    ("Ben", 5.2, 9.8, "Sure. I wanted to talk about the move to the new office.", "neutral", "neutral", "neutral"),
    ("Anna", 10.5, 13.9, "Great, I can't wait for that.", "anger", "anger", "joy"),
    ("Ben", 15.0, 20.6, "Are you sure? Half of the team has not been asked at all.", "anger", "anger", "surprise"),
    ("Anna", 21.4, 27.9, "No, it is fine. Really. I am not worried about it.", "fear", "fear", "neutral"),
    ("Ben", 29.0, 33.1, "You sound tired.", "sadness", "sadness", "sadness"),
    ("Anna", 34.4, 38.0, "Oh wonderful, another form to fill in!", "disgust", "anger", "joy"),
    ("Ben", 39.2, 45.0, "Ha, I know. We found out this morning that there are four of them.", "joy", "joy", "surprise"),
    ("Anna", 46.1, 50.3, "Four? You have got to be joking.", "surprise", "surprise", "surprise"),
    ("Ben", 51.5, 58.2, "I am not. But lunch is on me, so come along.", "joy", "neutral", "joy"),
)
BOXES = {"Anna": (0.1, 0.2, 0.3, 0.5), "Ben": (0.6, 0.2, 0.8, 0.5)}
RATE = 5  # faces a second


def scores(label: str, sure: float) -> dict[str, float]:
    """The label with its probability, and what is left for each of the others."""
    return {name: sure if name == label else (1 - sure) / (len(EKMAN) - 1) for name in EKMAN}


def made(modality: Any, label: str, start: float, end: float, *, sure: float = 0.75, **more: Any) -> Reading:
    return Reading(modality, "ekman7", scores(label, sure), start, end, f"{modality}_affekt@1a2b3c4d", **{"present": (label,), **more})


def fused(who: str, start: float, end: float, shown: dict[str, str], **more: Any) -> Reading:
    """What the modalities say together: the mean of their scores."""
    mean = {name: sum(scores(label, 0.75)[name] for label in shown.values()) / len(shown) for name in EKMAN}
    kinds = [kind for kind in MODALITIES if kind in shown]
    apart = [(a, b) for a in kinds for b in kinds if a < b and shown[a] != shown[b]]
    given: dict[str, Any] = {"shares": {kind: 1 / len(kinds) for kind in kinds}, "clarity": 0.9}
    if len(kinds) > 1:
        given |= {"disagreement": 0.7 if apart else 0.1, "between": next(iter(apart), (kinds[0], kinds[1]))}
    present = (max(mean, key=mean.__getitem__),)
    return Reading("fused", "ekman7", mean, start, end, "clear@1a2b3c4d", who=who, present=present, **{**given, **more})


def talk(*, minutes: int = 1) -> Timeline:
    """Two people: faces all the time, a voice and words while somebody speaks, and what they say together."""
    transcript, readings, together = "", list[Reading](), list[Reading]()
    for minute in range(minutes):
        for who, begin, stop, words, face, voice, text in SAID:
            start, end = begin + 60 * minute, stop + 60 * minute
            span = (len(transcript), len(transcript) + len(words))
            transcript += f"{words}\n"
            readings.append(made("speech", voice, start, end, who=who, clarity=0.8))
            readings.append(made("text", text, start, end, who=who, span=span))
            together.append(fused(who, start, end, {"face": face, "speech": voice, "text": text}, valence=0.25, spread=(0.1, 0.2, 0.3)))
        for step in range(60 * RATE):
            at, start = step / RATE, step / RATE + 60 * minute
            for who, box in BOXES.items():
                away: dict[str, Any] = {"abstained": True, "reason": "face turned away"} if who == "Ben" and 24 <= at < 27 else {}
                sure = 0.65 + 0.25 * math.sin(at * 1.7)
                more = {"sure": sure, "who": who, "box": box, "clarity": 1.0, **away}
                readings.append(made("face", shown(who, at), start, start + 1 / RATE, **more))
        for second in range(60):
            for who in BOXES:
                if not any(name == who and start < second + 1 and end > second for name, start, end, *_ in SAID):
                    at = second + 60 * minute
                    together.append(fused(who, at, at + 1, {"face": shown(who, second)}))
    return Timeline("meeting.mp4", 60.0 * minutes, "seconds", "ekman7", tuple(readings), tuple(together), transcript)


def shown(who: str, at: float) -> str:
    """What a face shows at a time."""
    spoken = next((face for name, start, end, _, face, *_ in SAID if name == who and start <= at < end), None)
    return spoken or ("joy" if who == "Anna" and at > 50 else "sadness" if who == "Ben" and 20 < at < 30 else "neutral")


TALK = talk()
APART = 6  # utterances of it in which voice and words disagree
ODD = {"who": "<b>&\x1b\ud800 客户", "span": None}


def every(timeline: Timeline, **more: Any) -> Timeline:
    """The timeline with something changed in each reading."""
    readings, together = (tuple(replace(one, **more) for one in part) for part in (timeline.readings, timeline.fused))
    return replace(timeline, readings=readings, fused=together, people=())


BEGIN = replace(  # 21 s are enough for what has to hold of every timeline
    TALK,
    duration=21.0,
    readings=tuple(one for one in TALK.readings if one.end <= 21),
    fused=tuple(one for one in TALK.fused if one.end <= 21),
)
STRANGERS = tuple(made("face", "joy", at, at + 0.2, who="face 3", box=BOXES["Ben"]) for at in (3, 4))
TALKS = {
    "talk": BEGIN,
    "by_one": BEGIN.by("Ben"),
    "call": replace(BEGIN, readings=tuple(one for one in BEGIN.readings if one.modality != "face"), source="call.wav"),
    "fused_only": replace(BEGIN, readings=()),
    "no_words": replace(BEGIN, transcript=None),
    "strangers": replace(BEGIN, readings=(*BEGIN.readings, *STRANGERS)),
    "nameless": every(BEGIN, who=None),
    "odd": every(BEGIN, who="<b>&\x1b\ud800 客户"),
    "unsure": replace(BEGIN, fused=tuple(replace(one, abstained=True, reason="text: two words", between=None) for one in BEGIN.fused)),
    "crowd": replace(BEGIN, fused=tuple(fused(f"face {at}", at, at + 1, {"face": "joy"}) for at in range(60))),
    "dimensions": replace(BEGIN, fused=tuple(replace(one, scores={}, present=()) for one in BEGIN.fused)),
}
TEN = talk(minutes=10)


@pytest.fixture(params=TALKS, ids=str)
def given(request: pytest.FixtureRequest) -> Timeline:
    return TALKS[request.param]


def cue_lines(timeline: Timeline) -> list[str]:
    return [block[2] for block in blocks(str(FORMATS["srt"].write(timeline)))]


# --- in every format


@pytest.mark.parametrize("name", FORMATS)
def test_what_several_modalities_say_is_written_in_every_format_and_read_back_the_same(given: Timeline, name: str) -> None:
    part = FORMATS[name]
    test_formats.test_every_timeline_can_be_written_to_a_file_in_every_format_that_holds_it(given, part)
    if part.read is not None:
        assert part.read(str(part.write(given))) == given


def test_the_rules_of_each_format_hold_for_several_modalities(given: Timeline) -> None:
    test_formats.test_a_table_fits_the_line_and_steers_no_terminal(given)
    test_formats.test_a_picture_is_valid_xml_with_a_title_and_nothing_from_outside(given)
    test_formats.test_a_picture_stays_within_its_page(given)
    test_formats_clocked.test_subtitles_are_in_order_and_each_is_seen(given)
    test_formats_clocked.test_annotation_formats_hold_no_character_that_breaks_them(given)
    test_formats_clocked.test_the_intervals_of_a_textgrid_leave_no_gap_and_never_overlap(given)
    test_formats_clocked.test_an_elan_file_refers_only_to_what_it_holds_and_overlaps_nowhere(given)


def test_emotionml_says_through_what_a_fused_emotion_is_expressed() -> None:
    test_formats_clocked.test_emotionml_keeps_the_rules_of_its_standard(TALK)
    emotions = ElementTree.fromstring(FORMATS["emotionml"].write(TALK)).findall(f"{EMOTIONML}emotion")[len(TALK) :]
    assert {emotion.get("expressed-through") for emotion in emotions} == {"text voice face", "face"}


def test_csv_has_columns_for_what_is_new_only_where_there_is_any() -> None:
    rows = list(csv.DictReader(io.StringIO(str(FORMATS["csv"].write(TALK)), newline="")))
    first = next(row for row in rows if row["between"] and float(row["disagreement"]) > 0.5)
    assert (first["who"], first["text"], first["between"]) == ("Anna", "Great, I can't wait for that.", "speech;text")
    assert [float(first[f"share_{kind}"]) for kind in ("face", "speech", "text")] == pytest.approx([1 / 3] * 3)
    assert [float(first[name]) for name in ("clarity", "spread_valence", "spread_dominance")] == pytest.approx([0.9, 0.1, 0.3])
    alone = csv.DictReader(io.StringIO(str(FORMATS["csv"].write(test_formats.TIMELINES["two_people"]))))
    assert not {"clarity", "between", "disagreement", "share_text"} & set(alone.fieldnames or ())


# --- what people are told


def test_the_words_of_a_fused_reading_are_those_that_its_person_said_meanwhile() -> None:
    bare = replace(TALK, fused=tuple(replace(one, span=None) for one in TALK.fused))
    words = words_of(bare)
    said = {(who, start): text for who, start, _, text, *_ in SAID}
    assert {(one.who, one.start): words(one) for one in bare.fused if words(one)} == said
    ours = fused("Anna", 0, 14, {"text": "joy"}, span=None)
    assert words(ours) == f"{SAID[0][3]} {SAID[2][3]}" and words(replace(ours, who="Cem")) == ""


def test_a_modality_stands_behind_a_fused_reading_with_what_lies_in_its_stretch() -> None:
    found = behind(TALK)
    one = next(one for one in TALK.fused if one.who == "Ben" and one.start == 15.0)
    assert [len(found(one, kind)) for kind in MODALITIES] == [1, 1, 28, 0]  # 5.6 s * 5 faces a second
    assert all(other.who == "Ben" for other in found(one, "face"))


def test_people_are_told_fused_readings_and_of_whom_there_are_none_the_single_ones() -> None:
    assert {one.modality for one in told(TALK)} == {"fused"}
    assert [one.who for one in told(TALKS["strangers"]) if one.modality == "face"] == ["face 3", "face 3"]
    alone = [one for one in told(TALK) if one.shares == {"face": 1.0}]
    assert all(a.end < b.start or a.top != b.top for who in BOXES for a, b in pairwise(one for one in alone if one.who == who))
    assert 10 < len(told(TALK)) < len(TALK.fused) / 2


def test_a_subtitle_says_what_is_felt_who_disagrees_and_the_words() -> None:
    lines = cue_lines(TALK)
    assert "Anna: [joy 0.75] Hi! Thanks for coming in today." in lines
    assert "Anna: [fear 0.51; speech and text disagree] No, it is fine. Really. I am not worried about it." in lines
    assert sum("disagree]" in line for line in lines) == APART
    assert "[unsure; modalities disagree]" in "".join(cue_lines(TALKS["unsure"]))


def test_a_table_of_ten_minutes_has_lines_for_people_and_says_how_two_modalities_disagree() -> None:
    lines = str(FORMATS["table"].write(TEN)).splitlines()
    assert len(lines) < 400 and lines[0].endswith(f"{10 * APART} disagreements")
    at = next(at for at, line in enumerate(lines) if "I can't wait" in line)
    assert re.fullmatch(r"0:10\.5–0:13\.9 +Anna +anger +█+\S? +0\.51  Great, I can't wait for that\.", lines[at])
    assert lines[at + 1].strip() == "≠ speech anger 0.75, text joy 0.75"
    assert sum("≠" in line for line in lines) == 10 * APART


def test_annotation_tools_get_tiers_of_what_is_fused_and_of_disagreements() -> None:
    tiers = grid(str(FORMATS["textgrid"].write(TALK)))[1]
    kinds = ("text", "speech", "face", "fused", "disagreement")
    assert set(tiers) == {f"{kind} {who}" for kind in kinds for who in BOXES}
    assert next(text for *_, text in tiers["disagreement Anna"] if text) == "[0.70] speech anger 0.75, text joy 0.75"
    assert "[anger 0.51; speech and text disagree] Great, I can't wait for that." in [text for *_, text in tiers["fused Anna"]]
    document = ElementTree.fromstring(FORMATS["elan"].write(TALK))
    tier = next(tier for tier in document.iter("TIER") if tier.get("TIER_ID") == "disagreement Ben")
    assert tier.get("LINGUISTIC_TYPE_REF") == "disagreement" and tier.get("PARTICIPANT") == "Ben"
    assert {value.text for value in tier.iter("ANNOTATION_VALUE")} == {"speech and text"}


# --- the figure


def test_the_figure_has_a_lane_for_each_modality_of_each_person() -> None:
    marks = ElementTree.fromstring(FORMATS["svg"].write(TALK)).iter(f"{SVG}text")
    words = ["".join(mark.itertext()) for mark in marks]
    assert [words.count(name) for name in ("Anna", "Ben", "face", "voice", "words")] == [1, 1, 2, 2, 2]
    assert {"Great, I can't", "voice: anger", "words: joy"} <= set(words)
    call = "".join(ElementTree.fromstring(FORMATS["svg"].write(TALKS["call"])).itertext())
    assert "voice" in call and call.count("face") == 0


def test_two_lanes_are_framed_where_their_modalities_disagree_and_the_sign_lies_between() -> None:
    marks = _fused_figure.draw(TALK).marks
    tops = {mark.y - 10 for mark in marks if isinstance(mark, Words) and mark.text in ("voice", "words")}
    frames = [mark for mark in marks if isinstance(mark, Rect) and mark.edge]
    assert len(frames) == 2 * APART and {frame.y for frame in frames} == tops
    scale = (RIGHT - LEFT) / 60
    assert {round(LEFT + scale * start, 3) for _, start, _, _, _, voice, text in SAID if voice != text} == {
        round(one.x, 3) for one in frames
    }
    signs = [mark for mark in marks if isinstance(mark, Disc) and mark.r == SIGN]
    assert len(signs) == 2 * APART + 1  # between the lanes, at the notes, and where it is explained


def test_the_fused_lane_is_the_highest_and_coloured_by_what_is_said_together() -> None:
    marks = [mark for mark in _fused_figure.draw(TALK).marks if isinstance(mark, Rect) and mark.fill.startswith("#")]
    assert {mark.high for mark in marks} == {40, 13}
    wide = sum(mark.wide for mark in marks if mark.high == 40)
    covered = sum(one.end - one.start for one in TALK.fused) / 60 * (RIGHT - LEFT)
    assert wide == pytest.approx(covered, rel=0.02)


def test_notes_of_the_figure_do_not_lie_on_one_another() -> None:
    for timeline in (TALK, TEN):
        marks = [mark for mark in _fused_figure.draw(timeline).marks if isinstance(mark, Words) and mark.anchor == "start"]
        for a in marks:
            assert not any(a.y == b.y and a.x < b.x < a.x + min(a.room, 80) for b in marks), a


def test_the_legend_names_what_is_seen_and_nothing_else() -> None:
    assert list(_fused_figure.draw(TALK).legend) == [*EKMAN, "unsure"]
    assert list(_fused_figure.draw(TALK.by("Anna")).legend) == [*(name for name in EKMAN if name != "sadness")]


def test_a_figure_of_ten_minutes_stays_small_and_a_crowd_is_counted() -> None:
    assert len(FORMATS["svg"].write(TEN)) < 400_000
    words = [mark.text for mark in _fused_figure.draw(TALKS["crowd"]).marks if isinstance(mark, Words)]
    assert "and 42 more people" in words  # 60 faces, Anna and Ben


def test_pixels_and_vectors_show_the_same_figure() -> None:
    image = pytest.importorskip("PIL.Image", reason="Pillow is not installed; it comes with the face extra")
    import numpy as np

    with image.open(io.BytesIO(FORMATS["png"].write(TALK))) as picture:  # type: ignore[arg-type]
        pixels = np.asarray(picture.convert("RGB")).astype(int)
    assert pixels.shape[1] == 1600
    for mark in (mark for mark in _fused_figure.draw(TALK).marks if isinstance(mark, Rect) and mark.high == 40 and mark.wide > 9):
        if mark.fill.startswith("#"):
            colour = [int(mark.fill[at : at + 2], 16) for at in (1, 3, 5)]
            assert (np.abs(pixels - colour).max(axis=2) <= 2).any(), mark.fill


# --- Label Studio


def task(timeline: Timeline) -> dict[str, Any]:
    given: dict[str, Any] = json.loads(str(FORMATS["label_studio"].write(timeline)))
    return given


def controls(config: str) -> dict[str, tuple[str, str | None]]:
    """Name -> (tag, what it labels) of a configuration."""
    return {tag.get("name", ""): (tag.tag.lower(), tag.get("toName")) for tag in ElementTree.fromstring(config) if tag.get("name")}


IMAGE = Timeline("a.jpg", 0, "seconds", "ekman7", (made("face", "joy", 0, 0, who="face 1", box=(-0.1, 0.2, 0.3, 0.5)),))
TEXT = test_formats.TIMELINES["one"]


@pytest.mark.parametrize(("timeline", "kind"), [(TALK, "video"), (TALKS["call"], "audio"), (IMAGE, "image"), (TEXT, "text")])
def test_a_task_of_label_studio_fits_its_configuration(timeline: Timeline, kind: Any) -> None:
    assert kind_of(timeline) == kind
    given, config = task(timeline), config_of(timeline.labels, kind=kind)
    names = controls(config)
    labels = {tag.get("value") for tag in ElementTree.fromstring(config).iter("Label")}
    shown = {tag.get("value") for tag in ElementTree.fromstring(config) if tag.get("toName") is None and tag.get("value")}
    assert shown == {f"${name}" for name in given["data"]}
    assert given["predictions"]
    for prediction in given["predictions"]:
        assert 0 <= prediction["score"] <= 1 and prediction["model_version"]
        for part in prediction["result"]:
            assert names[part["from_name"]] == (part["type"], part["to_name"])
            assert set(part["value"].get(part["type"], labels)) <= labels
    ids = [part["id"] for prediction in given["predictions"] for part in prediction["result"] if part["from_name"] == "emotion"]
    assert len(set(ids)) == len(ids)


def test_a_region_of_label_studio_has_its_time_its_label_who_it_is_and_the_words() -> None:
    predictions = task(TALK)["predictions"]
    assert [one["model_version"].partition("_")[0] for one in predictions][1:] == ["face", "speech", "text"]
    assert predictions[0]["model_version"] == "clear@1a2b3c4d"
    region = next(part for part in predictions[0]["result"] if part.get("meta"))
    assert region["value"] == {"start": 10.5, "end": 13.9, "channel": 0, "labels": ["anger"]}
    assert region["meta"] == {"text": ["speech and text disagree"]} and region["score"] == pytest.approx(0.5139)
    same = {part["from_name"]: part["value"].get("text") for part in predictions[0]["result"] if part["id"] == region["id"]}
    assert same == {"emotion": None, "who": ["Anna"], "words": ["Great, I can't wait for that."]}
    faces = [part for part in predictions[1]["result"] if part["type"] == "labels"]
    assert len(faces) < 60  # of 600 readings: one region as long as a face shows the same
    assert ["unsure"] in [part["value"]["labels"] for part in faces]


def test_label_studio_gets_characters_of_a_text_and_percent_of_an_image() -> None:
    assert task(TEXT)["data"] == {"text": "so happy!"}
    assert task(TEXT)["predictions"][0]["result"][0]["value"] == {"start": 0, "end": 9, "labels": ["joy"]}
    value = task(IMAGE)["predictions"][0]["result"][0]["value"]
    assert value.pop("rectanglelabels") == ["joy"]
    assert value == pytest.approx({"x": 0, "y": 20, "width": 30, "height": 30, "rotation": 0})
    assert task(test_formats.TIMELINES["dimensions"])["predictions"] == []


def test_a_configuration_of_label_studio_is_of_a_label_set_that_there_is() -> None:
    several = ElementTree.fromstring(config_of("goemotions28", kind="text"))
    labels = several.find("Labels")
    assert labels is not None and labels.get("choice") == "multiple" and len(labels) == 30  # unsure and none
    with pytest.raises(UnknownName):
        config_of("ekman8", kind="text")
    page = (Path(__file__).parents[1] / "docs" / "formats.md").read_text(encoding="utf-8")
    assert config_of("ekman7", kind="video").strip() in page
