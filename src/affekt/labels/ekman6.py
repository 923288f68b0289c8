"""Ekman's six basic emotions, any number of them at once; none of them is neutral."""

from affekt.labels import ekman7
from affekt.parts import LabelSet

PART = LabelSet(
    name="ekman6",
    labels=("anger", "disgust", "fear", "joy", "sadness", "surprise"),
    kind="multi",
    paper="Muhammad et al. (2025), BRIGHTER: BRIdging the Gap in Human-Annotated Textual Emotion Recognition Datasets, ACL",
    projections={
        "ekman7": {label: label for label in ekman7.PART.labels if label != "neutral"},
        "sentiment3": {label: to for label, to in ekman7.PART.projections["sentiment3"].items() if label != "neutral"},
    },
    none="neutral",
)
