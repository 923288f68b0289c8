"""Talk written as lines of "Name: text", with a half- or full-width colon."""

import re
from collections.abc import Iterable

from affekt.sources.decode import split_lines
from affekt.sources.turns import Turn

# What chat programs put before a name: [00:01:02], (00:01 - 00:05), 2024-01-31 09:15:00, 31/01/2024, 9:15 pm -
_STAMP = re.compile(
    r"\s*(?:[\[(【（][\d\s/.,:;>年月日apmAPM\u2013\u2014-]{4,40}[\])】）]|\d[\d/.,:\s-]{3,30}\d(?:\s?[AaPp]\.?[Mm]\.?)?(?=[\s\u2013\u2014-]))"
    r"\s*[\u2013\u2014-]?\s*"
)
# No blank need follow the colon ("Anna:hi"), but "http://", "hello :)" and "12:30" are no turns.
_TURN = re.compile(r"([^\s:：][^:：\n]{0,39}?)(?:\s*：|\s*:(?=\s|$)|(?<=\S):(?![\s/\\()|\d*-]|[DPp]\b))\s*(.*)", re.DOTALL)
_NAME = re.compile(r"(?=.{1,30}$)(?=.*[^\W\d_])[^\s\-*#>|。！？，、,!?;；\"“”「」<>{}=][^。！？，、,!?;；\"“”「」<>{}=|]*$")
WORDS = 4  # of a name: "Dr. Anna Maria Smith"
MANY = 6  # turns from which on a real conversation has somebody speak again


def speaker(line: str) -> tuple[str, str] | None:
    """Who speaks in a line, and what; None where the line names nobody.

    >>> speaker("[00:01:02] 小明：你好"), speaker("see http://example.org")
    (('小明', '你好'), None)
    """
    line = line.strip()
    stamp = _STAMP.match(line)
    found = _TURN.match(line, stamp.end() if stamp else 0)
    if not found:
        return None
    name = found[1].strip()
    return (name, found[2].strip()) if _NAME.match(name) and len(name.split()) <= WORDS else None


def is_talk(text: str) -> bool:
    """Whether nearly all lines of a text are turns: four in five, at least two, and not each by somebody new."""
    lines = [line for line in split_lines(text[:200_000]) if line.strip()]
    names = [found[0] for line in lines if (found := speaker(line))]
    if len(names) < 2 or len(names) < 0.8 * len(lines):
        return False
    return len(names) < MANY or len(set(names)) <= len(names) / 2


def turns_of(lines: Iterable[str], *, time: tuple[float, float] | None = None) -> list[Turn]:
    """The turns in some lines; a line that names nobody goes on with the turn above it."""
    turns: list[Turn] = []
    for line in lines:
        if found := speaker(line):
            turns.append(Turn(*found, time=time))
        elif turns:
            turns[-1] = Turn(turns[-1].who, f"{turns[-1].text}\n{line.rstrip()}", time)
        elif line.strip():
            turns.append(Turn(None, line.strip(), time))
    return turns
