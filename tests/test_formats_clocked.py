"""Formats that say when: subtitles, tiers of annotation tools, and EmotionML, each read by a parser that is not ours."""

import html
import re
from dataclasses import replace
from itertools import pairwise
from typing import Any
from xml.etree import ElementTree

import pytest

from affekt.errors import BadResult, InputError
from affekt.formats import _moments
from affekt.formats._behind import told
from affekt.results import Mark, Timeline
from test_formats import CLOCKED, EKMAN, EMOTIONML, FORMATS, TIMELINES, timeline


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
    assert len(spans) == (len(told(timed)) or 1)
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
    written = sum(text != "" for intervals in tiers.values() for *_, text in intervals)
    assert written == sum(map(len, (timed, timed.fused, timed.disagreements())))


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
    assert len(aligned) == sum(map(len, (timed, timed.fused, timed.disagreements())))
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


@pytest.mark.parametrize("given", TIMELINES.values(), ids=TIMELINES)
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


def test_marks_have_a_tier_of_their_own_and_a_line_in_a_table() -> None:
    marked = Timeline("call.wav", 5, "seconds", "ekman7", (), marks=(Mark(61.5, "asked <again>"), Mark(2)))
    document = ElementTree.fromstring(str(FORMATS["elan"].write(marked)))
    (tier,) = document.findall("TIER[@LINGUISTIC_TYPE_REF='mark']")
    assert [one.text for one in tier.iter("ANNOTATION_VALUE")] == ["mark", "asked <again>"]
    grid = str(FORMATS["textgrid"].write(marked))
    assert 'text = "asked <again>"' in grid and "xmin = 61.5" in grid
    assert "⚑ 1:02 asked <again>" in str(FORMATS["table"].write(marked))
