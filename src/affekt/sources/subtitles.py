"""Subtitles: SubRip (.srt) and WebVTT (.vtt), cue by cue.

WebVTT is https://www.w3.org/TR/webvtt1/; SubRip has no standard and is read as players read it: a cue's number may be
absent, a point may stand for the comma, a blank line may stand inside a cue.
"""

import html
import re
from collections.abc import Iterator

from affekt.errors import BadRow
from affekt.sources.decode import split_lines
from affekt.sources.lines import speaker, turns_of
from affekt.sources.turns import Turn, is_stretch

_CLOCK = r"(?:(\d{1,4}):)?(\d{1,2}):(\d{1,2})(?:[.,](\d{1,9}))?"
_TIMES = re.compile(rf"\s*{_CLOCK}\s*-->\s*{_CLOCK}(?:\s.*)?$")
_CLOCK_LIKE = re.compile(r"\s*\d{1,4}:\w")
_VOICE = re.compile(r"<v(?:\.[^\s>]*)?\s+([^<>]+)>")
_TAG = re.compile(r"</?[A-Za-z][^<>]{0,200}>|<\d[\d:.]*>|\{\\[^{}]{0,200}\}")  # <i>, <00:01.000>, {\an8}; but not <3
_ASIDE = re.compile(r"(WEBVTT|NOTE|STYLE|REGION)(?=\s|$)")  # WebVTT's blocks that are no cues

Cue = tuple[tuple[float, float], list[str]]  # start and end in seconds, and the lines of text


def turns_in(text: str, *, name: str, vtt: bool) -> list[Turn]:
    """The turns of a subtitle file.

    Raises:
        BadRow: a cue has no time, or one that is none.
    """
    cues = _cues(text, name, vtt)
    if not vtt:
        cues = [(time, [_TAG.sub("", line) for line in lines]) for time, lines in cues]
    named = [found[0] for _, lines in cues if lines and (found := speaker(lines[0]))]
    usual = 2 * len(named) > len(cues)  # else a colon is more likely the author's: "He said: go"
    turns = []
    for time, lines in cues:
        if vtt and _VOICE.search("\n".join(lines)):
            turns += _voices("\n".join(lines), time)
            continue
        if vtt:
            lines = [_vtt_plain(line) for line in lines]
        found = speaker(lines[0]) if lines else None
        turns += turns_of(lines, time=time) if found and (usual or found[0].isupper()) else [Turn(None, "\n".join(lines), time)]
    return turns


def _cues(text: str, name: str, vtt: bool) -> list[Cue]:
    """The cues of a file: a time line begins one, the next time line ends it."""
    cues: list[Cue] = []
    for first, block in _blocks(text):
        begins = [at for at, line in enumerate(block) if _TIMES.match(line)]
        if vtt and not begins and _ASIDE.match(block[0]):
            continue
        _check_block(block, name, first, begins, has_cue=bool(cues))
        for at, line in enumerate(block):
            if at in begins:
                cues.append((_times(line, name, first + at), []))
            elif at + 1 in begins and (at == 0 or line.strip().isdecimal()):
                continue  # a cue's number or name, which nobody says
            else:
                cues[-1][1].append(line.strip())
    return cues


def _blocks(text: str) -> Iterator[tuple[int, list[str]]]:
    """Runs of lines that are not blank, each with the number of its first line."""
    block: list[str] = []
    for number, line in enumerate([*split_lines(text), ""], 1):
        if line.strip():
            block.append(line)
        elif block:
            yield number - len(block), block
            block = []


def _check_block(block: list[str], name: str, first: int, begins: list[int], *, has_cue: bool) -> None:
    """Nothing, for a block of cues, or one that can be more text of the cue above it.

    Raises:
        BadRow: it holds a broken time, or text that no time stands above.
    """
    for at, line in enumerate(block):
        arrow, clock, head = "-->" in line, _CLOCK_LIKE.match(line), at < 2 and not begins
        numbered = at == 1 and block[0].strip().isdecimal()
        if at not in begins and ((arrow and (clock or head)) or (clock and head and (numbered or not has_cue))):
            raise BadRow(name, first + at, f"{line.strip()[:60]!r} is no time of a cue; it looks like 00:01:02,345 --> 00:01:04,000")
    if not has_cue and (not begins or begins[0] > 1):
        raise BadRow(name, first, f"{block[0].strip()[:60]!r} stands before any time; a cue begins with 00:01:02,345 --> 00:01:04,000")


def _times(line: str, name: str, number: int) -> tuple[float, float]:
    found = _TIMES.match(line)
    assert found is not None  # only time lines come here
    parts = [int(part or 0) for part in (*found.groups()[:3], *found.groups()[4:7])]
    if max(parts[1], parts[2], parts[4], parts[5]) > 59:
        raise BadRow(name, number, f"{line.strip()[:60]!r} has more than 59 minutes or seconds")
    fractions = [float(f"0.{part or 0}") for part in (found[4], found[8])]
    start, end = (round(parts[at] * 3600 + parts[at + 1] * 60 + parts[at + 2] + fractions[at // 3], 6) for at in (0, 3))
    if not is_stretch(start, end):
        raise BadRow(name, number, f"{line.strip()[:60]!r} ends before it starts")
    return start, end


def _voices(text: str, time: tuple[float, float]) -> list[Turn]:
    """The turns of a WebVTT cue that names its voices: <v Anna>Hello"""
    before, *rest = _VOICE.split(text)
    turns = [Turn(None, _vtt_plain(before), time)] if before.strip() else []
    return turns + [Turn(html.unescape(who), _vtt_plain(said), time) for who, said in zip(rest[::2], rest[1::2], strict=True)]


def _vtt_plain(text: str) -> str:
    return html.unescape(_TAG.sub("", text))
