"""What judging a face model on pictures promises: the same numbers from a folder, a manifest and arrays, and errors that name the file."""

import csv
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

for library in ("onnx",):
    pytest.importorskip(library, reason=f"{library} is not installed; it comes with the face or the train extra")

import onnx
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from affekt import models
from affekt.cli.evaluate import evaluate
from affekt.encoders import face_affekt
from affekt.encoders._card import write_card
from affekt.errors import BadRow, EmptyInput, InputError, LicenceRefused
from affekt.evaluation.albums import ENDINGS, VOTED, is_album, known_names, majority, read_album
from affekt.evaluation.pictures import BATCH, evaluate_pictures, squared
from affekt.labels import ekman7, ferplus8, plutchik8, sentiment3, vad
from affekt.parts import Calibration, Card
from affekt.sources.pictures import IMAGES

SIDE = 16
LABELS = ferplus8.PART.labels
NAMES = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")  # FER2013's
MEANT = dict(zip(NAMES, ("anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral"), strict=True))


def _face(label: str, *, side: int = SIDE, seed: int = 0) -> np.ndarray:
    """A grey picture, (side, side), with a bright stripe where the tiny model looks for the label."""
    face = np.random.default_rng(seed).integers(0, 60, (side, side)).astype(np.uint8)
    wide = side // len(LABELS)
    at = LABELS.index(label) * wide
    face[at : at + wide] = 250
    return face


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A model that speaks ferplus8: the brighter a label's stripe, the likelier it is."""
    folder = tmp_path_factory.mktemp("model")
    stripes = np.eye(len(LABELS)).repeat(SIDE // len(LABELS) * SIDE, axis=1).T  # (pixels, labels)
    weight = numpy_helper.from_array((stripes / stripes.sum(0)).astype(np.float32), "weight")
    nodes = [helper.make_node("Flatten", ["pixels"], ["flat"]), helper.make_node("MatMul", ["flat", "weight"], ["ferplus8"])]
    given = helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["faces", 1, SIDE, SIDE])
    gives = helper.make_tensor_value_info("ferplus8", TensorProto.FLOAT, ["faces", len(LABELS)])
    graph = helper.make_graph(nodes, "tiny", [given], [gives], [weight])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), folder / "model.onnx")
    plain = {"ferplus8": Calibration((0.02,) * len(LABELS), (0.0,) * len(LABELS))}
    facts = {"family": "face_affekt", "side": SIDE}
    write_card(Card("tiny", "00000000", "face", ("zxx",), {"weights": "research"}, False, plain, facts), folder)
    return str(folder)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three pictures a label, of which the last of each label but "happy" shows happiness."""
    for name in NAMES:
        (tmp_path / "faces" / name).mkdir(parents=True)
        for take in range(3):
            shown = "happiness" if take == 2 else MEANT[name]
            Image.fromarray(_face(shown, seed=take)).save(tmp_path / "faces" / name / f"{take}.png")
    (tmp_path / "faces" / "happy" / "Thumbs.db").write_bytes(b"no picture")
    (tmp_path / "faces" / "happy" / "._1.png").write_bytes(b"no picture")
    return tmp_path / "faces"


def _arrays(**changed: Any) -> dict[str, Any]:
    """The same as arrays, and who is to be seen."""
    label = np.repeat(np.arange(7), 3)
    images = [_face("happiness" if at % 3 == 2 else MEANT[NAMES[label[at]]], seed=at % 3) for at in range(21)]
    split = np.where(np.arange(21) % 3 == 0, "valid", "train")
    arrays = {"images": np.stack(images), "label": label, "label_names": np.array(NAMES), "split": split, "gender": np.arange(21) % 2}
    return {name: one for name, one in {**arrays, **changed}.items() if one is not None}


def _npz(folder: Path, **changed: Any) -> Path:
    np.savez(folder / "faces.npz", **_arrays(**changed))
    return folder / "faces.npz"


def _manifest(folder: Path, lines: list[dict[str, str]]) -> Path:
    path = folder / "faces.csv"
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(lines[0]))
        writer.writeheader()
        writer.writerows(lines)
    return path


def _lines(folder: Path) -> list[dict[str, str]]:
    files = sorted(folder.glob("*/*.png"))
    return [
        {"path": str(file), "label": file.parent.name, "gender": "female" if at % 2 else "male", "subject": str(at % 3)}
        for at, file in enumerate(file for file in files if not file.name.startswith("."))
    ]


# --- three kinds of data, one report


def test_a_folder_a_manifest_and_arrays_give_the_same_numbers(model: str, folder: Path, tmp_path: Path) -> None:
    steps: list[tuple[float, int]] = []
    found = evaluate_pictures(folder, model=model, report=lambda *step: steps.append(step))
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    wanted = {"model", "labels", "n", "accuracy", "macro_f1", "ua", "ece", "brier", "per_label", "interval", "risk_coverage", "by_group"}
    assert wanted <= set(found)
    assert (found["model"], found["n"], found["dropped"], found["decision"]) == ("tiny@00000000", 21, 0, "argmax")
    assert found["accuracy"] == pytest.approx(15 / 21) and found["per_label"]["joy"] == {**found["per_label"]["joy"], "recall": 1.0}
    assert found["by_group"] == {} and steps == [(1.0, 21)]
    listed = evaluate_pictures(_manifest(tmp_path, _lines(folder)), model=model)
    packed = evaluate_pictures(_npz(tmp_path), model=model)
    assert set(listed["by_group"]) == {"gender", "subject"} and set(packed["by_group"]["gender"]) == {"0", "1"}
    for other in (listed, packed):
        assert other["ece"] == pytest.approx(found["ece"])
        assert {**other, "by_group": 0, "risk_coverage": 0, "ece": 0, "brier": 0, "interval": 0} == {
            **found,
            **dict.fromkeys(("by_group", "risk_coverage", "ece", "brier", "interval"), 0),
        }
        for values in other["by_group"].values():
            assert sum(one["n"] for one in values.values()) == 21
            assert sum(one["n"] * one["accuracy"] for one in values.values()) == pytest.approx(15)


def test_batches_change_nothing(model: str, tmp_path: Path) -> None:
    many = {name: np.concatenate([one] * 7) if len(one) == 21 else one for name, one in _arrays().items()}
    steps: list[int] = []
    found = evaluate_pictures(_npz(tmp_path, **many), model=model, report=lambda _, done: steps.append(done))
    assert steps == [BATCH, 2 * BATCH, 147] and found["accuracy"] == pytest.approx(15 / 21)


def test_pictures_are_chosen_by_column_and_number(model: str, folder: Path, tmp_path: Path) -> None:
    path = _npz(tmp_path, flag=np.arange(21) % 2 == 0)
    found = evaluate_pictures(path, model=model, where=["split=valid"])
    assert (found["n"], found["accuracy"]) == (7, 1.0)
    assert evaluate_pictures(path, model=model, where=["split=train", "label=happy"], limit=1)["n"] == 1
    assert evaluate_pictures(path, model=model, where=["flag=true", "gender=0"])["n"] == 11
    assert evaluate_pictures(folder, model=model, where=["label=sad"])["n"] == 3
    with pytest.raises(EmptyInput, match="fits split=test"):
        evaluate_pictures(path, model=model, where=["split=test"])
    with pytest.raises(InputError, match=r"has a column 'age'; there are: flag, gender, label, split"):
        evaluate_pictures(path, model=model, where=["age=3"])


def test_the_first_of_a_folder_are_of_all_labels(folder: Path) -> None:
    few, _ = read_album(folder, ekman7.PART, limit=8)
    assert {one.label for one in few} == set(ekman7.PART.labels) and len(few) == 8


def test_colour_and_any_size_will_do(model: str, tmp_path: Path) -> None:
    large = np.stack([np.repeat(_face(MEANT[name], side=64)[..., None], 3, 2) for name in NAMES])
    found = evaluate_pictures(_npz(tmp_path, images=large, label=np.arange(7), split=None, gender=None), model=model)
    assert (found["n"], found["accuracy"]) == (7, 1.0)
    grey = np.arange(256, dtype=np.uint8).reshape(16, 16)
    assert np.array_equal(squared(grey, 16), np.repeat(grey[..., None], 3, 2))
    assert squared(large[0], 24).shape == squared(np.zeros((9, 5), np.uint8), 24).shape == (24, 24, 3)


def test_what_we_open_as_a_picture_is_listed_as_one() -> None:
    assert set(ENDINGS) >= set(IMAGES)


# --- labels


def test_other_forms_of_a_label_are_understood() -> None:
    assert known_names(["Happy", "SAD", "surprised", "contempt"], ferplus8.PART) == {
        "Happy": "happiness",
        "SAD": "sadness",
        "surprised": "surprise",
        "contempt": "contempt",
    }
    assert known_names(NAMES, sentiment3.PART)["happy"] == "positive" and known_names(["Neutral"], sentiment3.PART) == {
        "Neutral": "neutral"
    }
    assert known_names(["contempt", "3"], ekman7.PART) == {} and known_names(["happy", "neutral"], plutchik8.PART) == {"happy": "joy"}


def test_a_map_goes_before_and_null_leaves_out(model: str, folder: Path) -> None:
    found = evaluate_pictures(folder, model=model, label_map={"sad": None, "angry": "fear"})
    assert (found["n"], found["dropped"]) == (18, 3) and found["per_label"]["fear"]["support"] == 6
    with pytest.raises(InputError, match="the label map speaks of glee"):
        evaluate_pictures(folder, model=model, label_map={"sad": "glee"})


def test_a_coarser_set_is_told_from_what_the_model_speaks(model: str, folder: Path) -> None:
    own, coarse = (evaluate_pictures(folder, model=model, labels=name) for name in ("ferplus8", "sentiment3"))
    assert set(own["per_label"]) == set(LABELS) and own["accuracy"] == pytest.approx(15 / 21)
    assert set(coarse["per_label"]) == {"negative", "neutral", "positive"} and coarse["accuracy"] == pytest.approx(15 / 21)
    with pytest.raises(InputError, match="vad"):
        read_album(folder, vad.PART)


def test_votes_give_the_label_that_more_than_half_name(model: str, tmp_path: Path) -> None:
    assert VOTED[:8] == ("neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt")  # FER+'s columns
    votes = np.zeros((21, 10), np.int64)
    votes[:, 0] = 10
    votes[0, :2], votes[1, :2] = (4, 6), (5, 5)  # six of ten for happiness; five are not more than half
    votes[2, [0, 9]], votes[3, [0, 8]], votes[4] = (1, 9), (4, 6), -1  # no face, unknown, nobody asked
    votes[5, [0, 7]] = 0, 10
    assert majority(votes, tmp_path)[:7] == ["happiness", "", "", "", "", "contempt", "neutral"]
    path = _npz(tmp_path, ferplus_votes=votes)
    voted = evaluate_pictures(path, model=model, labels="ferplus8")
    assert (voted["n"], voted["dropped"]) == (17, 4)
    assert {name: one["support"] for name, one in voted["per_label"].items() if one["support"]} == {
        "neutral": 15,
        "happiness": 1,
        "contempt": 1,
    }
    named = evaluate_pictures(path, model=model)
    assert (named["n"], named["dropped"]) == (21, 0) and named["per_label"]["joy"]["support"] == 3
    with pytest.raises(EmptyInput, match=r"none of 1 pictures can be judged on ferplus8: 1 have no label"):
        evaluate_pictures(_npz(tmp_path, ferplus_votes=np.full((21, 10), -1)), model=model, labels="ferplus8", limit=1)


# --- what is broken


def test_a_folder_without_pictures_or_with_a_broken_one_says_so(model: str, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "empty" / "happy").mkdir(parents=True)
    with pytest.raises(EmptyInput, match=r"no pictures in .*empty; it needs one sub-folder a label, with pictures in it: \.png"):
        evaluate_pictures(tmp_path / "empty", model=model)
    broken = folder / "sad" / "1.png"
    broken.write_bytes(broken.read_bytes()[:60])
    with pytest.raises(BadRow, match=r"sad.1\.png .*replace the picture, or take it out"):
        evaluate_pictures(folder, model=model)
    with pytest.raises(BadRow, match=r"faces\.csv, line \d+: .*sad.1\.png"):
        evaluate_pictures(_manifest(tmp_path, _lines(folder)), model=model)
    (folder / "bored").mkdir()
    Image.fromarray(_face("neutral")).save(folder / "bored" / "0.png")
    with pytest.raises(InputError, match=r"labels that ekman7 lacks: bored; ekman7 has: anger.*Pass --label-map"):
        evaluate_pictures(folder, model=model)


def test_a_manifest_lists_pictures_or_others(model: str, folder: Path, tmp_path: Path) -> None:
    lines = _lines(folder)
    assert is_album(_manifest(tmp_path, lines)) and is_album(folder) and is_album(Path("any.npz")) and not is_album(Path("rows.jsonl"))
    assert not is_album(_manifest(tmp_path, [{"path": "a.wav", "label": "joy"}]))
    with pytest.raises(BadRow, match=r"line 3: a\.wav is no picture, and the lines before list pictures"):
        is_album(_manifest(tmp_path, [lines[0], {**lines[1], "path": "a.wav"}]))
    with pytest.raises(BadRow, match=r"line 3: .*\.png is a picture, and the lines before list none"):
        is_album(_manifest(tmp_path, [{**lines[1], "path": "a.wav"}, lines[0]]))
    with pytest.raises(BadRow, match=r"line 2: no file .*none\.png; paths are relative"):
        evaluate_pictures(_manifest(tmp_path, [{"path": "none.png", "label": "joy"}]), model=model)


BROKEN: dict[str, tuple[dict[str, Any], str]] = {
    "no images": ({"images": None}, "no array 'images'; it needs images .*; it has: label, label_names, split, gender"),
    "no names": ({"label_names": None}, "no array 'label_names'"),
    "no label": ({"label": None}, "no array 'label'; it needs"),
    "no image": ({"images": np.zeros((0, 8, 8), np.uint8)}, "no images in"),
    "no bytes": ({"images": np.zeros((21, 8, 8))}, r"float64 of shape \(21, 8, 8\); it needs .*as uint8"),
    "channels": ({"images": np.zeros((21, 8, 8, 4), np.uint8)}, r"of shape \(21, 8, 8, 4\)"),
    "flat": ({"images": np.zeros((21, 0, 8), np.uint8)}, r"of shape \(21, 0, 8\)"),
    "labels": ({"label": np.arange(5)}, r"has 21 images, and label is of shape \(5,\); it needs one for each"),
    "splits": ({"split": np.array(["valid"] * 20)}, r"split is of shape \(20,\)"),
    "number": ({"split": np.array(3)}, r"split is of shape \(\)"),
    "votes": ({"ferplus_votes": np.zeros((20, 10), int)}, r"ferplus_votes is of shape \(20, 10\)"),
    "voters": ({"ferplus_votes": np.zeros((21, 8), int)}, r"ferplus_votes are int64 of shape \(21, 8\).*\(n, 10\)"),
    "text": ({"label": np.array(["sad"] * 21)}, "label is <U3, label_names <U8; they must be whole numbers"),
    "beyond": ({"label": np.full(21, 7)}, "the label of image 0 is 7; label_names has names for 0 to 6"),
    "below": ({"label": np.full(21, -1)}, "the label of image 0 is -1"),
    "objects": (
        {"who": np.array([{}] * 21, object)},
        "cannot be read: Object arrays .*with arrays of numbers and text alone",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_arrays_that_do_not_fit_are_refused(name: str, model: str, tmp_path: Path) -> None:
    changed, says = BROKEN[name]
    with pytest.raises(InputError, match=says):
        evaluate_pictures(_npz(tmp_path, **changed), model=model, labels="ferplus8")


def test_a_file_that_holds_no_arrays_is_refused(model: str, tmp_path: Path) -> None:
    path = tmp_path / "faces.npz"
    with pytest.raises(InputError, match=r"faces\.npz is not there; numpy\.savez_compressed writes one, and it needs images"):
        evaluate_pictures(path, model=model)
    path.write_text("no arrays")
    with pytest.raises(InputError, match=r"faces\.npz is no \.npz file"):
        evaluate_pictures(path, model=model)
    whole = _npz(tmp_path).read_bytes()
    path.write_bytes(whole[:500] + bytes(200) + whole[700:])
    with pytest.raises(InputError, match="cannot be read"):
        evaluate_pictures(path, model=model)


def test_a_model_that_reads_no_faces_is_refused(folder: Path, model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="reads text, not face; choose a face model"):
        evaluate_pictures(folder, model="text_affekt")
    monkeypatch.setenv("AFFEKT_COMMERCIAL_ONLY", "1")
    with pytest.raises(LicenceRefused, match=r"tiny is not for commercial use \(research\)"):
        evaluate_pictures(folder, model=model)


def test_without_a_name_the_shipped_model_is_judged(folder: Path, model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def open_encoder(name: str, threads: int) -> face_affekt.FaceAffekt:
        asked.append(name)
        return face_affekt.load(Path(model), threads)

    monkeypatch.setattr(models, "open_encoder", open_encoder)
    assert evaluate_pictures(folder)["n"] == 21 and asked == ["face_affekt"]


# --- the command


def test_the_command_prints_json_alone_or_a_table(model: str, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = [sys.executable, "-m", "affekt", "evaluate", "--data", str(folder), "--model", model, "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0 and done.stderr == "" and json.loads(done.stdout)["n"] == 21
    evaluate(_manifest(tmp_path, _lines(folder)), model=model)
    shown = capsys.readouterr().out
    assert "accuracy    0.714" in shown and "female" in shown and "  joy" in shown
    evaluate(_npz(tmp_path), model=model, where=["split=valid"], as_json=True)
    assert json.loads(capsys.readouterr().out)["n"] == 7


@pytest.mark.parametrize("option", [{"heard": "3"}, {"protocol": "loso"}, {"folds": 3}])
def test_faces_have_no_voices(option: dict[str, Any], model: str, folder: Path) -> None:
    with pytest.raises(InputError, match=r"are for recordings, .* is read as faces"):
        evaluate(folder, model=model, **option)
