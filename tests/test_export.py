"""What `affekt export` promises: what ships says what the trained model says, or nothing ships."""

import csv
import errno
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

for library in ("torch", "onnx", "safetensors"):
    pytest.importorskip(library, reason=f"{library} is not installed; it comes with the train extra")

import onnx
import torch
from safetensors.numpy import save_file
from torch import nn

from affekt import Reader
from affekt.encoders import text_adapter
from affekt.encoders._card import read_card, revision_of, write_card
from affekt.encoders._open import open_encoder
from affekt.encoders._tokens import GRAPH, TOKENIZER, Spelling
from affekt.errors import InputError, ParityError, UnknownName, WeightsError
from affekt.export import export as exporting
from affekt.export import forms, measuring, text_onnx
from affekt.export.export import Columns, Exported, export
from affekt.export.forms import open_form, trim_for, trimmed
from affekt.export.halves import halve
from affekt.export.parity import check
from affekt.export.pruning import importances, prune
from affekt.export.table import COLUMNS
from affekt.parts import Calibration
from affekt.training import targets
from affekt.training.families import text_encoder as family
from affekt.training.families.text_encoder import WEIGHTS, open_trained, write
from affekt.training.text_encoder import TextEncoder
from affekt.training.train import said
from export_made import INNER, LAYERS, MOODS, UNUSED, WIDTH, WORDS, card_for, in_torch, network, raw, rows, tokenizer


@pytest.fixture(scope="module", autouse=True)
def few_passes() -> Iterator[None]:
    """No test looks at speed."""
    with pytest.MonkeyPatch.context() as patch, measuring.torch_threads(1):
        patch.setattr(measuring, "PASSES", 1)
        patch.setattr(measuring, "TIMED", 8)
        yield


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder as `affekt train --family encoder` writes it."""
    shipped, folder = tmp_path_factory.mktemp("shipped"), tmp_path_factory.mktemp("made") / "tiny"
    tokenizer().save(str(shipped / TOKENIZER))
    folder.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(family, "SHIPPED", shipped)
        write(network(), folder, typical=rows(60))
    card_for(folder, "text_encoder", most_tokens=32, turns=0)
    yield folder


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data") / "held_out.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerows([("text", "label", "speaker"), *((row.text, row.labels[0], row.group) for row in rows() if row.labels)])
    return path


@pytest.fixture(scope="module")
def everything(model: Path, data: Path, tmp_path_factory: pytest.TempPathFactory) -> Exported:
    """An export with all that there is."""
    return export(model, data, out=tmp_path_factory.mktemp("out") / "small", prune=0.25, trim_vocabulary=True, tolerance=100.0)


def test_a_saved_network_opens_as_it_was(model: Path) -> None:
    opened, own = open_trained(model), network()
    given = own.collate([own.prepare(row) for row in rows(60)])
    assert not opened.module.training
    with torch.no_grad():
        assert torch.allclose(opened.module(*given)["moods"], own.module(*given)["moods"], atol=2e-2)  # the words have sixteen bits
        own.module.body.words.weight.data = own.module.body.words.weight.data.half().float()
        assert torch.equal(opened.module(*given)["moods"], own.module(*given)["moods"])
    assert opened.prepare(rows(1)[0]) == own.prepare(rows(1)[0])


def test_a_broken_folder_says_what_is_broken(model: Path, tmp_path: Path) -> None:
    for file in model.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    write_card(replace(read_card(model), sets={}, calibration={"sentiment3": Calibration((1.0,) * 3, (0.0,) * 3)}), tmp_path)
    with pytest.raises(WeightsError, match="another network than its card tells of"):
        open_trained(tmp_path)
    (tmp_path / WEIGHTS).write_bytes(b"no weights")
    with pytest.raises(WeightsError, match="absent or broken"):
        open_trained(tmp_path)


@pytest.mark.parametrize(("kind", "differ"), [("fp32", 1e-3), ("dynamic", 1.0), ("static", 1.0)])  # of raw outputs up to 6
def test_each_kind_opens_and_says_what_torch_says(kind: Any, differ: float, model: Path, data: Path, tmp_path: Path) -> None:
    made = export(model, data, out=tmp_path / kind, kind=kind)
    assert np.abs(raw(made.folder) - said(in_torch(model), rows(60), ["moods"])["moods"]).max() <= differ
    ships = next(one for one in made.variants if one.ships)
    assert ships.lost <= 0.5 and made.told["kind"] == kind
    assert Reader(models={"text": str(made.folder)}).read("lovely happy warm nice").top[0] == "very glad"


def test_the_card_tells_of_what_ships(everything: Exported, model: Path) -> None:
    card, before = read_card(everything.folder), read_card(model)
    assert card == everything.card and card.revision == revision_of(everything.folder / GRAPH) != before.revision
    assert card.facts["export"]["of"] == f"tiny@{before.revision}" and card.name == "small"
    assert card.calibration["moods"] == next(one.calibration for one in everything.variants if one.ships) != before.calibration["moods"]
    assert set(card.facts["sha256"]) == {GRAPH, TOKENIZER}
    assert card.facts["measured"]["export"]["n"] == card.facts["export"]["rows"]["judge"]
    assert json.loads(json.dumps(everything.as_json())) == everything.as_json()


def test_the_table_has_every_variant_and_every_column(everything: Exported) -> None:
    changes = ["", ", 25% pruned", ", trimmed", ", 25% pruned, trimmed"]
    names = ["torch", "fp32", "int8 dynamic", *(f"int8 static{change}" for change in changes)]
    assert [one.variant for one in everything.variants] == names
    assert [one.variant for one in everything.variants if one.ships] == names[-1:]
    lines = everything.table().splitlines()
    for heading, _ in COLUMNS.values():
        assert (heading or "macro-F1") in lines[0]
    assert [line.startswith(name) for name, line in zip(names, lines[1:], strict=False)] == [True] * len(names)
    for one in everything.variants:
        assert one.megabytes > 0 and one.alone > 0 and one.batched > 0 and 0 <= one.figure <= 1 and one.ece is not None
    assert "With those of one half" in everything.table()


def test_int8_is_smaller_and_pruned_and_trimmed_smaller_still(everything: Exported) -> None:
    size = {one.variant: one.megabytes for one in everything.variants}
    assert size["torch"] > size["fp32"] > size["int8 static"] > size["int8 static, 25% pruned"]
    assert size["int8 static"] > size["int8 static, trimmed"] > size["int8 static, 25% pruned, trimmed"]


def test_a_pruned_graph_has_fewer_neurons(everything: Exported) -> None:
    shapes = {one.name: list(one.dims) for one in onnx.load(everything.folder / GRAPH).graph.initializer}
    for layer in range(LAYERS):
        assert shapes[f"layer{layer}.up.codes"] == [WIDTH, INNER * 3 // 4]
        assert shapes[f"layer{layer}.down.codes"] == [INNER * 3 // 4, WIDTH]


def test_the_neurons_that_do_nothing_go_first() -> None:
    own = network()
    dead = [3, 50, 71]
    for layer in own.module.body.layers:
        layer.down.weight.data[:, dead] = 0.0
    given = own.collate([own.prepare(row) for row in rows(8)])

    def run() -> None:
        own.module(*given)

    assert all(set(one.argsort()[:3].tolist()) == set(dead) for one in importances(own.module.body, run))
    smaller = prune(own.module.body, share=3 / INNER, run=run)
    assert [layer.up.out_features for layer in smaller.layers] == [INNER - 3] * LAYERS
    with torch.no_grad():
        assert torch.allclose(smaller.pooled(*given), own.module.body.pooled(*given), atol=1e-5)


@pytest.mark.parametrize("share", [-0.1, 1.0, float("nan")])
def test_a_share_is_a_share(share: float, model: Path, data: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="a share is from 0"):
        export(model, data, out=tmp_path / "out", prune=share)


def test_a_trimmed_vocabulary_spells_and_says_the_same(model: Path) -> None:
    whole = open_form(model)
    trim = trim_for(whole, rows())
    small = trimmed(whole, trim)
    assert len(trim.rows) == whole.pieces - len(UNUSED) == small.pieces
    for row in rows():
        ids, begin = small.network.prepare(row)
        assert ([trim.rows[one] for one in ids], begin) == whole.network.prepare(row)
    given, own = [form.network.collate([form.network.prepare(row) for row in rows(20)]) for form in (whole, small)]
    with torch.no_grad():
        assert torch.equal(whole.network.module(*given)["moods"], small.network.module(*own)["moods"])


def test_a_trimmed_vocabulary_still_spells_what_is_new(model: Path) -> None:
    whole = open_form(model)
    small = trimmed(whole, trim_for(whole, rows()))
    assert 3 in whole.network.spelling.ids("ψ") and 3 not in whole.network.spelling.ids("walking zebra")
    assert 3 not in small.network.spelling.ids("walking zebra")


def test_turns_before_a_text_count_in_what_ships(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tokenizer().save(str(tmp_path / TOKENIZER))
    monkeypatch.setattr(family, "SHIPPED", tmp_path)
    (folder := tmp_path / "talks").mkdir()
    write(network(turns=2), folder, typical=rows(60))
    card_for(folder, "text_encoder", most_tokens=32, turns=2)
    lines = [{"text": row.text, "label": (row.labels or ())[0], "dialogue": f"d{at // 6}", "turn": at % 6} for at, row in enumerate(rows())]
    (tmp_path / "talks.jsonl").write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    made = export(folder, tmp_path / "talks.jsonl", out=tmp_path / "out", kind="fp32", trim_vocabulary=True, tolerance=100.0)
    before = [replace(row, before=("awful bad", "table desk")) for row in rows(30)]
    own = said(in_torch(folder), before, ["moods"])["moods"]
    assert np.abs(said(open_encoder(str(made.folder), 1), before, ["moods"])["moods"] - own).max() < 1e-3
    assert np.abs(said(open_encoder(str(made.folder), 1), rows(30), ["moods"])["moods"] - own).max() > 1e-3


def test_an_adapter_ships_with_the_encoder_that_it_belongs_to(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shipped, folder, own = tmp_path / "shipped", tmp_path / "adapter", network()
    shipped.mkdir()
    folder.mkdir()
    tokenizer().save(str(shipped / TOKENIZER))
    body = own.module.body
    body.head = nn.Linear(WIDTH, targets.WIDTH)
    text_onnx.export(body, shipped / GRAPH, ranges=family.measure(own, rows(60)))
    base = card_for(shipped, "text_affekt", most_tokens=32)
    rng = np.random.default_rng(0)
    head = own.module.heads.linear[0]
    mean, spread = rng.normal(size=WIDTH).astype(np.float32), rng.uniform(0.5, 2.0, WIDTH).astype(np.float32)
    weight, bias = head.weight.detach().numpy().T, head.bias.detach().numpy()
    changes = {"a": (INNER, 2), "b": (2, WIDTH)}
    weights = {f"layer1.down.{side}": 0.1 * rng.normal(size=shape).astype(np.float32) for side, shape in changes.items()}
    weights |= {"mean": mean, "spread": spread, "head.moods.weight": weight * spread[:, None], "head.moods.bias": bias + mean @ weight}
    save_file({name: np.ascontiguousarray(value, np.float32) for name, value in weights.items()}, folder / text_adapter.WEIGHTS)
    for module in (text_adapter, forms):
        monkeypatch.setattr(module, "SHIPPED", shipped)
    made_card = replace(base, facts={"family": "text_adapter", "base": f"{base.name}@{base.revision}"})
    write_card(made_card, folder)
    before = raw(folder)
    made = export(folder, data, out=tmp_path / "out", tolerance=100.0)
    assert [one.variant for one in made.variants if one.ships] == ["int8 static"]
    assert made.card.facts["family"] == "text_encoder" and made.card.facts["start"] == f"tiny@{base.revision}"
    monkeypatch.undo()  # it needs the encoder no more
    assert np.abs(raw(made.folder) - before).max() < 1.0 < np.abs(before).max()


def test_what_loses_too_much_does_not_ship_and_says_why(model: Path, data: Path, tmp_path: Path) -> None:
    told: list[str] = []
    with pytest.raises(ParityError, match=r"99% pruned loses \d+\.\d\d points of macro-F1 on \d+ rows .* 0\.5 are allowed; .*--tolerance"):
        export(model, data, out=tmp_path / "out", prune=0.99, tell=told.append)
    assert list(tmp_path.iterdir()) == []
    assert any("99% pruned *" in line for line in told)  # the table, so that one sees what else there is


def test_a_graph_that_says_something_else_does_not_ship(model: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    right = text_onnx.export

    def wrong(body: TextEncoder, path: Path, **options: Any) -> None:
        right(body, path, **{**options, "heads": {name: _off(head) for name, head in options["heads"].items()}})

    monkeypatch.setattr(text_onnx, "export", wrong)
    with pytest.raises(ParityError, match=r"fp32: raw outputs .* differ .* by 0\.01, and 0\.001 is rounding"):
        export(model, data, out=tmp_path / "out", tolerance=100.0)
    assert list(tmp_path.iterdir()) == []


def _off(head: nn.Linear) -> nn.Linear:
    made = nn.Linear(head.in_features, head.out_features)
    made.weight.data, made.bias.data = head.weight.data, head.bias.data + 0.01
    return made


def test_what_is_no_number_is_no_agreement(everything: Exported) -> None:
    wrong = [replace(one, lost=float("nan")) if one.ships else one for one in everything.variants]
    with pytest.raises(ParityError):
        check(wrong, tolerance=100.0, rows=100, figure="macro-F1")
    wrong = [replace(one, rounding=float("nan")) if one.variant == "fp32" else one for one in everything.variants]
    with pytest.raises(ParityError):
        check(wrong, tolerance=100.0, rows=100, figure="macro-F1")


@pytest.mark.parametrize(("code", "says"), [(errno.ENOSPC, "No space left"), (errno.EACCES, "Permission denied")])
def test_a_place_that_cannot_be_written_is_named(
    code: int, says: str, model: Path, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(code, says)

    with monkeypatch.context() as patch:
        patch.setattr(onnx, "save", full)
        with pytest.raises(InputError, match=rf"out cannot be written: .*{says}.*make room, or choose another folder"):
            export(model, data, out=tmp_path / "out")
    assert list(tmp_path.iterdir()) == []
    monkeypatch.setattr(exporting, "mkdtemp", full)
    with pytest.raises(InputError, match=rf"cannot be written: .*{says}.*choose another folder"):
        export(model, data, out=tmp_path / "out")


def test_what_is_there_stays_there(model: Path, data: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "letter.txt").write_text("dear")
    with pytest.raises(InputError, match="is there already; choose another folder, or say --overwrite"):
        export(model, data, out=tmp_path / "out")
    with pytest.raises(ParityError):
        export(model, data, out=tmp_path / "out", prune=0.99, overwrite=True)
    assert (tmp_path / "out" / "letter.txt").read_text() == "dear"
    with pytest.raises(InputError, match=r"is there already; choose another folder$"):
        export(model, data, out=model, overwrite=True)
    with pytest.raises(InputError, match=r"there is no folder .* make it first"):
        export(model, data, out=tmp_path / "nowhere" / "out")
    export(model, data, out=tmp_path / "out", kind="fp32", overwrite=True)
    assert read_card(tmp_path / "out").facts["export"]["kind"] == "fp32"


def test_an_exported_graph_is_exported_once(model: Path, data: Path, tmp_path: Path) -> None:
    export(model, data, out=tmp_path / "plain", kind="fp32")
    again = export(tmp_path / "plain", data, out=tmp_path / "small")
    assert [one.variant for one in again.variants] == ["graph as it stands", "int8 dynamic"]
    assert "torch" in again.table() and "not opened" in again.table()
    for folder in (tmp_path / "small", tmp_path / "plain"):
        with pytest.raises(InputError, match="neither pruned nor trimmed"):
            export(folder, data, out=tmp_path / "out", kind="static")
    with pytest.raises(InputError, match="is in int8 already"):
        export(tmp_path / "small", data, out=tmp_path / "out")


@pytest.mark.parametrize("name", ["text_lstm", "text_cnn"])
def test_a_network_over_words_is_rounded_as_it_stands(name: str, data: Path, tmp_path: Path) -> None:
    from importlib import import_module

    from affekt.training import word_networks

    found = import_module(f"affekt.training.families.{name}")
    torch.manual_seed(0)
    vocabulary = sorted(" ".join(WORDS.values()).split())
    module = getattr(found, {"text_lstm": "TextLSTM", "text_cnn": "TextCNN"}[name])(2 + len(vocabulary), [MOODS], found.Settings())
    (folder := tmp_path / "words").mkdir()
    word_networks.write(word_networks.Network(module, vocabulary), folder, sets=["moods"])
    card_for(folder, name, traced=True)
    made = export(folder, data, out=tmp_path / "out", tolerance=100.0)
    before, after = raw(folder), raw(made.folder)
    assert 0 < np.abs(before - after).max() < 0.2 * np.abs(before).max()
    assert made.variants[1].megabytes < made.variants[0].megabytes
    assert "not opened" in made.table()


def test_a_decoder_is_rounded_as_it_stands(data: Path, tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers", reason="transformers is not installed; it comes with the train extra")
    from affekt.training.families.text_decoder import OnLast
    from affekt.training.networks import Heads, OverTokens

    torch.manual_seed(0)
    spelling = Spelling(tokenizer(), most=32)
    size, end = spelling.tokenizer.get_vocab_size(), 2
    config = transformers.GPT2Config(
        vocab_size=size, n_positions=64, n_embd=WIDTH, n_layer=LAYERS, n_head=2, bos_token_id=end, eos_token_id=end
    )
    made = OverTokens(OnLast(transformers.GPT2Model(config), Heads(WIDTH, [MOODS]), dropout=0.0), spelling, end)
    (folder := tmp_path / "decoder").mkdir()
    card_for(folder, "text_decoder", **made.write(folder, rows=rows(8), sets=["moods"]))
    small = export(folder, data, out=tmp_path / "out", tolerance=100.0)
    before, after = raw(folder), raw(small.folder)
    assert 0 < np.abs(before - after).max() < 0.2 * np.abs(before).max()
    assert small.variants[1].megabytes < 0.7 * small.variants[0].megabytes


def test_what_cannot_be_exported_says_what_can(model: Path, data: Path, tmp_path: Path) -> None:
    from affekt.encoders.text_affekt import SHIPPED

    with pytest.raises(InputError, match=r"text_affekt.* is small as it is.*--family adapter, encoder, decoder, lstm or cnn"):
        export(SHIPPED, data, out=tmp_path / "out")
    with pytest.raises(UnknownName, match="there are: dynamic, fp32, static"):
        export(model, data, out=tmp_path / "out", kind="int4")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="does not speak 'ekman7'"):
        export(model, data, out=tmp_path / "out", labels="ekman7")


def test_halves_share_no_group_and_no_text() -> None:
    found = halve(rows())
    assert len(found.calibrate) + len(found.judge) == 240 and abs(len(found.calibrate) - len(found.judge)) < 24
    assert not {row.group for row in found.calibrate} & {row.group for row in found.judge}
    for part in (found.calibrate, found.judge):
        assert {row.labels for row in part} == {(label,) for label in MOODS.labels}
    with pytest.raises(InputError, match="39 rows are too few"):
        halve(rows(39))
    with pytest.raises(InputError, match=r"more groups|no row can go"):
        halve([replace(row, group="one") for row in rows(60)])


def test_columns_and_labels_by_other_names_are_taken(model: Path, tmp_path: Path) -> None:
    lines = [{"what": row.text, "mood": (row.labels or ("",))[0].upper()} for row in rows()] + [{"what": "walking", "mood": "OTHER"}]
    (tmp_path / "data.jsonl").write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    names: dict[str, str | None] = {label.upper(): label for label in MOODS.labels}
    columns = Columns(text="what", label="mood")
    made = export(model, tmp_path / "data.jsonl", out=tmp_path / "out", columns=columns, label_map={**names, "OTHER": None})
    assert sum(made.told["rows"].values()) == 240


def test_the_command_writes_a_model_and_prints_the_table(model: Path, data: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "affekt", "export", str(model), "--data", str(data), "--out", str(tmp_path / "out")]
    done = subprocess.run([*command, "--kind", "fp32", "--json"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["folder"] == str(tmp_path / "out") and [one["variant"] for one in told["variants"]][:2] == ["torch", "fp32"]
    done = subprocess.run(command[:-2], capture_output=True, text=True)
    assert done.returncode == 2 and "Name a folder with -o" in done.stderr and "Traceback" not in done.stderr
