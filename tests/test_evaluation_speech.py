"""What judging a speech model on a manifest promises: a strictly causal curve, speakers never shared, errors that name the line."""

import csv
import json
import subprocess
import sys
import tomllib
import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest

for library in ("av", "torch", "onnx", "safetensors"):
    pytest.importorskip(library, reason=f"{library} is not installed; it comes with the speech or the train extra")

import torch

from affekt.encoders import speech_affekt
from affekt.encoders._card import write_card
from affekt.errors import BadRow, EmptyInput, InputError, MissingExtra
from affekt.evaluation import recordings
from affekt.evaluation.heard import curve
from affekt.evaluation.manifest import own_map, read_manifest
from affekt.evaluation.recordings import evaluate_recordings
from affekt.export.speech_onnx import Head, export
from affekt.labels import ekman7, sentiment3, vad
from affekt.parts import Calibration, Card
from affekt.preprocessing.personal import Population
from affekt.preprocessing.speech import EDGE, trimmed
from affekt.training.protocols import DRAWS, STRENGTH, Fitted, evaluate_refitted, folds_of, recall
from affekt.training.speech_encoder import SpeechEncoder

LABELS = ekman7.PART.labels
EMOTIONS = {"joy": 900.0, "sadness": 300.0, "neutral": None}  # Hz; None is noise
SPEAKERS, TAKES = 4, 3


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("model")
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    ones = np.ones(256, np.float32)
    emotions = rng.normal(size=(7, 256)).astype(np.float32) / 10
    population = Population(0 * ones, 0.1 * ones, ones, emotions)
    head = Head("ekman7", rng.normal(size=(256, 7)).astype(np.float32) / 4, np.zeros(7, np.float32), population)
    export(SpeechEncoder(width=128, layers=1, heads=2).eval(), head, folder)
    plain = Calibration((1.0,) * 7, (0.0,) * 7)
    card = Card("tiny", "00000000", "speech", ("en",), {"weights": "none"}, True, {"ekman7": plain}, {"family": "speech_affekt"})
    write_card(card, folder)
    return str(folder)


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, str]]:
    """Lines of a manifest of tones and noise: each speaker adds a hum of their own."""
    folder, rng = tmp_path_factory.mktemp("sounds"), np.random.default_rng(0)
    lines = []
    for speaker in range(SPEAKERS):
        for label, hertz in EMOTIONS.items():
            for take in range(TAKES):
                at = np.arange(8000) / 16_000
                sound = rng.normal(size=8000) if hertz is None else np.sin(2 * np.pi * hertz * (1 + 0.02 * take) * at)
                sound = 0.2 * sound + 0.1 * np.sin(2 * np.pi * 60 * (1 + speaker) * at)
                path = folder / f"{speaker}-{label}-{take}.wav"
                _write(path, np.concatenate([np.zeros(3200), sound]))
                gender = "female" if speaker % 2 else "male"
                row = {"path": str(path), "label": label, "speaker": str(speaker), "gender": gender, "language": "de" if speaker else "pl"}
                lines.append({**row, "corpus": "", "split": "dev" if speaker == 0 else "train"})
    return lines


def _write(path: Path, samples: np.ndarray) -> None:
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(16_000)
        out.writeframes((samples * 32767).astype("<i2").tobytes())


def _manifest(folder: Path, lines: list[dict[str, str]]) -> Path:
    path = folder / "manifest.csv"
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(lines[0]))
        writer.writeheader()
        writer.writerows(lines)
    return path


@pytest.fixture
def manifest(tmp_path: Path, recorded: list[dict[str, str]]) -> Path:
    return _manifest(tmp_path, recorded)


# --- a model as it is


def test_a_report_has_what_texts_get_and_groups_and_the_curve(model: str, manifest: Path) -> None:
    steps: list[float] = []
    found = evaluate_recordings(manifest, model=model, heard=(0, 2), report=lambda share, _: steps.append(share))
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert {"model", "labels", "n", "accuracy", "macro_f1", "ua", "ece", "per_label", "interval", "by_lang", "too_long"} <= set(found)
    assert (found["model"], found["n"], found["dropped"], found["decision"]) == ("tiny@00000000", 36, 0, "argmax")
    assert {group: list(values) for group, values in found["by_group"].items()} == {
        "gender": ["female", "male"],
        "language": ["de", "pl"],
        "speaker": ["0", "1", "2", "3"],
    }
    for values in found["by_group"].values():
        assert sum(one["n"] for one in values.values()) == 36
        assert sum(one["n"] * one["accuracy"] for one in values.values()) == pytest.approx(36 * found["accuracy"])
        assert all({"n", "ua", "accuracy", "ece"} <= set(one) for one in values.values())
    assert list(found["heard"]) == ["0", "2"] and found["heard"]["0"]["heard_mean"] == 0
    for key in ("ua", "accuracy", "macro_f1", "ece"):
        assert found["heard"]["0"][key] == pytest.approx(found[key])
    assert found["heard"]["2"]["heard_mean"] == 2
    assert steps == sorted(steps) and steps[-1] == 1 and len(steps) == 2 * 36


def test_the_same_manifest_gives_the_same_numbers_and_the_first_level_is_what_is_reported(model: str, manifest: Path) -> None:
    first, again = (evaluate_recordings(manifest, model=model, heard=(3, 0)) for _ in range(2))
    assert first == again
    assert first["ece"] == first["heard"]["3"]["ece"] != first["heard"]["0"]["ece"]


def test_nothing_heard_is_what_the_model_says_of_strangers(model: str, manifest: Path) -> None:
    entries, _ = read_manifest(manifest, ekman7.PART)
    found = evaluate_recordings(manifest, model=model)
    encoder = speech_affekt.PART.load(Path(model), 1)
    hits = []
    for entry in entries:
        with wave.open(str(entry.path)) as file:
            samples = np.frombuffer(file.readframes(10**6), "<i2").astype(np.float32) / 32768
        raw = encoder.hear(trimmed(samples), labels=["ekman7"])[1]["ekman7"]
        hits.append(LABELS[raw.argmax()] == entry.label)
    assert found["accuracy"] == pytest.approx(np.mean(hits)) and list(found["heard"]) == ["0"]


def test_an_encoder_that_rejudges_hears_once_and_says_the_same(model: str, manifest: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = speech_affekt.PART.load(Path(model), 1)

    class Listening:
        """The same, by hearing alone."""

        card, population, cut, heard = encoder.card, encoder.population, encoder.cut, 0

        def hear(self, samples: np.ndarray, **options: Any) -> Any:
            self.heard += 1
            return encoder.hear(samples, **options)

    class Remembering(Listening):
        rejudge = encoder.rejudge

    found = []
    for one in (Listening(), Remembering()):
        monkeypatch.setattr(recordings, "opened", lambda *_, one=one: (one, ekman7.PART))
        found.append(evaluate_recordings(manifest, heard=(2,), limit=12))
        assert one.heard == 12 + (24 if type(one) is Listening else 0)  # the second before each, and each itself
    assert found[0]["accuracy"] == found[1]["accuracy"] and found[0]["ece"] == pytest.approx(found[1]["ece"], abs=1e-3)


def test_recordings_are_chosen_by_column_and_number(model: str, manifest: Path) -> None:
    assert evaluate_recordings(manifest, model=model, where=["split=dev"])["n"] == 9
    assert evaluate_recordings(manifest, model=model, where=["split=train", "label=joy"], limit=5)["n"] == 5
    with pytest.raises(EmptyInput, match="fits split=test"):
        evaluate_recordings(manifest, model=model, where=["split=test"])
    with pytest.raises(InputError, match=r"no row of .* has a column 'age'; there are: corpus, gender"):
        evaluate_recordings(manifest, model=model, where=["age=3"])


def test_a_coarser_set_is_told_from_what_the_model_speaks(model: str, manifest: Path) -> None:
    to_sentiment = {"joy": "positive", "sadness": "negative"}
    found = evaluate_recordings(manifest, model=model, labels="sentiment3", label_map=to_sentiment, heard=(0, 2))
    assert set(found["per_label"]) == {"negative", "neutral", "positive"} and found["judged_as"] == "sentiment3"


def test_a_model_that_knows_no_voices_cannot_have_heard_them(model: str, manifest: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    load = speech_affekt.SpeechAffekt.__init__
    monkeypatch.setattr(
        speech_affekt.SpeechAffekt, "__init__", lambda self, *given: (load(self, *given), setattr(self, "population", None))[0]
    )
    folder = manifest.parent / "model"
    folder.mkdir()
    for file in Path(model).iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    with pytest.raises(InputError, match=r"does not get to know voices.*leave out --heard"):
        evaluate_recordings(manifest, model=str(folder), heard=(0, 3))
    assert evaluate_recordings(manifest, model=str(folder))["n"] == 36


# --- the manifest


def test_a_known_corpus_brings_its_own_label_map(tmp_path: Path, recorded: list[dict[str, str]]) -> None:
    names = {"joy": "happy", "sadness": "boredom", "neutral": "neutral"}
    path = _manifest(tmp_path, [{**line, "label": names[line["label"]], "corpus": "emodb"} for line in recorded])
    entries, dropped = read_manifest(path, ekman7.PART)
    assert {entry.label for entry in entries} == {"joy", "neutral"} and dropped == 12
    assert {entry.label for entry in read_manifest(path, sentiment3.PART)[0]} == {"positive", "neutral"}
    mine = read_manifest(path, ekman7.PART, label_map={"happy": "surprise", "boredom": "sadness"})
    assert {entry.label for entry in mine[0]} == {"surprise", "sadness", "neutral"} and mine[1] == 0
    assert own_map("no such corpus", ekman7.PART) == {} and own_map("emodb", sentiment3.PART)["boredom"] is None


def test_an_unlabelled_recording_is_left_out(tmp_path: Path, recorded: list[dict[str, str]]) -> None:
    path = _manifest(tmp_path, [{**recorded[0], "label": ""}, *recorded[1:4]])
    entries, dropped = read_manifest(path, ekman7.PART)
    assert len(entries) == 3 and dropped == 1
    with pytest.raises(EmptyInput, match=r"none of 1 recordings .* 1 have no label"):
        read_manifest(path, ekman7.PART, limit=1)


BROKEN = {
    "no column": ("path,speaker\na.wav,1\n", InputError, "lacks the column label; a manifest has path and label.*it has: path, speaker"),
    "no file": ("path,label\n{good},joy\nb.wav,joy\n", BadRow, r"manifest\.csv, line 3: no file .*b\.wav; paths are relative"),
    "no sound": ("path,label\n{bad},joy\n", BadRow, r"line 2: .*bad\.wav is no sound.*take its line out"),
    "no path": ("path,label\n,joy\n", BadRow, "line 2: no path"),
    "fields": ("path,label\n{good},joy,3\n", BadRow, "line 2: more or fewer fields than the 2"),
    "label": ("path,label\n{good},happy\n", InputError, "lacks: happy; ekman7 has: anger.*Pass --label-map"),
    "empty": ("", InputError, "lacks the column path and label"),
    "heading": ("path,label\n", EmptyInput, "no row in"),
    "bytes": ("path,label\ncaf\udce9.wav,joy\n", InputError, "cannot be read as UTF-8 CSV"),
    "speaker": ("path,label\n{good},joy\n", BadRow, "line 2: no speaker, and --heard must know"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_broken_is_named(name: str, model: str, tmp_path: Path, recorded: list[dict[str, str]]) -> None:
    text, error, says = BROKEN[name]
    (tmp_path / "bad.wav").write_text("no sound")
    path = tmp_path / "manifest.csv"
    filled = text.replace("{good}", recorded[0]["path"]).replace("{bad}", "bad.wav")
    path.write_bytes(filled.encode("utf-8", "surrogateescape"))
    with pytest.raises(error, match=says):
        evaluate_recordings(path, model=model, heard=(3,) if name == "speaker" else (0,))


def test_what_does_not_fit_is_refused(model: str, manifest: Path) -> None:
    with pytest.raises(InputError, match=r"no file .*absent\.csv; a manifest is a CSV file"):
        evaluate_recordings(manifest.with_name("absent.csv"), model=model)
    with pytest.raises(InputError, match="reads text, not speech"):
        evaluate_recordings(manifest, model="text_affekt")
    with pytest.raises(InputError, match="go from 0 on"):
        evaluate_recordings(manifest, model=model, heard=(-1,))
    with pytest.raises(InputError, match="vad has none"):
        read_manifest(manifest, vad.PART)


# --- silent ends


def test_silent_ends_are_cut_off_and_silence_stays() -> None:
    sound = np.sin(np.arange(10 * EDGE)).astype(np.float32)
    silence = np.zeros(20 * EDGE, np.float32)
    cut = trimmed(np.concatenate([silence, sound, silence]))
    assert len(cut) == (4 + 10 + 4) * EDGE and np.array_equal(cut[4 * EDGE : -4 * EDGE], sound)
    for whole in (silence, sound[:100], sound[:0]):
        assert np.array_equal(trimmed(whole), whole)


# --- what was heard


def test_an_utterance_is_judged_after_as_many_others_of_its_voice_as_are_asked_for() -> None:
    rng = np.random.default_rng(0)
    speakers = np.repeat(["a", "b"], 20)
    features = np.stack([np.arange(40), np.repeat([0, 1], 20)], 1).astype(np.float32)

    def judge(at: int, baseline: Any) -> np.ndarray:
        if baseline is not None:
            assert baseline.mean[1] == features[at, 1]
        return np.array([0.0 if baseline is None else baseline.heard, 0.0 if baseline is None else baseline.mean[0]], np.float32)

    found = curve(features, speakers, (0, 15, 40), judge=judge, rng=rng)
    assert {level: set(counts.tolist()) for level, (_, counts) in found.items()} == {0: {0}, 15: {15}, 40: {19}}
    assert (found[15][0][:, 0] == 15).all() and len(set(found[15][0][:, 1].tolist())) > 30  # another acquaintance for each
    whole = np.array([features[(speakers == speakers[at]) & (np.arange(40) != at), 0].mean() for at in range(40)])
    assert found[40][0][:, 1] == pytest.approx(whole, rel=1e-4)  # all others, and never itself


def test_a_baseline_learns_what_was_judged_when_it_came() -> None:
    features = np.array([[0.0], [1.0], [2.0]], np.float32)

    def judge(at: int, baseline: Any) -> np.ndarray:
        return np.array([0.25 if baseline is None else 0.5, -99.0 if baseline is None else baseline.scores[0]], np.float32)

    told = curve(features, np.array(["a"] * 3), (2,), judge=judge, rng=np.random.default_rng(1))[2][0]
    assert told[:, 1] == pytest.approx((0.25 + 0.5) / 2)


# --- a head fitted anew


def test_folds_share_no_speaker_and_cover_all() -> None:
    speakers = np.array(list("abcabcdde"))
    for folds in (folds_of(speakers), folds_of(speakers, folds=2)):
        assert (np.stack(folds).sum(0) == 1).all()
        assert all(not set(speakers[asked]) & set(speakers[~asked]) for asked in folds)
    assert len(folds_of(speakers)) == 5 and len(folds_of(speakers, folds=2)) == 2
    for few, count in ((speakers[:1], None), (speakers, 6), (speakers, 1), (speakers, 0)):
        with pytest.raises(InputError, match="take more speakers"):
            folds_of(few, folds=count)


def test_recall_is_the_mean_over_labels() -> None:
    assert recall(np.array(["a", "a", "b"]), np.array(["a", "b", "b"])) == pytest.approx(0.75)


def test_a_head_is_sure_of_what_its_temperature_says() -> None:
    ones = np.ones(2, np.float32)
    head = Fitted(Population(0 * ones, ones, 4 * ones), np.eye(2, dtype=np.float32), 0 * ones, scale=3.0)
    assert head.raw(np.array([[2, 0]], np.float32)).tolist() == [[1, 0]]
    assert head.judge(np.array([2, 0], np.float32)) == pytest.approx([1 / (1 + np.exp(-3)), 1 / (1 + np.exp(3))])


def test_a_head_is_fitted_as_the_recipe_fits_it() -> None:
    recipe = Path(__file__).parents[1] / "recipes" / "speech" / "speech_affekt" / "config.toml"
    if not recipe.is_file():
        pytest.skip("the recipes are not part of this copy")
    config = tomllib.loads(recipe.read_text())
    assert (config["strength"], config["draws"]) == (STRENGTH, DRAWS)


@pytest.mark.parametrize(("protocol", "folds", "made"), [("loso", None, 4), ("kfold", 2, 2)])
def test_a_head_fitted_on_others_is_judged_alike(protocol: str, folds: int | None, made: int, model: str, manifest: Path) -> None:
    pytest.importorskip("sklearn", reason="scikit-learn is not installed: pip install 'affekt[train]'")
    found = evaluate_refitted(manifest, protocol, folds=folds, model=model, heard=(0, 2))
    assert (found["protocol"], found["folds"], found["n"]) == (protocol, made, 36)
    assert set(found) - {"protocol", "folds"} == set(evaluate_recordings(manifest, model=model))
    assert found["ua"] > 0.9 and found["heard"]["2"]["ua"] > 0.9  # tones and noise are told apart; the model's own head is random
    assert found["ece"] is not None and found["heard"]["2"]["heard_mean"] == 2


def test_a_protocol_that_cannot_be_followed_says_why(model: str, tmp_path: Path, recorded: list[dict[str, str]]) -> None:
    path = _manifest(tmp_path, recorded)
    for options, says in [
        ({"protocol": "loo"}, "no protocol 'loo'; there are: loso, kfold"),
        ({"protocol": "loso", "folds": 3}, "leave out --folds"),
        ({"protocol": "kfold"}, "5 folds of 4 speakers cannot be done"),
        ({"protocol": "loso", "where": ["speaker=1"]}, "leaving one speaker out of 1 speakers cannot be done"),
        ({"protocol": "loso", "where": ["gender=male"]}, "take three speakers or more"),
        ({"protocol": "loso", "labels": "goemotions28"}, "exactly one applies"),
    ]:
        with pytest.raises(InputError, match=says):
            evaluate_refitted(path, model=model, **options)
    bare = _manifest(tmp_path, [{key: line[key] for key in ("path", "label")} for line in recorded])
    with pytest.raises(BadRow, match="line 2: no speaker, and --protocol must know who speaks; fill the column speaker"):
        evaluate_refitted(bare, "loso", model=model)
    one = _manifest(tmp_path, [line for line in recorded if line["label"] == "joy"])
    with pytest.raises(InputError, match="only one label among them"):
        evaluate_refitted(one, "loso", model=model)


def test_without_scikit_learn_a_protocol_says_what_to_install(model: str, manifest: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "affekt.training.speech_head", None)
    with pytest.raises(MissingExtra, match=r"pip install 'affekt\[train\]'"):
        evaluate_refitted(manifest, "loso", model=model, limit=36)


# --- the command


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "affekt", "evaluate", *arguments], capture_output=True, text=True, timeout=120)


def test_the_command_prints_json_alone_or_a_table(model: str, manifest: Path) -> None:
    done = _run("--data", str(manifest), "--model", model, "--heard", "0,2", "--where", "split=train", "--limit", "12", "--json")
    assert done.returncode == 0 and "affekt:" not in done.stderr and list(json.loads(done.stdout)["heard"]) == ["0", "2"]
    done = _run("--data", str(manifest), "--model", model, "--heard", "0,2")
    assert done.returncode == 0 and "heard_mean" in done.stdout and "female" in done.stdout


@pytest.mark.parametrize(
    ("options", "says"),
    [(["--heard", "many"], "write it as 0,3,10,40"), (["--folds", "3"], "--protocol kfold"), (["--protocol", "loo"], "loso, kfold")],
)
def test_the_command_refuses_in_one_line(options: list[str], says: str, model: str, manifest: Path) -> None:
    done = _run("--data", str(manifest), "--model", model, *options)
    assert done.returncode == 2 and "Traceback" not in done.stderr
    (line,) = (line for line in done.stderr.splitlines() if line.startswith("affekt: "))
    assert says in line


def test_texts_have_no_voices(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text('{"text": "so happy", "labels": ["joy"]}\n')
    done = _run("--data", str(tmp_path / "rows.jsonl"), "--heard", "3")
    assert done.returncode == 2 and "are for recordings" in done.stderr
