"""ELAN (.eaf): the ELAN Annotation Format 3.0, one tier a modality and person, its labels from a controlled vocabulary.

The schema: https://www.mpi.nl/tools/elan/EAFv3.0.xsd. Under each tier of labels hangs one with the score and the words. Where
modalities disagree, a person has a further tier that says which; what people marked has one too.
"""

from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from affekt.formats._cues import DISAGREEMENT, MARK, NONE, UNSURE, Cue, plain
from affekt.formats._tiers import tiers, unused
from affekt.parts import Format
from affekt.results import Timeline

_SCHEMA = {"{http://www.w3.org/2001/XMLSchema-instance}noNamespaceSchemaLocation": "http://www.mpi.nl/tools/elan/EAFv3.0.xsd"}
# The schema asks for the time of writing; a fixed one lets the same timeline give the same file.
_WRITTEN = "1970-01-01T00:00:00Z"
_LABELS, _WORDS = "emotion", "score and words"  # linguistic types, as ELAN calls kinds of tiers; the others are DISAGREEMENT and MARK
_ONE_TO_ONE = "Symbolic_Association"  # an annotation takes its time from the one it hangs under


def write(timeline: Timeline) -> str:
    """The readings as annotations: the label, and under it "[joy 0.83] so happy!".

    Raises:
        InputError: the timeline has no clock.
    """
    found = tiers(timeline, name="elan")
    cues = [cue for tier in found.values() for cue in tier]
    names = dict.fromkeys(name for reading in (*timeline.readings, *timeline.fused) for name in reading.scores)
    entries = {label: f"label{number}" for number, label in enumerate(dict.fromkeys((*map(plain, names), UNSURE, NONE)), 1)}
    document = Element("ANNOTATION_DOCUMENT", {**_SCHEMA, "AUTHOR": "affekt", "DATE": _WRITTEN, "FORMAT": "3.0", "VERSION": "3.0"})
    header = SubElement(document, "HEADER", MEDIA_FILE="", TIME_UNITS="milliseconds")
    SubElement(header, "PROPERTY", NAME="lastUsedAnnotationId").text = str(2 * len(cues))  # ELAN numbers new ones from here
    _add_times(document, cues)
    taken, first = set(found), 1
    for name, tier in found.items():
        words = unused(f"{name} ({_WORDS})", taken)
        taken.add(words)
        _add_labels(document, name, tier, first, entries)
        _add_words(document, words, name, tier, first)
        first += len(tier)
    _add_types(document, plain(timeline.labels), entries)
    ElementTree.indent(document)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ElementTree.tostring(document, encoding="unicode")}\n'


def _add_times(document: Element, cues: list[Cue]) -> None:
    """Two slots a cue, in order of time; none is shared, so that moving one annotation in ELAN moves no other."""
    slots = [(at, f"ts{2 * number - last}") for number, cue in enumerate(cues, 1) for at, last in ((cue.start, 1), (cue.end, 0))]
    order = SubElement(document, "TIME_ORDER")
    for at, name in sorted(slots):
        SubElement(order, "TIME_SLOT", TIME_SLOT_ID=name, TIME_VALUE=str(at))


def _add_labels(document: Element, name: str, cues: list[Cue], first: int, entries: dict[str, str]) -> None:
    """A tier of labels. Cue number 1 has the slots ts1 and ts2, and the annotations a1 and, for its words, a2."""
    kind = cues[0].kind if cues[0].kind in (DISAGREEMENT, MARK) else _LABELS
    tier = SubElement(document, "TIER", {"LINGUISTIC_TYPE_REF": kind, "TIER_ID": name, **_person(cues)})
    for number, cue in enumerate(cues, first):
        place = {"TIME_SLOT_REF1": f"ts{2 * number - 1}", "TIME_SLOT_REF2": f"ts{2 * number}"}
        entry = {"CVE_REF": entries[cue.label]} if kind == _LABELS and cue.label in entries else {}  # dimensions are numbers, not entries
        one = SubElement(SubElement(tier, "ANNOTATION"), "ALIGNABLE_ANNOTATION", {"ANNOTATION_ID": f"a{2 * number - 1}", **place, **entry})
        SubElement(one, "ANNOTATION_VALUE").text = cue.label


def _add_words(document: Element, name: str, parent: str, cues: list[Cue], first: int) -> None:
    tier = SubElement(document, "TIER", {"LINGUISTIC_TYPE_REF": _WORDS, "PARENT_REF": parent, "TIER_ID": name, **_person(cues)})
    for number, cue in enumerate(cues, first):
        place = {"ANNOTATION_ID": f"a{2 * number}", "ANNOTATION_REF": f"a{2 * number - 1}"}
        one = SubElement(SubElement(tier, "ANNOTATION"), "REF_ANNOTATION", place)
        SubElement(one, "ANNOTATION_VALUE").text = cue.line


def _person(cues: list[Cue]) -> dict[str, str]:
    return {"PARTICIPANT": cues[0].who} if cues[0].who else {}


def _add_types(document: Element, labels: str, entries: dict[str, str]) -> None:
    """The kinds of tiers and the vocabulary, in the schema's order."""
    kind = {"GRAPHIC_REFERENCES": "false", "TIME_ALIGNABLE": "true", "CONTROLLED_VOCABULARY_REF": labels}
    SubElement(document, "LINGUISTIC_TYPE", {"LINGUISTIC_TYPE_ID": _LABELS, **kind})
    kind = {"GRAPHIC_REFERENCES": "false", "TIME_ALIGNABLE": "true"}  # neither who disagrees nor what was noted is a label
    for name in (DISAGREEMENT, MARK):
        SubElement(document, "LINGUISTIC_TYPE", {"LINGUISTIC_TYPE_ID": name, **kind})
    kind = {"GRAPHIC_REFERENCES": "false", "TIME_ALIGNABLE": "false", "CONSTRAINTS": _ONE_TO_ONE}
    SubElement(document, "LINGUISTIC_TYPE", {"LINGUISTIC_TYPE_ID": _WORDS, **kind})
    # "und" is ISO 639-2 for an undetermined language: labels are keys, not words of one.
    undetermined = {"LANG_DEF": "http://cdb.iso.org/lg/CDB-00130975-001", "LANG_LABEL": "undetermined (und)"}
    SubElement(document, "LANGUAGE", {"LANG_ID": "und", **undetermined})
    SubElement(document, "CONSTRAINT", DESCRIPTION="1-1 association with a parent annotation", STEREOTYPE=_ONE_TO_ONE)
    vocabulary = SubElement(document, "CONTROLLED_VOCABULARY", CV_ID=labels)
    SubElement(vocabulary, "DESCRIPTION", LANG_REF="und")
    for label, key in entries.items():
        SubElement(SubElement(vocabulary, "CV_ENTRY_ML", CVE_ID=key), "CVE_VALUE", LANG_REF="und").text = label


PART = Format(name="elan", ending="eaf", write=write)
