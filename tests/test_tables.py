"""Tables: read row by row in constant memory."""

import csv
import gzip
import json
import os
import re
import sys
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from affekt.errors import EmptyInput, InputError, MissingExtra
from affekt.sources import table_lines
from affekt.sources.table import Table, TableRow, is_table
from affekt.sources.table_writer import TableWriter

READ: dict[str, type] = {"top": str, "score_joy": float, "abstained": bool}
ROWS = [
    {"id": 1, "text": "so happy, really"},
    {"id": 2, "text": ""},
    {"id": 3, "text": 'a "quoted"\nline'},
    {"id": 4, "text": "我很难过 🥺"},
]


def write(folder: Path, name: str, content: bytes | str) -> Path:
    path = folder / name
    content = content if isinstance(content, bytes) else content.encode()
    path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    return path


def make(folder: Path, ending: str, rows: list[dict[str, Any]]) -> Path:
    """The same rows in a file of any kind."""
    path = folder / f"in{ending}"
    if ending == ".parquet":
        pyarrow = pytest.importorskip("pyarrow")
        pytest.importorskip("pyarrow.parquet").write_table(pyarrow.Table.from_pylist(rows), path, row_group_size=2)
        return path
    if ".jsonl" in ending:
        return write(folder, path.name, "".join(f"{json.dumps(row, ensure_ascii=False)}\r\n" for row in rows))
    with (folder / "plain").open("w", encoding="utf-8", newline="") as file:
        lines = csv.DictWriter(file, list(rows[0]), delimiter="\t" if ".tsv" in ending else ",")
        lines.writeheader()
        lines.writerows(rows)
    return write(folder, path.name, (folder / "plain").read_bytes())


def read_back(path: Path) -> list[dict[str, Any]]:
    """The rows of an output, as text."""
    if path.suffix == ".parquet":
        return pytest.importorskip("pyarrow.parquet").read_table(path).to_pylist()  # type: ignore[no-any-return]
    if path.suffix == ".jsonl":
        return [json.loads(line) for line in path.read_text("utf-8").split("\n") if line]
    with path.open(encoding="utf-8", newline="") as file:
        return [
            {key: value or None for key, value in row.items()}
            for row in csv.DictReader(file, delimiter="\t" if path.suffix == ".tsv" else ",")
        ]


def texts(path: Path, column: str = "text", **how: Any) -> list[str | None]:
    return [row.text for row in Table(path, column=column).rows(**how)]


def problems(path: Path, column: str = "text") -> list[str | None]:
    return [row.problem for row in Table(path, column=column).rows()]


ALL = [".csv", ".tsv", ".jsonl", ".csv.gz", ".tsv.gz", ".jsonl.gz", ".parquet"]


# --- reading


@pytest.mark.parametrize("ending", ALL)
def test_every_kind_of_table_gives_the_same_rows(tmp_path: Path, ending: str) -> None:
    path = make(tmp_path, ending, ROWS)
    assert is_table(path)
    table = Table(path, column="text")
    assert (table.columns, table.done) == (("id", "text"), 0)
    rows = list(table.rows())
    assert [row.number for row in rows] == [1, 2, 3, 4]
    assert [row.text for row in rows] == ["so happy, really", None, 'a "quoted"\nline', "我很难过 🥺"]
    assert [row.problem for row in rows] == [None, "'text' is blank", None, None]
    assert [str(row.values["id"]) for row in rows] == ["1", "2", "3", "4"]
    assert table.done == 1


@pytest.mark.parametrize("ending", ALL)
@pytest.mark.parametrize("skip", [1, 3, 4, 9])
def test_rows_that_are_done_are_skipped(tmp_path: Path, ending: str, skip: int) -> None:
    table = Table(make(tmp_path, ending, ROWS), column="text")
    assert list(table.rows(skip=skip)) == list(table.rows())[skip:]


@pytest.mark.parametrize(
    "content",
    ["text,id\nhi,1\n", "\ufefftext,id\r\nhi,1", "text;id\nhi;1\n", "\n\ntext,id\n\nhi,1\n\n", '"text","id"\n"hi",1', "text,text\nhi,no\n"],
)
def test_a_csv_may_look_like_this(tmp_path: Path, content: str) -> None:
    assert texts(write(tmp_path, "a.csv", content)) == ["hi"]


def test_columns_of_one_name_stay_apart(tmp_path: Path) -> None:
    table = Table(write(tmp_path, "a.csv", "text,text,text.1\na,b,c\n"), column="text.2")
    assert table.columns == ("text", "text.2", "text.1")
    assert [row.text for row in table.rows()] == ["b"]


@pytest.mark.parametrize(
    ("name", "line", "problem"),
    [
        ("a.csv", "only one", "1 field, and the heading has 2"),
        ("a.csv", "1,2,3", "3 fields, and the heading has 2"),
        ("a.csv", b"2,caf\xe9", "not UTF-8: byte 0xe9 in 'text'"),
        ("a.csv", "2, \u200b", "'text' is blank"),
        ("a.csv", "2,\x00", "'text' is blank"),
        ("a.csv", "2,a\rb", "not CSV: new-line character seen in unquoted field.*"),
        ("a.csv", '2,"' + "x" * 70, "a line is longer than 64 bytes"),
        ("a.csv", "2," + "é" * 40, "a line is longer than 64 bytes"),
        ("a.tsv", "2", "1 field, and the heading has 2"),
        ("a.jsonl", '{"text": ', "not JSON: Expecting value at column 10"),
        ("a.jsonl", b'{"id": 2, "text": "\xff"}', "not UTF-8: byte 0xff at column 20"),
        ("a.jsonl", '["text"]', "a row is an object, not list"),
        ("a.jsonl", '{"id": 2}', "no 'text' in this row, only 'id'"),
        ("a.jsonl", "{}", "no 'text' in this row, only nothing"),
        ("a.jsonl", '{"text": null}', "'text' is missing"),
        ("a.jsonl", '{"text": NaN}', "'text' is missing"),
        ("a.jsonl", '{"text": {"a": 1}}', "'text' is dict, not a text"),
        ("a.jsonl", '{"text": true}', "'text' is bool, not a text"),
        ("a.jsonl", '{"text": ""}', "'text' is blank"),
        ("a.jsonl", "[" * 5000 + "\n", "(JSON that cannot be read|not JSON).*"),
        ("a.jsonl", "1" * 5000, "JSON that cannot be read.*"),
        ("a.jsonl", '{"text": "' + "x" * 9000 + '"}', "a line is longer than 8,192 bytes"),
    ],
)
def test_a_broken_line_is_named_and_the_rest_is_read(
    tmp_path: Path, name: str, line: str | bytes, problem: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table_lines, "LINE", 64 if name == "a.csv" else 8192)
    before, after = {
        ".csv": ("id,text\n1,hi\n", "\n3,bye\n"),
        ".tsv": ("id\ttext\n1\thi\n", "\n3\tbye\n"),
        ".jsonl": ('{"text": "hi"}\n', '\n{"text": "bye"}\n'),
    }[name[1:]]
    path = write(tmp_path, name, before.encode() + (line if isinstance(line, bytes) else line.encode()) + after.encode())
    rows = list(Table(path, column="text").rows())
    if line == '2,"' + "x" * 70:  # a quotation mark that is left open takes what follows with it
        rows.append(TableRow(3, {}, "bye"))
    assert [row.text for row in rows] == ["hi", None, "bye"]
    assert re.fullmatch(problem, rows[1].problem or ""), rows[1].problem


def test_a_number_is_read_as_it_is_written(tmp_path: Path) -> None:
    assert texts(write(tmp_path, "a.jsonl", '{"text": 666}\n{"text": 0.5}\n')) == ["666", "0.5"]
    assert texts(write(tmp_path, "a.csv", "text\n666\n")) == ["666"]


def test_half_a_character_is_healed(tmp_path: Path) -> None:
    assert texts(write(tmp_path, "a.jsonl", '{"text": "x \\ud83d"}\n')) == ["x \ufffd"]


@pytest.mark.parametrize("ending", ALL)
def test_an_absent_column_lists_those_there_are(tmp_path: Path, ending: str) -> None:
    with pytest.raises(InputError, match=r"no column 'comment' in .*; there are: 'id', 'text'"):
        Table(make(tmp_path, ending, ROWS), column="comment")


@pytest.mark.parametrize("ending", [".csv", ".tsv", ".jsonl", ".csv.gz"])
@pytest.mark.parametrize("content", ["", "\n\n", "\ufeff"])
def test_an_empty_table_is_named(tmp_path: Path, ending: str, content: str) -> None:
    with pytest.raises(EmptyInput, match="is empty"):
        Table(write(tmp_path, f"a{ending}", content), column="text")


def test_a_table_of_a_heading_alone_has_no_rows(tmp_path: Path) -> None:
    assert texts(write(tmp_path, "a.csv", "id,text\n")) == []


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.csv", "id,text\n".encode("utf-16"), "is UTF-16"),
        ("a.parquet", b"PAR1 not really", "cannot be opened as Parquet"),
        ("a.txt", b"text", "is not a table"),
    ],
)
def test_what_is_no_table_is_refused(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Table(write(tmp_path, name, content), column="text")


def test_a_missing_table_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no file"):
        Table(tmp_path / "a.csv", column="text")


def test_a_gzip_that_breaks_off_gives_what_came_before(tmp_path: Path) -> None:
    path = tmp_path / "a.csv.gz"
    whole = gzip.compress(b"text\n" + b"".join(os.urandom(30).hex().encode() + b"\n" for _ in range(5000)))
    path.write_bytes(whole[: len(whole) // 2])
    rows = Table(path, column="text").rows()
    assert next(rows).text
    with pytest.raises(InputError, match="is damaged"):
        list(rows)


def test_a_string_in_parquet_that_is_no_utf8_spoils_its_row_only(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    bad = pyarrow.array([b"hi", b"caf\xe9", b"bye"]).view("string")
    pytest.importorskip("pyarrow.parquet").write_table(pyarrow.table({"text": bad}), tmp_path / "a.parquet")
    assert texts(tmp_path / "a.parquet") == ["hi", None, "bye"]
    assert problems(tmp_path / "a.parquet")[1] == "not UTF-8: byte 0xe9 in 'text'"


def test_parquet_without_pyarrow_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingExtra, match=r"affekt\[tables\]"):
        Table(write(tmp_path, "a.parquet", b""), column="text")
    with pytest.raises(MissingExtra, match=r"affekt\[tables\]"):
        TableWriter(tmp_path / "out.parquet", Table(make(tmp_path, ".csv", ROWS), column="text"), columns=READ, settings="a")


@pytest.mark.parametrize("ending", [".csv", ".jsonl.gz"])
def test_a_long_table_takes_no_more_memory_than_a_short_one(tmp_path: Path, ending: str) -> None:
    rows = [{"id": at, "text": os.urandom(100).hex()} for at in range(20_000)]  # 4 MB, and no less when packed
    table = Table(make(tmp_path, ending, rows), column="text")
    tracemalloc.start()
    halfway = [table.done for row in table.rows() if row.number == 10_000]
    assert tracemalloc.get_traced_memory()[1] < 1_000_000
    tracemalloc.stop()
    assert 0.3 < halfway[0] < 0.7
