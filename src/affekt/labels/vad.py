"""The three dimensions of feeling: valence, arousal and dominance, each in [-1, 1]."""

from affekt.parts import LabelSet

PART = LabelSet(
    name="vad",
    labels=("valence", "arousal", "dominance"),
    kind="dimensions",
    paper="Russell and Mehrabian (1977), Evidence for a three-factor theory of emotions, Journal of Research in Personality 11(3)",
)
