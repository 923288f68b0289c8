"""What splitting and checking a user's data promise."""

import json
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from affekt.datasets._labelled import Labelled, labels_of
from affekt.errors import EmptyInput, InputError
from affekt.parts import Row
from affekt.training.checks import check
from affekt.training.near import near_pairs, plain
from affekt.training.split import Split, split_rows

WORDS = {
    "joy": "great lovely nice happy warm sunny",
    "anger": "awful angry bad furious cold rotten",
    "so so": "table bus report desk lamp chair",
}


def word(rng: random.Random) -> str:
    """A word that no other text has."""
    return "".join(rng.choices("abcdefghijklmnopqrstuvwxyz", k=12))


def made(count: int, *, groups: int | None = None, seed: int = 0) -> list[Row]:
    """Rows of three labels, six to three to one, that are all different; `groups` speakers in turn."""
    rng = random.Random(seed)
    rows = []
    for at in range(count):
        label = rng.choices(list(WORDS), [6, 3, 1])[0]
        text = " ".join([*rng.choices(WORDS[label].split(), k=4), word(rng), word(rng)])
        rows.append(Row(text, (label,), group=None if groups is None else f"g{at % groups}", line=at + 1))
    return rows


def parts(split: Split) -> list[tuple[Row, ...]]:
    return [split.train, split.dev, split.test]


def said(rows: Sequence[Row]) -> Counter[str]:
    return Counter(label for row in rows for label in row.labels or ())


# --- near-duplicates


def test_near_duplicates_are_found_and_others_are_not() -> None:
    rng = random.Random(0)
    texts = [" ".join(word(rng) for _ in range(6)) for _ in range(300)]
    texts += [f"{text}!" for text in texts[:50]]
    assert near_pairs(texts).tolist() == [[at, 300 + at] for at in range(50)]


def test_near_duplicates_are_found_without_blanks_between_words() -> None:
    texts = ["我今天真的很高兴因为天气很好", "我今天真的很高兴因为天气很好啊", "他昨天没有来上班老板非常生气", "好", "不好"]
    assert near_pairs(texts).tolist() == [[0, 1]]
    assert near_pairs(texts[:1]).tolist() == near_pairs([]).tolist() == []


def test_a_thousand_texts_of_one_template_hang_together_in_few_pairs() -> None:
    texts = [
        f"your parcel number {at:04d} will be delivered to your door by our driver this afternoon, please stay at home"
        for at in range(1000)
    ]
    pairs = near_pairs(texts)
    assert len(pairs) == len(texts) - 1


def test_case_width_and_blanks_make_no_other_text() -> None:
    assert plain("  Ｓo\u00a0 GOOD！\n") == plain("so good!")


# --- the split


def test_shares_and_labels_are_kept() -> None:
    rows = made(1000)
    split = split_rows(rows, dev=0.1, test=0.2, seed=1)
    assert [len(part) for part in parts(split)] == pytest.approx([700, 100, 200], abs=2)
    assert sorted(row.line or 0 for part in parts(split) for row in part) == list(range(1, 1001))
    for part, share in zip(parts(split), (0.7, 0.1, 0.2), strict=True):
        for label, n in said(rows).items():
            assert said(part)[label] == pytest.approx(share * n, abs=2)
    assert not split.notes


def test_a_split_depends_on_the_seed_and_not_on_the_order() -> None:
    rows = made(200, groups=40)
    one = split_rows(rows, dev=0.1, test=0.1, seed=1)
    assert split_rows(random.Random(5).sample(rows, len(rows)), dev=0.1, test=0.1, seed=1) == one
    assert split_rows(rows, dev=0.1, test=0.1, seed=2) != one


def test_no_group_is_in_two_parts() -> None:
    rows = made(400, groups=30)
    rows = [replace(row, ties=(f"show={at % 60 // 2}",)) for at, row in enumerate(rows)]
    split = split_rows(rows, dev=0.15, test=0.15, seed=0)
    for key in (lambda row: row.group, lambda row: row.ties):
        found = [{key(row) for row in part} for part in parts(split)]
        assert all(found) and sum(map(len, found)) == len(set().union(*found))


def test_rows_that_share_any_of_the_columns_stay_together() -> None:
    rows = [Row(f"{word(random.Random(at))}", ("ab"[at % 2],), group=f"g{at // 2}", ties=(f"who={(at + 1) // 2}",)) for at in range(40)]
    with pytest.raises(InputError, match=r"no row can go to dev .* 40 of 40 rows hang together .* name fewer columns as groups"):
        split_rows(rows, dev=0.1, test=0.1, seed=0)  # the chain g0 – who 1 – g1 – … leaves one piece


def test_the_same_and_nearly_the_same_text_are_in_one_part() -> None:
    rows = made(300)
    again = [replace(row, text=row.text.upper() + " !" * (at % 2)) for at, row in enumerate(rows)]
    split = split_rows([*rows, *again], dev=0.2, test=0.2, seed=0)
    found = [{plain(row.text).rstrip("! ") for row in part} for part in parts(split)]
    assert sum(map(len, found)) == 300


def test_files_of_the_same_content_are_in_one_part(tmp_path: Path) -> None:
    rows = []
    for at in range(60):
        path = tmp_path / f"{at}.wav"
        path.write_bytes(f"{at % 30:04d}".encode())
        rows.append(Row("", ("ab"[at % 2],), path=path))
    split = split_rows(rows, dev=0.2, test=0.2, seed=0)
    found = [{row.path.read_bytes() for row in part if row.path} for part in parts(split)]
    assert all(found) and sum(map(len, found)) == 30


def test_every_label_is_in_train_even_where_one_speaker_has_it() -> None:
    rows = [replace(row, group=f"g{at % 10}") for at, row in enumerate(made(100))]
    rows += [Row(word(random.Random(at)), ("rare",), group="one", line=999) for at in range(300)]
    split = split_rows(rows, dev=0.1, test=0.1, seed=0)
    assert said(split.train)["rare"] == 300 and split.dev and split.test


@pytest.mark.parametrize("seed", range(5))
def test_three_speakers_make_three_parts(seed: int) -> None:
    split = split_rows(made(90, groups=3), dev=0.1, test=0.1, seed=seed)
    assert [len({row.group for row in part}) for part in parts(split)] == [1, 1, 1]
    assert any(note.startswith("dev has 33% of the rows, and not 10%") for note in split.notes)


def test_labels_that_have_one_speaker_each_cannot_be_split() -> None:
    rows = [Row(word(random.Random(at)), (f"label {at % 3}",), group=f"g{at % 3}") for at in range(90)]
    with pytest.raises(InputError, match="all rows with 'label 0', 'label 1', 'label 2' share a group"):
        split_rows(rows, dev=0.1, test=0.1, seed=0)


def test_a_template_does_not_hold_all_rows_together() -> None:
    rows = [Row(f"your parcel number {at:03d} will be delivered to your door this afternoon", ("ab"[at % 2],)) for at in range(100)]
    split = split_rows(rows, dev=0.1, test=0.1, seed=0)
    assert [len(part) for part in parts(split)] == [80, 10, 10]
    assert "100 of 100 rows hang together by equal or nearly equal texts" in split.notes[0]


def test_a_stock_phrase_does_not_hold_all_dialogues_together() -> None:
    rng = random.Random(0)
    rows = [Row("okay." if at % 5 == 0 else word(rng), ("ab"[at % 2],), group=f"d{at // 5}") for at in range(300)]
    split = split_rows(rows, dev=0.1, test=0.1, seed=0)
    assert [len(part) for part in parts(split)] == pytest.approx([240, 30, 30], abs=5)
    assert len({row.group for part in parts(split) for row in part}) == sum(len({row.group for row in part}) for part in parts(split))
    assert "300 of 300 rows hang together by equal" in split.notes[0]
    alone = split_rows([replace(row, group=None) for row in rows], dev=0.1, test=0.1, seed=0)
    assert sum("okay." in {row.text for row in part} for part in parts(alone)) == 1 and not alone.notes


def test_a_part_of_no_share_is_empty() -> None:
    assert [len(part) for part in parts(split_rows(made(20), dev=0, test=0, seed=0))] == [20, 0, 0]
    assert [len(part) > 0 for part in parts(split_rows(made(20), dev=0, test=0.2, seed=0))] == [True, False, True]


@pytest.mark.parametrize(("dev", "test"), [(0.5, 0.5), (-0.1, 0.1), (1.0, 0.0)])
def test_shares_that_leave_nothing_are_refused(dev: float, test: float) -> None:
    with pytest.raises(InputError, match="must be shares"):
        split_rows(made(20), dev=dev, test=test, seed=0)
    with pytest.raises(EmptyInput):
        split_rows([], dev=0.1, test=0.1, seed=0)


def test_the_split_of_the_data_is_obeyed_and_a_missing_dev_cut_from_train() -> None:
    rows = [replace(row, split="test" if at % 5 == 0 else "train" if at % 2 else None) for at, row in enumerate(made(200))]
    split = split_rows(rows, dev=0.1, test=0.3, seed=0)
    assert {row.split for row in split.test} == {"test"} and len(split.test) == 40
    assert len(split.dev) == pytest.approx(16, abs=1) and not any(row.split == "test" for row in split.dev)
    whole = split_rows([replace(row, split="dev" if row.split is None else row.split) for row in rows], dev=0.1, test=0.3, seed=0)
    assert {row.split for row in whole.dev} == {"dev"} and len(whole.train) == 80


def test_the_split_of_the_data_must_leave_all_labels_in_train() -> None:
    rows = [Row("a", ("joy",), split="train"), Row("b", ("fear",), split="test")]
    with pytest.raises(InputError, match="only these have 'fear'"):
        split_rows(rows, dev=0.1, test=0.1, seed=0)
    with pytest.raises(InputError, match="none is train"):
        split_rows(rows[1:], dev=0.1, test=0.1, seed=0)


# --- the checks


def test_the_checks_count_labels_languages_and_lengths() -> None:
    rows = [replace(row, lang="en" if at % 4 else "de") for at, row in enumerate(made(400))]
    labels = labels_of(rows, name="moods")
    found = check(split_rows(rows, dev=0.1, test=0.1, seed=0), labels, read=Labelled(tuple(rows), ((7, "not JSON"),), "in.csv"))
    assert sum(found.rows.values()) == 400 and found.languages == {"en": 300, "de": 100}
    assert {part: sum(counts.values()) for part, counts in found.balance.items()} == found.rows
    assert found.lengths["most"] == max(len(row.text) for row in rows)
    assert not any(found.leaks.values()) and not found.conflicts
    assert json.loads(json.dumps(found.as_json()))["broken"] == [[7, "not JSON"]]
    text = "\n".join(found.lines())
    assert "so so" in text and "row 7: not JSON" in text


def test_leaks_between_given_parts_are_counted() -> None:
    rows = [replace(row, split="train" if at < 80 else "test", group=f"g{at}", who=f"w{at}") for at, row in enumerate(made(100))]
    rows[90] = replace(rows[90], text=rows[1].text.upper())
    rows[91] = replace(rows[91], text=rows[2].text + "!")
    rows[92], rows[93] = replace(rows[92], group="g3"), replace(rows[93], who="w4")
    found = check(split_rows(rows, dev=0, test=0.2, seed=0), labels_of(rows, name="moods"))
    assert found.leaks == {"group": 1, "speaker": 1, "text or file": 1, "near-duplicate": 2}
    assert found.leaking == (91, 92, 93, 94)
    assert any("share a near-duplicate" in line for line in found.lines())


def test_the_same_text_with_other_labels_is_listed_and_not_quoted() -> None:
    rows = [
        *made(60),
        Row("The secret words", ("joy",), line=61),
        Row("the  SECRET words", ("anger",), line=62),
        Row("A", ("joy",), line=63),
    ]
    found = check(split_rows(rows, dev=0.1, test=0, seed=0), labels_of(rows, name="moods"))
    assert (found.conflicts, found.conflicting) == (((61, 62),), 1)
    assert "61 and 62" in "\n".join(found.lines()) and "secret" not in "\n".join(found.lines()).lower()
    assert "secret" not in json.dumps(found.as_json()).lower()


def test_wrong_labels_are_suspected() -> None:
    pytest.importorskip("sklearn")
    rows, wrong = made(600), set(range(0, 600, 40))
    rows = [replace(row, labels=("anger" if row.labels == ("joy",) else "joy",)) if at in wrong else row for at, row in enumerate(rows)]
    found = check(split_rows(rows, dev=0.1, test=0.1, seed=0), labels_of(rows, name="moods"))
    lines = {one.line - 1 for one in found.suspects[:15]}
    assert len(lines & wrong) >= 14
    assert found.suspects[0].given != found.suspects[0].likelier
    assert found.suspected < 30


def test_clean_labels_are_hardly_suspected() -> None:
    pytest.importorskip("sklearn")
    rows = made(600)
    assert check(split_rows(rows, dev=0.1, test=0.1, seed=0), labels_of(rows, name="moods")).suspected <= 3


def test_labels_that_are_rare_or_absent_are_warned_of() -> None:
    rows = [*made(900), *(Row(word(random.Random(at)), ("rare",), line=999) for at in range(2))]
    found = check(split_rows(rows, dev=0.1, test=0.1, seed=0), labels_of(rows, name="moods"))
    warned = "\n".join(found.warnings)
    assert "fewer than 5 rows in train, too few to learn from: 'rare' 2" in warned
    assert "more than 100 to 1" in warned and "no row of dev has 'rare'" in warned


def test_many_broken_rows_are_warned_of() -> None:
    rows = made(80)
    read = Labelled(tuple(rows), tuple((at, "not JSON") for at in range(20)), "in.csv")
    assert any(
        "20% of the rows" in one
        for one in check(split_rows(rows, dev=0.1, test=0.1, seed=0), labels_of(rows, name="m"), read=read).warnings
    )


def test_rows_of_several_labels_are_checked_too() -> None:
    rows = [replace(row, labels=((), ("joy", "anger"), ("anger",))[at % 3]) for at, row in enumerate(made(90))]
    split = split_rows(rows, dev=0.2, test=0.2, seed=0)
    found = check(split, labels_of(rows, name="moods"))
    assert found.balance["train"]["none"] == pytest.approx(18, abs=1) and not found.suspects
    assert said(split.dev)["anger"] == pytest.approx(12, abs=1)
