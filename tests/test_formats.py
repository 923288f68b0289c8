"""Formats: every timeline can be written in every format, and what can be read back is the same timeline."""

import csv
import html
import io
import json
import re
from dataclasses import replace
from itertools import pairwise
from typing import Any
from xml.etree import ElementTree

import pytest

from affekt import catalog
from affekt.errors import BadResult, InputError
from affekt.formats import _cells, _moments, _palette
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
    assert {"csv", "json", "jsonl", "svg", "table", "emotionml", *CLOCKED} <= set(FORMATS)
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
    assert written.encode()
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


# --- with a clock: subtitles and tiers


@pytest.fixture(params=[name for name, one in TIMELINES.items() if one.unit == "seconds"], ids=str)
def timed(request: pytest.FixtureRequest) -> Timeline:
    return TIMELINES[request.param]


def blocks(written: str) -> list[list[str]]:
    return [block.split("\n") for block in written.strip("\n").split("\n\n")]


def span_of(line: str, point: str) -> tuple[int, int]:
    found = re.fullmatch(rf"(\d\d+):(\d\d):(\d\d){point}(\d{{3}}) --> (\d\d+):(\d\d):(\d\d){point}(\d{{3}})", line)
    assert found, line
    hours, minutes, seconds, rest = ([int(found[at]), int(found[at + 4])] for at in (1, 2, 3, 4))
    start, end = ((hours[at] * 3600 + minutes[at] * 60 + seconds[at]) * 1000 + rest[at] for at in (0, 1))
    return start, end


def test_subtitles_are_in_order_and_each_is_seen(timed: Timeline) -> None:
    srt, vtt = blocks(FORMATS["srt"].write(timed)), blocks(FORMATS["webvtt"].write(timed))
    assert [block[0] for block in srt] == [str(number) for number in range(1, len(srt) + 1)]
    assert vtt[0] == ["WEBVTT"] and vtt[-1][0] == "NOTE affekt" and "-->" not in "".join(vtt[-1])
    spans = [span_of(block[1], ",") for block in srt]
    assert spans == [span_of(block[0], r"\.") for block in vtt[1:-1]] == sorted(spans)
    assert all(start < end for start, end in spans)
    assert len(spans) == (len(timed) or len(timed.fused) or 1)
    assert all(len(block) == 3 and "-->" not in block[2] for block in srt)
    assert all(len(block) == 2 and "-->" not in block[1] for block in vtt[1:-1])


def test_a_subtitle_says_who_feels_what_and_the_words() -> None:
    lines = [block[2] for block in blocks(FORMATS["srt"].write(TIMELINES["two_people"]))]
    assert lines == ["客户 <&>: [joy 0.70] 你好吗？", 'Анна "A": [unsure] fine', "[neutral 0.70]", "[neutral 0.70]"]
    lines = [block[1] for block in blocks(FORMATS["webvtt"].write(TIMELINES["two_people"]))[1:-1]]
    assert lines[:2] == ["<v 客户 &lt;&amp;&gt;>[joy 0.70] 你好吗？", '<v Анна "A">[unsure] fine']
    assert "\n[valence -0.50 arousal +1.00]\n" in FORMATS["srt"].write(TIMELINES["dimensions"])
    assert "\n[none]\n" in FORMATS["srt"].write(replace(TIMELINES["nobody_sure"], unit="seconds"))
    assert "\n[label 27 0.68]\n" in FORMATS["srt"].write(replace(TIMELINES["many_labels"], unit="seconds"))


def test_no_words_can_become_a_tag_or_a_time() -> None:
    srt = [block[2] for block in blocks(FORMATS["srt"].write(TIMELINES["marks"]))]
    assert srt[0] == '‹v> → A & B: [joy 0.70] a → b ‹i>c‹/i> (\\an8}d <3 & "e" 2 WEB'
    vtt = blocks(FORMATS["webvtt"].write(TIMELINES["marks"]))[1][1]
    voice, words = re.fullmatch(r"<v ([^<>]+)>([^<>]+)", vtt).groups()  # type: ignore[union-attr]
    assert html.unescape(voice) == "<v> --> A & B"
    assert html.unescape(words) == '[joy 0.70] a --> b <i>c</i> {\\an8}d <3 & "e" 2 WEB'


def test_annotation_formats_hold_no_character_that_breaks_them(timed: Timeline) -> None:
    for name in CLOCKED:
        written = FORMATS[name].write(timed)
        body = written.partition("NOTE affekt")[0]
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]", body)


def grid(written: str) -> tuple[float, dict[str, list[tuple[float, float, str]]]]:
    """Praat's long text format, as a reader that only knows numbers and quoted strings takes it."""
    values = re.findall(r'= *("(?:[^"]|"")*"|[\d.]+)|<(exists)>', written)
    found = [value[1:-1].replace('""', '"') if value.startswith('"') else value for value, _ in values]
    assert found[:2] == ["ooTextFile", "TextGrid"] and float(found[2]) == 0 and values[4][1] == "exists"
    end, size, at, tiers = float(found[3]), int(found[5]), 6, {}
    for _ in range(size):
        kind, name, first, last, count = found[at : at + 5]
        assert (kind, float(first), float(last)) == ("IntervalTier", 0, end)
        at += 5
        cells = [found[at + 3 * number : at + 3 * number + 3] for number in range(int(count))]
        tiers[name] = [(float(start), float(stop), text) for start, stop, text in cells]
        at += 3 * int(count)
    assert at == len(found) and len(tiers) == size
    return end, tiers


def test_the_intervals_of_a_textgrid_leave_no_gap_and_never_overlap(timed: Timeline) -> None:
    end, tiers = grid(FORMATS["textgrid"].write(timed))
    assert end >= timed.duration and end > 0
    for intervals in tiers.values():
        assert intervals[0][0] == 0 and intervals[-1][1] == end
        assert all(start < stop for start, stop, _ in intervals)
        assert all(one[1] == next_[0] for one, next_ in pairwise(intervals))
    assert sum(text != "" for intervals in tiers.values() for *_, text in intervals) == len(timed) + len(timed.fused)


def test_a_textgrid_has_a_tier_a_modality_and_person_and_more_where_readings_overlap() -> None:
    assert set(grid(FORMATS["textgrid"].write(TIMELINES["two_people"]))[1]) == {"text 客户 <&>", 'text Анна "A"', "text", "fused"}
    _, tiers = grid(FORMATS["textgrid"].write(TIMELINES["overlaps"]))
    assert set(tiers) == {"face A", "face A 2", "speech A", "speech A 2", "text A 2", "text", "fused"}
    assert [start for start, _, text in tiers["face A"] if text] == [0, 1.5, 8]
    assert [text for *_, text in tiers["fused"]] == ["[fear 0.70]", "[joy 0.70]"]


def test_an_elan_file_refers_only_to_what_it_holds_and_overlaps_nowhere(timed: Timeline) -> None:
    document = ElementTree.fromstring(FORMATS["elan"].write(timed))
    assert document.get("FORMAT") == "3.0"
    slots = {slot.get("TIME_SLOT_ID"): int(slot.get("TIME_VALUE", "")) for slot in document.iter("TIME_SLOT")}
    assert list(slots.values()) == sorted(slots.values())
    types = {kind.get("LINGUISTIC_TYPE_ID") for kind in document.iter("LINGUISTIC_TYPE")}
    entries = {entry.get("CVE_ID"): entry.findtext("CVE_VALUE") for entry in document.iter("CV_ENTRY_ML")}
    assert len(set(entries.values())) == len(entries)
    names = [tier.get("TIER_ID") for tier in document.iter("TIER")]
    assert len(set(names)) == len(names)
    aligned = list(document.iter("ALIGNABLE_ANNOTATION"))
    ids = [one.get("ANNOTATION_ID") for one in (*aligned, *document.iter("REF_ANNOTATION"))]
    assert sorted(ids) == sorted(f"a{number}" for number in range(1, int(document.findtext("HEADER/PROPERTY", "")) + 1))
    assert len(aligned) == len(timed) + len(timed.fused)
    for tier in document.iter("TIER"):
        assert tier.get("LINGUISTIC_TYPE_REF") in types
        assert tier.get("PARENT_REF") in (None, *names)
        times = [slots[one.get(f"TIME_SLOT_REF{at}")] for one in tier.iter("ALIGNABLE_ANNOTATION") for at in (1, 2)]
        assert all(start < end for start, end in zip(times[::2], times[1::2], strict=True)) and times == sorted(times)
    for one in aligned:
        if one.get("CVE_REF") is not None:
            assert entries[one.get("CVE_REF")] == one.findtext("ANNOTATION_VALUE")


def test_an_elan_annotation_is_a_label_of_the_set_with_the_words_under_it() -> None:
    document = ElementTree.fromstring(FORMATS["elan"].write(TIMELINES["two_people"]))
    tiers = {tier.get("TIER_ID"): [value.text for value in tier.iter("ANNOTATION_VALUE")] for tier in document.iter("TIER")}
    assert tiers["text 客户 <&>"] == ["joy"] and tiers["text 客户 <&> (score and words)"] == ["[joy 0.70] 你好吗？"]
    assert tiers['text Анна "A"'] == ["unsure"] and tiers["text"] == ["neutral", "neutral"]
    assert [value.text for value in document.iter("CVE_VALUE")] == [*EKMAN, "unsure", "none"]


# --- EmotionML


def test_emotionml_keeps_the_rules_of_its_standard(given: Timeline) -> None:
    document = ElementTree.fromstring(FORMATS["emotionml"].write(given))
    assert (document.tag, document.get("version")) == (f"{EMOTIONML}emotionml", "1.0")
    vocabularies = {}
    for vocabulary in document.iter(f"{EMOTIONML}vocabulary"):
        names = [item.get("name", "") for item in vocabulary]
        assert names and len(set(names)) == len(names)
        assert all(re.fullmatch(r"[\w.\-]+", name) for name in (*names, vocabulary.get("id", "")))
        vocabularies[f"#{vocabulary.get('id')}"] = (vocabulary.get("type"), names)
    emotions = document.findall(f"{EMOTIONML}emotion")
    assert len(emotions) == len(given) + len(given.fused)
    for emotion in emotions:
        assert [child.tag for child in emotion].count(f"{EMOTIONML}info") == 1
        assert emotion.find(f"{EMOTIONML}category") is not None or emotion.find(f"{EMOTIONML}dimension") is not None
        for kind in ("category", "dimension"):
            named = [one.get("name") for one in emotion.findall(f"{EMOTIONML}{kind}")]
            declared, names = vocabularies[emotion.get(f"{kind}-set", "")] if named else (kind, [])
            assert declared == kind and set(named) <= set(names) and len(set(named)) == len(named)
            assert all(0 <= float(one.get("value", "")) <= 1 for one in emotion.findall(f"{EMOTIONML}{kind}"))
        assert emotion.get("start") is None and emotion.get("end") is None  # those count from 1970
        timed = {"offset-to-start", "duration", "time-ref-uri"} & set(emotion.attrib)
        assert len(timed) == (3 if given.unit == "seconds" else 0)


def test_emotionml_says_when_how_and_what() -> None:
    first, second = TIMELINES["dimensions"].readings[:2]
    document = ElementTree.fromstring(FORMATS["emotionml"].write(replace(TIMELINES["dimensions"], readings=(first, second))))
    emotion = document.findall(f"{EMOTIONML}emotion")[1]
    assert {name: emotion.get(name) for name in ("expressed-through", "time-ref-uri", "offset-to-start", "duration")} == {
        **{"expressed-through": "voice", "time-ref-uri": "a.txt", "offset-to-start": "1000", "duration": "1000"},
    }
    values = {one.get("name"): float(one.get("value", "")) for one in emotion.iter(f"{EMOTIONML}dimension")}
    assert values == pytest.approx({"valence": 0.25, "arousal": 1.0})  # from -0.5 and 1.0 on our scale
    document = ElementTree.fromstring(FORMATS["emotionml"].write(TIMELINES["one"]))
    values = {one.get("name"): float(one.get("value", "")) for one in document.iter(f"{EMOTIONML}category")}
    assert values == pytest.approx(TIMELINES["one"].readings[0].scores)
    assert [one.get("uri") for one in document.iter(f"{EMOTIONML}reference")] == ["text#char=0,9"]


@pytest.mark.parametrize("name", ["emotionml", "webvtt"])
def test_a_file_that_affekt_did_not_write_is_no_timeline(name: str) -> None:
    write, read = FORMATS[name].write, FORMATS[name].read
    assert read is not None
    written = write(TIMELINES["two_people"])
    cut = written.index("{", written.index('{"modality"') + 1)  # within the first reading
    foreign = f'<emotionml xmlns="{EMOTIONML[1:-1]}" version="1.0"><emotion/></emotionml>'
    for broken in (
        "",
        "WEBVTT\n\n00:01.000 --> 00:02.000\nhello\n",
        foreign,
        "<a>\ud800</a>",
        written[:cut],
        written.replace('"readings": 4', '"readings": 5'),
    ):
        with pytest.raises(InputError, match=r"timeline|not XML"):
            read(broken)
    with pytest.raises(BadResult, match=r"score of 'joy' is 7"):
        read(written.replace('"joy": 0.7,', '"joy": 7,'))


# --- times


@pytest.mark.parametrize(
    ("at", "unit", "written"),
    [(0, "seconds", "0:00"), (59.6, "seconds", "1:00"), (3723, "seconds", "1:02:03"), (1234, "characters", "1234")],
)
def test_a_time_is_a_clock_and_an_offset_a_number(at: float, unit: Any, written: str) -> None:
    assert _moments.moment(at, timeline(unit=unit)) == written


@pytest.mark.parametrize("unit", ["seconds", "characters"])
@pytest.mark.parametrize("duration", [0, 0.3, 7, 59, 601, 5000, 90_000, 1e7])
def test_ticks_are_few_and_evenly_spaced(unit: Any, duration: float) -> None:
    ticks = _moments.ticks(timeline(unit=unit, duration=duration), most=8)
    assert 1 <= len(ticks) <= 9
    assert ticks[0] == 0 and ticks[-1] <= duration
    assert len({round(b - a, 6) for a, b in pairwise(ticks)}) <= 1
