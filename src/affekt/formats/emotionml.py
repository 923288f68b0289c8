"""EmotionML 1.0 (W3C Recommendation, https://www.w3.org/TR/emotionml/): one <emotion> a reading.

IANA lists the ending .emotionml for application/emotionml+xml; .xml would not say which XML. What it has no place for (who, the
span, abstaining, the model) stands as JSON in <info>, which the standard leaves to applications: the whole under the root, each
reading under its <emotion>. `read` takes the timeline from there; changes to other elements are not read.
"""

import re
from collections.abc import Iterable
from urllib.parse import quote
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from affekt.errors import BadResult, InputError
from affekt.formats import jsonl
from affekt.formats._cues import milliseconds
from affekt.parts import Format
from affekt.results import DIMENSIONS, Reading, Timeline

NAMESPACE = "http://www.w3.org/2009/10/emotionml"
_THROUGH = {"text": "text", "speech": "voice", "face": "face"}  # the standard's words (2.3.2) for our modalities
_NO_XML = re.compile("[\ufffe\uffff]")  # JSON escapes the others that XML 1.0 cannot hold
# What a name may consist of: NameChar of XML 1.0 (2.3) without the colon, which an id cannot have.
_NO_NAME = re.compile(
    "[^-.0-9A-Z_a-z\u00b7\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u037d\u037f-\u1fff\u200c\u200d\u203f\u2040\u2070-\u218f"
    "\u2c00-\u2fef\u3001-\ud7ff\uf900-\ufdcf\ufdf0-\ufffd\U00010000-\U000effff]"
)


def write(timeline: Timeline) -> str:
    """The readings as emotions, those of `fused` last, after the vocabularies that they use."""
    readings = (*timeline.readings, *timeline.fused)
    labels: dict[str, dict[str, None]] = {}  # label set -> its labels, in order
    for reading in readings:
        labels.setdefault(reading.labels, {}).update(dict.fromkeys(reading.scores))
    sets = _tokens(labels)
    items = {name: _tokens(found) for name, found in labels.items()}
    whole, *infos = _NO_XML.sub(lambda bad: f"\\u{ord(bad[0]):04x}", jsonl.write(timeline)).rstrip("\n").split("\n")
    source = quote(timeline.source, safe="/:", errors="replace")
    document = Element("emotionml", xmlns=NAMESPACE, version="1.0")
    SubElement(document, "info").text = whole
    for name, found in items.items():
        _add_vocabulary(document, "category", f"labels.{sets[name]}", found.values())
    used = [name for name in DIMENSIONS if any(getattr(reading, name) is not None for reading in readings)]
    _add_vocabulary(document, "dimension", "dimensions", used)
    for reading, info in zip(readings, infos, strict=True):
        emotion = SubElement(document, "emotion", _when(reading, timeline, source))
        SubElement(emotion, "info").text = info
        _add_categories(emotion, reading, f"#labels.{sets[reading.labels]}", items[reading.labels])
        _add_dimensions(emotion, reading)
        if timeline.unit == "characters":  # a place in a text, as RFC 5147 has it
            SubElement(emotion, "reference", uri=f"{source}#char={reading.start:.0f},{reading.end:.0f}")
    ElementTree.indent(document)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ElementTree.tostring(document, encoding="unicode")}\n'


def _tokens(names: Iterable[str]) -> dict[str, str]:
    """A word for each name that XML takes as one (NMTOKEN), no two the same."""
    chosen: dict[str, str] = {}
    for name in names:
        token = _NO_NAME.sub("-", name) or "-"
        while token in chosen.values():
            token += "-"
        chosen[name] = token
    return chosen


def _add_vocabulary(document: Element, kind: str, key: str, names: Iterable[str]) -> None:
    items = [Element("item", name=name) for name in names]
    if items:  # the standard has no empty vocabulary
        SubElement(document, "vocabulary", type=kind, id=key).extend(items)


def _when(reading: Reading, timeline: Timeline, source: str) -> dict[str, str]:
    """How it was expressed, and when: `start` and `end` are milliseconds since 1970 (2.4.2), so a time in a recording is an offset."""
    # A fused reading is expressed through all of its modalities, which the standard lists with spaces between them.
    modalities = [name for name, share in (reading.shares or {}).items() if share > 0] or [reading.modality]
    known = " ".join(_THROUGH[name] for name in modalities if name in _THROUGH)
    through = {"expressed-through": known} if known else {}
    if timeline.unit != "seconds":
        return through
    start, end = milliseconds(reading.start), milliseconds(reading.end)
    return {**through, "time-ref-uri": source, "offset-to-start": str(start), "duration": str(end - start)}


def _add_categories(emotion: Element, reading: Reading, key: str, names: dict[str, str]) -> None:
    for label, score in reading.scores.items():
        emotion.set("category-set", key)
        SubElement(emotion, "category", name=names[label], value=str(score))


def _add_dimensions(emotion: Element, reading: Reading) -> None:
    for name in DIMENSIONS:
        value = getattr(reading, name)
        if value is not None:
            emotion.set("dimension-set", "#dimensions")
            # EmotionML's scales go from 0 to 1, ours from -1 to 1: (-1 + 1) / 2 = 0, (0 + 1) / 2 = 0.5, (1 + 1) / 2 = 1
            SubElement(emotion, "dimension", name=name, value=str(round((value + 1) / 2, 6)))


def read(text: str) -> Timeline:
    """The timeline that `write` wrote, from its <info> elements.

    Raises:
        InputError: it is not XML, or not an EmotionML that holds a timeline.
        BadResult: a number in it is out of its range.
    """
    try:
        document = ElementTree.fromstring(text)
    except (ElementTree.ParseError, ValueError) as error:
        raise InputError(f"not XML: {error}") from error
    try:
        return jsonl.read("\n".join(info.text or "" for info in document.iter(f"{{{NAMESPACE}}}info")))
    except BadResult:
        raise
    except InputError as error:
        raise InputError(f"no timeline in the <info> elements, a line each, so Affekt did not write this XML: {error}") from error


PART = Format(name="emotionml", ending="emotionml", write=write, read=read)
