"""The eight expressions that annotators of faces chose from for FER+: exactly one applies."""

from affekt.parts import LabelSet

PART = LabelSet(
    name="ferplus8",
    labels=("neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt"),
    kind="single",
    paper="Barsoum et al. (2016), Training deep networks for facial expression recognition with crowd-sourced label distribution, ICMI",
    projections={
        "ekman7": {
            "neutral": "neutral",
            "happiness": "joy",
            "surprise": "surprise",
            "sadness": "sadness",
            "anger": "anger",
            "disgust": "disgust",
            "fear": "fear",
            "contempt": "disgust",  # Ekman's own list had contempt with disgust, until Ekman and Friesen (1986) set it apart
        },
        "sentiment3": {
            "neutral": "neutral",
            "happiness": "positive",
            "surprise": "neutral",  # as often a pleasant one as not
            "sadness": "negative",
            "anger": "negative",
            "disgust": "negative",
            "fear": "negative",
            "contempt": "negative",
        },
    },
    places={  # Russell and Mehrabian (1977), Evidence for a three-factor theory of emotions, J. Res. Pers. 11(3), Table 4
        "neutral": (0.0, 0.0, 0.0),
        "happiness": (0.81, 0.51, 0.46),
        "surprise": (0.40, 0.67, -0.13),
        "sadness": (-0.63, -0.27, -0.33),
        "anger": (-0.51, 0.59, 0.25),
        "disgust": (-0.60, 0.35, 0.11),
        "fear": (-0.64, 0.60, -0.43),
        "contempt": (-0.60, 0.35, 0.11),  # disgust's place: it projects onto that
    },
)
