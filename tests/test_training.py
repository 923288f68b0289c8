from pathlib import Path

import numpy as np
import pytest

for library in ("torch", "onnx", "safetensors"):
    pytest.importorskip(library, reason=f"{library} is not installed; it comes with the train extra")

import onnxruntime
import torch

from affekt.export.text_onnx import export, measure
from affekt.labels import ekman6, ekman7, goemotions28, plutchik8
from affekt.parts import Row
from affekt.training.multitask import Example, Optimiser, collate, fit, load_model, predict, save_model
from affekt.training.targets import SETS, SLICES, WIDTH, targets
from affekt.training.text_encoder import TextEncoder, from_bert, joined

WEIGHTS = {labels.name: 1.0 for labels in SETS}
OPTIMISER = Optimiser(rate=1e-3, head_rate=1e-2, weight_decay=0.0, warm_up=0.1, batch=8, clip=1.0)


def tiny() -> TextEncoder:
    torch.manual_seed(0)
    return TextEncoder(50, layers=2, width=64, inner=96, heads=2).eval()


def examples(count: int) -> list[Example]:
    """Rows whose first token says whether they are joyful or sad."""
    rng = np.random.default_rng(0)
    made = []
    for at in range(count):
        values, known = targets(Row("x", ("joy",) if at % 2 else ("sadness",)), "goemotions")
        made.append(Example([0, 10 + at % 2, *rng.integers(20, 50, rng.integers(1, 9)).tolist(), 2], values, known))
    return made


def run(path: Path, rows: list[Example]) -> np.ndarray:
    ids, mask = collate(rows)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return np.concatenate(session.run(None, {"ids": ids.numpy(), "mask": mask.long().numpy()}), axis=1)


def test_onnx_says_what_torch_says(tmp_path: Path) -> None:
    model, rows = tiny(), examples(12)
    export(model, tmp_path / "fp32.onnx")
    export(model, tmp_path / "int8.onnx", ranges=measure(model, rows))
    said = joined(torch.from_numpy(predict(model, rows))).numpy()
    assert np.abs(run(tmp_path / "fp32.onnx", rows) - said).max() < 0.01  # the word table is in eight bits
    assert np.abs(run(tmp_path / "int8.onnx", rows) - said).max() < 0.1


def test_in_int8_a_text_does_not_depend_on_its_neighbours(tmp_path: Path) -> None:
    model, rows = tiny(), examples(12)
    export(model, tmp_path / "int8.onnx", ranges=measure(model, rows))
    alone = np.concatenate([run(tmp_path / "int8.onnx", [row]) for row in rows])
    assert np.abs(run(tmp_path / "int8.onnx", rows) - alone).max() < 1e-4


def test_fitting_learns_is_repeatable_and_can_be_saved(tmp_path: Path) -> None:
    rows = examples(200)

    def fitted(name: str) -> TextEncoder:
        model = tiny()
        fit(model, rows * 3, optimiser=OPTIMISER, weights=WEIGHTS, seed=1, checkpoint=tmp_path / name, report=lambda _: None)
        return model

    once, again = fitted("a"), fitted("b")
    joy = SLICES["goemotions28"].start + goemotions28.PART.labels.index("joy")
    said = predict(once, rows)[:, joy]
    assert said[1::2].min() > said[::2].max()
    assert np.allclose(predict(again, rows)[:, joy], said)
    save_model(once, tmp_path / "model.safetensors")
    assert np.array_equal(predict(load_model(tmp_path / "model.safetensors"), rows), predict(once, rows))


def test_a_bert_folder_gives_its_own_answers(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers", reason="transformers is not installed")
    config = transformers.BertConfig(vocab_size=60, hidden_size=48, num_hidden_layers=4, num_attention_heads=12, intermediate_size=96)
    bert = transformers.BertModel(config, add_pooling_layer=False).eval()
    bert.save_pretrained(tmp_path)
    ids, mask = torch.randint(0, 60, (3, 7)), torch.ones(3, 7)
    with torch.no_grad():
        theirs = bert(ids, attention_mask=mask.long()).last_hidden_state.mean(1)
        ours = from_bert(tmp_path, layers=range(4)).eval().pooled(ids, mask)
    assert torch.allclose(ours, theirs, atol=1e-5)


def test_every_row_speaks_only_to_the_heads_it_knows() -> None:
    values, known = targets(Row("x", ("anger", "fear"), space=("anger", "fear", "joy", "sadness", "surprise")), "brighter")
    assert known[SLICES["ekman6"]].tolist() == [1, 0, 1, 1, 1, 1] and known[SLICES["goemotions28"]].sum() == 0
    assert values[SLICES["ekman7"]].tolist() == [0.5, 0, 0.5, 0, 0, 0, 0]
    values, known = targets(Row("x", ()), "brighter")
    assert values[SLICES["ekman7"]][ekman7.PART.labels.index("neutral")] == 1 and values[SLICES["ekman6"]].sum() == 0
    values, known = targets(Row("x", ("anger",), votes={"anger": 0.5, "fear": 0.25}), "brighter")
    assert values[SLICES["ekman6"]].tolist() == [0.75, 0, 0.125, 0, 0, 0]
    values, known = targets(Row("x", ("trust",)), "xed")
    assert known[SLICES["plutchik8"]].all() and not known[SLICES["ekman7"]].any()
    values, known = targets(Row("x", ("negative-other",), sentiment="negative"), "cped", label_map={"negative-other": None})
    assert known[SLICES["sentiment3"]].all() and not known[SLICES["ekman7"]].any()
    assert values.shape == known.shape == (WIDTH,) and len(plutchik8.PART.labels) == 8 and len(ekman6.PART.labels) == 6
