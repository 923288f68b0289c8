"""What a report promises: every number it shows is measured, nothing comes from elsewhere, nothing of the data's texts is in it."""

import csv
import gzip
import json
import re
import time
from dataclasses import FrozenInstanceError
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

import affekt
from affekt.cli.main import app
from affekt.errors import InputError, NoColumn
from affekt.evaluation import report_write
from affekt.evaluation.answers import Answers, measure
from affekt.evaluation.compare import compare
from affekt.evaluation.evaluate import evaluate
from affekt.evaluation.manifest import is_manifest
from affekt.evaluation.report_html import page
from affekt.evaluation.report_style import DARK, LIGHT, READABLE, STEPS, contrast, shade
from affekt.evaluation.report_write import write_whole
from affekt.evaluation.result import Evaluation
from affekt.evaluation.texts import answer_texts
from affekt.labels import ekman6, ekman7, goemotions28, vad
from affekt.parts import LabelSet, Row

EKMAN6, EKMAN7, VAD = ekman6.PART, ekman7.PART, vad.PART
ODD = LabelSet("odd <i>set</i>", ("<b>", 'a"b', "</style><script>alert(1)</script>", "مرح \u202e喜"), "single", "nobody")
VOID = {"meta", "br"}
OUTSIDE = {"src", "href", "xlink:href", "srcset", "action", "data", "poster", "background"}


class Page(HTMLParser):
    """What is in a page: its elements, whether each is closed in its turn, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open[-1:] != ["style"]:
            self.words.append(data)

    @property
    def text(self) -> str:
        return "".join(self.words)


def _answers(labels: LabelSet = EKMAN7, n: int = 300, *, name: str = "m@1", seed: int = 0) -> Answers:
    rng = np.random.default_rng(seed)
    size = len(labels.labels)
    columns = [{"who": ("<u>ann", "bob & co")[at % 2]} for at in range(n)]
    heading = {"model": name, "labels": labels.name, "judged_as": labels.name, "dropped": 4}
    if labels.kind == "dimensions":
        gold = rng.uniform(-1, 1, (n, 3))
        return Answers(heading, [Row("SECRET", vad=tuple(one)) for one in gold.tolist()], gold / 2, labels, columns=columns, by=["who"])
    gold = rng.integers(size, size=n)
    raw = rng.normal(size=(n, size))
    raw[np.arange(n), gold] += 1
    scores = np.exp(raw) / np.exp(raw).sum(1, keepdims=True)
    told = [(one, (one + 1) % size)[: 1 + at % 2] if labels.kind == "multi" else (one,) for at, one in enumerate(gold)]
    rows = [Row(f"SECRET {at}", tuple(labels.labels[one] for one in names), ("en", "de")[at % 3 % 2]) for at, names in enumerate(told)]
    return Answers(heading, rows, scores, labels, columns=columns, by=["who"])


def _numbers(labels: LabelSet = EKMAN7, *, against: bool = False, n: int = 300) -> dict[str, Any]:
    first = _answers(labels, n)
    compared = {"comparison": compare(first, _answers(labels, n, name="m@2"))} if against else {}
    about = {
        "data": "held <out>.csv",
        "date": "2025-01-02T03:04:05+00:00",
        "affekt": "1.2.3",
        "command": "affekt evaluate --data 'held <out>.csv'",
    }
    return {**measure(first), **compared, "about": about}


# --- the numbers ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("labels", [EKMAN7, EKMAN6, goemotions28.PART], ids=lambda labels: labels.name)
def test_the_bins_of_the_reliability_diagram_hold_every_row_once(labels: LabelSet) -> None:
    report = measure(_answers(labels))
    bins = report["reliability"]
    assert len(bins) == 15 and sum(one["n"] for one in bins) == report["n"] == 300
    assert [one["to"] for one in bins[:-1]] == [one["from"] for one in bins[1:]] and (bins[0]["from"], bins[-1]["to"]) == (0, 1)
    for one in bins:
        assert (one["claimed"] is None) == (one["right"] is None) == (one["n"] == 0)
        assert not one["n"] or one["from"] < one["claimed"] <= one["to"]
    error = sum(one["n"] / 300 * abs(one["claimed"] - one["right"]) for one in bins if one["n"])
    assert error == pytest.approx(report["ece"])


def test_the_confusion_matrix_counts_every_row_once() -> None:
    report = measure(_answers())
    matrix, names = np.array(report["confusion"]["matrix"]), report["confusion"]["names"]
    assert names == list(EKMAN7.labels) and matrix.sum() == 300
    assert matrix.sum(1).tolist() == [report["per_label"][name]["support"] for name in names]  # a row is a true label
    assert np.trace(matrix) / 300 == pytest.approx(report["accuracy"])
    precision = np.diag(matrix) / matrix.sum(0)
    assert precision.tolist() == pytest.approx([report["per_label"][name]["precision"] for name in names])


def test_labels_that_do_not_exclude_one_another_are_counted_one_by_one() -> None:
    report = measure(_answers(EKMAN6))
    assert "matrix" not in report["confusion"]
    for name, cells in report["confusion"]["per_label"].items():
        assert sum(cells.values()) == 300 and cells["tp"] + cells["fn"] == report["per_label"][name]["support"]
        f1 = 2 * cells["tp"] / (2 * cells["tp"] + cells["fp"] + cells["fn"])
        assert f1 == pytest.approx(report["per_label"][name]["f1"])


def test_cells_that_annotators_could_not_choose_are_not_counted() -> None:
    rows = [Row("a", ("joy", "fear"), space=("joy", "fear")), Row("b", ("anger",))]
    cells = evaluate(rows, np.full((2, 6), 0.9), EKMAN6)["confusion"]["per_label"]
    assert cells["disgust"] == {"tp": 0, "fp": 1, "fn": 0, "tn": 0} and cells["anger"] == {"tp": 1, "fp": 0, "fn": 0, "tn": 0}


def test_five_thousand_rows_take_a_second_or_two() -> None:
    answers = _answers(EKMAN7, 5000)
    took = []
    for _ in range(3):
        began = time.process_time()
        measure(answers)
        took.append(time.process_time() - began)
    assert min(took) < 4


# --- the page ---------------------------------------------------------------------------------------------------------


KINDS = [(EKMAN7, True), (EKMAN6, True), (VAD, True), (goemotions28.PART, False), (ODD, True)]


@pytest.mark.parametrize(("labels", "against"), KINDS, ids=lambda one: getattr(one, "name", ""))
def test_a_page_is_whole_and_needs_nothing_else(labels: LabelSet, against: bool) -> None:
    text = page(_numbers(labels, against=against))
    found = Page(text)
    assert text.startswith("<!doctype html>") and found.tags[0] == ("html", {"lang": "en"})
    assert not {tag for tag, _ in found.tags} & {"script", "link", "iframe", "object", "embed", "img", "base", "form"}
    assert not {name for _, attrs in found.tags for name in attrs} & OUTSIDE
    assert not [name for _, attrs in found.tags for name in attrs if name.startswith("on")]
    style = re.search(r"<style>(.*?)</style>", text, re.DOTALL)
    assert style and not re.search(r"url\(|@import|https?:", style[1])
    policy = next(attrs for tag, attrs in found.tags if attrs.get("http-equiv") == "Content-Security-Policy")
    assert policy["content"] == "default-src 'none'; style-src 'unsafe-inline'"
    assert "SECRET" not in text


def test_names_out_of_the_data_are_text_and_nothing_else() -> None:
    text = page(_numbers(ODD, against=True))
    found = Page(text)
    assert not {tag for tag, _ in found.tags} & {"b>", "i", "u", "out"} and "alert(1)" not in {tag for tag, _ in found.tags}
    for escaped in (
        "<bdi>&lt;b&gt;</bdi>",
        "a&quot;b",
        "&lt;/style&gt;&lt;script&gt;alert(1)&lt;/script&gt;",
        "&lt;u&gt;ann",
        "bob &amp; co",
    ):
        assert escaped in text
    assert text.count("</style>") == 1 and "\u202e" not in text
    assert {"<b>", 'a"b', "<u>ann", "held <out>.csv"} <= {words.strip() for words in found.words}


@pytest.mark.parametrize(("labels", "against"), KINDS, ids=lambda one: getattr(one, "name", ""))
def test_a_page_can_be_read_without_seeing_it(labels: LabelSet, against: bool) -> None:
    text = page(_numbers(labels, against=against))
    found = Page(text)
    for figure in re.findall(r"<svg.*?</svg>", text, re.DOTALL):
        assert 'aria-hidden="true"' in figure or ('role="img"' in figure and "<title>" in figure)
    for table in re.findall(r"<table.*?</table>", text, re.DOTALL):
        assert "scope=col" in table and "scope=row" in table
    assert all(attrs.get("aria-label") and attrs.get("tabindex") == "0" for _, attrs in found.tags if attrs.get("role") == "region")
    assert [tag for tag, _ in found.tags].count("h1") == 1 and "<title>m@1 on held &lt;out&gt;.csv</title>" in text


def test_a_page_shows_what_was_measured() -> None:
    numbers = _numbers(against=True)
    text = Page(page(numbers)).text
    for name in ("macro_f1", "accuracy", "weighted_f1", "ua", "ece"):
        low, high = numbers["intervals"][name]
        assert f"{numbers[name]:.3f}" in text and f"{low:.3f} to {high:.3f}" in text
        assert f"{numbers['comparison']['numbers'][name]['second']:.3f}" in text
    assert all(f"{cell}" in text for row in numbers["confusion"]["matrix"] for cell in row)
    for told in ("m@1", "m@2", "300", "Rows left out", "2025-01-02 03:04:05+00:00", "1.2.3", "affekt evaluate --data 'held <out>.csv'"):
        assert told in text
    assert "By language" in text and "By who" in text and "Gaps between groups" in text


def test_a_page_of_next_to_nothing_is_a_page() -> None:
    one = evaluate([Row("x", ("joy",))], np.full((1, 7), 1 / 7), EKMAN7)
    none = evaluate([Row("x", ())], np.zeros((1, 6)), EKMAN6)
    for report in (one, none):
        assert "–" in Page(page({"model": "m", "labels": "l", "judged_as": "l", **report})).text or report is one


def test_what_stands_on_colour_can_be_read() -> None:
    for mode, colours in (("light", LIGHT), ("dark", DARK)):
        for behind in (colours["card"], colours["page"]):
            assert all(contrast(colours[name], behind) >= READABLE for name in ("ink", "soft", "accent", "good", "bad"))
        for step in range(STEPS + 1):
            behind, ink = shade(mode, step)
            assert contrast(ink, behind) >= READABLE
    assert contrast("#000000", "#ffffff") == pytest.approx(21)


# --- the file ---------------------------------------------------------------------------------------------------------


def test_a_report_is_written_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "report.html"
    target.write_text("before")

    def full(self: Path, data: bytes) -> int:
        with self.open("wb") as file:
            file.write(data[: len(data) // 2])
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(report_write.Path, "write_bytes", full)
        with pytest.raises(InputError, match=r"report.html cannot be written: No space left on device; name a file"):
            write_whole(target, "after")
    assert target.read_text() == "before" and list(tmp_path.iterdir()) == [target]
    assert write_whole(target, "after \ud83d") == target and target.read_bytes() == b"after ?"
    assert list(tmp_path.iterdir()) == [target]


def test_where_nothing_can_be_written_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is a folder"):
        write_whole(tmp_path, "x")
    with pytest.raises(InputError, match="cannot be written: No such file"):
        write_whole(tmp_path / "absent" / "report.html", "x")


# --- the result -------------------------------------------------------------------------------------------------------


def test_an_evaluation_has_its_main_numbers_at_hand(tmp_path: Path) -> None:
    numbers = _numbers(against=True)
    found = Evaluation(numbers)
    assert (found.model, found.n, found.accuracy, found.macro_f1) == ("m@1", 300, numbers["accuracy"], numbers["macro_f1"])
    assert (found.weighted_f1, found.ua, found.ece) == tuple(numbers[name] for name in ("weighted_f1", "ua", "ece"))
    assert list(found.interval) == numbers["interval"] and found.comparison == numbers["comparison"]
    with pytest.raises(FrozenInstanceError):
        found.numbers = {}  # type: ignore[misc]
    copy = found.as_json()
    copy["per_label"].clear()
    assert found.as_json() == numbers and found.as_json()["per_label"]
    assert found.to_html(tmp_path / "r.html").read_text(encoding="utf-8") == page(numbers)
    dimensions = Evaluation(_numbers(VAD))
    assert dimensions.accuracy is None and dimensions.comparison is None and "pearson" in dimensions.table()


@pytest.mark.parametrize("labels", [EKMAN7, EKMAN6, VAD, ODD], ids=lambda labels: labels.name)
def test_the_table_shows_intervals_groups_and_the_comparison(labels: LabelSet) -> None:
    numbers = _numbers(labels, against=True)
    told = Evaluation(numbers).table()
    number = "ccc" if labels is VAD else "accuracy"
    assert f"gap of {number} by who" in told and "m@2 minus m@1" in told and "not better in" in told
    assert ("McNemar" in told) == (labels is not VAD) and "\u202e" not in told


# --- data of every kind -----------------------------------------------------------------------------------------------

TEXTS = [("so happy, I love it", "joy", "ann"), ("I hate you, you idiot", "anger", "bob"), ("the table is brown", "neutral", "ann")] * 4


def _table(path: Path, head: tuple[str, str, str] = ("text", "label", "speaker")) -> Path:
    if path.name.endswith((".jsonl", ".jsonl.gz")):
        text = "".join(json.dumps(dict(zip(head, row, strict=True))) + "\n" for row in TEXTS)
        path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    elif path.suffix == ".parquet":
        pyarrow = pytest.importorskip("pyarrow", reason="pyarrow is not installed: pip install 'affekt[tables]'")
        from pyarrow import parquet

        parquet.write_table(pyarrow.table(dict(zip(head, map(list, zip(*TEXTS, strict=True)), strict=True))), path)
    else:
        with path.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file, delimiter="\t" if path.suffix == ".tsv" else ",").writerows([head, *TEXTS])
    return path


def test_a_table_of_any_kind_gives_the_same_numbers(tmp_path: Path) -> None:
    paths = [_table(tmp_path / f"rows{ending}") for ending in (".csv", ".tsv", ".jsonl", ".jsonl.gz", ".parquet")]
    first, *others = [measure(answer_texts(path, model="text_affekt", labels="ekman7", by=["speaker"])) for path in paths]
    assert (first["n"], first["broken"]) == (12, 0)
    assert {key: one["n"] for key, one in first["by_group"]["speaker"].items()} == {"ann": 8, "bob": 4}
    assert all(other == first for other in others)


def test_columns_may_be_named_and_broken_rows_are_counted(tmp_path: Path) -> None:
    path = _table(tmp_path / "rows.csv", ("what they wrote", "mood", "speaker"))
    with path.open("a") as file:
        file.write(",joy,ann\nno label here,,ann\n")
    named = {"text_column": "what they wrote", "label_column": "mood"}
    found = affekt.evaluate("text_affekt", data=path, labels="ekman7", **named)
    assert (found.n, found.as_json()["broken"], found.as_json()["about"]["data"]) == (12, 2, "rows.csv")
    assert affekt.evaluate("text_affekt", data=path, labels="ekman7", **named, where=["speaker=ann"], limit=5).n == 5
    with pytest.raises(NoColumn, match=r"no column 'age' in .*rows.csv; there are: 'what they wrote', 'mood', 'speaker'"):
        affekt.evaluate("text_affekt", data=path, labels="ekman7", **named, by=["age"])


def test_our_own_json_lines_are_counted_by_what_is_in_them(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    lines = [
        {"text": text, "labels": [label], "meta": {"age": 20 + at}, "tags": ["a", "b"], "dialogue": who}
        for at, (text, label, who) in enumerate(TEXTS)
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    answers = answer_texts(path, model="text_affekt", labels="ekman7", by=["meta.age", "tags"])
    assert answers.columns[3] == {"meta.age": "23", "tags": "a, b"} and [row.group for row in answers.rows[:3]] == ["ann", "bob", "ann"]
    with pytest.raises(NoColumn, match=r"no column 'who' in .*; there are: 'text', 'labels', 'meta', 'tags', 'dialogue'"):
        answer_texts(path, model="text_affekt", labels="ekman7", by=["who"])


def test_a_csv_with_paths_lists_files_and_any_other_holds_texts(tmp_path: Path) -> None:
    for heading, expected in (("path,label", True), ("text,label", False), ("label,speaker,path", True), ("", False)):
        (tmp_path / "rows.csv").write_text(f"{heading}\n")
        assert is_manifest(tmp_path / "rows.csv") is expected
    assert not is_manifest(tmp_path / "rows.tsv")


# --- the command ------------------------------------------------------------------------------------------------------

run = CliRunner()


def test_the_command_writes_a_report_and_the_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    data = _table(tmp_path / "rows.csv")
    done = run.invoke(app, ["evaluate", "--data", data.name, "--labels", "ekman7", "--by", "speaker", "--html", "r.html", "-o", "r.json"])
    assert done.exit_code == 0, done.output
    numbers = json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))
    assert numbers["about"]["data"] == "rows.csv" and numbers["by_group"]["speaker"]["bob"]["n"] == 4
    assert (tmp_path / "r.html").read_text(encoding="utf-8") == page(numbers)
    assert "macro_f1" in done.stdout and sorted(path.name for path in tmp_path.iterdir()) == ["r.html", "r.json", "rows.csv"]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--html", "absent/r.html"], "no folder .*absent to write r.html to"),
        (["--html", "rows.csv"], "would be written over"),
        (["--html", "r", "-o", "r"], "would be written over"),
        (["--protocol", "loso"], "are for recordings, .* is read as texts"),
        (["--heard", "3"], "are for recordings, .* is read as texts"),
        (["--by", "nobody"], "no column 'nobody'"),
    ],
)
def test_what_cannot_be_done_is_said_before_it_is_begun(
    options: list[str], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    _table(tmp_path / "rows.csv")
    done = run.invoke(app, ["evaluate", "--data", "rows.csv", *options])
    assert isinstance(done.exception, InputError) and re.search(says, str(done.exception)), done.exception
    assert [path.name for path in tmp_path.iterdir()] == ["rows.csv"]


def test_columns_are_not_named_for_faces(tmp_path: Path) -> None:
    (tmp_path / "joy").mkdir()
    with pytest.raises(InputError, match=r"columns are named for texts; .* is read as faces"):
        affekt.evaluate(data=tmp_path, text_column="text")
    with pytest.raises(InputError, match=r"no file .*absent"):
        affekt.evaluate(data=tmp_path / "absent.csv")
