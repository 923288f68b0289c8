"""What comes of an evaluation: its numbers, as JSON, as a table for the terminal and as a page for the browser."""

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from affekt.evaluation.report_html import page
from affekt.evaluation.report_table import table
from affekt.evaluation.report_write import write_whole


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What a model is worth on labelled data.

    Args:
        numbers: every one of them, as docs/evaluation.md explains them; a number that is not defined is None.
    """

    numbers: Mapping[str, Any]

    @property
    def model(self) -> str:
        """The model and its revision."""
        return str(self.numbers["model"])

    @property
    def n(self) -> int:
        """How many rows were judged."""
        return int(self.numbers["n"])

    @property
    def macro_f1(self) -> float | None:
        """The mean F1 of the labels, in [0, 1]."""
        return self.numbers.get("macro_f1")

    @property
    def interval(self) -> tuple[float | None, float | None]:
        """The 95 % interval of macro-F1, or of the mean Pearson correlation."""
        low, high = self.numbers["interval"]
        return low, high

    @property
    def accuracy(self) -> float | None:
        """The share of rows that are wholly right, in [0, 1]."""
        return self.numbers.get("accuracy")

    @property
    def weighted_f1(self) -> float | None:
        """The mean F1 of the labels, each weighted by how frequent it is, in [0, 1]."""
        return self.numbers.get("weighted_f1")

    @property
    def ua(self) -> float | None:
        """The mean recall of the labels, in [0, 1]."""
        return self.numbers.get("ua")

    @property
    def ece(self) -> float | None:
        """The calibration error of the likeliest label, in [0, 1]."""
        return self.numbers.get("ece")

    @property
    def comparison(self) -> Mapping[str, Any] | None:
        """How another model differs, where one was named."""
        return self.numbers.get("comparison")

    def as_json(self) -> dict[str, Any]:
        """Every number, in JSON's own types."""
        return deepcopy(dict(self.numbers))

    def table(self) -> str:
        """The main numbers, for a terminal."""
        return table(self.numbers)

    def to_html(self, path: str | Path) -> Path:
        """Writes one page that needs nothing else: numbers, figures and tables, none of the data's texts, sounds or pictures.

        Raises:
            InputError: the file cannot be written.
        """
        return write_whole(path, page(self.numbers))
