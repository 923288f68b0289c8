"""The workbench's promises: labelled data in, a model folder out that reads; or one clear sentence, and nothing half done."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs torch")
pytest.importorskip("accelerate", reason="training needs accelerate")
pytest.importorskip("peft", reason="LoRA needs peft")
from affekt import Reader
from affekt.encoders._card import read_card
from affekt.encoders._open import open_encoder
from affekt.errors import AffektError, InputError, UnknownName
from affekt.results import Clip
from affekt.training.loop import CHECKPOINT
from affekt.training.recipe import read_recipe, recipe_of
from affekt.training.workbench import prepare, train
from training_made import LABELS, rows

LSTM = {"family": "lstm", "optimiser": {"epochs": 3, "batch": 8}}


def table(path: Path, *, count: int = 90, extra: tuple[tuple[str, str, str], ...] = ()) -> Path:
    """A CSV of texts, moods and speakers."""
    with path.open("w", newline="", encoding="utf-8") as file:
        out = csv.writer(file)
        out.writerow(["comment", "emotion", "speaker"])
        out.writerows((row.text, row.labels[0], row.group) for row in rows(count) if row.labels)
        out.writerows(extra)
    return path


def affekt(*arguments: Any, **options: Any) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "affekt", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env={**os.environ, "CUDA_VISIBLE_DEVICES": ""}, **options)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A head over the shipped encoder, by the command line."""
    folder = tmp_path_factory.mktemp("trained")
    found = affekt("train", "--data", table(folder / "moods.csv"), "--labels-from", "data", "-o", folder / "model", "--json")
    assert found.returncode == 0, found.stderr[-2000:]
    told = json.loads(found.stdout)
    assert told["folds"]["macro_f1"] > 0.9
    return folder / "model"


def test_the_folder_is_a_model_in_the_datas_own_words(trained: Path) -> None:
    reading = Reader(models={"text": str(trained)}).read("what an awful, bad day").readings[0]
    assert set(reading.scores) == set(LABELS.labels)
    assert reading.top is not None and reading.top[0] == "生气"
    assert reading.model.startswith("model@")


def test_the_folder_is_a_few_hundred_kilobytes(trained: Path) -> None:
    assert sum(file.stat().st_size for file in trained.rglob("*") if file.is_file()) < 300_000


def test_the_card_says_what_was_learned_and_how_well(trained: Path) -> None:
    card = read_card(trained)
    assert card.facts["rows"]["train"] + card.facts["rows"]["dev"] == 90
    assert card.facts["data"] == ["moods.csv"]
    assert card.facts["measured"]["folds"]["n"] == 90
    assert card.sets["model"].labels and not (trained.parent / "model.training").exists()


def test_no_text_of_the_data_is_in_the_card(trained: Path) -> None:
    told = (trained / "card.json").read_text(encoding="utf-8")
    assert not any(row.text in told for row in rows())


def test_a_model_that_is_there_is_not_written_over(trained: Path) -> None:
    found = affekt("train", "--data", trained.parent / "moods.csv", "-o", trained)
    assert found.returncode == 2
    assert "--overwrite" in found.stderr


def test_lora_says_in_eight_bits_what_torch_says(tmp_path: Path) -> None:
    recipe = recipe_of({"model": {"rank": 4}, "optimiser": {"epochs": 2, "batch": 16}, "split": {"dev": 0.2}})
    made = train(table(tmp_path / "moods.csv", count=60), out=tmp_path / "lora", recipe=recipe)
    assert made.measured["dev"]["macro_f1"] > 0.6
    encoder = open_encoder(str(tmp_path / "lora"))
    assert encoder.changes  # type: ignore[attr-defined]
    texts = [row.text for row in rows(12, seed=4)]
    clips = [Clip("text", text, 0, len(text)) for text in texts]
    raw = encoder(clips, labels=["lora"])["lora"]
    held = encoder.weights  # type: ignore[attr-defined]
    from affekt.encoders._tokens import PAD, padded
    from affekt.encoders.text_affekt import SHIPPED
    from affekt.training.text_encoder import MATRICES, from_onnx

    body = from_onnx(SHIPPED / "model.onnx").eval()
    for at, layer in enumerate(body.layers):
        for part in MATRICES:
            name = f"layer{at}.{part}"
            getattr(layer, part).weight.data += torch.from_numpy((held[f"{name}.a"] @ held[f"{name}.b"]).T)
    ids, mask, _ = map(torch.from_numpy, padded([encoder.network.spelling.window(text) for text in texts], PAD))  # type: ignore[attr-defined]
    with torch.no_grad():
        pooled = (body.pooled(ids, mask).numpy() - held["mean"]) / held["spread"]
    exact = pooled @ held["head.lora.weight"] + held["head.lora.bias"]
    assert np.abs(raw - exact).max() < 0.15 * np.abs(exact).max()  # what eight bits cost
    assert (raw.argmax(1) == exact.argmax(1)).mean() > 0.9


def test_a_killed_command_goes_on_to_the_same_model(tmp_path: Path) -> None:
    data = table(tmp_path / "moods.csv")
    options = ("--family", "lstm", "--set", "optimiser.epochs=40", "--set", "optimiser.batch=8", "--set", "optimiser.patience=0")
    options += ("--set", "optimiser.checkpoint_minutes=0")
    assert affekt("train", "--data", data, *options, "-o", tmp_path / "whole" / "m").returncode == 2  # its folder is not there
    for name in ("whole", "cut"):
        (tmp_path / name).mkdir()
    assert affekt("train", "--data", data, *options, "-o", tmp_path / "whole" / "m").returncode == 0
    command = [sys.executable, "-m", "affekt", "train", "--data", str(data), *options, "-o", str(tmp_path / "cut" / "m")]
    running = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    checkpoint = tmp_path / "cut" / "m.training" / CHECKPOINT
    deadline = time.monotonic() + 120
    while not checkpoint.is_file() and running.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    running.send_signal(signal.SIGKILL)
    running.wait()
    assert checkpoint.is_file() and not (tmp_path / "cut" / "m").exists()
    refused = affekt(*command[3:])
    assert refused.returncode == 2 and "--resume" in refused.stderr
    again = affekt(*command[3:], "--resume")
    assert again.returncode == 0 and "goes on at step" in again.stderr, again.stderr[-2000:]
    whole, cut = read_card(tmp_path / "whole" / "m"), read_card(tmp_path / "cut" / "m")
    assert whole.revision == cut.revision
    assert whole.facts["measured"] == cut.facts["measured"]


def test_two_processes_make_one_model(tmp_path: Path) -> None:
    data = table(tmp_path / "moods.csv")
    settings = ("--set", "optimiser.epochs=30", "--set", "optimiser.batch=8")
    found = affekt("train", "--data", data, "--family", "lstm", *settings, "-o", tmp_path / "m", "--processes", "2", timeout=300)
    assert found.returncode == 0, found.stderr[-3000:]
    assert read_card(tmp_path / "m").facts["measured"]["dev"]["macro_f1"] > 0.6
    assert found.stdout.count("is whole") == 1


def test_a_search_keeps_the_best_of_its_trials(tmp_path: Path) -> None:
    pytest.importorskip("optuna")
    recipe = recipe_of({"search": {"minutes": 2, "trials": 3}})
    made = train(table(tmp_path / "moods.csv", count=60), out=tmp_path / "m", recipe=recipe)
    assert made.card.facts["search"]["trials"] == 3
    assert made.card.name == "m" and read_card(tmp_path / "m") == made.card
    assert not (tmp_path / "m.training").exists()


def test_a_teacher_is_learned_from(tmp_path: Path, trained: Path) -> None:
    recipe = recipe_of({**LSTM, "labels": "data", "name": "model", "teacher": {"model": str(trained), "share": 0.5}})
    made = train(table(tmp_path / "moods.csv"), out=tmp_path / "pupil", recipe=recipe)
    assert made.measured["dev"]["n"] > 0


def test_changed_texts_are_learned_from(tmp_path: Path) -> None:
    recipe = recipe_of({**LSTM, "augment": {"dropout": 0.2, "typing": 0.1}})
    assert train(table(tmp_path / "moods.csv"), out=tmp_path / "m", recipe=recipe).measured["dev"]["n"] > 0
    with pytest.raises(InputError, match="paraphraser"):
        train(tmp_path / "moods.csv", out=tmp_path / "n", recipe=recipe_of({**LSTM, "augment": {"paraphrase": 0.5}}))


def test_checking_looks_and_trains_nothing(tmp_path: Path) -> None:
    found = affekt("train", "--data", table(tmp_path / "moods.csv"), "--check")
    assert found.returncode == 0
    assert "生气" in found.stdout and "train" in found.stdout
    assert [one.name for one in tmp_path.iterdir()] == ["moods.csv"]


def test_the_columns_that_are_read_are_told_before_anything_else(tmp_path: Path) -> None:
    data, told = [table(tmp_path / name) for name in ("moods.csv", "more.csv")], list[str]()
    prepare(data, recipe=recipe_of({}), name="moods", tell=told.append)
    assert told[:2] == [f"{path}: text from 'comment', label from 'emotion', group from 'speaker'" for path in data]


def test_speakers_are_never_shared(tmp_path: Path) -> None:
    ready = prepare(table(tmp_path / "moods.csv"), recipe=recipe_of({"split": {"dev": 0.2, "test": 0.2}}), name="moods")
    groups = [{row.group for row in part} for part in (ready.split.train, ready.split.dev, ready.split.test)]
    assert all(groups) and not (groups[0] & groups[1] or groups[0] & groups[2] or groups[1] & groups[2])


def test_broken_rows_are_named_and_the_rest_is_learned(tmp_path: Path) -> None:
    data = table(tmp_path / "moods.csv", extra=(("", "生气", "s1"),) * 5 + (("no mood", "", "s2"),) * 4)
    lines: list[str] = []
    ready = prepare(data, recipe=recipe_of({}), name="moods", tell=lines.append)
    assert len(ready.split.train) + len(ready.split.dev) == 90
    assert any("9" in line and "91" in line for line in lines), lines


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("text,label\n" + "a b c,joy\n" * 3 + "d e f,joy\n" * 3, "joy"),
        ("text,label\na b,joy\nc d,joy\ne f,anger\n", "anger"),
        ("text,feeling_of_it\na b,joy\n", "column"),
        ("", "empty|nothing|no "),
    ],
)
def test_data_that_teach_nothing_are_refused_in_a_sentence(tmp_path: Path, content: str, says: str) -> None:
    (tmp_path / "d.csv").write_text(content, encoding="utf-8")
    with pytest.raises(AffektError, match=says):
        train(tmp_path / "d.csv", out=tmp_path / "m")
    assert [one.name for one in tmp_path.iterdir()] == ["d.csv"]


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"family": "transformer"}, "adapter"),
        ({"model": {"rnk": 3}}, "rank"),
        ({"optimiser": {"epochs": 0}}, "epochs"),
        ({"loss": {"kind": "hinge"}}, "focal"),
        ({"labels": "ekman8"}, "ekman7"),
        ({"labels": "ekman7"}, "label"),
        ({"teacher": {"model": "nobody"}}, "nobody"),
    ],
)
def test_a_recipe_that_cannot_be_is_refused_before_anything_is_written(tmp_path: Path, given: dict[str, Any], says: str) -> None:
    data = table(tmp_path / "moods.csv")
    with pytest.raises(AffektError, match=says):
        train(data, out=tmp_path / "m", recipe=recipe_of(given))
    assert [one.name for one in tmp_path.iterdir()] == ["moods.csv"]


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    data = table(tmp_path / "moods.csv")
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="file"):
        train(data, out=tmp_path / "file" / "m")


def test_a_recipe_file_names_files_beside_itself(tmp_path: Path) -> None:
    table(tmp_path / "moods.csv")
    (tmp_path / "r.toml").write_text('data = "moods.csv"\nseed = 5\n[optimiser]\nepochs = 2\nbatch = 4\n', encoding="utf-8")
    recipe = read_recipe(tmp_path / "r.toml", optimiser={"epochs": 9})
    assert recipe.data == (str(tmp_path / "moods.csv"),)
    assert recipe.optimiser == {"epochs": 9, "batch": 4}
    (tmp_path / "bad.toml").write_text("data = [", encoding="utf-8")
    with pytest.raises(InputError, match="TOML"):
        read_recipe(tmp_path / "bad.toml")
    with pytest.raises(InputError, match="epoch"):
        recipe_of({"epoch": 3})


def test_an_unknown_family_lists_those_there_are() -> None:
    from affekt.training.job import find

    with pytest.raises(UnknownName, match="encoder"):
        find("text", "gru")
