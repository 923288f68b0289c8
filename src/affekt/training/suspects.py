"""Rows whose label is likely wrong, by confident learning (Northcutt et al. 2021, Confident Learning: Estimating Uncertainty in
Dataset Labels, JAIR 70): what a simple model says of texts that it was not fitted on, beside what the data say.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from affekt.encoders.text_tfidf import word_grams
from affekt.errors import MissingExtra
from affekt.parts import Row

FOLDS = 3
MOST = 20_000  # rows that are looked at, and
FEATURES = 20_000  # words and pairs of words, so that this takes seconds
STRENGTH = 3.0  # scikit-learn's C, and
PASSES = 10  # over the rows: within 0.07 of the least log loss of 1, 3, 10 and 5, 10, 30 on GoEmotions, MELD and SMP2020 alike
FEWEST = 30  # rows that a model can tell anything from
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Suspect:
    """A row whose label is doubtful.

    Args:
        line: place among the rows of its file, from 1.
        margin: by how much the likelier label is more probable than the given one.
    """

    line: int
    given: str
    likelier: str
    margin: float


def find_suspects(rows: Sequence[Row]) -> tuple[Suspect, ...]:
    """The suspects among texts that have exactly one label, the most doubtful first.

    A row is one where another label is at least as probable as it usually is where it is given, and the given label is not the
    likeliest of those that are.

    Args:
        rows: in an order that says nothing of their labels; the first 20,000 are looked at.

    Raises:
        MissingExtra: scikit-learn is not installed.
    """
    rows = [row for row in rows if row.labels and row.text][:MOST]
    names = sorted({label for row in rows for label in row.labels or ()})
    if len(rows) < FEWEST or len(names) < 2:
        return ()
    place = {name: at for at, name in enumerate(names)}
    given = np.array([place[(row.labels or ("",))[0]] for row in rows])
    scores = _unseen([row.text for row in rows], given, len(names))
    usual = np.array([scores[given == at, at].mean() for at in range(len(names))])  # how sure the model is of a label where it is given
    confident = np.where(scores >= usual, scores, -1.0)  # (rows, labels)
    likelier, every = confident.argmax(1), np.arange(len(rows))
    margin = scores[every, likelier] - scores[every, given]
    doubted = np.flatnonzero((confident.max(1) > 0) & (likelier != given) & (margin > 0))
    return tuple(
        Suspect(rows[at].line or 0, names[given[at]], names[likelier[at]], round(float(margin[at]), 4))
        for at in doubted[np.argsort(-margin[doubted], kind="stable")]
    )


def _unseen(texts: Sequence[str], given: NDArray[np.int64], labels: int) -> Floats:
    """The probability of each label by a model fitted on the other folds, (texts, labels)."""
    scores = np.zeros((len(texts), labels))
    features = _features(texts)
    if features is None:  # all texts are different words: nothing can be learned, and nothing is doubted
        return scores
    fold = np.arange(len(texts)) % FOLDS
    for at in range(FOLDS):
        if len(set(given[fold != at].tolist())) < 2:
            continue
        model = _fitted(features[fold != at], given[fold != at])
        scores[np.ix_(fold == at, model.classes_)] = model.predict_proba(features[fold == at])
    return scores


def _features(texts: Sequence[str]) -> Any:
    try:
        from sklearn.feature_extraction.text import TfidfVectorizer
    except ImportError as error:
        raise MissingExtra("sklearn", "train") from error
    try:
        return TfidfVectorizer(analyzer=word_grams, min_df=2, max_features=FEATURES, sublinear_tf=True).fit_transform(texts)
    except ValueError:  # no word is in two texts
        return None


def _fitted(features: Any, given: NDArray[np.int64]) -> Any:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # stopped early on purpose
        return LogisticRegression(solver="saga", C=STRENGTH, max_iter=PASSES, random_state=0).fit(features, given)
