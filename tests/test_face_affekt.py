"""The face model's file: what it says of a face does not depend on what else it is shown, and int8 says what torch says."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

for library in ("torch", "onnx"):
    pytest.importorskip(library, reason=f"{library} is not installed; it comes with the train extra")

import torch
from torch import nn

from affekt.encoders._card import write_card
from affekt.encoders.face_affekt import LUMA, FaceAffekt
from affekt.errors import InputError, WeightsError
from affekt.export.face_onnx import export
from affekt.labels import ekman7, fer2013, ferplus8
from affekt.parts import Calibration, Card
from affekt.results import Clip
from affekt.training.face_encoder import FaceEncoder
from drawn import drawn_face

SIDE = 32
SETS = {"ferplus8": ferplus8.PART, "fer2013": fer2013.PART, "ekman7": ekman7.PART}


def faces(count: int) -> np.ndarray:
    """Drawn faces in some disorder, (count, SIDE, SIDE, 3)."""
    rng = np.random.default_rng(0)
    pixels = [np.asarray(drawn_face(SIDE, "smile" if at % 2 else "flat"), np.float64) for at in range(count)]
    changed = [np.roll(one, tuple(rng.integers(-4, 5, 2)), (0, 1)) * rng.uniform(0.5, 1.2) + rng.normal(0, 15, one.shape) for one in pixels]
    return np.clip(np.stack(changed), 0, 255).astype(np.uint8)


def clips(pixels: np.ndarray) -> list[Clip]:
    return [Clip("face", one, 0.0, 0.0) for one in pixels]


def card(folder: Path, **facts: Any) -> None:
    plain = {name: Calibration((1.0,) * len(labels.labels), (0.0,) * len(labels.labels)) for name, labels in SETS.items()}
    write_card(Card("face_tiny", "00000000", "face", ("zxx",), {"weights": "none"}, True, plain, facts), folder)


@pytest.fixture(scope="module")
def model() -> FaceEncoder:
    torch.manual_seed(0)
    made = FaceEncoder({name: len(labels.labels) for name, labels in SETS.items()}).eval()
    x = torch.from_numpy(faces(64).astype(np.float32) @ LUMA)[:, None]
    with torch.no_grad():
        for layer in made.body:  # random weights let what they are given die out, unless each layer makes it as strong as it was
            nn.init.kaiming_normal_(layer.conv.weight)
            raw = layer.conv(nn.functional.pad(x, layer.borders))
            layer.norm.running_mean, layer.norm.running_var = raw.mean((0, 2, 3)), raw.var((0, 2, 3))
            layer.norm.bias.fill_(0.5)
            x = layer(x)
    return made


@pytest.fixture(scope="module")
def encoders(model: FaceEncoder, tmp_path_factory: pytest.TempPathFactory) -> dict[str, FaceAffekt]:
    made = {}
    typical = [(faces(64).astype(np.float32) @ LUMA)[:, None]]
    for kind in ("fp32", "int8"):
        folder = tmp_path_factory.mktemp(kind)
        card(folder, side=SIDE)
        export(model, folder / "model.onnx", side=SIDE, typical=typical if kind == "int8" else ())
        made[kind] = FaceAffekt(folder, 1)
    return made


def said(encoder: FaceAffekt, pixels: np.ndarray) -> dict[str, np.ndarray]:
    return encoder(clips(pixels), labels=list(SETS))


@pytest.mark.parametrize("kind", ["fp32", "int8"])
def test_a_batch_says_what_one_by_one_says(kind: str, encoders: dict[str, FaceAffekt]) -> None:
    pixels = faces(9)
    together = said(encoders[kind], pixels)
    for name, labels in SETS.items():
        assert together[name].shape == (9, len(labels.labels)) and together[name].dtype == np.float32 and np.isfinite(together[name]).all()
        alone = np.concatenate([said(encoders[kind], pixels[at : at + 1])[name] for at in range(9)])
        assert np.abs(together[name] - alone).max() < 1e-4 * max(np.abs(alone).max(), 1)
        assert np.ptp(alone, axis=0).max() > 0.01  # it does look at the faces


def test_torch_and_the_file_say_the_same_of_a_face_and_its_mirror(model: FaceEncoder, encoders: dict[str, FaceAffekt]) -> None:
    pixels = faces(6)
    grey = torch.from_numpy(pixels.astype(np.float32) @ LUMA)[:, None]
    with torch.no_grad():
        one, other = model(grey), model(grey.flip(3))
    for name, raw in said(encoders["fp32"], pixels).items():
        expected = (one[name] + other[name]).numpy() / 2
        assert np.abs(raw - expected).max() < 1e-3 * np.abs(expected).max()
    assert np.abs(said(encoders["fp32"], pixels[:, :, ::-1])["ferplus8"] - said(encoders["fp32"], pixels)["ferplus8"]).max() < 1e-3


def test_int8_is_near(encoders: dict[str, FaceAffekt]) -> None:
    pixels = faces(40)
    fine, coarse = said(encoders["fp32"], pixels), said(encoders["int8"], pixels)
    for name in SETS:
        both = [(raw[name] - fine[name].mean(0)).ravel() for raw in (fine, coarse)]
        assert np.corrcoef(*both)[0, 1] > 0.8  # 27 layers of random weights lose more than learned ones


def test_labels_come_as_they_are_asked_for(encoders: dict[str, FaceAffekt]) -> None:
    encoder, pixels = encoders["int8"], faces(2)
    both = encoder(clips(pixels), labels=["ekman7", "ferplus8"])
    assert list(both) == ["ekman7", "ferplus8"]
    assert np.array_equal(encoder(clips(pixels), labels=["ferplus8"])["ferplus8"], both["ferplus8"])
    nothing = encoder([], labels=["ferplus8"])["ferplus8"]
    assert nothing.shape == (0, 8) and encoder.side == SIDE and encoder.cut(clips(pixels)[0])[0].data.shape == (SIDE, SIDE, 3)
    with pytest.raises(InputError, match="face_tiny does not speak 'vad'; it speaks: ferplus8, fer2013, ekman7"):
        encoder(clips(pixels), labels=["vad"])


def test_colours_are_greyed_as_pillow_greys_them() -> None:
    face = drawn_face(64)
    assert np.abs(np.asarray(face, np.float32) @ LUMA - np.asarray(face.convert("L"), np.float32)).max() <= 1


def test_without_heads_it_gives_features_of_length_one(tmp_path: Path) -> None:
    import onnxruntime

    torch.manual_seed(0)
    export(FaceEncoder({}).eval(), tmp_path / "model.onnx", side=SIDE)
    session = onnxruntime.InferenceSession(str(tmp_path / "model.onnx"), providers=["CPUExecutionProvider"])
    (features,) = session.run(["features"], {"pixels": (faces(3).astype(np.float32) @ LUMA)[:, None]})
    assert features.shape == (3, 1024) and np.linalg.norm(features, axis=1) == pytest.approx(np.ones(3), abs=1e-4)


def test_a_folder_that_holds_no_such_model_says_so(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="no card can be read"):
        FaceAffekt(tmp_path, 1)
    card(tmp_path)
    with pytest.raises(WeightsError, match='has no "side"'):
        FaceAffekt(tmp_path, 1)
    card(tmp_path, side=SIDE)
    with pytest.raises(WeightsError, match=r"no model\.onnx in"):
        FaceAffekt(tmp_path, 1)
    (tmp_path / "model.onnx").write_bytes(b"no graph")
    with pytest.raises(WeightsError, match="is damaged"):
        FaceAffekt(tmp_path, 1)


def test_ferplus_projects_onto_ekman_and_sentiment_whole() -> None:
    labels = ferplus8.PART
    for name in ("ekman7", "sentiment3"):
        assert set(labels.projections[name]) == set(labels.labels)
    assert labels.projections["ekman7"]["contempt"] == "disgust" and set(labels.projections["ekman7"].values()) == set(ekman7.PART.labels)
    for name, ours in labels.projections["ekman7"].items():
        assert labels.places[name] == ekman7.PART.places[ours]
