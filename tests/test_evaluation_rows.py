"""What choosing rows, mapping their labels and choosing their label set promise."""

import gzip
import json
from pathlib import Path

import pytest

from affekt.errors import BadRow, EmptyInput, InputError
from affekt.evaluation.rows import choose_set, labelled_rows, map_rows
from affekt.labels import ekman6, ekman7, goemotions28, sentiment3, vad
from affekt.parts import Row

EKMAN6, EKMAN7 = ekman6.PART, ekman7.PART


@pytest.fixture
def file(tmp_path: Path) -> Path:
    objects = [
        {"text": "a", "labels": ["joy"], "lang": "en", "mt": True, "meta": {"show": 3}},
        {"text": "b", "labels": ["joy", "fear"], "lang": "de", "mt": False, "tags": ["x", "y"]},
        {"text": "c", "labels": [], "lang": "en", "annotators": [{"id": "reader"}, {"id": "writer"}]},
    ]
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(one) + "\n" for one in objects))
    return path


@pytest.mark.parametrize(
    ("where", "texts"),
    [
        ([], "abc"),
        (["lang=en"], "ac"),
        (["lang=en", "labels=joy"], "a"),
        (["labels=fear"], "b"),
        (["mt=true"], "a"),
        (["meta.show=3"], "a"),
        (["tags=y"], "b"),
        (["annotators.id=writer"], "c"),
    ],
)
def test_rows_are_chosen_by_column_and_value(file: Path, where: list[str], texts: str) -> None:
    assert "".join(row.text for row in labelled_rows(file, where=where)) == texts


@pytest.mark.parametrize(
    ("where", "error", "says"),
    [
        (["lang"], InputError, "column=value"),
        (["language=en"], InputError, "no row of .* has a column 'language'; there are: annotators, labels, lang"),
        (["lang=fr"], EmptyInput, "fits lang=fr"),
    ],
)
def test_a_condition_that_nothing_fits_says_why(file: Path, where: list[str], error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        list(labelled_rows(file, where=where))


def test_a_column_of_empty_lists_is_a_column(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl.gz"
    with gzip.open(path, "wt") as out:
        out.write('{"text": "a", "labels": []}\n')
    with pytest.raises(EmptyInput, match="fits labels=joy"):
        list(labelled_rows(path, where=["labels=joy"]))


def test_a_broken_line_is_named(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"text": "a"}\n["b"]\n')
    with pytest.raises(BadRow, match=r"rows\.jsonl, line 2: a row is a JSON object"):
        list(labelled_rows(path))


def test_labels_are_mapped_merged_and_left_out() -> None:
    rows = [
        Row("a", ("worried", "fear"), space=("worried", "fear", "happy", "odd")),
        Row("b", ("happy", "odd")),
        Row("c"),
        Row("d", ("joy",)),
    ]
    mapped, dropped = map_rows(rows, EKMAN7, label_map={"worried": "fear", "happy": "joy", "odd": None})
    assert [(row.text, row.labels) for row in mapped] == [("a", ("fear",)), ("d", ("joy",))]
    assert mapped[0].space == ("fear", "joy")
    assert (dropped.unlabelled, dropped.by_label, dropped.rows) == (1, {"odd": 1}, 2)


def test_without_a_map_the_labels_are_ours_or_refused() -> None:
    assert map_rows([Row("a", ("joy",)), Row("b", ("neutral",)), Row("c", ())], EKMAN6)[0][1].labels == ("neutral",)
    with pytest.raises(InputError, match=r"lacks: angry, happy; ekman7 has: anger, .*Pass --label-map"):
        map_rows([Row("a", ("happy",)), Row("b", ("angry",))], EKMAN7)
    with pytest.raises(InputError, match="the label map speaks of glad"):
        map_rows([Row("a", ("happy",))], EKMAN7, label_map={"happy": "glad"})


def test_no_row_left_is_an_error_that_counts() -> None:
    with pytest.raises(EmptyInput, match=r"none of 3 rows .* 1 have no annotation for it, 2 have 'odd'"):
        map_rows([Row("a", ("odd",)), Row("b", ("odd",)), Row("c")], EKMAN7, label_map={"odd": None})
    with pytest.raises(EmptyInput):
        map_rows([], EKMAN7)
    with pytest.raises(EmptyInput):
        map_rows([Row("a", ("joy",))], vad.PART)


def test_dimensions_need_no_labels() -> None:
    rows, dropped = map_rows([Row("a", ("whatever",), vad=(0.0, 0.1, 0.2)), Row("b", ())], vad.PART)
    assert [row.text for row in rows] == ["a"] and dropped.unlabelled == 1


def test_a_single_label_set_gives_way_to_its_counterpart() -> None:
    one, two, none = Row("a", ("joy",)), Row("b", ("joy", "neutral")), Row("c", ())
    assert choose_set([one], EKMAN7) is EKMAN7
    assert choose_set([one, two], EKMAN7) is EKMAN6
    assert choose_set([one, none], EKMAN7) is EKMAN6
    assert choose_set([one, two], goemotions28.PART) is goemotions28.PART
    with pytest.raises(InputError, match=r"row 1 has 0 labels, and sentiment3 takes exactly one"):
        choose_set([none], sentiment3.PART)
