"""Ekman's six basic emotions and neutral: exactly one applies."""

from affekt.parts import LabelSet

PART = LabelSet(
    name="ekman7",
    labels=("anger", "disgust", "fear", "joy", "sadness", "surprise", "neutral"),
    kind="single",
    paper="Ekman (1992), An argument for basic emotions, Cognition and Emotion 6(3-4)",
    projections={
        "sentiment3": {
            "anger": "negative",
            "disgust": "negative",
            "fear": "negative",
            "joy": "positive",
            "sadness": "negative",
            "surprise": "neutral",  # as often a pleasant one as not
            "neutral": "neutral",
        }
    },
    several="ekman6",
)
