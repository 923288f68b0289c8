"""What training a speech model on recordings of one's own promises; on tones and noise."""

import csv
import wave
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

for library in ("av", "sklearn", "safetensors", "torch"):
    pytest.importorskip(library, reason=f"{library} is not installed; it comes with the speech or the train extra")

import affekt
from affekt import Reader
from affekt.encoders import speech_adapter, speech_affekt, speech_affekt_free
from affekt.encoders._card import read_card, write_card
from affekt.encoders._open import open_encoder
from affekt.errors import InputError, WeightsError
from affekt.evaluation.recordings import evaluate_recordings
from affekt.parts import LabelSet, Row
from affekt.preprocessing.personal import Baseline, Population, nothing_heard
from affekt.results import Clip
from affekt.training.clips import clip_of
from affekt.training.families import speech_head
from affekt.training.frozen import directions, folds_of, population_of, speakers_of
from affekt.training.heads import fit_head
from affekt.training.job import Job
from affekt.training.loop import Optimiser, Watch
from affekt.training.losses import Loss
from affekt.training.recipe import recipe_of
from affekt.training.train import Trained, train_rows

RATE = 16_000
SPEECH = Path(affekt.__file__).parent / "samples" / "train.ogg"
LABELS = LabelSet("我的声音 v1.0", ("froh 😀", "生气", "so-so"), "single", "made up")
TONES = {"froh 😀": 1500.0, "生气": 400.0, "so-so": None}  # Hz; None is noise
SPEAKERS, TAKES = 4, 3


def write(path: Path, samples: np.ndarray) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", ""))
        file.writeframes((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())
    return path


def sound(label: str, speaker: int, take: int) -> np.ndarray:
    """Half a second between silence: what a label sounds like, and the hum that a speaker adds."""
    rng, at = np.random.default_rng([speaker, take]), np.arange(RATE // 2) / RATE
    hertz = TONES[label]
    tone = rng.normal(size=len(at)) if hertz is None else np.sin(2 * np.pi * hertz * (1 + 0.02 * take) * at)
    hum = np.sin(2 * np.pi * 60 * (1 + speaker) * at)
    return np.concatenate([np.zeros(3200), 0.2 * tone + 0.1 * hum, np.zeros(3200)])


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> list[Row]:
    folder = tmp_path_factory.mktemp("sounds")
    made = []
    for speaker in range(SPEAKERS):
        for label in LABELS.labels:
            for take in range(TAKES):
                path = write(folder / f"{speaker} {label} {take}.wav", sound(label, speaker, take))
                made.append(Row("", (label,), "de", group=f"s{speaker}", who=f"s{speaker}", path=path))
    return made


def train(rows: Sequence[Row], out: Path, family: str = "head", **given: Any) -> Trained:
    """Trained on all speakers but one, which is the dev split, and tested on that one again."""
    last = rows[-1].group
    kept, left = [row for row in rows if row.group != last], [row for row in rows if row.group == last]
    recipe = recipe_of({"modality": "speech", "family": family, **given})
    return train_rows(kept, left, left, LABELS, recipe=recipe, out=out)


@pytest.fixture(scope="module")
def head(rows: list[Row], tmp_path_factory: pytest.TempPathFactory) -> Trained:
    return train(rows, tmp_path_factory.mktemp("head") / "model")


@pytest.fixture(scope="module")
def encoder(rows: list[Row], tmp_path_factory: pytest.TempPathFactory) -> Trained:
    pytest.importorskip("accelerate", reason="accelerate is not installed; it comes with the train extra")
    pytest.importorskip("onnx", reason="onnx is not installed; it comes with the train extra")
    pytest.importorskip("tensorboard", reason="tensorboard is not installed; it comes with the train extra")
    return train(rows, tmp_path_factory.mktemp("encoder") / "model", "encoder", **quick(2))


def quick(epochs: int) -> dict[str, Any]:
    return {"optimiser": {"epochs": epochs, "batch": 9, "precision": "fp32"}, "model": {"layers": 1, "free": True}}


def manifest(rows: Sequence[Row], path: Path) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["path", "label", "speaker", "language"])
        writer.writerows([row.path, (row.labels or ("",))[0], row.who, "de"] for row in rows)
    return path


def says_alone_what_it_says_in_a_batch(folder: Path, rows: Sequence[Row]) -> np.ndarray:
    """Its raw outputs of the rows."""
    opened = open_encoder(str(folder))
    clips = [clip_of(row, opened) for row in rows]
    together = opened(clips, labels=[LABELS.name])[LABELS.name]
    alone = np.concatenate([opened([clip], labels=[LABELS.name])[LABELS.name] for clip in clips])
    assert together.shape == (len(rows), 3) and together.dtype == np.float32 and np.isfinite(together).all()
    assert np.abs(together - alone).max() < 1e-4
    assert opened([], labels=[LABELS.name])[LABELS.name].shape == (0, 3)
    return together


def reads_and_is_judged(folder: Path, rows: Sequence[Row], path: Path, *, heard: tuple[int, ...] = (0, 3)) -> dict[str, Any]:
    """What judging says of it, after it has read a recording in its own words."""
    timeline = Reader(models={"speech": str(folder)}).read(SPEECH)
    assert timeline.labels == LABELS.name and set(timeline.readings[0].scores) == set(LABELS.labels)
    found = evaluate_recordings(manifest(rows, path), model=str(folder), heard=heard)
    assert found["labels"] == LABELS.name and found["n"] == len(rows)
    return found


# --- a head over an encoder that ships


def test_a_head_learns_and_its_folder_opens_reads_and_is_judged(head: Trained, rows: list[Row], tmp_path: Path) -> None:
    assert head.measured["folds"]["n"] == len(rows) and head.measured["folds"]["ua"] > 0.9
    assert head.card.sets == {LABELS.name: LABELS} and head.card.facts["speakers"] == SPEAKERS
    assert sum(file.stat().st_size for file in head.folder.iterdir()) < 300_000
    raw = says_alone_what_it_says_in_a_batch(head.folder, rows)
    assert [LABELS.labels[at] for at in raw.argmax(1)] == [row.labels[0] for row in rows if row.labels]
    found = reads_and_is_judged(head.folder, rows, tmp_path / "m.csv")
    assert found["ua"] > 0.9 and found["heard"]["3"]["heard_mean"] == 3


def test_a_head_hears_a_voice_against_its_own_baseline(head: Trained, rows: list[Row]) -> None:
    opened = open_encoder(str(head.folder))
    assert isinstance(opened, speech_adapter.SpeechAdapter) and opened.population is not None and opened.population.emotions is not None
    samples, names = clip_of(rows[0], opened).data, [LABELS.name]
    features, raw = opened.hear(samples, labels=names)
    new = opened.hear(samples, labels=names, baseline=nothing_heard(opened.population))[1]
    assert np.array_equal(raw[LABELS.name], new[LABELS.name])
    mine = Baseline(features, 40)
    known = opened.hear(samples, labels=names, baseline=mine)[1][LABELS.name]
    assert np.abs(known - raw[LABELS.name]).max() > 0.1
    assert np.allclose(known, opened.rejudge(features, labels=names, baseline=mine)[LABELS.name])
    assert len(opened.cut(Clip("speech", np.zeros(13 * RATE, np.float32), 0, 13))) == 2


def test_a_head_may_be_used_for_what_its_encoder_may(head: Trained, rows: list[Row], tmp_path: Path) -> None:
    free = train(rows, tmp_path / "free", model={"free": True})
    opened = [open_encoder(str(one.folder)).card for one in (head, free)]
    assert [card.commercial for card in opened] == [False, True]
    assert [card.facts["base"].partition("@")[0] for card in opened] == ["speech_affekt", "speech_affekt_free"]


def test_a_head_belongs_to_the_encoder_that_it_was_fitted_to(head: Trained, tmp_path: Path) -> None:
    for file in head.folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    card = read_card(tmp_path)
    write_card(replace(card, facts={**card.facts, "base": "speech_affekt@00000000"}), tmp_path)
    with pytest.raises(WeightsError, match="belongs to speech_affekt@00000000, and installed is speech_affekt@"):
        speech_adapter.load(tmp_path, 1)
    write_card(card, tmp_path)
    (tmp_path / "adapter.safetensors").write_bytes(b"x")
    with pytest.raises(WeightsError, match="absent or broken"):
        speech_adapter.load(tmp_path, 1)
    with pytest.raises(WeightsError, match="comes without weights"):
        speech_adapter.load(None, 1)


def test_speakers_need_not_be_known(rows: list[Row], tmp_path: Path) -> None:
    nameless = [replace(row, who=None, group=f"{at}") for at, row in enumerate(rows)]
    made = train_rows(nameless[:-3], nameless[-3:], (), LABELS, recipe=recipe_of({"modality": "speech"}), out=tmp_path / "model")
    assert made.measured["folds"]["ua"] > 0.9 and made.card.facts["speakers"] == 0
    assert reads_and_is_judged(made.folder, rows, tmp_path / "m.csv")["ua"] > 0.9


def test_any_number_of_labels_may_apply(rows: list[Row], tmp_path: Path) -> None:
    several = LabelSet("several", LABELS.labels[:2], "multi", "made up", none="none")
    told = [replace(row, labels=tuple(name for name in row.labels or () if name in several.labels)) for row in rows]
    made = train_rows(told[:-9], told[-9:], (), several, recipe=recipe_of({"modality": "speech"}), out=tmp_path / "model")
    assert made.measured["folds"]["macro_f1"] > 0.9 and made.card.calibration["several"].thresholds
    assert Reader(models={"speech": str(made.folder)}).read(SPEECH).labels == "several"


def job(rows: Sequence[Row], watch: Watch | None = None) -> Job:
    return Job(rows, (), [LABELS], speech_head.Settings(), Optimiser(), Loss(), 7, Path(), watch or Watch())


def test_a_recording_that_cannot_be_decoded_is_left_out_and_said(rows: list[Row], tmp_path: Path) -> None:
    (tmp_path / "text.wav").write_text("no sound")
    broken = replace(rows[0], path=tmp_path / "text.wav")
    told = list[str]()
    made = speech_head.make(job([*rows, broken], Watch(told.append)), tmp_path)
    assert len(told) == 1 and told[0].startswith(f"1 of {len(rows) + 1} files cannot be read: ") and "text.wav" in told[0]
    assert made.unseen is not None and np.isnan(made.unseen[LABELS.name]).all(1).tolist() == [False] * len(rows) + [True]
    with pytest.raises(InputError, match=r"text\.wav"):
        clip_of(broken, speech_affekt_free.PART.load(None, 1))
    with pytest.raises(InputError, match=r"13 of 25 files cannot be read: .*text\.wav"):
        speech_head.make(job([*rows[:12], *[broken] * 13]), tmp_path)


def test_one_label_is_too_few(rows: list[Row], tmp_path: Path) -> None:
    with pytest.raises(InputError, match="one and the same label"):
        speech_head.make(job([row for row in rows if row.labels == ("生气",)]), tmp_path)


def test_folds_are_of_people_else_of_groups_else_of_rows(rows: list[Row]) -> None:
    alone = [replace(row, who="me", group=f"d{at // 6}") for at, row in enumerate(rows)]
    assert len(set(folds_of(rows).tolist())) == SPEAKERS
    assert len(set(folds_of(alone).tolist())) == 6
    assert len(set(folds_of([replace(row, group=None) for row in alone]).tolist())) == len(rows)
    assert len(set(speakers_of([*rows, Row(""), Row("")]).tolist())) == SPEAKERS + 2


def test_few_recordings_tell_little_of_how_voices_differ_and_many_tell_all() -> None:
    rng = np.random.default_rng(0)
    known = Population(np.zeros(50, np.float32), np.full(50, 9, np.float32), np.full(50, 4, np.float32))
    nothing = population_of(rng.normal(size=(2, 50)).astype(np.float32), np.array(["a", "b"]), known)
    assert np.allclose(nothing.within, 4) and np.allclose(nothing.between, 9, rtol=0.2)
    speakers = np.repeat(np.arange(400), 10).astype(str)
    features = (np.repeat(rng.normal(size=(400, 50)) * 3, 10, axis=0) + rng.normal(size=(4000, 50)) * 0.5).astype(np.float32)
    much = population_of(features, speakers, known)
    assert much.within.mean() == pytest.approx(0.25, rel=0.1) and much.between.mean() == pytest.approx(9, rel=0.1)
    assert np.allclose(much.mean, features.mean(0), atol=1e-5)


@pytest.mark.parametrize("count", [30, 200])
def test_a_head_over_the_largest_directions_is_the_head(count: int) -> None:
    rng = np.random.default_rng(0)
    features = rng.normal(size=(count, 80)).astype(np.float32)
    gold = np.eye(3, dtype=np.float32)[features[:, :3].argmax(1)]
    turn, groups = directions(features), np.arange(count)
    whole = fit_head(features, gold, np.ones_like(gold), LABELS, groups=groups)
    turned = fit_head(features @ turn, gold, np.ones_like(gold), LABELS, groups=groups)
    assert turn.shape == (80, min(count, 80)) and np.allclose(turn.T @ turn, np.eye(turn.shape[1]), atol=1e-4)
    assert turned.strength == whole.strength and np.abs(turn @ turned.weight - whole.weight).max() < 0.02


# --- an encoder that is fine-tuned


def test_the_encoder_becomes_a_torch_network_again(tmp_path: Path) -> None:
    pytest.importorskip("onnx", reason="onnx is not installed; it comes with the train extra")
    import torch

    from affekt.export.speech_onnx import Head, export, measure
    from affekt.training.families.speech_encoder import fitting
    from affekt.training.speech_encoder import SpeechEncoder, from_onnx

    torch.manual_seed(0)
    samples = fitting(np.concatenate([sound(label, 0, 0) for label in LABELS.labels]).astype(np.float32))
    model, nothing = SpeechEncoder(width=128, layers=2, heads=2).eval(), np.zeros(512, np.float32)
    head = Head("a", np.zeros((512, 3), np.float32), np.zeros(3, np.float32), Population(nothing, nothing + 1, nothing + 1))
    export(model, head, tmp_path, ranges=measure(model, [samples]), longest=600)
    again = from_onnx(tmp_path / "model.onnx").eval()
    held = dict(model.named_parameters())
    for name, one in again.named_parameters():
        far = held[name][:600] if name.startswith("positions") else held[name]
        near = one[: len(far)]
        coded = name.endswith("weight") and any(part in name for part in ("qkv", "out", "up", "layers.0.down", "layers.1.down"))
        assert (near - far).abs().max() <= (far.abs().max() / 100 if coded else 0), name
    shipped = speech_affekt.PART.load(None, 1)
    whole = from_onnx(speech_affekt.SHIPPED / "model.onnx").eval()
    features, _ = shipped.hear(samples, labels=[])
    with torch.no_grad():
        said = whole.features(whole.mel(torch.from_numpy(samples)[None])).numpy()[0]
    assert np.corrcoef(features, said)[0, 1] > 0.97  # the shipped one also rounds what goes into its matrices


def test_an_encoder_learns_and_its_folder_opens_reads_and_is_judged(encoder: Trained, rows: list[Row], tmp_path: Path) -> None:
    assert set(encoder.measured) == {"dev", "test"} and encoder.measured["dev"]["ua"] > 0.6
    assert [one["epoch"] for one in encoder.card.facts["history"]] == [1, 2]
    assert isinstance(open_encoder(str(encoder.folder)), speech_affekt.SpeechAffekt)
    says_alone_what_it_says_in_a_batch(encoder.folder, rows)
    assert reads_and_is_judged(encoder.folder, rows, tmp_path / "m.csv")["heard"]["3"]["ua"] > 0.6


def test_training_an_encoder_that_was_stopped_comes_to_the_same_end(encoder: Trained, rows: list[Row], tmp_path: Path) -> None:
    class Stopped(Exception):
        pass

    def step(done: int, total: int, loss: float) -> None:
        if total == 6 and done == 4 and loss:  # of 27 rows in batches of 9, twice: in the second epoch
            raise Stopped

    recipe = recipe_of({"modality": "speech", "family": "encoder", **quick(2)})
    recipe = recipe.model_copy(update={"optimiser": {**recipe.optimiser, "checkpoint_minutes": 0.0}})
    kept, left = rows[:-9], rows[-9:]
    with pytest.raises(Stopped):
        train_rows(kept, left, left, LABELS, recipe=recipe, out=tmp_path / "model", watch=Watch(step=step))
    again = train_rows(kept, left, left, LABELS, recipe=recipe, out=tmp_path / "model", resume=True)
    assert again.card.revision == encoder.card.revision


def test_a_name_that_a_part_of_the_network_has_is_refused_at_once(rows: list[Row], tmp_path: Path) -> None:
    pytest.importorskip("onnx", reason="onnx is not installed; it comes with the train extra")
    with pytest.raises(InputError, match="cannot be called 'baseline' here"):
        train_rows(
            rows[:-9],
            rows[-9:],
            (),
            replace(LABELS, name="baseline"),
            recipe=recipe_of({"modality": "speech", "family": "encoder"}),
            out=tmp_path / "model",
        )


# --- a model of the hub


def hub(folder: Path, kind: str) -> Path:
    """A folder as `save_pretrained` writes it, of a small model with random weights and labels of its own."""
    t = pytest.importorskip("transformers", reason="transformers is not installed; it comes with the train extra")
    small: dict[str, Any] = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 16}
    if kind == "wav2vec2":
        convolved = {"conv_dim": (16, 16), "conv_stride": (10, 16), "conv_kernel": (10, 16), "num_conv_pos_embeddings": 4}
        groups = {"num_conv_pos_embedding_groups": 2, "mask_time_prob": 0.0, "classifier_proj_size": 8}
        config = t.Wav2Vec2Config(**small, **convolved, **groups, num_feat_extract_layers=2)
        model, reader = t.Wav2Vec2ForSequenceClassification(config), t.Wav2Vec2FeatureExtractor()
    else:
        sizes = {"max_length": 64, "num_mel_bins": 16, "patch_size": 8, "time_stride": 8, "frequency_stride": 8}
        model = t.ASTForAudioClassification(t.ASTConfig(**small, **sizes))
        reader = t.ASTFeatureExtractor(max_length=64, num_mel_bins=16)
    model.save_pretrained(folder)
    reader.save_pretrained(folder)
    return folder


@pytest.mark.parametrize("kind", ["wav2vec2", "ast"])
def test_a_hub_model_learns_labels_of_ones_own(kind: str, rows: list[Row], tmp_path: Path) -> None:
    start = hub(tmp_path / "tiny", kind)
    settings = {"start": str(start), "layers": 1, "varied": kind == "ast"}
    made = train(rows, tmp_path / "model", "hub", model=settings, optimiser={"epochs": 2, "batch": 9, "rate": 1e-3})
    assert made.card.facts["start"].startswith("tiny@") and len(made.card.facts["history"]) == 2
    says_alone_what_it_says_in_a_batch(made.folder, rows[:5])
    reads_and_is_judged(made.folder, rows, tmp_path / "m.csv", heard=(0,))
    with pytest.raises(InputError, match=r"model\.start is a folder"):
        train(rows, tmp_path / "other", "hub")
