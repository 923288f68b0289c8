"""What reproducing promises: a figure that became worse is found, what was not measured is said, and every shipped model has a recipe."""

import json
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from affekt.cli.main import app
from affekt.errors import InputError
from affekt.evaluation import again, published
from affekt.evaluation.again import code_of, compare, measure
from affekt.evaluation.published import AREAS, WEIGHTS, Figure, Row, figures, recipe_of, stale

ROOT = Path(__file__).parents[1]
SHIPPED = sorted(folder for folder in WEIGHTS.iterdir() if (folder / "card.json").is_file())
RESULT = {
    "n": 1000,
    "decision": "argmax",
    "accuracy": 0.8,
    "macro_f1": 0.7,
    "ua": None,
    "ece": 0.02,
    "interval": [0.66, 0.74],
    "by_lang": {"en": {"n": 600, "macro_f1": 0.75, "accuracy": 0.8}, "zh": {"n": 400, "macro_f1": 0.6, "accuracy": 0.8}},
    "mean_over_languages": 0.675,
}
run = CliRunner()


def _row(**change: Any) -> Row:
    return Row("text", "rows, text_affekt", figures({**RESULT, **change}), "bench/results/text.json")


def _verdicts(row: Row, result: dict[str, Any], *, quick: bool = False) -> dict[str, str]:
    return {line.figure: line.verdict for line in compare(row, {"figures": result}, quick=quick)}


# --- figures beside each other


def test_the_numbers_of_a_result_are_its_figures() -> None:
    found = figures(RESULT)
    assert set(found) == {"accuracy", "macro_f1", "ece", "mean_over_languages", "macro_f1, en", "macro_f1, zh"}
    assert found["macro_f1"] == Figure(0.7, 1000, (0.66, 0.74)) and found["macro_f1, zh"] == Figure(0.6, 400)
    assert set(figures(RESULT, languages=False)) == {"accuracy", "macro_f1", "ece"}
    vad = figures({"n": 9, "pearson": {"valence": 0.6, "arousal": 0.4}, "interval": [0.3, 0.7], "by_lang": {"en": {"n": 9}}})
    assert vad["pearson, mean"].value == pytest.approx(0.5) and vad["pearson, mean"].interval == (0.3, 0.7)
    nested = figures({"alone": {"text": {"ece": 0.1, "n": 3}}, "moments": 20, "items": {"text": 4}, "difference": {"ece": [1, 2]}})
    assert nested == {"alone, text, ece": Figure(0.1)}


def test_a_figure_that_became_worse_is_found() -> None:
    assert set(_verdicts(_row(), RESULT).values()) == {"held"}
    worse = {**RESULT, "macro_f1": 0.68, "ece": 0.04, "accuracy": 0.9}
    found = _verdicts(_row(), worse)
    assert {name: found[name] for name in ("macro_f1", "ece", "accuracy")} == {"macro_f1": "worse", "ece": "worse", "accuracy": "better"}
    assert code_of(compare(_row(), {"figures": worse}), []) == 1
    assert code_of(compare(_row(), {"figures": {**RESULT, "macro_f1": 0.6901}}), []) == 0  # within a point


def test_where_few_are_judged_two_answers_may_turn_out_otherwise() -> None:
    few = Row("text", "few", {"accuracy": Figure(0.5, 100)}, "x")
    assert compare(few, {"figures": {"accuracy": 0.481, "n": 100}})[0].verdict == "held"
    assert compare(few, {"figures": {"accuracy": 0.47, "n": 100}})[0].verdict == "worse"


def test_what_is_counted_may_not_differ_in_either_direction() -> None:
    counted = Row("face", "people in each clip", {"a.mp4": Figure(2), "b.mp4": Figure(1)}, "x", exact=True)
    assert _verdicts(counted, {"a.mp4": 3, "b.mp4": 1}) == {"a.mp4": "worse", "b.mp4": "held"}
    assert _verdicts(counted, {"a.mp4": 1, "b.mp4": 1}) == {"a.mp4": "worse", "b.mp4": "held"}


def test_other_data_and_figures_that_are_gone_are_no_success() -> None:
    assert _verdicts(_row(), {**RESULT, "n": 900})["accuracy"] == "failed"
    assert _verdicts(_row(), {**RESULT, "ece": None})["ece"] == "failed"
    (line,) = compare(_row(), {"failed": "WeightsError: broken"})
    assert line.verdict == "failed" and code_of([line], []) == 1


def test_a_quick_run_compares_what_so_few_rows_can_tell() -> None:
    short = {"n": 250, "by_lang": {"en": {"n": 150, "macro_f1": 0.1}, "zh": {"n": 100, "macro_f1": 0.1}}, "mean_over_languages": 0.1}
    found = {line.figure: line for line in compare(_row(), {"figures": {**RESULT, "macro_f1": 0.63, "ece": 0.2, **short}}, quick=True)}
    assert set(found) == {"accuracy", "macro_f1"}
    assert found["macro_f1"].allowed == pytest.approx(0.08)  # twice the half of the interval, for a quarter of the rows
    assert found["accuracy"].allowed == pytest.approx(1.96 * (0.8 * 0.2 / 250) ** 0.5)
    assert {line.verdict for line in found.values()} == {"held"}
    worse = compare(_row(), {"figures": {**RESULT, "macro_f1": 0.61, **short}}, quick=True)
    assert [line.figure for line in worse if line.verdict == "worse"] == ["macro_f1"]
    (left,) = compare(_row(), {}, quick=True)
    assert left.verdict == "left out of --quick" and code_of([left], []) == 0


def test_what_was_not_measured_shows_in_the_exit_code() -> None:
    (absent,) = compare(_row(), {"left_out": "no file"})
    assert (absent.verdict, absent.why, code_of([absent], [])) == ("not measured", "no file", 3)
    (silent,) = compare(_row(), {})
    assert silent.verdict == "not measured"
    (rebuilt,) = compare(Row("text", "baseline", {}, "x", "python train.py"), {})
    assert (rebuilt.verdict, rebuilt.why, code_of([rebuilt], [])) == ("needs training", "python train.py", 0)
    assert code_of([absent, rebuilt], ["README differs"]) == 1


# --- the command


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout whose bench says what its file `says` holds, with one published row."""
    for folder in ("bench", "recipes"):
        (tmp_path / folder).mkdir()
    program = "import pathlib, sys\nprint(pathlib.Path(__file__).with_name(sys.argv[1]).read_text(), end='')\n"
    (tmp_path / "bench" / "again.py").write_text(program)
    (tmp_path / "bench" / "readme").write_text("")
    for area in AREAS:
        (tmp_path / "bench" / area).write_text("")
    monkeypatch.setenv("AFFEKT_DATA", str(tmp_path))
    monkeypatch.setattr("affekt.cli.reproduce.checkout", lambda: tmp_path)
    monkeypatch.setattr("affekt.cli.reproduce.published", lambda root, area: [_row()] if area == "text" else [])
    monkeypatch.setattr("affekt.cli.reproduce.stale", lambda root: [])
    return tmp_path


def _says(made: Path, what: str, *told: dict[str, Any]) -> None:
    (made / "bench" / what).write_text("".join(json.dumps(one) + "\n" for one in told))


def test_the_command_says_what_held_and_what_did_not(made: Path) -> None:
    _says(made, "text", {"row": "rows, text_affekt", "figures": RESULT})
    done = run.invoke(app, ["reproduce", "--only", "text"])
    assert done.exit_code == 0 and "6 held; 0 contradictions" in done.output
    _says(made, "text", {"row": "rows, text_affekt", "figures": {**RESULT, "macro_f1": 0.5}})
    done = run.invoke(app, ["reproduce"])
    assert done.exit_code == 1
    assert re.search(r"rows, text_affekt, macro_f1 +0\.7000 +0\.5000 +0\.0100 worse", done.output)
    told = json.loads(run.invoke(app, ["reproduce", "--json"]).stdout)
    assert told["code"] == 1 and {line["verdict"] for line in told["figures"]} == {"held", "worse"}


def test_without_data_the_command_says_so(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AFFEKT_DATA")
    done = run.invoke(app, ["reproduce"])
    assert done.exit_code == 3 and "not measured: text: rows, text_affekt: AFFEKT_DATA is not set" in done.output


def test_a_bench_that_breaks_is_a_failure(made: Path) -> None:
    (made / "bench" / "text").unlink()
    done = run.invoke(app, ["reproduce"])
    assert done.exit_code == 1 and "failed: text: rows, text_affekt: FileNotFoundError" in done.output


def test_a_table_of_readme_that_differs_is_a_contradiction(made: Path) -> None:
    _says(made, "text", {"row": "rows, text_affekt", "figures": RESULT})
    _says(made, "readme", {"row": "tables of bench/text.py", "figures": {"differing": ["quality"]}})
    done = run.invoke(app, ["reproduce"])
    assert done.exit_code == 1 and "contradiction: README's table quality" in done.output


def test_an_area_that_is_none_is_refused(made: Path) -> None:
    done = run.invoke(app, ["reproduce", "--only", "smell"])
    assert isinstance(done.exception, InputError) and "there are: text, face, speech, fusion" in str(done.exception)


def test_outside_a_checkout_it_says_that_it_needs_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(published.affekt, "__file__", str(tmp_path / "site" / "affekt" / "__init__.py"))
    with pytest.raises(InputError, match="bench/ and recipes/ are not in the package"):
        published.checkout()


# --- what stands in this checkout


def test_every_file_of_results_is_reproduced_or_says_what_rebuilds_it() -> None:
    files = {str(file.relative_to(ROOT)) for file in [*ROOT.glob("bench/results/*.json"), *ROOT.glob("recipes/*/*/result.json")]}
    rows = [row for area in AREAS for row in published.published(ROOT, area)]
    assert files - {row.source for row in rows} == {f"bench/results/{name}.json" for name in ("video", "server", "console")}, (
        "which have speeds alone"
    )
    names = [row.name for row in rows]
    assert len(names) == len(set(names)), "a row is known by its name"
    assert all(row.figures or row.rebuild for row in rows)


def test_results_and_cards_are_of_what_ships_and_do_not_contradict_one_another() -> None:
    assert stale(ROOT) == []


@pytest.mark.skipif(not all(map(find_spec, ("av", "numpy"))), reason="av is not installed: pip install 'affekt[face]'")
def test_the_tables_of_readme_are_what_the_results_say() -> None:
    told = dict(measure(ROOT, "readme"))
    assert told["tables of bench/text.py"] == {"figures": {"differing": []}}
    assert [one for one in told.values() if one.get("figures", {}).get("differing") or "failed" in one] == []


@pytest.mark.parametrize("folder", SHIPPED, ids=lambda folder: folder.name)
def test_every_shipped_model_names_the_recipe_that_rebuilds_it(folder: Path) -> None:
    recipe, programs = recipe_of(folder)
    page = (ROOT / "recipes" / recipe / "README.md").read_text(encoding="utf-8")
    commands = re.findall(r"^python (\S+\.py)", page, re.MULTILINE)
    assert commands and set(programs) <= set(commands), "the README has the commands in order"
    assert all((ROOT / "recipes" / recipe / program).is_file() for program in (*programs, *commands))


def test_a_card_without_a_recipe_is_refused(tmp_path: Path) -> None:
    (tmp_path / "card.json").write_text(json.dumps({"facts": {"training": "by hand"}}))
    with pytest.raises(InputError, match="names no recipe; it says: 'by hand'"):
        recipe_of(tmp_path)


def test_what_measures_again_names_its_rows_as_they_are_published(monkeypatch: pytest.MonkeyPatch) -> None:
    for library in ("av", "sklearn"):
        pytest.importorskip(library, reason=f"{library} is not installed: pip install 'affekt[bench]'")
    for area in AREAS:
        code = (
            f"import sys; sys.path.insert(0, {str(ROOT / 'bench')!r}); import again, pathlib; "
            f"print(*(name for name, _ in getattr(again, {area!r})(None, pathlib.Path())), sep='\\n')"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert set(done.stdout.splitlines()) == {row.name for row in published.published(ROOT, area) if not row.rebuild}
    assert again.QUICK == 500
