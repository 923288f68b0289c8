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
    places={  # Russell and Mehrabian (1977), Evidence for a three-factor theory of emotions, J. Res. Pers. 11(3), Table 4: happy for joy
        "anger": (-0.51, 0.59, 0.25),
        "disgust": (-0.60, 0.35, 0.11),
        "fear": (-0.64, 0.60, -0.43),
        "joy": (0.81, 0.51, 0.46),
        "sadness": (-0.63, -0.27, -0.33),
        "surprise": (0.40, 0.67, -0.13),
        "neutral": (0.0, 0.0, 0.0),
    },
)
