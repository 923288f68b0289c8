"""GoEmotions: 27 emotions and neutral, any number of them at once."""

from affekt.parts import LabelSet

# The two groupings are those of the paper's repository; its fourth sentiment, "ambiguous", is neutral here.
_EKMAN = {
    "anger": ("anger", "annoyance", "disapproval"),
    "disgust": ("disgust",),
    "fear": ("fear", "nervousness"),
    "joy": (
        *("admiration", "amusement", "approval", "caring", "desire", "excitement"),
        *("gratitude", "joy", "love", "optimism", "pride", "relief"),
    ),
    "sadness": ("disappointment", "embarrassment", "grief", "remorse", "sadness"),
    "surprise": ("confusion", "curiosity", "realization", "surprise"),
    "neutral": ("neutral",),
}
_SENTIMENT = {
    "positive": _EKMAN["joy"],
    "negative": (*_EKMAN["anger"], *_EKMAN["disgust"], *_EKMAN["fear"], *_EKMAN["sadness"]),
    "neutral": (*_EKMAN["surprise"], "neutral"),
}

PART = LabelSet(
    name="goemotions28",
    labels=(
        *("admiration", "amusement", "anger", "annoyance", "approval", "caring", "confusion", "curiosity", "desire"),
        *("disappointment", "disapproval", "disgust", "embarrassment", "excitement", "fear", "gratitude", "grief", "joy"),
        *("love", "nervousness", "optimism", "pride", "realization", "relief", "remorse", "sadness", "surprise", "neutral"),
    ),
    kind="multi",
    paper="Demszky et al. (2020), GoEmotions: A Dataset of Fine-Grained Emotions, ACL",
    projections={
        "ekman7": {fine: coarse for coarse, fines in _EKMAN.items() for fine in fines},
        "sentiment3": {fine: coarse for coarse, fines in _SENTIMENT.items() for fine in fines},
    },
)
