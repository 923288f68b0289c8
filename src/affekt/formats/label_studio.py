"""Label Studio (.labelstudio): an import task with its predictions, for people to correct (https://labelstud.io/guide/predictions).

One JSON object on one line; Label Studio imports it from a file that ends in .json, or through its API. `config_of` gives the
labelling configuration that fits. What is said of a stretch of time becomes a region of the sound, in a video too: Label Studio's
template for the time line of a video plays both together. What is said of a text becomes a region of characters, which Label Studio
counts as Python does, and what is seen in an image a rectangle.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Literal
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from affekt import catalog
from affekt.formats._behind import fused_of, pair, words_of
from affekt.formats._cues import NONE, UNSURE, milliseconds
from affekt.formats._json_text import dump
from affekt.formats._palette import GREY, NEUTRAL, colours
from affekt.formats._runs import runs
from affekt.parts import Format
from affekt.results import Reading, Timeline

Kind = Literal["text", "audio", "video", "image"]
EMOTION, WHO, WORDS = "emotion", "who", "words"  # controls of the configuration
GREYS = {NEUTRAL: GREY, UNSURE: "#d5dae1", NONE: "#d5dae1"}


def write(timeline: Timeline) -> str:
    """The task: where the source is, and one prediction a model, that of `fused` first; what has no labels is left out."""
    kind, words = kind_of(timeline), words_of(timeline)
    data = {"text": timeline.transcript or ""} if kind == "text" else {kind: timeline.source}
    whole = [one for one in timeline.fused if one.modality != "fused"]  # of a long text
    models: dict[str, list[Reading]] = {}
    for reading in (*runs(fused_of(timeline)), *runs(timeline.readings or whole)):
        if reading.scores and (kind != "image" or reading.box):
            models.setdefault(reading.model, []).append(reading)
    predictions = []
    for number, (model, readings) in enumerate(models.items(), 1):
        result = [
            part
            for at, reading in enumerate(readings, 1)
            for part in _parts(reading, timeline, kind=kind, key=f"{number}-{at}", words=words(reading))
        ]
        if result:
            score = sum(reading.confidence for reading in readings) / len(readings)
            predictions.append({"model_version": model, "score": round(score, 4), "result": result})
    return dump({"data": data, "predictions": predictions}) + "\n"


def kind_of(timeline: Timeline) -> Kind:
    """What Label Studio shows: the sound or video, the image, or, where there are only words, the text."""
    modalities = {reading.modality for reading in (*timeline.readings, *timeline.fused)}
    if timeline.unit == "characters":
        return "text"
    if "face" in modalities:
        return "video" if timeline.duration else "image"
    spoken = "speech" in modalities or not timeline.transcript or not all(reading.span for reading in timeline.readings)
    return "audio" if spoken else "text"


def config_of(labels: str, *, kind: Kind, readings: Sequence[Reading] = ()) -> str:
    """The labelling configuration of a project (XML), whose labels are those of a set, in the colours of our pictures.

    Args:
        readings: some in that set, which tell its labels where it is a model's own.

    Raises:
        UnknownName: there is no such label set, nor a reading in it.
    """
    names, several = _choices(labels, readings)
    view = Element("View")
    to = "audio" if kind == "video" else kind
    if kind == "video":
        SubElement(view, "Video", name="video", value="$video", sync="audio")
        SubElement(view, "Audio", name="audio", value="$video", sync="video")
    else:
        SubElement(view, kind.title(), name=kind, value=f"${kind}")
    if kind == "text":  # else the page folds spaces, and regions would lie elsewhere
        SubElement(view, "Style").text = ".htx-text { white-space: pre-wrap; }"
    choice = SubElement(view, "RectangleLabels" if kind == "image" else "Labels", name=EMOTION, toName=to)
    choice.set("choice", "multiple" if several else "single")
    fills = {**colours(names, labels), **GREYS}
    for name in dict.fromkeys((*names, UNSURE, *((NONE,) if several else ()))):
        SubElement(choice, "Label", value=name, background=fills[name])
    for name in (WHO,) if kind in ("text", "image") else (WHO, WORDS):
        SubElement(view, "TextArea", name=name, toName=to, perRegion="true", editable="true", placeholder=name)
    ElementTree.indent(view)
    return ElementTree.tostring(view, encoding="unicode") + "\n"


def _choices(labels: str, readings: Sequence[Reading]) -> tuple[list[str], bool]:
    """The labels of a set, and whether several may apply."""
    told = [reading for reading in readings if reading.labels == labels and reading.scores]
    if told and labels not in catalog.names("labels"):
        return list(dict.fromkeys(name for reading in told for name in reading.scores)), not told[0].single
    part = catalog.find("labels", labels)
    return list(part.labels), part.kind == "multi"


def _parts(reading: Reading, timeline: Timeline, *, kind: Kind, key: str, words: str) -> Iterator[dict[str, Any]]:
    """The region with its labels and, of the same id, who it is of and the words."""
    place = _place(reading, timeline, kind)
    if place is None:
        return
    same: dict[str, Any] = {"id": key, "to_name": "audio" if kind == "video" else kind}
    if kind in ("audio", "video"):
        same["original_length"] = timeline.duration
    clash = {"meta": {"text": [f"{pair(reading)} disagree"]}} if reading.disagrees else {}
    type_ = "rectanglelabels" if kind == "image" else "labels"
    value = {**place, type_: _labels(reading)}
    yield {**same, "from_name": EMOTION, "type": type_, "value": value, "score": round(reading.confidence, 4), **clash}
    if reading.who:
        yield {**same, "from_name": WHO, "type": "textarea", "value": {**place, "text": [reading.who]}}
    if words and kind in ("audio", "video"):
        yield {**same, "from_name": WORDS, "type": "textarea", "value": {**place, "text": [words]}}


def _place(reading: Reading, timeline: Timeline, kind: Kind) -> dict[str, Any] | None:
    """Where a region lies; None: in words that the task does not hold."""
    if kind == "image":
        left, top, right, bottom = (min(max(edge, 0.0), 1.0) * 100 for edge in reading.box or (0.0, 0.0, 1.0, 1.0))  # percent
        return {"x": left, "y": top, "width": right - left, "height": bottom - top, "rotation": 0}
    if kind in ("audio", "video"):
        start = milliseconds(reading.start)
        return {"start": start / 1000, "end": max(milliseconds(reading.end), start + 1) / 1000, "channel": 0}
    start, end = reading.span or (int(reading.start), int(reading.end))
    return {"start": start, "end": end} if timeline.transcript else None


def _labels(reading: Reading) -> Sequence[str]:
    if reading.abstained:
        return [UNSURE]
    return list(reading.present) or ([reading.top[0]] if reading.single and reading.top else [NONE])


PART = Format(name="label_studio", ending="labelstudio", write=write)
