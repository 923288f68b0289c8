"""What models of the hub promise as face models; with small ones of random weights."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from affekt.calibration.apply import probabilities
from affekt.encoders import face_transformers
from affekt.encoders._card import read_card, revision_of, write_card
from affekt.encoders._open import open_encoder
from affekt.encoders.face_transformers import FORMS, FaceTransformers, open_model
from affekt.errors import InputError, MissingExtra, WeightsError
from affekt.labels import ekman7
from affekt.results import Clip

for _library in ("torch", "transformers", "PIL"):
    pytest.importorskip(_library, reason=f"{_library} is not installed: pip install 'affekt[transformers]'")

LABELS = ekman7.PART
SETS = ["ekman7"]
OWN = ["Happiness", "Contempt", "disgust", "neutral", "blur"]


def _faces(count: int, side: int) -> list[np.ndarray]:
    return list(np.random.default_rng(0).integers(0, 256, (count, side, side, 3), dtype=np.uint8))


def _clips(faces: Sequence[np.ndarray]) -> list[Clip]:
    return [Clip("face", face, 0, 0) for face in faces]


def _folder(folder: Path, *, own: Sequence[str] = OWN, kind: str = "vit", reads: dict[str, Any] | None = None, **config: Any) -> Path:
    """A folder as `save_pretrained` writes it, of a small model with random weights.

    Args:
        reads: settings of the image processor.
    """
    import torch
    import transformers as t

    torch.manual_seed(0)
    names = {"id2label": dict(enumerate(own)), "label2id": {name: at for at, name in enumerate(own)}}
    settings = {**names, **config}
    wide: dict[str, Any] = {"hidden_sizes": [8, 8], "depths": [1, 1]}
    model: Any
    if kind == "convnext":
        model = t.ConvNextForImageClassification(t.ConvNextConfig(**wide, num_stages=2, **settings))
        processor = t.ConvNextImageProcessor(**{"size": {"shortest_edge": 64}, **(reads or {})})
    elif kind == "resnet":
        model = t.ResNetForImageClassification(t.ResNetConfig(**wide, embedding_size=8, **settings))
        processor = t.ConvNextImageProcessor(**{"size": {"shortest_edge": 64}, **(reads or {})})
    elif kind == "mobilenet":
        model = t.MobileNetV2ForImageClassification(t.MobileNetV2Config(depth_multiplier=0.1, finegrained_output=False, **settings))
        given = {"size": {"shortest_edge": 72}, "crop_size": {"height": 64, "width": 64}}
        processor = t.MobileNetV2ImageProcessor(**{**given, **(reads or {})})
    else:
        small = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16, "patch_size": 8}
        model = t.ViTForImageClassification(t.ViTConfig(**{**small, "image_size": 32, **settings}))
        processor = t.ViTImageProcessor(**{"size": {"height": 32, "width": 32}, **(reads or {})})
    for name, weight in model.named_parameters():
        if name.startswith("classifier"):
            torch.nn.init.normal_(weight)  # so that it says something
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _folder(tmp_path_factory.mktemp("hub") / "tiny")


@pytest.fixture(scope="module")
def opened(folder: Path) -> FaceTransformers:
    return open_model(folder, threads=0)


@pytest.mark.parametrize(("kind", "side"), [("vit", 32), ("convnext", 64), ("resnet", 64), ("mobilenet", 72)])
def test_a_hub_model_says_the_same_in_a_batch_alone_and_again(kind: str, side: int, tmp_path: Path) -> None:
    model = open_model(_folder(tmp_path, kind=kind), threads=0)
    assert model.side == side
    clips = _clips(_faces(face_transformers.BATCH + 1, side))
    raw = model(clips, labels=SETS)["ekman7"]
    assert raw.shape == (len(clips), 7) and raw.dtype == np.float32 and np.isfinite(raw).all()
    assert np.array_equal(raw, model(clips, labels=SETS)["ekman7"])
    for at in (0, 7, len(clips) - 1):
        assert model([clips[at]], labels=SETS)["ekman7"][0] == pytest.approx(raw[at], abs=1e-4)
    assert model([], labels=SETS)["ekman7"].shape == (0, 7)


def test_a_face_of_the_size_that_the_model_asks_for_reaches_it_pixel_by_pixel(opened: FaceTransformers) -> None:
    import torch

    faces = _faces(2, opened.side)
    pixels = torch.tensor((np.stack(faces).transpose(0, 3, 1, 2) / 255 - 0.5) / 0.5, dtype=torch.float32)
    with torch.inference_mode():
        wanted = opened.model(pixel_values=pixels).logits.numpy()
    assert np.ptp(wanted) > 0.1 and opened.logits(faces) == pytest.approx(wanted, abs=1e-5)


def test_what_a_hub_model_says_is_renormalised_over_the_labels_that_we_have(opened: FaceTransformers) -> None:
    faces = _faces(3, opened.side)
    odds = np.exp(opened.logits(faces))
    wanted = np.zeros((3, 7))
    wanted[:, 1], wanted[:, 3], wanted[:, 6] = odds[:, 1] + odds[:, 2], odds[:, 0], odds[:, 3]  # contempt is disgust, blur has no place
    raw = opened(_clips(faces), labels=SETS)["ekman7"]
    scores = probabilities(raw, LABELS, opened.card.calibration["ekman7"])
    assert scores == pytest.approx(wanted / wanted.sum(1, keepdims=True), abs=1e-5)
    assert (raw[:, [0, 2, 4, 5]] == -30).all()


@pytest.mark.parametrize(
    ("own", "ours"),
    [
        (
            ["neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt"],
            "neutral joy surprise sadness anger disgust fear disgust",
        ),
        (["angry", "Disgusted", "FEARFUL", "happy", "sad", "surprised", "neutral"], "anger disgust fear joy sadness surprise neutral"),
    ],
    ids=["FER+", "adjectives"],
)
def test_labels_of_faces_are_known_by_their_usual_names(own: list[str], ours: str, tmp_path: Path) -> None:
    assert open_model(_folder(tmp_path, own=own), threads=0).card.facts["labels"] == dict(zip(own, ours.split(), strict=True))
    assert set(FORMS) == set(LABELS.labels)


def test_a_face_is_one_piece(opened: FaceTransformers) -> None:
    clip = Clip("face", _faces(1, opened.side)[0], 1.0, 1.0, who="anna")
    assert opened.cut(clip) == [clip]


def test_a_hub_models_card_says_what_nobody_has_checked(opened: FaceTransformers, folder: Path, tmp_path: Path) -> None:
    card = opened.card
    assert card.name == "tiny" and card.modality == "face" and not card.commercial and "unknown" in card.licence["weights"]
    assert card.revision == revision_of(folder / "model.safetensors") and card.facts["family"] == "face_transformers"
    assert card.facts["labels"] == {"Contempt": "disgust", "disgust": "disgust", "Happiness": "joy", "neutral": "neutral"}
    assert card.facts["dropped"] == ["blur"] and card.facts["lacks"] == ["anger", "fear", "sadness", "surprise"]
    write_card(card, tmp_path)
    assert read_card(tmp_path) == card


@pytest.mark.parametrize(
    ("reads", "config", "side"),
    [
        ({"do_resize": False}, {}, 32),
        ({"do_resize": False, "do_center_crop": True, "crop_size": {"height": 48, "width": 48}}, {"image_size": 48}, 48),
    ],
    ids=["as it is", "cut"],
)
def test_a_model_asks_for_faces_as_large_as_its_processor_takes(reads: dict, config: dict, side: int, tmp_path: Path) -> None:
    assert open_model(_folder(tmp_path, reads=reads, **config), threads=0).side == side


def test_a_hub_model_that_tells_no_emotions_is_refused(tmp_path: Path, opened: FaceTransformers) -> None:
    with pytest.raises(InputError, match="it has: cat, happy, dog; ekman7 has: anger"):
        open_model(_folder(tmp_path / "a", own=["cat", "happy", "dog"]), threads=0)
    with pytest.raises(InputError, match="made for multi_label_classification"):
        open_model(_folder(tmp_path / "b", problem_type="multi_label_classification"), threads=0)
    with pytest.raises(InputError, match="does not speak 'vad'"):
        opened([], labels=["vad"])


def test_a_hub_model_with_missing_or_unfit_files_is_refused(tmp_path: Path, folder: Path) -> None:
    from safetensors.numpy import load_file, save_file

    with pytest.raises(WeightsError, match="face_transformers comes without weights; name a folder in the hub's format"):
        face_transformers.load(None, 0)
    for file in ("config.json", "model.safetensors"):
        (tmp_path / file).write_bytes((folder / file).read_bytes())
    (tmp_path / "model.safetensors").write_bytes(b"x")
    with pytest.raises(WeightsError, match="holds no classifier of pictures"):
        open_model(tmp_path, threads=0)
    (tmp_path / "preprocessor_config.json").write_text((folder / "preprocessor_config.json").read_text())
    found = load_file(folder / "model.safetensors")
    save_file({name: array for name, array in found.items() if "classifier" not in name}, tmp_path / "model.safetensors", {"format": "pt"})
    with pytest.raises(WeightsError, match=r"lacks the weights classifier\.bias, classifier\.weight"):
        open_model(tmp_path, threads=0)
    with pytest.raises(WeightsError, match="cannot take an RGB picture of 48 x 48 pixels"):
        open_model(_folder(tmp_path / "unlike", reads={"size": {"height": 48, "width": 48}}), threads=0)
    with pytest.raises(WeightsError, match="does not say how large a picture"):
        open_model(_folder(tmp_path / "any", kind="resnet", reads={"do_resize": False}), threads=0)


def test_a_model_is_fetched_from_the_hub_by_its_name_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub

    asked: list[tuple[str, str | None]] = []

    def fetch(name: str, *, revision: str | None, allow_patterns: list[str]) -> str:
        asked.append((name, revision))
        return str(folder)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", fetch)
    assert open_model("hf:someone/some-faces@v1", threads=0).card.name == "someone/some-faces"
    assert open_encoder("hf:someone/some-faces", 1).card.name == "someone/some-faces"
    assert asked == [("someone/some-faces", "v1"), ("someone/some-faces", None)]


def test_a_folder_is_opened_as_what_its_config_says(folder: Path, tmp_path: Path) -> None:
    import transformers as t

    assert open_encoder(str(folder)).card.modality == "face"
    names = {"id2label": {0: "happy", 1: "sad"}, "label2id": {"happy": 0, "sad": 1}}
    small: dict[str, Any] = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    sound = t.ASTForAudioClassification(t.ASTConfig(**small, max_length=128, num_mel_bins=32, **names))
    words = t.BertForSequenceClassification(t.BertConfig(**small, vocab_size=20, **names))
    sound.save_pretrained(tmp_path / "sound")
    t.ASTFeatureExtractor(max_length=128, num_mel_bins=32).save_pretrained(tmp_path / "sound")
    words.save_pretrained(tmp_path / "words")
    assert open_encoder(str(tmp_path / "sound")).card.modality == "speech"
    with pytest.raises(InputError, match="is a bert model, which classifies neither sound nor pictures; choose one"):
        open_encoder(str(tmp_path / "words"))
    with pytest.raises(WeightsError, match="holds no classifier of pictures"):
        open_model(tmp_path / "sound", threads=0)


@pytest.mark.parametrize("absent", ["transformers", "torch", "PIL"])
def test_a_hub_model_says_what_it_lacks(absent: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from importlib import import_module

    def find(name: str) -> Any:
        if name == absent:
            raise ImportError(name)
        return import_module(name)

    monkeypatch.setattr("affekt.encoders._hub.import_module", find)
    with pytest.raises(MissingExtra, match=rf"{absent}.*affekt\[transformers\]"):
        open_model(folder, threads=0)


def test_a_model_of_another_library_is_refused(tmp_path: Path, folder: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes((folder / "model.safetensors").read_bytes())
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "no such", "id2label": {"0": "happy", "1": "sad"}}))
    with pytest.raises(WeightsError, match=r"config\.json in .* is no model's that transformers knows"):
        open_model(tmp_path, threads=0)
