"""What training a face model on pictures of one's own promises; on drawn faces."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

for library in ("sklearn", "safetensors", "torch"):
    pytest.importorskip(library, reason=f"{library} is not installed; it comes with the train extra")

from PIL import Image, ImageEnhance

from affekt import Reader
from affekt.encoders import face_adapter, face_affekt
from affekt.encoders._card import read_card, write_card
from affekt.encoders._open import open_encoder
from affekt.errors import InputError, WeightsError
from affekt.evaluation.pictures import evaluate_pictures
from affekt.parts import LabelSet, Row
from affekt.training.clips import clip_of
from affekt.training.families import face_head
from affekt.training.job import Job
from affekt.training.loop import Optimiser, Watch
from affekt.training.losses import Loss
from affekt.training.recipe import recipe_of
from affekt.training.train import Trained, train_rows
from drawn import BLACK, BLOND, BROWN, DARK, FAIR, PALE, drawn_face

LABELS = LabelSet("Gesichter v1.0", ("lächelt 😀", "平静"), "single", "made up")
MOUTHS = {"lächelt 😀": "smile", "平静": "flat"}
PEOPLE = {"a": (FAIR, BROWN), "b": (PALE, BLOND), "c": (DARK, BLACK), "d": (FAIR, BLACK)}  # skin and hair
TAKES = 4
SIDE = 120  # pixels of a picture


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> list[Row]:
    """Faces in an album with a folder a label, each brighter or darker and a little to one side."""
    album, rng = tmp_path_factory.mktemp("album"), np.random.default_rng(0)
    made = []
    for who, (skin, hair) in PEOPLE.items():
        for label in LABELS.labels:
            (album / label).mkdir(exist_ok=True)
            face = drawn_face(SIDE, MOUTHS[label], skin, hair)  # type: ignore[arg-type]
            for take in range(TAKES):
                seen = ImageEnhance.Brightness(face).enhance(float(rng.uniform(0.7, 1.2)))
                left, top = (int(one) for one in rng.integers(0, 8, 2))
                path = album / label / f"{who}{take}.png"
                seen.crop((left, top, left + SIDE - 8, top + SIDE - 8)).save(path)
                made.append(Row("", (label,), group=who, who=who, path=path))
    return made


def train(rows: Sequence[Row], out: Path, family: str = "head", **given: Any) -> Trained:
    """Trained on all people but one, who is the dev split, and tested on that one again."""
    kept, left = [row for row in rows if row.who != "d"], [row for row in rows if row.who == "d"]
    recipe = recipe_of({"modality": "face", "family": family, **given})
    return train_rows(kept, left, left, LABELS, recipe=recipe, out=out)


@pytest.fixture(scope="module")
def head(rows: list[Row], tmp_path_factory: pytest.TempPathFactory) -> Trained:
    return train(rows, tmp_path_factory.mktemp("head") / "model")


@pytest.fixture(scope="module")
def encoder(rows: list[Row], tmp_path_factory: pytest.TempPathFactory) -> Trained:
    for library in ("accelerate", "onnx", "tensorboard"):
        pytest.importorskip(library, reason=f"{library} is not installed; it comes with the train extra")
    return train(rows, tmp_path_factory.mktemp("encoder") / "model", "encoder", **QUICK)


QUICK = {"optimiser": {"epochs": 2, "batch": 8, "precision": "fp32"}, "model": {"layers": 9}}


def says_alone_what_it_says_in_a_batch(folder: Path, rows: Sequence[Row]) -> np.ndarray:
    """Its raw outputs of the rows."""
    opened = open_encoder(str(folder))
    clips = [clip_of(row, opened) for row in rows]
    together = opened(clips, labels=[LABELS.name])[LABELS.name]
    alone = np.concatenate([opened([clip], labels=[LABELS.name])[LABELS.name] for clip in clips])
    assert together.shape == (len(rows), 2) and together.dtype == np.float32 and np.isfinite(together).all()
    assert np.abs(together - alone).max() < 1e-3
    assert opened([], labels=[LABELS.name])[LABELS.name].shape == (0, 2)
    return together


def reads_and_is_judged(folder: Path, rows: Sequence[Row]) -> dict[str, Any]:
    """What judging says of it on the album, after it has read a picture in its own words."""
    picture = Image.new("RGB", (400, 400), (120, 130, 140))
    picture.paste(drawn_face(240), (80, 80))
    timeline = Reader(models={"face": str(folder)}).read(np.asarray(picture))
    assert timeline.labels == LABELS.name and set(timeline.readings[0].scores) == set(LABELS.labels)
    assert rows[0].path is not None
    found = evaluate_pictures(rows[0].path.parents[1], model=str(folder))
    assert found["labels"] == LABELS.name and found["n"] == len(rows)
    return found


# --- a head over the network that ships


def test_a_head_learns_and_its_folder_opens_reads_and_is_judged(head: Trained, rows: list[Row]) -> None:
    assert head.measured["folds"]["n"] == len(rows) and head.measured["folds"]["ua"] > 0.9
    assert head.card.sets == {LABELS.name: LABELS}
    assert sum(file.stat().st_size for file in head.folder.iterdir()) < 50_000
    assert not open_encoder(str(head.folder)).card.commercial  # as the network that it rests on
    raw = says_alone_what_it_says_in_a_batch(head.folder, rows)
    assert [LABELS.labels[at] for at in raw.argmax(1)] == [row.labels[0] for row in rows if row.labels]
    assert reads_and_is_judged(head.folder, rows)["ua"] > 0.9


def test_a_head_belongs_to_the_network_that_it_was_fitted_to(head: Trained, tmp_path: Path) -> None:
    for file in head.folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    card = read_card(tmp_path)
    write_card(replace(card, facts={**card.facts, "base": "face_affekt@00000000"}), tmp_path)
    with pytest.raises(WeightsError, match="belongs to face_affekt@00000000, and installed is face_affekt@"):
        face_adapter.load(tmp_path, 1)
    two = {**card.calibration, "ekman7": card.calibration[LABELS.name]}
    write_card(replace(card, calibration=two), tmp_path)
    with pytest.raises(WeightsError, match="has no head for ekman7"):
        face_adapter.load(tmp_path, 1)
    with pytest.raises(WeightsError, match="comes without weights"):
        face_adapter.load(None, 1)


def test_a_picture_that_cannot_be_decoded_is_left_out_and_said(rows: list[Row], tmp_path: Path) -> None:
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n, and nothing more")
    broken, told = replace(rows[0], path=tmp_path / "broken.png"), list[str]()
    job = Job([*rows[:-8], broken], rows[-8:], [LABELS], face_head.Settings(), Optimiser(), Loss(), 7, tmp_path, Watch(told.append))
    made = face_head.make(job, tmp_path)
    assert len(told) == 1 and told[0].startswith(f"1 of {len(rows) + 1} files cannot be read: ") and "broken.png" in told[0]
    assert made.unseen is not None
    assert np.flatnonzero(np.isnan(made.unseen[LABELS.name]).all(1)).tolist() == [len(rows) - 8]
    with pytest.raises(InputError, match=r"broken\.png"):
        clip_of(broken, face_affekt.PART.load(None, 1))
    with pytest.raises(InputError, match=r"24 of 36 files cannot be read: .*broken\.png"):
        face_head.make(replace(job, train=[*rows[:12], *[broken] * 24], dev=()), tmp_path)


# --- the network, fine-tuned


def test_the_network_becomes_a_torch_network_again(rows: list[Row], tmp_path: Path) -> None:
    pytest.importorskip("onnx", reason="onnx is not installed; it comes with the train extra")
    import torch

    from affekt.export.face_onnx import export
    from affekt.training.face_encoder import FaceEncoder, folded, from_onnx, settle

    torch.manual_seed(0)
    model, pixels = FaceEncoder({"a": 2}).eval(), torch.rand(8, 1, 32, 32) * 255
    settle(model, pixels)
    export(model, tmp_path / "model.onnx", side=32, typical=[pixels.numpy()])
    again = from_onnx(tmp_path / "model.onnx").eval()
    for (weight, bias), (near, offset) in zip(folded(model), folded(again), strict=True):
        assert np.abs(weight - near).max() <= np.abs(weight).max() / 200 and np.allclose(bias, offset, atol=1e-3)
    shipped, opened = from_onnx(face_affekt.SHIPPED / "model.onnx").eval(), face_affekt.PART.load(None, 1)
    faces = [clip_of(row, opened).data for row in rows[::4]]
    features = face_adapter.FaceBody(1).features(faces)
    pixels = torch.from_numpy((np.stack(faces) @ face_affekt.LUMA)[:, None])
    with torch.no_grad():
        said = (shipped.features(pixels) + shipped.features(pixels.flip(3))) / 2
        assert np.corrcoef(features.ravel(), said.numpy().ravel())[0, 1] > 0.9  # the shipped one also rounds what goes into each layer
        settle(shipped, pixels)
        settled = (shipped.features(pixels) + shipped.features(pixels.flip(3))) / 2
    assert torch.allclose(said, settled, atol=1e-3)


def test_an_encoder_learns_and_its_folder_opens_reads_and_is_judged(encoder: Trained, rows: list[Row]) -> None:
    assert set(encoder.measured) == {"dev", "test"} and encoder.measured["dev"]["ua"] > 0.7
    assert encoder.card.facts["side"] == 96 and [one["epoch"] for one in encoder.card.facts["history"]] == [1, 2]
    assert isinstance(open_encoder(str(encoder.folder)), face_affekt.FaceAffekt)
    says_alone_what_it_says_in_a_batch(encoder.folder, rows)
    assert reads_and_is_judged(encoder.folder, rows)["ua"] > 0.7


def test_training_an_encoder_that_was_stopped_comes_to_the_same_end(encoder: Trained, rows: list[Row], tmp_path: Path) -> None:
    class Stopped(Exception):
        pass

    def step(done: int, total: int, loss: float) -> None:
        if total == 6 and done == 4 and loss:  # of 24 rows in batches of 8, twice: in the second epoch
            raise Stopped

    recipe = recipe_of({"modality": "face", "family": "encoder", **QUICK})
    recipe = recipe.model_copy(update={"optimiser": {**recipe.optimiser, "checkpoint_minutes": 0.0}})
    kept, left = rows[: -2 * TAKES], rows[-2 * TAKES :]
    with pytest.raises(Stopped):
        train_rows(kept, left, left, LABELS, recipe=recipe, out=tmp_path / "model", watch=Watch(step=step))
    again = train_rows(kept, left, left, LABELS, recipe=recipe, out=tmp_path / "model", resume=True)
    assert again.card.revision == encoder.card.revision


def test_layers_that_do_not_learn_stay_as_they_are() -> None:
    pytest.importorskip("onnx", reason="onnx is not installed; it comes with the train extra")
    import torch

    from affekt.training.face_encoder import FaceEncoder
    from affekt.training.families.face_encoder import Settings, WithHeads

    torch.manual_seed(0)
    module = WithHeads(FaceEncoder({}), [LABELS], Settings(layers=3)).train()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    module(torch.rand(4, 1, 64, 64) * 255)[LABELS.name].sum().backward()
    moved = {name for name, value in module.state_dict().items() if not torch.equal(value, before[name])}
    assert moved == {
        f"body.body.{at}.norm.{part}" for at in (24, 25, 26) for part in ("running_mean", "running_var", "num_batches_tracked")
    }
    learning = {name for name, one in module.named_parameters() if one.grad is not None}
    assert {name.split(".")[2] for name in learning if name.startswith("body")} == {"24", "25", "26"}
    with pytest.raises(InputError, match="layers is from 0 to 27"):
        Settings(layers=28)


@pytest.mark.parametrize("name", ["mean", "conv3.bias", "pixels"])
def test_a_name_that_a_part_of_the_network_has_is_refused_at_once(name: str, rows: list[Row], tmp_path: Path) -> None:
    pytest.importorskip("onnx", reason="onnx is not installed; it comes with the train extra")
    recipe = recipe_of({"modality": "face", "family": "encoder"})
    with pytest.raises(InputError, match=f"cannot be called '{name}' here"):
        train_rows(rows[:-8], rows[-8:], (), replace(LABELS, name=name), recipe=recipe, out=tmp_path / "model")


# --- a model of the hub


def hub(folder: Path, own: Sequence[str]) -> Path:
    """A folder as `save_pretrained` writes it, of a small model with random weights."""
    t = pytest.importorskip("transformers", reason="transformers is not installed; it comes with the train extra")
    small = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 16, "patch_size": 8}
    names = {"id2label": dict(enumerate(own)), "label2id": {name: at for at, name in enumerate(own)}}
    t.ViTForImageClassification(t.ViTConfig(**small, image_size=32, **names)).save_pretrained(folder)
    t.ViTImageProcessor(size={"height": 32, "width": 32}).save_pretrained(folder)
    return folder


def test_a_hub_model_learns_labels_of_ones_own(rows: list[Row], tmp_path: Path) -> None:
    start = hub(tmp_path / "tiny", ["cat", "dog", "house"])
    settings = {"start": str(start), "layers": 1}
    made = train(rows, tmp_path / "model", "hub", model=settings, optimiser={"epochs": 2, "batch": 12, "rate": 1e-3})
    assert made.card.facts["start"].startswith("tiny@") and len(made.card.facts["history"]) == 2
    says_alone_what_it_says_in_a_batch(made.folder, rows[:5])
    reads_and_is_judged(made.folder, rows)
    transformers = pytest.importorskip("transformers")
    theirs = transformers.AutoModelForImageClassification.from_pretrained(made.folder)
    assert [theirs.config.id2label[at] for at in range(2)] == list(LABELS.labels)
    card = read_card(made.folder)
    write_card(replace(card, calibration={**card.calibration, "ekman7": card.calibration[LABELS.name]}), made.folder)
    with pytest.raises(WeightsError, match="2 labels of one set"):
        open_encoder(str(made.folder))


def test_a_hub_model_that_has_the_labels_goes_on_with_its_head(rows: list[Row], tmp_path: Path) -> None:
    from affekt.training.families.face_hub import Settings
    from affekt.training.media_hub import open_start

    job = Job(rows, (), [LABELS], Settings(str(hub(tmp_path / "same", LABELS.labels))), Optimiser(), Loss(), 7, tmp_path, Watch())
    same, again = (open_start(job, "face").head.weight for _ in range(2))
    assert bool((same == again).all())
    other = replace(job, settings=Settings(str(hub(tmp_path / "other", LABELS.labels[::-1]))))
    assert not bool((open_start(other, "face").head.weight == open_start(other, "face").head.weight).all())
