"""Plutchik's eight primary emotions, any number of them at once; none of them is neutral."""

from affekt.parts import LabelSet

PART = LabelSet(
    name="plutchik8",
    labels=("anger", "anticipation", "disgust", "fear", "joy", "sadness", "surprise", "trust"),
    kind="multi",
    paper="Plutchik (1980), A general psychoevolutionary theory of emotion, in Emotion: Theory, Research, and Experience 1",
    projections={
        "ekman7": {
            "anger": "anger",
            "anticipation": "neutral",  # Ekman has no emotion for it
            "disgust": "disgust",
            "fear": "fear",
            "joy": "joy",
            "sadness": "sadness",
            "surprise": "surprise",
            "trust": "joy",  # the neighbour of joy on the wheel; together they make love
        },
        "sentiment3": {
            "anger": "negative",
            "anticipation": "neutral",
            "disgust": "negative",
            "fear": "negative",
            "joy": "positive",
            "sadness": "negative",
            "surprise": "neutral",
            "trust": "positive",
        },
    },
    none="neutral",
)
