"""Label sets that a model brings along in its card, as JSON: what a catalog has for all models, a card has for one."""

import unicodedata
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from affekt import catalog
from affekt.parts import Calibration, LabelSet

FIELDS = tuple(field.name for field in fields(LabelSet))
NEEDED = ("labels", "kind", "paper")
KINDS = ("single", "multi")  # numbers are valence, arousal and dominance, and those are the catalog's
UNPRINTED = ("Cc", "Cs", "Zl", "Zp")  # control characters, halves of a character, ends of lines; joiners (Cf) are part of words


def plain_sets(sets: Mapping[str, LabelSet]) -> dict[str, Any]:
    """Label sets as `read_sets` takes them; what a set does not have is left out."""
    return {
        name: {field: _plain(value) for field in FIELDS if field != "name" and ((value := getattr(one, field)) or field in NEEDED)}
        for name, one in sets.items()
    }


def read_sets(given: Any, calibration: Mapping[str, Calibration]) -> dict[str, LabelSet]:
    """The label sets of a card, checked; one that the catalog has too is the catalog's.

    Args:
        given: name -> {labels, kind, paper, and where it has them projections, none, several, places}.
        calibration: of the same card.

    Raises:
        ValueError: it is no such object, or a set does not fit the catalog or its calibration.
    """
    if not isinstance(given, Mapping):
        raise ValueError(f'"sets" is an object of label sets by their names, not {given!r}')
    sets = {name: _read(name, one) for name, one in given.items()}
    for name, labels in sets.items():
        if name not in calibration:
            raise ValueError(f"the label set {name!r} has no calibration; the card has those of: {', '.join(calibration) or 'none'}")
        one, wide = calibration[name], len(labels.labels)
        if len(one.scale) != wide or len(one.thresholds) not in (0, wide):
            raise ValueError(f"the label set {name!r} has {wide} labels, and its calibration is of {len(one.scale)}")
    return sets


def _read(name: str, given: Any) -> LabelSet:
    told = f"the label set {name!r}"
    if not name.strip() or not _printed(name):
        raise ValueError(f"{told} has no name that can be printed")
    if not isinstance(given, Mapping):
        raise ValueError(f"{told} is an object of {', '.join(FIELDS[1:])}, not {given!r}")
    if wrong := [field for field in given if field not in FIELDS[1:]] or [field for field in NEEDED if field not in given]:
        raise ValueError(f"{told} {'knows no' if wrong[0] in given else 'lacks'} {wrong[0]!r}; it has {', '.join(FIELDS[1:])}")
    labels = given["labels"]
    if not isinstance(labels, list) or not all(isinstance(label, str) for label in labels):
        raise ValueError(f'{told}: "labels" is a list of names, not {labels!r}')
    places = {label: tuple(map(float, place)) for label, place in given.get("places", {}).items()}
    made = LabelSet(**{**given, "name": name, "labels": tuple(labels), "places": places})
    if name in catalog.names("labels"):
        if (known := catalog.find("labels", name)) != made:
            raise ValueError(f"{told} is another one than the {name!r} that Affekt has ({', '.join(known.labels)}); give it another name")
        return known
    if problem := _problem(made):
        raise ValueError(f"{told}: {problem}")
    return made


def _problem(one: LabelSet) -> str | None:
    """What is wrong with a set, None: nothing."""
    labels = set(one.labels)
    unfit = [label for label in one.labels if not label.strip() or not _printed(label)]
    if unfit or len(labels) != len(one.labels) or len(labels) < (2 if one.kind == "single" else 1):
        return f"labels are different words that can be printed, two or more where one applies, not {', '.join(map(repr, one.labels))}"
    if one.kind not in KINDS:
        return f'"kind" is one of {", ".join(KINDS)}, not {one.kind!r}'
    if one.none is not None and (one.kind == "single" or one.none in labels):
        return f'"none" is a word beside the labels of a multi set, not {one.none!r} of a {one.kind} one'
    if one.several is not None and (one.several not in catalog.names("labels") or one.kind == "multi"):
        return f'"several" is of a single set, and one of {", ".join(catalog.names("labels"))}, not {one.several!r}'
    if one.places and (set(one.places) != labels or not all(len(at) == 3 and max(map(abs, at)) <= 1 for at in one.places.values())):
        return '"places" gives every label three numbers in [-1, 1]: valence, arousal, dominance'
    for coarser, onto in one.projections.items():
        if coarser not in catalog.names("labels"):
            return f"there is no set {coarser!r} to project onto; there are: {', '.join(catalog.names('labels'))}"
        theirs = catalog.find("labels", coarser).labels
        if set(onto) != labels or not set(onto.values()) <= set(theirs):
            return f"the projection onto {coarser!r} names one of {', '.join(theirs)} for every label"
    return None


def _printed(text: str) -> bool:
    return not any(unicodedata.category(character) in UNPRINTED for character in text)


def _plain(value: Any) -> Any:
    return {key: _plain(one) for key, one in value.items()} if isinstance(value, Mapping) else value
