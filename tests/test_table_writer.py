"""Tables: written so that a killed run goes on where it stopped."""

import json
import signal
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import pytest

from affekt.errors import InputError
from affekt.sources.table import Table, TableRow
from affekt.sources.table_writer import ENDINGS, TableWriter
from test_tables import READ, ROWS, make, read_back, write


def run(source: Path, out: Path, *, settings: str = "a", stop_after: int | None = None, every: int = 2) -> int:
    """One run over a table that may be interrupted; gives the rows that it did itself."""
    table, count = Table(source, column="text"), 0
    with TableWriter(out, table, columns=READ, settings=settings, every=every) as writer:
        for row in table.rows(skip=writer.rows_done):
            if count == stop_after:
                raise KeyboardInterrupt
            read = {"top": "joy", "score_joy": row.number / 100, "abstained": False}
            writer.write(row, read if row.text else None)
            count += 1
    return count


def left(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} - {"plain"}


@pytest.mark.parametrize("ending", [".csv", ".tsv.gz", ".jsonl", ".parquet"])
@pytest.mark.parametrize("out", ENDINGS)
def test_every_row_comes_out_in_its_place_with_its_scores(tmp_path: Path, ending: str, out: str) -> None:
    path = tmp_path / f"out{out}"
    assert run(make(tmp_path, ending, ROWS), path) == 4
    rows = read_back(path)
    assert [list(row) for row in rows] == [["id", "text", "top", "score_joy", "abstained", "affekt_problem"]] * 4
    assert [str(row["id"]) for row in rows] == ["1", "2", "3", "4"]
    assert [row["text"] or "" for row in rows] == [row["text"] for row in ROWS]
    assert [row["top"] for row in rows] == ["joy", None, "joy", "joy"]
    assert [row["affekt_problem"] for row in rows] == [None, "'text' is blank", None, None]
    assert [float(row["score_joy"] or 0) for row in rows] == [0.01, 0, 0.03, 0.04]
    assert [str(row["abstained"]).lower() for row in rows] == ["false", "none", "false", "false"]
    assert left(tmp_path) == {f"in{ending}", f"out{out}"}


@pytest.mark.parametrize("ending", [".csv", ".jsonl", ".parquet"])
@pytest.mark.parametrize("out", ENDINGS)
@pytest.mark.parametrize("stop", [0, 1, 4, 7])
def test_an_interrupted_run_goes_on_where_it_stopped(tmp_path: Path, ending: str, out: str, stop: int) -> None:
    source = make(tmp_path, ending, [{"id": at, "text": f"row {at}, \n" * (at % 3)} for at in range(9)])
    with pytest.raises(KeyboardInterrupt):
        run(source, tmp_path / f"out{out}", stop_after=stop, every=3)
    assert not (tmp_path / f"out{out}").exists()
    assert run(source, tmp_path / f"out{out}", every=3) == 9 - stop
    run(source, tmp_path / f"whole{out}")
    assert read_back(tmp_path / f"out{out}") == read_back(tmp_path / f"whole{out}")
    assert left(tmp_path) == {source.name, f"out{out}", f"whole{out}"}


def test_a_killed_run_loses_and_doubles_nothing(tmp_path: Path) -> None:
    source = make(tmp_path, ".csv", [{"id": at, "text": f"row {at}"} for at in range(100)])
    code = f"""
import os, signal
from affekt.sources.table import Table
from affekt.sources.table_writer import TableWriter
table = Table({str(source)!r}, column="text")
columns = {{"top": str, "score_joy": float, "abstained": bool}}
with TableWriter({str(tmp_path / "out.csv")!r}, table, columns=columns, settings="a", every=10) as writer:
    for row in table.rows(skip=writer.rows_done):
        writer.write(row, {{"top": "joy", "score_joy": row.number / 100, "abstained": False}})
        if row.number % 37 == 0:
            writer._file.flush()  # more than the journal knows of is on disk
            os.kill(os.getpid(), signal.SIGKILL)
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == -signal.SIGKILL
    assert json.loads((tmp_path / "out.csv.part.json").read_text())["rows_done"] == 30
    assert run(source, tmp_path / "out.csv") == 70
    assert [row["id"] for row in read_back(tmp_path / "out.csv")] == [str(at) for at in range(100)]


@pytest.mark.parametrize("change", ["settings", "source", "journal", "part", "gone"])
def test_a_run_that_cannot_go_on_starts_over(tmp_path: Path, change: str) -> None:
    rows = [{"id": at, "text": f"row {at}"} for at in range(9)]
    source, out = make(tmp_path, ".csv", rows), tmp_path / "out.csv"
    with pytest.raises(KeyboardInterrupt):
        run(source, out, stop_after=5)
    if change == "source":
        make(tmp_path, ".csv", [*rows, {"id": 9, "text": "row 9"}])
    elif change == "journal":
        (tmp_path / "out.csv.part.json").write_text("{")
    elif change == "part":
        (tmp_path / "out.csv.part").write_text("x")
    elif change == "gone":
        (tmp_path / "out.csv.part").unlink()
    assert run(source, out, settings="b" if change == "settings" else "a") == (10 if change == "source" else 9)
    assert len(read_back(out)) == (10 if change == "source" else 9)


def test_our_columns_make_way_for_those_of_the_table(tmp_path: Path) -> None:
    source = make(tmp_path, ".csv", [{"text": "hi", "top": "mine", "affekt_problem": "old"}])
    run(source, tmp_path / "out.csv")
    row = read_back(tmp_path / "out.csv")[0]
    assert (row["top"], row["affekt_top"], row["affekt_problem"], row["affekt_affekt_problem"]) == ("mine", "joy", "old", None)


def test_json_lines_with_changing_keys_fill_all_columns(tmp_path: Path) -> None:
    source = write(
        tmp_path, "a.jsonl", '{"text": "a", "n": 1}\n{"text": "b", "m": [1, "x"]}\n{broken\n{"text": "c", "n": 2.5, "m": 1e999}\n'
    )
    for out in ENDINGS:
        run(source, tmp_path / f"out{out}")
    assert [row["n"] for row in read_back(tmp_path / "out.csv")] == ["1", None, None, "2.5"]
    assert [row["m"] for row in read_back(tmp_path / "out.tsv")] == [None, '[1, "x"]', None, "inf"]
    assert [row.get("m") for row in read_back(tmp_path / "out.jsonl")] == [None, [1, "x"], None, None]
    assert [row["n"] for row in read_back(tmp_path / "out.parquet")] == [1.0, None, None, 2.5]
    assert "not JSON" in read_back(tmp_path / "out.parquet")[2]["affekt_problem"]


def test_a_key_of_ours_that_turns_up_late_keeps_its_value(tmp_path: Path) -> None:
    source = write(tmp_path, "a.jsonl", '{"text": "a"}\n' * 1001 + '{"text": "b", "top": "mine"}\n')
    run(source, tmp_path / "out.jsonl", every=500)
    assert read_back(tmp_path / "out.jsonl")[-1] == {
        **{"text": "b", "input_top": "mine", "top": "joy", "score_joy": 10.02, "abstained": False},
        **{"affekt_problem": None},
    }


def test_parquet_keeps_its_types_on_the_way_to_parquet(tmp_path: Path) -> None:
    rows = [{"text": "a", "when": datetime(2024, 1, 31), "raw": b"\xff", "n": [1, 2]}, {"text": None, "when": None, "raw": None, "n": None}]
    source = make(tmp_path, ".parquet", rows)
    run(source, tmp_path / "out.parquet")
    back = read_back(tmp_path / "out.parquet")
    assert [{name: row[name] for name in rows[0]} for row in back] == rows
    assert [row["affekt_problem"] for row in back] == [None, "'text' is missing"]


@pytest.mark.parametrize("value", ["=1+1", "a\rb", 'q"', " lead", "\ud800", "\x00", "a;b\tc", "\u2028"])
@pytest.mark.parametrize("out", [".csv", ".tsv", ".jsonl"])
def test_a_value_comes_out_as_it_went_in(tmp_path: Path, value: str, out: str) -> None:
    source = write(tmp_path, "a.jsonl", json.dumps({"text": "hi", "more": value}) + "\n")
    run(source, tmp_path / f"out{out}")
    assert read_back(tmp_path / f"out{out}")[0]["more"] == value.replace("\ud800", "\ufffd")


def test_bad_bytes_do_not_stop_the_output(tmp_path: Path) -> None:
    source = write(tmp_path, "a.csv", b"id,text\n1,caf\xe9\n2\n3,hi\n")
    run(source, tmp_path / "out.csv")
    rows = read_back(tmp_path / "out.csv")
    assert [row["text"] for row in rows] == ["caf\ufffd", None, "hi"]
    assert [row["affekt_problem"] for row in rows] == ["not UTF-8: byte 0xe9 in 'text'", "1 field, and the heading has 2", None]


@pytest.mark.parametrize(
    ("out", "message"),
    [("out.xlsx", "may end in .csv"), ("out.csv.gz", "may end in .csv"), ("no/out.csv", "no folder"), ("in.csv", "another file")],
)
def test_an_output_that_cannot_be_written_is_refused_before_anything_is_read(tmp_path: Path, out: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        run(make(tmp_path, ".csv", ROWS), tmp_path / out)
    assert left(tmp_path) == {"in.csv"}


def test_rows_out_of_order_are_refused(tmp_path: Path) -> None:
    table = Table(make(tmp_path, ".csv", ROWS), column="text")
    with (
        pytest.raises(InputError, match="row 3 cannot follow row 0"),
        TableWriter(tmp_path / "out.csv", table, columns=READ, settings="a") as writer,
    ):
        writer.write(TableRow(3, {}, "x"))
