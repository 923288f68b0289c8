"""What reading a user's labelled data promises."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from affekt.datasets._labelled import Labelled, labels_of, read_labelled
from affekt.errors import EmptyInput, InputError, NoColumn
from affekt.parts import Row

MOODS = [("so glad, really", "very happy"), ("我很难过", "伤心"), ('a "quoted"\nline', "mixed, or so"), ("Čekám", "zlobí se")]
ENDINGS = [".csv", ".tsv", ".jsonl", ".csv.gz", ".tsv.gz", ".jsonl.gz", ".parquet"]


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    """Rows in a table of the kind that the ending says."""
    name = path.name.removesuffix(".gz")
    if name.endswith(".parquet"):
        pyarrow = pytest.importorskip("pyarrow")
        pytest.importorskip("pyarrow.parquet").write_table(pyarrow.Table.from_pylist(rows), path)
        return path
    if name.endswith(".jsonl"):
        content = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    else:
        between = "\t" if name.endswith(".tsv") else ","
        cells = [list(rows[0]), *([str(value) for value in row.values()] for row in rows)]
        content = "".join(between.join('"' + cell.replace('"', '""') + '"' for cell in line) + "\n" for line in cells)
    path.write_bytes(gzip.compress(content.encode()) if path.suffix == ".gz" else content.encode())
    return path


def read(folder: Path, content: str, name: str = "data.csv", **how: Any) -> Labelled:
    path = folder / name
    path.write_text(content, encoding="utf-8")
    return read_labelled(path, **how)


def labels(found: Labelled) -> list[tuple[str, ...] | None]:
    return [row.labels for row in found.rows]


class Names:
    """What Hugging Face's ClassLabel has."""

    def __init__(self, *names: str) -> None:
        self.names = list(names)


class Hub:
    """What Hugging Face's Dataset has: columns, features and rows."""

    def __init__(self, rows: list[dict[str, Any]], **features: Any) -> None:
        self.rows, self.features, self.column_names = rows, features, list(rows[0])

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter(self.rows)


# --- tables


@pytest.mark.parametrize("ending", ENDINGS)
def test_every_kind_of_table_gives_the_same_rows(tmp_path: Path, ending: str) -> None:
    found = read_labelled(write(tmp_path / f"in{ending}", [{"Sentence": text, "Emotion": label} for text, label in MOODS]))
    assert [(row.text, row.labels) for row in found.rows] == [(text, (label,)) for text, label in MOODS]
    assert [row.line for row in found.rows] == [1, 2, 3, 4]
    assert not found.broken


def test_an_accent_is_written_in_one_way(tmp_path: Path) -> None:
    assert labels(read(tmp_path, "text,label\na,gene\u0301\nb,gen\u00e9\n")) == [("gen\u00e9",)] * 2


def test_columns_are_found_whatever_their_case(tmp_path: Path) -> None:
    found = read(tmp_path, "Sr No.,Utterance,Speaker,Emotion,Dialogue ID,Utterance_ID,Language,Split\n1,hi,Ann,joy,d1,7,en,validation\n")
    (row,) = found.rows
    assert (row.text, row.labels, row.who, row.turn, row.lang, row.split) == ("hi", ("joy",), "Ann", 7, "en", "dev")
    assert "'Utterance'" in found.columns


def test_columns_can_be_named(tmp_path: Path) -> None:
    content = "text,label,a,b,person\nx,joy,hello,sad,p1\ny,joy,goodbye,glad,p2\n"
    found = read(tmp_path, content, text="a", label="b", group=("person", "label"))
    assert [(row.text, row.labels, row.group, row.ties) for row in found.rows] == [
        ("hello", ("sad",), "p1", ("label=joy",)),
        ("goodbye", ("glad",), "p2", ("label=joy",)),
    ]


@pytest.mark.parametrize("wrong", [{"text": "txt"}, {"label": "mood"}, {"group": ("who", "label")}, {"lang": "de"}, {"split": "fold"}])
def test_a_column_that_is_not_there_is_named_with_those_that_are(tmp_path: Path, wrong: dict[str, Any]) -> None:
    with pytest.raises(NoColumn, match=r"there are: 'text', 'label'"):
        read(tmp_path, "text,label\na,joy\n", **wrong)


def test_a_column_that_cannot_be_found_is_asked_for(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"text usually is .*sentence.*there are: 'x', 'label'"):
        read(tmp_path, "x,label\na,joy\n")
    with pytest.raises(InputError, match=r"label usually is .*there are: 'text', 'y'"):
        read(tmp_path, "text,y\na,joy\n")


def test_a_column_that_nobody_named_and_that_says_nothing_is_no_group(tmp_path: Path) -> None:
    content = "text,label,user\na,joy,me\nb,joy,me\n"
    assert [row.group for row in read(tmp_path, content).rows] == [None, None]
    assert [row.group for row in read(tmp_path, content, group="user").rows] == ["me", "me"]
    assert [row.group for row in read(tmp_path, content.replace("joy,me", "joy,you", 1), group=()).rows] == [None, None]


def test_texts_are_kept_apart_by_dialogue_and_files_by_speaker_too(tmp_path: Path) -> None:
    content = "text,label,dialogue,speaker\na,joy,1,ann\nb,joy,2,ann\nc,joy,2,bob\n"
    first = read(tmp_path, content).rows[0]
    assert (first.group, first.ties, first.who) == ("1", (), "ann")
    for name in "abc":
        (tmp_path / name).write_bytes(b"x")
    first = read(tmp_path, content.replace("text", "path"), modality="speech").rows[0]
    assert (first.group, first.ties, first.who) == ("1", ("speaker=ann",), "ann")


def test_rows_are_chosen_by_conditions_and_counted_from_the_first(tmp_path: Path) -> None:
    content = "text,label,lang\na,joy,en\nb,joy,de\nc,,en\nd,joy,en\ne,joy,en\n"
    assert [row.text for row in read(tmp_path, content, where=["lang=en"], limit=3).rows] == ["a", "d"]
    with pytest.raises(InputError, match=r"no row of .* has a column 'tongue'"):
        read(tmp_path, content, where=["tongue=en"])
    with pytest.raises(EmptyInput, match="fits lang=fr"):
        read(tmp_path, content, where=["lang=fr"])


# --- labels


def test_a_cell_is_one_label_unless_it_is_a_list_or_a_separator_is_named(tmp_path: Path) -> None:
    content = 'text,label\na,"sad|glad"\nb,"[""sad"", ""glad""]"\nc,"[\'sad\', \'glad\']"\nd,"sad, or [so]"\ne,[sic]\nf,[]\n'
    assert labels(read(tmp_path, content)) == [("sad|glad",), ("sad", "glad"), ("sad", "glad"), ("sad, or [so]",), ("[sic]",), ()]
    found = read(tmp_path, "text,label\na,sad | glad|sad\nb,glad\nc,\nd,[]\n", label="label|")
    assert labels(found) == [("sad", "glad"), ("glad",), ()]
    assert found.broken == ((3, "no label in 'label'"),)


def test_lists_and_numbers_are_labels_and_a_string_with_signs_is_one(tmp_path: Path) -> None:
    rows = [{"text": "a", "label": value} for value in (["sad", "glad"], [], "sad|glad", 3, 3.0, True, None, 0.5, [["x"]])]
    found = read_labelled(write(tmp_path / "in.jsonl", rows))
    assert labels(found) == [("sad", "glad"), (), ("sad|glad",), ("3",), ("3",), ("true",)]
    assert [line for line, _ in found.broken] == [7, 8, 9]


@pytest.mark.parametrize("ending", [".jsonl", ".parquet", ".csv"])
def test_the_label_of_shares_is_that_of_the_largest(tmp_path: Path, ending: str) -> None:
    rows = [{"joy": 0.7, "fear": 0.3}, {"joy": 1, "fear": 3}, {"joy": 0.5, "fear": 0.5}, {"joy": 0.9, "fear": 0.9}, {"joy": 0, "fear": 0}]
    given = [{"text": f"t{at}", "label": json.dumps(one) if ending == ".csv" else one} for at, one in enumerate(rows)]
    found = read_labelled(write(tmp_path / f"in{ending}", given))
    assert labels(found) == [("joy",), ("fear",), ("joy",), ("joy", "fear"), ()]
    assert found.rows[0].votes == pytest.approx({"joy": 0.7, "fear": 0.3})
    assert found.rows[1].votes == pytest.approx({"joy": 0.25, "fear": 0.75})


def test_shares_that_are_none_break_the_row(tmp_path: Path) -> None:
    rows = [{"text": "a", "label": value} for value in ({"joy": -1}, {"joy": "much"}, {"joy": 1}, {"joy": 2, "fear": None}, "joy")]
    assert [line for line, _ in read_labelled(write(tmp_path / "in.jsonl", rows)).broken] == [1, 2]


def test_our_own_format_is_read_whole(tmp_path: Path) -> None:
    row = {
        "text": "a",
        "labels": ["joy"],
        "lang": "en",
        "vad": [5, 3, 1],
        "label_space": ["joy", "fear"],
        "dialogue": "d",
        "sentiment": "positive",
    }
    rows = [row, {**row, "labels": None, "dialogue": "e"}, {**row, "labels": None, "vad": None}, {**row, "vad": [9]}]
    found = read_labelled(write(tmp_path / "in.jsonl.gz", rows))
    assert found.rows[0] == Row("a", ("joy",), "en", (1.0, 0.0, -1.0), ("joy", "fear"), "d", "positive", line=1)
    assert found.rows[1].labels is None and found.rows[1].vad is not None
    assert [line for line, _ in found.broken] == [3, 4]


# --- broken data


def test_a_tenth_of_broken_rows_is_set_aside_and_named(tmp_path: Path) -> None:
    lines = [json.dumps({"text": f"text {at}", "label": "ab"[at % 2]}) for at in range(100)]
    for at in range(0, 100, 11):
        lines[at] = ("{", "[]", '{"text": " ", "label": "a"}', '{"text": "x"}')[at % 4]
    found = read(tmp_path, "\n".join(lines), "in.jsonl")
    assert len(found.rows) == 90
    assert [line for line, _ in found.broken] == [1, 12, 23, 34, 45, 56, 67, 78, 89, 100]
    assert [problem[:8] for _, problem in found.broken[:4]] == ["not JSON", "no label", "'text' i", "a row is"]


def test_rows_of_another_number_of_fields_are_broken(tmp_path: Path) -> None:
    assert read(tmp_path, "text,label\na,joy\nb\nc,joy,3\nd,joy\n").broken == (
        (2, "1 field, and the heading has 2"),
        (3, "3 fields, and the heading has 2"),
    )


def test_more_broken_rows_than_sound_ones_are_an_error_that_names_three(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"3 of 4 rows .* are broken .*row 1: .*; row 3: .*; row 4: "):
        read(tmp_path, "text,label\na,\nb,joy\n,joy\nc\n")
    with pytest.raises(InputError, match=r"2 of 2 rows .* row 1: not JSON"):
        read(tmp_path, "a b\nc d\n", "in.jsonl")


@pytest.mark.parametrize(
    ("name", "content", "error", "says"),
    [
        ("in.csv", b"", EmptyInput, "is empty"),
        ("in.jsonl", b"\n", EmptyInput, "is empty"),
        ("in.csv", b"text,label\n", EmptyInput, "no row"),
        ("in.csv", b"text\na\nb\n", InputError, "one column only, 'text'"),
        ("in.csv", b"text\tlabel\na\tjoy\n", InputError, "commas in .csv, tabs in .tsv"),
        ("in.csv", b"\x89PNG\r\n\x1a\n\x00\x00", InputError, "does not begin as a UTF-8 .csv file does"),
        ("in.csv", b"PK\x03\x04\x14\x00\x06\x00", InputError, "save it as .csv in UTF-8"),
        ("in.jsonl", bytes(range(256)), InputError, "does not begin as a UTF-8 .jsonl"),
        ("in.csv.gz", b"text,label\na,joy\n", InputError, "damaged"),
        ("in.xlsx", b"PK", InputError, "no table; tables end in .csv"),
        ("in.csv", "Gefühl,text\n".encode("latin-1"), InputError, "UTF-8"),
    ],
)
def test_what_is_no_table_of_labels_says_so(tmp_path: Path, name: str, content: bytes, error: type[Exception], says: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(error, match=says):
        read_labelled(tmp_path / name)


def test_what_is_no_data_says_so(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no file"):
        read_labelled(tmp_path / "absent.csv")
    with pytest.raises(InputError, match="not list"):
        read_labelled([{"text": "a", "label": "joy"}])
    with pytest.raises(InputError, match="is a folder"):
        read_labelled(tmp_path)
    with pytest.raises(InputError, match="no modality 'smell'"):
        read_labelled(tmp_path, modality="smell")


def test_a_split_is_read_by_its_usual_names(tmp_path: Path) -> None:
    content = "text,label,split\na,joy,Train\nb,joy,valid\nc,joy,test\nd,joy,\ne,joy,fold3\n"
    found = read(tmp_path, content)
    assert [row.split for row in found.rows] == ["train", "dev", "test", None]
    assert found.broken == ((5, "the split in 'split' is 'fold3'; there are: train, dev, test"),)
    assert [row.split for row in read(tmp_path, content, split="").rows] == [None] * 5


# --- recordings and pictures


def test_a_manifest_names_files_beside_it(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(b"RIFF")
    (tmp_path / "empty.wav").write_bytes(b"")
    found = read(tmp_path, "path,label,speaker\na.wav,joy,ann\na.wav,fear,bob\nempty.wav,joy,ann\nabsent.wav,joy,bob\n", modality="speech")
    assert [(row.text, row.path, row.who, row.group) for row in found.rows] == [
        ("", tmp_path / "a.wav", one, one) for one in ("ann", "bob")
    ]
    assert [(line, problem.split("/")[-1].split(";")[0]) for line, problem in found.broken] == [
        (3, "empty.wav is empty"),
        (4, "absent.wav"),
    ]


def test_no_file_that_is_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"2 of 2 rows .* no file .*paths are relative to the folder"):
        read(tmp_path, "path,label\nx.png,joy\ny.png,fear\n", modality="face")


def test_a_folder_has_a_sub_folder_a_label(tmp_path: Path) -> None:
    for name in ("very glad/1.png", "very glad/2.png", "sad/1.jpg", "sad/Thumbs.db", "sad/.hidden"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    found = read_labelled(tmp_path, modality="face")
    assert sorted((row.path.name, row.labels) for row in found.rows if row.path) == [
        ("1.jpg", ("sad",)),
        ("1.png", ("very glad",)),
        ("2.png", ("very glad",)),
    ]
    assert len(found.broken) == 1 and "Thumbs.db" in found.broken[0][1]
    with pytest.raises(EmptyInput, match="one sub-folder a label"):
        read_labelled(tmp_path / "sad", modality="face")


def test_a_folder_may_come_split(tmp_path: Path) -> None:
    for name in ("train/sad/1.wav", "train/glad/1.wav", "val/sad/1.wav"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_bytes(b"x")
    found = read_labelled(tmp_path, modality="speech")
    assert sorted((row.split, row.labels) for row in found.rows) == [("dev", ("sad",)), ("train", ("glad",)), ("train", ("sad",))]


# --- Hugging Face's datasets


def test_the_numbers_of_a_class_label_become_its_names() -> None:
    rows = [{"text": "a", "label": 1}, {"text": "b", "label": 0}, {"text": "c", "label": -1}, {"text": "d", "label": 2}]
    found = read_labelled(Hub(rows, label=Names("very sad", "glad")))
    assert labels(found) == [("glad",), ("very sad",)]
    assert found.broken == ((3, "no label in 'label'"), (4, "the label is 2, and there are names for 0 to 1"))


def test_several_class_labels_and_several_splits_are_read() -> None:
    class Inner:
        feature = Names("sad", "glad")

    parts = {
        "train": Hub([{"text": "a", "labels": [0, 1]}], labels=Inner()),
        "validation": Hub([{"text": "b", "labels": []}], labels=Inner()),
    }
    assert [(row.labels, row.split, row.line) for row in read_labelled(parts).rows] == [(("sad", "glad"), "train", 1), ((), "dev", 2)]


# --- the label set


def rows_of(*told: tuple[str, ...] | None) -> list[Row]:
    return [Row(f"text {at}", labels) for at, labels in enumerate(told)]


def test_the_labels_stand_by_frequency_and_then_by_name() -> None:
    found = labels_of(rows_of(("b",), ("b",), ("c c",), ("c c",), ("啊",), ("啊",), ("啊",), None), name="moods")
    assert (found.name, found.labels, found.kind, found.none) == ("moods", ("啊", "b", "c c"), "single", None)


def test_rows_of_several_labels_or_none_make_a_multi_label_set() -> None:
    found = labels_of(rows_of(("a", "b"), ("a", "b"), ("none",), ()), name="moods")
    assert (found.labels, found.kind, found.none) == (("a", "b"), "multi", "none")
    assert labels_of(rows_of(("a",), ("a",), ()), name="moods").labels == ("a",)


def test_one_class_only_is_refused() -> None:
    with pytest.raises(InputError, match="all 3 rows say 'joy'"):
        labels_of(rows_of(("joy",), ("joy",), ("joy",)), name="moods")
    with pytest.raises(EmptyInput, match="none of 1 rows has a label"):
        labels_of(rows_of(None), name="moods")


def test_a_class_with_one_example_is_named() -> None:
    rows = rows_of(("joy",), ("joy",), ("fear",))
    with pytest.raises(InputError, match=r"2 rows or more, and 'fear' has 1: give more examples, or .* null"):
        labels_of(rows, name="moods")
    assert labels_of(rows, name="moods", least=1).labels == ("joy", "fear")
