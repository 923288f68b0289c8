"""What models of the hub promise as speech models; with small ones of random weights."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from affekt.calibration.apply import probabilities
from affekt.encoders import speech_transformers
from affekt.encoders._card import read_card, revision_of, write_card
from affekt.encoders._hub import FORMS, places_of
from affekt.encoders.speech_prosody import SpeechProsody
from affekt.encoders.speech_transformers import SpeechTransformers, open_model
from affekt.errors import InputError, MissingExtra, WeightsError
from affekt.labels import ekman7
from affekt.preprocessing.personal import Baseline
from affekt.results import Clip
from affekt.sources.audio import RATE

LABELS = ekman7.PART
SETS = ["ekman7"]


def _voice(hertz: float, *, loud: float = 0.3, seconds: float = 0.8, seed: int = 0) -> np.ndarray:
    """Something like a vowel: a pitch with overtones, syllables, and breath."""
    rng = np.random.default_rng(seed)
    time = np.arange(int(seconds * RATE)) / RATE
    tone = sum(np.sin(2 * np.pi * hertz * over * time) / over for over in range(1, 8))
    return (loud * tone * (0.6 + 0.4 * np.sin(2 * np.pi * 4 * time)) + 0.005 * rng.normal(size=len(time))).astype(np.float32)


def _clips(sounds: Sequence[np.ndarray]) -> list[Clip]:
    return [Clip("speech", sound, 0, len(sound) / RATE) for sound in sounds]


# --- models of the hub


@pytest.mark.parametrize(
    ("own", "places"),
    [
        (["neu", "hap", "ang", "sad"], {"neutral": [0], "joy": [1], "anger": [2], "sadness": [3]}),
        (["Angry", "HAPPINESS", "fear_"], {"anger": [0], "joy": [1], "fear": [2]}),
        (["calm", "neutral", "ps", "surprised"], {"neutral": [0, 1], "surprise": [2, 3]}),
        (["生气/angry", "害怕/fearful", "pleasant_surprise"], {"anger": [0], "fear": [1], "surprise": [2]}),
        (["LABEL_0", "arousal", "contempt", "boredom", "other"], {}),
    ],
)
def test_labels_are_known_by_their_usual_names(own: list[str], places: dict[str, list[int]]) -> None:
    assert places_of(own) == dict(sorted(places.items(), key=lambda one: list(FORMS).index(one[0])))


OWN = ["ang", "hap", "neu", "calm", "boredom"]


def _hub(folder: Path, *, own: Sequence[str] = OWN, kind: str = "wav2vec2", rate: int = RATE, problem: str | None = None) -> Path:
    """A folder as `save_pretrained` writes it, of a small model with random weights."""
    for library in ("torch", "transformers"):
        pytest.importorskip(library, reason=f"{library} is not installed: pip install 'affekt[transformers]'")
    import torch
    import transformers as t

    torch.manual_seed(0)
    names = {"id2label": dict(enumerate(own)), "label2id": {name: at for at, name in enumerate(own)}, "num_labels": len(own)}
    small: dict[str, Any] = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    if kind == "whisper":
        sizes = {"d_model": 16, "encoder_layers": 1, "encoder_attention_heads": 2, "encoder_ffn_dim": 16, "classifier_proj_size": 8}
        model = t.WhisperForAudioClassification(t.WhisperConfig(**sizes, decoder_layers=1, vocab_size=20, pad_token_id=0, **names))
        extractor = t.WhisperFeatureExtractor()
    elif kind == "ast":
        model = t.ASTForAudioClassification(t.ASTConfig(**small, max_length=128, num_mel_bins=32, **names))
        extractor = t.ASTFeatureExtractor(max_length=128, num_mel_bins=32)
    else:
        layers = {
            "conv_dim": (8, 8),
            "conv_stride": (5, 4),
            "conv_kernel": (10, 8),
            "num_feat_extract_layers": 2,
            "classifier_proj_size": 8,
        }
        around = {"num_conv_pos_embeddings": 4, "num_conv_pos_embedding_groups": 2, "feat_extract_norm": "layer"}
        config = t.Wav2Vec2Config(**small, **layers, **around, vocab_size=20, problem_type=problem, **names)
        model, extractor = t.Wav2Vec2ForSequenceClassification(config), t.Wav2Vec2FeatureExtractor(sampling_rate=rate)
    model.save_pretrained(folder)
    extractor.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _hub(tmp_path_factory.mktemp("hub") / "tiny")


@pytest.fixture(scope="module")
def opened(hub: Path) -> SpeechTransformers:
    return open_model(hub, threads=0)


@pytest.mark.parametrize("kind", ["wav2vec2", "whisper", "ast"])
def test_a_hub_model_says_the_same_in_a_batch_alone_and_again(kind: str, tmp_path: Path) -> None:
    model = open_model(_hub(tmp_path, kind=kind), threads=0)
    sounds = [_voice(200, seconds=1), _voice(100, seconds=0.5), np.zeros(10, np.float32), np.zeros(0, np.float32)]
    raw = model(_clips(sounds), labels=SETS)["ekman7"]
    assert raw.shape == (4, 7) and raw.dtype == np.float32 and np.isfinite(raw).all()
    assert np.array_equal(raw, np.stack([model.hear(sound, labels=SETS)[1]["ekman7"] for sound in sounds]))
    assert np.array_equal(raw, model(_clips(sounds), labels=SETS)["ekman7"])
    assert model([], labels=SETS)["ekman7"].shape == (0, 7)


def test_what_a_hub_model_says_is_renormalised_over_the_labels_that_we_have(opened: SpeechTransformers) -> None:
    logits, raw = opened.hear(_voice(200), labels=SETS)
    odds = np.exp(logits - logits.max())
    wanted = np.zeros(7)
    wanted[[0, 3, 6]] = odds[0], odds[1], odds[2] + odds[3]  # calm is neutral, boredom has no place
    scores = probabilities(raw["ekman7"][None], LABELS, opened.card.calibration["ekman7"])[0]
    assert scores == pytest.approx(wanted / wanted.sum(), abs=1e-5)
    assert (raw["ekman7"][[1, 2, 4, 5]] == -30).all()


def test_a_hub_model_does_not_get_to_know_voices(opened: SpeechTransformers) -> None:
    assert opened.population is None
    features, raw = opened.hear(_voice(200), labels=SETS)
    again = opened.hear(_voice(200), labels=SETS, baseline=Baseline(features, 9.0))[1]
    assert np.array_equal(raw["ekman7"], again["ekman7"])


def test_a_hub_models_card_says_what_nobody_has_checked(opened: SpeechTransformers, hub: Path, tmp_path: Path) -> None:
    card = opened.card
    assert card.name == "tiny" and card.modality == "speech" and not card.commercial and "unknown" in card.licence["weights"]
    assert card.revision == revision_of(hub / "model.safetensors") and "uncalibrated" in card.facts["calibration"]
    assert card.facts["labels"] == {"ang": "anger", "hap": "joy", "neu": "neutral", "calm": "neutral"}
    assert card.facts["dropped"] == ["boredom"] and card.facts["lacks"] == ["disgust", "fear", "sadness", "surprise"]
    write_card(card, tmp_path)
    assert read_card(tmp_path) == card


@pytest.mark.parametrize("seconds", [0.0, 29.0, 61.0])
def test_a_long_clip_is_cut_into_pieces_that_are_the_clip(seconds: float, opened: SpeechTransformers) -> None:
    clip = Clip("speech", np.arange(seconds * RATE, dtype=np.float32), 5.0, 5.0 + seconds, who="anna")
    prosody = SpeechProsody(opened.card, None, None)  # type: ignore[arg-type]
    for encoder in (opened, prosody):
        pieces = encoder.cut(clip)
        assert len(pieces) == (3 if seconds > 60 else 1) and all(len(piece.data) <= 30 * RATE and piece.who == "anna" for piece in pieces)
        assert np.array_equal(np.concatenate([piece.data for piece in pieces]), clip.data)
        assert [piece.start for piece in pieces[1:]] == [piece.end for piece in pieces[:-1]]
        assert (pieces[0].start, pieces[-1].end) == (5.0, 5.0 + seconds)


def test_a_hub_model_that_tells_no_emotions_is_refused(tmp_path: Path, opened: SpeechTransformers) -> None:
    with pytest.raises(InputError, match="it has: dog, ang, cat; ekman7 has: anger"):
        open_model(_hub(tmp_path / "a", own=["dog", "ang", "cat"]), threads=0)
    with pytest.raises(InputError, match="made for multi_label_classification"):
        open_model(_hub(tmp_path / "b", problem="multi_label_classification"), threads=0)
    with pytest.raises(InputError, match="does not speak 'vad'"):
        opened.hear(_voice(200), labels=["vad"])


def test_a_hub_model_with_missing_or_unfit_files_is_refused(tmp_path: Path, hub: Path) -> None:
    from safetensors.numpy import load_file, save_file

    with pytest.raises(WeightsError, match="name a folder in the hub's format"):
        speech_transformers.load(None, 0)
    with pytest.raises(WeightsError, match=r"no config\.json"):
        open_model(tmp_path, threads=0)
    (tmp_path / "config.json").write_text((hub / "config.json").read_text())
    (tmp_path / "pytorch_model.bin").write_bytes(b"x")
    with pytest.raises(WeightsError, match="pickled weights are not opened"):
        open_model(tmp_path, threads=0)
    (tmp_path / "model.safetensors").write_bytes(b"x")
    with pytest.raises(WeightsError, match="holds no classifier of sound"):
        open_model(tmp_path, threads=0)
    for file in ("preprocessor_config.json", "config.json"):
        (tmp_path / file).write_text((hub / file).read_text())
    found = load_file(hub / "model.safetensors")
    save_file({name: array for name, array in found.items() if "classifier" not in name}, tmp_path / "model.safetensors", {"format": "pt"})
    with pytest.raises(WeightsError, match=r"lacks the weights classifier\.bias, classifier\.weight"):
        open_model(tmp_path, threads=0)
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "no such", "id2label": {"0": "ang", "1": "sad"}}))
    with pytest.raises(WeightsError, match=r"config\.json in .* is no model's"):
        open_model(tmp_path, threads=0)
    with pytest.raises(WeightsError, match="8,000 samples a second; only models for 16,000"):
        open_model(_hub(tmp_path / "phone", rate=8000), threads=0)


def test_a_model_is_fetched_from_the_hub_by_its_name(hub: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub

    asked: list[tuple[str, str | None]] = []

    def fetch(name: str, *, revision: str | None, allow_patterns: list[str]) -> str:
        asked.append((name, revision))
        assert not any("bin" in pattern for pattern in allow_patterns)
        if name == "no/network":
            raise OSError("no route to host")
        return str(hub)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", fetch)
    assert open_model("hf:someone/some-model", threads=0).card.name == "someone/some-model"
    assert open_model("hf:someone/some-model@v1", threads=0).card.name == "someone/some-model"
    assert asked == [("someone/some-model", None), ("someone/some-model", "v1")]
    with pytest.raises(WeightsError, match="hf:no/network cannot be fetched: no route to host"):
        open_model("hf:no/network", threads=0)
    for name in ("hf:", "hf:model", "hf:a/b/c", "hf:a b/c"):
        with pytest.raises(InputError, match='write "hf:owner/model"'):
            open_model(name, threads=0)


def test_a_hub_model_says_what_it_lacks(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("affekt.encoders._hub.import_module", lambda _: (_ for _ in ()).throw(ImportError()))
    with pytest.raises(MissingExtra, match=r"transformers.*affekt\[transformers\]"):
        open_model(tmp_path, threads=0)
