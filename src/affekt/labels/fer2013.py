"""The seven labels of FER2013's photographs, by the words that a search engine found them with, checked by hand: exactly one applies.

Noisy: what ten annotators of FER+ see in the same photographs is often something else.
"""

from affekt.parts import LabelSet

PART = LabelSet(
    name="fer2013",
    labels=("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral"),
    kind="single",
    paper="Goodfellow et al. (2013), Challenges in Representation Learning: A report on three machine learning contests, ICONIP",
    projections={
        "ekman7": {
            "angry": "anger",
            "disgust": "disgust",
            "fear": "fear",
            "happy": "joy",
            "sad": "sadness",
            "surprise": "surprise",
            "neutral": "neutral",
        },
        "sentiment3": {
            "angry": "negative",
            "disgust": "negative",
            "fear": "negative",
            "happy": "positive",
            "sad": "negative",
            "surprise": "neutral",  # as often a pleasant one as not
            "neutral": "neutral",
        },
    },
)
