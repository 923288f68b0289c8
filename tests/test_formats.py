"""Formats: every timeline can be written in every format, and what can be read back is the same timeline."""

import csv
import io
import json
import re
from dataclasses import replace
from typing import Any
from xml.etree import ElementTree

import pytest

from affekt import catalog
from affekt.errors import BadResult, InputError
from affekt.formats import _cells, _palette
from affekt.parts import Format
from affekt.results import Reading, Timeline

FORMATS = {name: catalog.find("formats", name) for name in catalog.names("formats")}
EKMAN = ("anger", "disgust", "fear", "joy", "sadness", "surprise", "neutral")
SVG = "{http://www.w3.org/2000/svg}"
EMOTIONML = "{http://www.w3.org/2009/10/emotionml}"
CLOCKED = {"srt", "webvtt", "textgrid", "elan"}  # they say when, and a text of characters has no when


def reading(label: str = "joy", start: float = 0, end: float = 1, **more: Any) -> Reading:
    scores = {name: 0.7 if name == label else 0.05 for name in EKMAN}
    return Reading("text", "ekman7", scores, start, end, "text_affekt@1a2b3c4d", **{"present": (label,), **more})


def multi(scores: dict[str, float], **more: Any) -> Reading:
    return Reading("text", "goemotions28", scores, 0, 9, "m@1", single=False, **more)


def timeline(*readings: Reading, **more: Any) -> Timeline:
    given: dict[str, Any] = {"source": "a.txt", "duration": 10, "unit": "characters", "labels": "ekman7", "readings": readings, **more}
    return Timeline(**given)


def dimensions(start: float) -> Reading:
    return Reading("speech", "vad", {}, start, start + 1, "m@1", valence=-0.5, arousal=1.0, dominance=None)


TIMELINES = {
    "empty": timeline(),
    "one": timeline(reading("joy", 0, 9, span=(0, 9), valence=0.5, arousal=-0.25), transcript="so happy!", source="text"),
    "one_abstained": timeline(reading("joy", abstained=True, reason="two-word text", present=())),
    "only_fused": timeline(fused=(reading("fear"),)),
    "several_fused": timeline(fused=(reading("fear"), reading("joy", 1, 2))),
    "two_people": timeline(
        reading("joy", 0, 4.5, who="客户 <&>", span=(0, 4)),
        reading("anger", 5, 9, who='Анна "A"', span=(5, 9), abstained=True, reason="noise"),
        *(reading("neutral", at, at + 1) for at in (5.5, 7)),
        fused=(reading("neutral", 0, 9),),
        transcript="你好吗？\nfine, \nthanks",
        unit="seconds",
        source="folder/call, of 'today'.srt",
        warnings=("a | warning",),
    ),
    "many_people": timeline(
        *(reading(EKMAN[at % 7], at, at + 1, who=f"person {at % 23}") for at in range(300)), unit="seconds", duration=301.5
    ),
    "very_many": timeline(*(reading(EKMAN[at // 50 % 7], at / 4, at / 4 + 0.25) for at in range(3000)), unit="seconds", duration=750),
    "dimensions": timeline(*(dimensions(at) for at in range(3)), unit="seconds", labels="vad"),
    "one_dimension": timeline(dimensions(0), unit="seconds", labels="vad"),
    "many_labels": timeline(
        multi({f"label {at}": at / 40 for at in range(28)}, present=("label 27", "label 26")),
        multi({"joy": 0.0, "pride": 1.0}),
        labels="mine",
    ),
    "nobody_sure": timeline(multi({"joy": 0.0, "grief": 0.0}), multi({"joy": 0.0, "grief": 0.0}), labels="goemotions28"),
    "modalities": timeline(
        replace(reading("joy"), modality="face", who="A"), reading("fear", who="A"), replace(reading(), modality="speech")
    ),
    "odd_characters": timeline(
        reading("joy", 0, 8, who="\x1b[31mred\x00", span=(0, 8)),
        source="\x07\ud800]]>&<",
        transcript="\x1b]0;x\x07 \ud83d\ufffe <script>",
        warnings=("\x1b",),
    ),
    "no_time": timeline(reading(start=0, end=0), reading(start=0, end=0), duration=0),
}
TIMELINES |= {f"{name}_with_a_clock": replace(one, unit="seconds") for name, one in TIMELINES.items() if one.unit == "characters"}
TIMELINES |= {
    "marks": timeline(
        reading("joy", 0, 2, who="<v> \n\n--> A & B", span=(0, 40)),
        replace(reading("fear", 1, 3, who="--> 2"), reason="1 --> 2\r\n\r\nNOTE affekt\r\n", labels="my set"),
        transcript='a --> b <i>c</i> {\\an8}d <3 & "e"\n\n2\nWEBVTT\u2028',
        source="\n\nNOTE affekt\n --> \uffff",
        unit="seconds",
    ),
    "overlaps": timeline(
        *(
            replace(reading(who="A"), start=at, end=at + 1.5, modality=modality)
            for at in (0, 0.5, 1.5, 7.9996)
            for modality in ("face", "speech")
        ),
        reading("fear", 0, 3, who="A 2"),
        reading("anger", 9.9999, 9.9999),
        fused=(reading("joy", 6, 12), reading("fear", 0, 6)),
        duration=9,
        unit="seconds",
    ),
}


@pytest.fixture(params=TIMELINES, ids=str)
def given(request: pytest.FixtureRequest) -> Timeline:
    return TIMELINES[request.param]


@pytest.fixture(params=FORMATS, ids=str)
def part(request: pytest.FixtureRequest) -> Format:
    return FORMATS[request.param]


def test_the_formats_are_these_and_no_two_share_an_ending() -> None:
    assert {"csv", "json", "jsonl", "png", "svg", "table", "emotionml", *CLOCKED} <= set(FORMATS)
    assert len({part.ending for part in FORMATS.values()}) == len(FORMATS)


def refuses(part: Format, given: Timeline) -> bool:
    """Whether the format needs a clock and the timeline has none; then it says so, and what can be written instead."""
    if part.name not in CLOCKED or given.unit == "seconds":
        return False
    with pytest.raises(InputError) as refused:
        part.write(given)
    assert str(refused.value).startswith(f"{part.name} says at what time") and repr(given.source) in str(refused.value)
    allowed = set(re.split(r",? or |, ", str(refused.value).rpartition("written as ")[2]))
    assert allowed == set(FORMATS) - CLOCKED
    return True


def test_every_timeline_can_be_written_to_a_file_in_every_format_that_holds_it(given: Timeline, part: Format) -> None:
    if refuses(part, given):
        return
    written = part.write(given)
    assert written.strip()
    assert isinstance(written, bytes) if part.binary else written.encode()
    assert written == part.write(given)


def test_what_can_be_read_back_is_the_same_timeline(given: Timeline, part: Format) -> None:
    if part.read is None:
        pytest.skip("is only written")
    if refuses(part, given):
        return
    assert part.read(part.write(given)) == given
    assert part.read(part.write(given).replace("\n", "\r\n")) == given


@pytest.mark.parametrize("name", ["json", "jsonl"])
@pytest.mark.parametrize(
    ("broken", "message"),
    [
        ("", "line|object"),
        ('{"a": }', "line 1, column 7"),
        ("[]", "list"),
        ("{}", "timeline"),
        ('{"timeline": {"readings": 0, "fused": 0}}', "timeline"),
        ('{"source": "a", "readings": [1]}', "timeline"),
        ('{"timeline": 5}', "timeline"),
        ("[" * 100_000, "cannot be read"),
    ],
)
def test_what_is_no_timeline_is_refused(name: str, broken: str, message: str) -> None:
    read = FORMATS[name].read
    assert read is not None
    with pytest.raises(InputError, match=message):
        read(broken)


def test_a_number_out_of_range_is_still_named_when_read_back() -> None:
    for name in ("json", "jsonl"):
        read = FORMATS[name].read
        assert read is not None
        with pytest.raises(BadResult, match=r"score of 'joy' is 7"):
            read(FORMATS[name].write(TIMELINES["one"]).replace('"joy": 0.7,', '"joy": 7,'))


def test_json_lines_say_where_they_break_and_that_they_are_cut_off() -> None:
    written, read = FORMATS["jsonl"].write(TIMELINES["two_people"]), FORMATS["jsonl"].read
    assert read is not None
    lines = written.splitlines(keepends=True)
    with pytest.raises(InputError, match="line 3, column"):
        read("".join([*lines[:2], lines[2][:40] + "\n", *lines[3:]]))
    with pytest.raises(InputError, match="cut off"):
        read("".join(lines[:-1]))
    assert [json.loads(line).get("top") for line in lines[1:]] == ["joy", "anger", "neutral", "neutral", "neutral"]


def test_csv_has_one_row_a_reading_and_one_column_a_score() -> None:
    rows = list(csv.DictReader(io.StringIO(FORMATS["csv"].write(TIMELINES["two_people"]), newline="")))
    assert len(rows) == 5
    assert rows[0] == {
        **{"source": "folder/call, of 'today'.srt", "fused": "false", "modality": "text", "who": "客户 <&>"},
        **{"start": "0", "end": "4.5", "unit": "seconds", "text": "你好吗？"},
        **{"top": "joy", "confidence": "0.7", "abstained": "false", "present": "joy", "valence": "", "arousal": "", "dominance": ""},
        **{"model": "text_affekt@1a2b3c4d", **{f"score_{name}": "0.7" if name == "joy" else "0.05" for name in EKMAN}},
    }
    assert [row["abstained"] for row in rows] == ["false", "true", "false", "false", "false"]
    assert [row["fused"] for row in rows] == ["false"] * 4 + ["true"]


def test_csv_leaves_empty_what_a_reading_does_not_say() -> None:
    rows = list(csv.DictReader(io.StringIO(FORMATS["csv"].write(TIMELINES["dimensions"]))))
    assert [(row["top"], row["confidence"], row["valence"], row["dominance"]) for row in rows] == [("", "", "-0.5", "")] * 3


# --- the table for the terminal


def test_a_table_lines_up_in_every_script() -> None:
    lines = FORMATS["table"].write(TIMELINES["two_people"]).splitlines()
    rows = [line for line in lines[2:] if "0.70" in line]
    assert len(rows) == 4
    assert len({_cells.width(row[: row.index("0.70")]) for row in rows}) == 1
    assert "unsure" in rows[1]
    assert "! a | warning" in lines


def test_a_table_fits_the_line_and_steers_no_terminal(given: Timeline) -> None:
    written = FORMATS["table"].write(given)
    assert all(_cells.width(line) <= 110 for line in written.splitlines())
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", written)


def test_a_table_of_one_reading_shows_its_labels_and_dimensions() -> None:
    written = FORMATS["table"].write(TIMELINES["one"])
    assert "so happy!" in written
    assert re.search(r"joy +█+ +0\.70 \*\n", written)
    assert re.search(r"valence +─+┼─+●─+ \+0\.50\n", written)
    assert "unsure: two-word text" in FORMATS["table"].write(TIMELINES["one_abstained"])


@pytest.mark.parametrize(
    ("text", "cells", "lines", "wrapped"),
    [
        ("one two three", 7, 3, ["one two", "three"]),
        ("one two three four", 7, 2, ["one two", "three…"]),
        ("我很开心，但是累", 8, 3, ["我很开", "心，但是", "累"]),
        ("unbreakable", 4, 9, ["unbr", "eaka", "ble"]),
        ("", 4, 3, []),
        ("e\u0301" * 5, 5, 1, ["e\u0301" * 5]),
    ],
)
def test_text_wraps_at_words_and_never_before_a_comma(text: str, cells: int, lines: int, wrapped: list[str]) -> None:
    assert _cells.wrap(text, cells, lines=lines) == wrapped


@pytest.mark.parametrize("text", ["joy", "喜悦", "a喜b悦c", "🥺🥺🥺", "e\u0301e\u0301", ""])
@pytest.mark.parametrize("cells", [1, 2, 3, 8])
def test_a_cell_is_as_wide_as_asked(text: str, cells: int) -> None:
    assert _cells.width(_cells.fit(text, cells)) == cells
    assert _cells.width(_cells.fit(text, cells, right=True)) == cells


# --- the picture


def test_a_picture_is_valid_xml_with_a_title_and_nothing_from_outside(given: Timeline) -> None:
    written = FORMATS["svg"].write(given)
    picture = ElementTree.fromstring(written)
    assert picture.tag == f"{SVG}svg"
    assert (picture.get("width"), picture.get("role")) == ("900", "img")
    assert picture.find(f"{SVG}title") is not None
    assert "prefers-color-scheme: dark" in written
    assert not re.search(r"url\((?!#)|href|@import|<script|<image", written)


def test_a_picture_stays_within_its_page(given: Timeline) -> None:
    picture = ElementTree.fromstring(FORMATS["svg"].write(given))
    high = float(picture.get("height", 0))
    for mark in picture.iter():
        for name, most in (("x", 900.0), ("cx", 900.0), ("y", high), ("cy", high)):
            assert 0 <= float(mark.get(name, 0)) <= most
        assert float(mark.get("x", 0)) + float(mark.get("width", 0)) <= 902
        assert not {"nan", "inf"} & set(mark.attrib.values())


def test_a_picture_names_everybody_and_every_label_it_draws() -> None:
    words = ["".join(mark.itertext()) for mark in ElementTree.fromstring(FORMATS["svg"].write(TIMELINES["two_people"])).iter(f"{SVG}text")]
    assert {"客户 <&>", 'Анна "A"', "joy 70%", "unsure", "你好吗？", *EKMAN} <= set(words)


def test_a_picture_of_very_many_readings_stays_small() -> None:
    assert len(FORMATS["svg"].write(TIMELINES["very_many"])) < 300_000


def test_two_pictures_on_one_page_do_not_share_ids() -> None:
    ids = [set(re.findall(r'id="([^"]+)"', FORMATS["svg"].write(TIMELINES[name]))) for name in ("two_people", "many_people", "one")]
    assert not ids[0] & ids[1] and not ids[1] & ids[2]


@pytest.mark.parametrize("name", catalog.names("labels"))
def test_every_label_has_a_colour_and_no_two_of_eight_have_the_same(name: str) -> None:
    labels = [label for label in catalog.find("labels", name).labels if label != "neutral"]
    chosen = _palette.colours(labels, name)
    assert list(chosen) == labels
    assert all(re.fullmatch(r"#[0-9a-f]{6}", colour) for colour in chosen.values())
    assert len(set(chosen.values())) == len(labels)
