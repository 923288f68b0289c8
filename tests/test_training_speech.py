"""The speech encoder says what Whisper says."""

from pathlib import Path

import numpy as np
import pytest

for library in ("torch", "onnx", "safetensors"):
    pytest.importorskip(library, reason=f"{library} is not installed; it comes with the train extra")

import onnxruntime
import torch

from affekt.export.speech_onnx import Head, export, measure
from affekt.preprocessing.personal import Population, population_of
from affekt.training import speech_finetune, speech_head
from affekt.training.speech_encoder import SpeechEncoder, from_whisper
from affekt.training.voices import Voice, hide


def test_the_spectrogram_and_the_layers_are_whispers(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers", reason="transformers is not installed; it comes with the bench extra")
    config = transformers.WhisperConfig(d_model=128, encoder_layers=2, encoder_attention_heads=2, encoder_ffn_dim=512, num_mel_bins=80)
    theirs = transformers.models.whisper.modeling_whisper.WhisperEncoder(config).eval()
    theirs.save_pretrained(tmp_path)
    ours = from_whisper(tmp_path).eval()
    samples = np.random.default_rng(0).normal(size=30 * 16_000).astype(np.float32)
    expected = transformers.WhisperFeatureExtractor()(samples, sampling_rate=16_000, return_tensors="pt").input_features
    with torch.no_grad():
        mel = ours.mel(torch.from_numpy(samples)[None])
        assert torch.allclose(mel, expected, atol=1e-3)
        said = ours(mel)
        assert torch.allclose(theirs.layer_norm(said[-1]), theirs(mel).last_hidden_state, atol=1e-3)
    assert len(said) == 3 and said[0].shape == (1, 1500, 128)


def test_padding_changes_nothing() -> None:
    torch.manual_seed(0)
    model = SpeechEncoder(width=128, layers=2, heads=2).eval()
    short, long = torch.randn(1, 16_000), torch.randn(1, 32_000)
    with torch.no_grad():
        mels = [model.mel(short), model.mel(long)]
        alone = model.features(mels[0])
        padded = torch.zeros(2, 80, 200)
        padded[0, :, :100], padded[1] = mels[0][0], mels[1][0]
        frames = torch.tensor([50, 100])
        together = model.features(padded, frames)
    assert torch.allclose(alone[0], together[0], atol=0.05)  # the convolutions see the edge as silence, not as the end
    assert torch.allclose(model.features(mels[1])[0], together[1], atol=1e-4)


def head(wide: int, layers: int) -> Head:
    rng = np.random.default_rng(0)
    d = 2 * wide * layers
    population = Population(rng.normal(size=d).astype(np.float32), np.ones(d, np.float32), rng.uniform(0.5, 2, d).astype(np.float32))
    return Head("ekman7", rng.normal(size=(d, 7)).astype(np.float32) / d, np.zeros(7, np.float32), population)


def test_the_graph_says_what_torch_says_and_takes_a_baseline(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = SpeechEncoder(width=128, layers=2, heads=2).eval()
    for score in model.pooling.score:
        torch.nn.init.normal_(score.weight)
    one = head(128, 2)
    rng = np.random.default_rng(1)
    clips = [(rng.normal(size=320 * n) * 0.1).astype(np.float32) for n in (20, 77, 150)]
    for kind in ("fp32", "int8"):
        (tmp_path / kind).mkdir()
        export(model, one, tmp_path / kind, ranges=measure(model, clips) if kind == "int8" else None)
    for kind, far in (("fp32", 1e-3), ("int8", 0.1)):
        session = onnxruntime.InferenceSession(str(tmp_path / kind / "model.onnx"), providers=["CPUExecutionProvider"])
        for clip in clips:
            with torch.no_grad():
                expected = model.features(model.mel(torch.from_numpy(clip)[None])).numpy()
            features, raw = session.run(["features", "ekman7"], {"samples": clip[None]})
            assert np.abs(features - expected).max() < far * np.abs(expected).max()
            scaled = (features - one.population.mean) / np.sqrt(one.population.within)
            assert np.allclose(raw, scaled @ one.weight, atol=1e-3)
            _, same = session.run(["features", "ekman7"], {"samples": clip[None], "baseline": features[0]})
            assert np.allclose(same, 0, atol=1e-3)


def test_a_head_learns_emotions_relative_to_the_voice() -> None:
    rng = np.random.default_rng(0)
    speakers = np.repeat(np.arange(12), 30).astype(str)
    labels = rng.integers(0, 3, 360)
    voices = np.repeat(rng.normal(size=(12, 8)) * 5, 30, axis=0)  # voices differ more than emotions do
    features = (voices + np.eye(3, 8)[labels] * 3 + rng.normal(size=(360, 8))).astype(np.float32)
    population = population_of(features, speakers)
    known = [speech_head.relative(features, speakers, population, heard=(heard,), rng=rng) for heard in (0, 20)]
    right = []
    for x in known:
        weight, bias = speech_head.fit(x[:240], labels[:240], strength=300.0, classes=5)
        said = (x[240:] @ weight + bias).argmax(1)
        assert set(said.tolist()) <= {0, 1, 2}  # a class without a row is never said
        right.append((said == labels[240:]).mean())
    assert right[1] > 0.85 > right[0]
    weight, bias = speech_head.fit(known[1], labels % 2, strength=300.0, classes=2)
    assert ((known[1] @ weight + bias).argmax(1) == labels % 2).mean() > 0.6


def test_what_an_emotion_adds_is_told_from_the_voice() -> None:
    rng = np.random.default_rng(0)
    speakers, labels = np.repeat(np.arange(12), 30).astype(str), rng.integers(0, 3, 360)
    added = np.array([[2, 0], [-2, 1], [0, -1]], np.float32)
    features = (np.repeat(rng.normal(size=(12, 2)) * 5, 30, axis=0) + added[labels] + rng.normal(size=(360, 2)) / 10).astype(np.float32)
    found = speech_head.emotions_of(features, labels, speakers, classes=4)
    assert found[:3] == pytest.approx(added, abs=0.1) and not found[3].any()


def test_finetuning_learns_and_is_repeatable() -> None:
    rng = np.random.default_rng(0)
    samples = [(np.sin(2 * np.pi * (300 + 900 * (at % 2)) * np.arange(6400) / 16_000) * 0.3).astype(np.float32) for at in range(32)]
    clips = speech_finetune.Clips(samples, np.arange(32) % 2, (np.arange(32) // 8).astype(str), np.full(32, "tones"))
    optimiser = speech_finetune.Optimiser(steps=12, voices=2, utterances=4, rate=1e-3, head_rate=1e-2, smoothing=0.0, dropout=0.0)
    runs = []
    for _ in range(2):
        torch.manual_seed(0)
        model = SpeechEncoder(width=64, layers=1, heads=1)
        speech_finetune.fit(model, clips, classes=3, optimiser=optimiser, seed=1)
        runs.append(speech_finetune.features_of(model, samples))
    assert np.array_equal(*runs)
    x = speech_head.relative(runs[0], clips.speakers, population_of(runs[0], clips.speakers), rng=rng)
    weight, bias = speech_head.fit(x, clips.labels, strength=300.0, classes=2)
    assert ((x @ weight + bias).argmax(1) == clips.labels).mean() > 0.9


def test_a_voice_stays_itself_and_voices_differ() -> None:
    rng = np.random.default_rng(0)
    clip = np.sin(2 * np.pi * 300 * np.arange(64_000) / 16_000).astype(np.float32)
    voices = [Voice(rng) for _ in range(30)]
    made = [voice(clip) for voice in voices]
    assert all(np.isfinite(one).all() and 20_000 < len(one) < 76_000 for one in made)
    assert len({voice.speed for voice in voices}) > 15 and any(voice.telephone for voice in voices)
    mel = torch.randn(8, 80, 120)
    assert (hide(mel.clone(), rng) != mel).float().mean() > 0.01
