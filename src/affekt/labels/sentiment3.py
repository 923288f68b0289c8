"""Sentiment: positive, neutral or negative; exactly one applies."""

from affekt.parts import LabelSet

PART = LabelSet(
    name="sentiment3",
    labels=("negative", "neutral", "positive"),
    kind="single",
    paper="Pang and Lee (2008), Opinion Mining and Sentiment Analysis, Foundations and Trends in Information Retrieval 2(1-2)",
)
