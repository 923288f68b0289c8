"""What the text families promise: what was trained is what runs, without torch, for one label or several, from scratch or a given model."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

for library in ("torch", "onnx", "sklearn", "transformers", "peft", "accelerate", "tensorboard"):
    pytest.importorskip(library, reason=f"{library} is not installed; it comes with the train extra")

import torch
import transformers
from safetensors.torch import load_file
from tokenizers import Tokenizer, models, pre_tokenizers, processors, trainers

from affekt import Reader
from affekt.encoders._open import open_encoder
from affekt.encoders._tokens import Spelling
from affekt.errors import InputError, ParityError, WeightsError
from affekt.export import traced
from affekt.labels import ekman7
from affekt.parts import LabelSet, OpenEncoder, Row
from affekt.results import Clip
from affekt.training import networks
from affekt.training.loop import Network, Watch, predict
from affekt.training.recipe import recipe_of
from affekt.training.small_gpt import Shape, pretrain, spell
from affekt.training.text_hub import free_upper, open_body, save_body
from affekt.training.train import train_rows

SINGLE = ekman7.PART
MULTI = LabelSet("心情 v1.5", ("very happy", "生气", "afraid"), "multi", "made up")  # a name that no module of torch may have
OWN = {"joy": "very happy", "anger": "生气", "fear": "afraid"}
FEELINGS = {
    "joy": "happy 开心 😀 lovely day",
    "anger": "hate this 生气 😡 so much",
    "fear": "afraid डर 害怕 of the dark",
    "neutral": "the report is on the table 桌子",
}
TEXTS = ["so happy 😀", "", "我今天很开心，太好了", "I hate this so much!!! " * 20, "<|endoftext|> [PAD] of the dark", "unseen words only"]
QUICK = {"epochs": 3, "batch": 8, "rate": 5e-3, "head_rate": 2e-2}
SMALL = {"width": 16, "heads": 2, "layers": 2, "vocabulary": 300, "most_tokens": 32, "pretrain_epochs": 1, "rank": 4}


def rows(labels: LabelSet, count: int = 60) -> list[Row]:
    """Texts whose words give the label away: some with votes, some whose annotators could not choose every label, some with VAD."""
    rng, made = np.random.default_rng(0), []
    for at in range(count):
        name = list(FEELINGS)[at % 4]
        text = " ".join([*rng.permutation(FEELINGS[name].split()).tolist()[:4], f"and {at % 7}"])
        vad = ((at % 4) / 4, -0.5, 0.1 * (at % 3)) if at % 3 else None
        before = ("what a day", "so it is") if at % 2 else ()
        if labels.kind == "single":
            votes = {name: 0.7, "surprise": 0.3} if at % 5 == 0 else None
            made.append(Row(text, (name,), "en", vad=vad, votes=votes, before=before))
        else:
            own = (OWN[name],) if name in OWN else ()
            space = ("very happy", "生气") if at % 6 == 1 else None
            made.append(Row(text, own, "en", vad=vad, votes=dict.fromkeys(own, 0.8) if at % 5 == 0 else None, space=space, before=before))
    return made


def gpt2(folder: Path) -> Path:
    """A tiny GPT-2 in the hub's format."""
    return pretrain(
        [row.text for row in rows(SINGLE)],
        folder,
        shape=Shape(layers=2, width=16, heads=2, vocabulary=300, tokens=32, epochs=1, rate=1e-3),
        seed=1,
        watch=Watch(),
    )


def llama(folder: Path) -> Path:
    """A tiny Llama in the hub's format, whose tokenizer puts a mark before a text and none behind."""
    tokenizer = spell([row.text for row in rows(SINGLE)], vocabulary=300)
    tokenizer.add_special_tokens(["<s>"])
    begin, end = tokenizer.token_to_id("<s>"), tokenizer.token_to_id("<|endoftext|>")
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", begin)])
    config = transformers.LlamaConfig(
        vocab_size=tokenizer.get_vocab_size(),
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=64,
        bos_token_id=begin,
        eos_token_id=[end],
    )
    torch.manual_seed(1)
    folder.mkdir()
    save_body(transformers.LlamaModel(config), folder)
    tokenizer.save(str(folder / "tokenizer.json"))
    return folder


def bert(folder: Path) -> Path:
    """A tiny BERT in the hub's format, with a pooler that nobody needs."""
    marks = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    trainer = trainers.WordPieceTrainer(vocab_size=200, special_tokens=marks, show_progress=False)
    tokenizer.train_from_iterator([row.text for row in rows(SINGLE)], trainer)
    tokenizer.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
    config = transformers.BertConfig(
        vocab_size=tokenizer.get_vocab_size(),
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=64,
    )
    torch.manual_seed(1)
    folder.mkdir()
    save_body(transformers.BertModel(config), folder)
    tokenizer.save(str(folder / "tokenizer.json"))
    return folder


@dataclass(frozen=True)
class Case:
    """A family, its settings, and what makes the model that it starts from."""

    family: str
    settings: dict[str, Any]
    start: Callable[[Path], Path] | None = None


CASES = {
    "tfidf": Case("tfidf", {"strength": 10.0}),
    "lstm": Case("lstm", {"width": 8, "hidden": 16, "dropout": 0.1}),
    "cnn": Case("cnn", {"width": 8, "filters": 8, "dropout": 0.1}),
    "decoder": Case("decoder", SMALL),
    "decoder of gpt2": Case("decoder", {"rank": 0, "most_tokens": 32}, gpt2),
    "decoder of llama": Case("decoder", {"rank": 2, "most_tokens": 48}, llama),
    "encoder of bert": Case("encoder", {"layers": 1, "most_tokens": 48}, bert),
    "encoder of bert, with turns": Case("encoder", {"turns": 2, "most_tokens": 48}, bert),
}


EACH = ("tfidf", "lstm", "cnn", "decoder", "encoder of bert")  # one of every kind


@dataclass(frozen=True)
class Trained:
    """A model that has been trained, and what it started from."""

    case: Case
    labels: LabelSet
    folder: Path
    start: Path
    network: Network | None  # tfidf is none
    encoder: OpenEncoder
    accuracy: float


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """Networks this small wait for each other's threads longer than they work."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def train(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, LabelSet], Trained]:
    """Trains what has not been trained yet."""
    made = dict[tuple[str, str], Trained]()

    def once(name: str, labels: LabelSet) -> Trained:
        if (name, labels.name) not in made:
            made[name, labels.name] = _train(CASES[name], labels, tmp_path_factory.mktemp("trained"))
        return made[name, labels.name]

    return once


def _train(case: Case, labels: LabelSet, place: Path) -> Trained:
    start = case.start(place / "start") if case.start else place
    settings = case.settings | ({"start": str(start)} if case.start else {})
    given = rows(labels)
    recipe = recipe_of({"family": case.family, "model": settings, "optimiser": {} if case.family == "tfidf" else QUICK, "also": ["vad"]})
    kept, fit = list[Network](), networks.fit
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(networks, "fit", lambda network, *a, **k: kept.append(network) or fit(network, *a, **k))
        made = train_rows(given[:44], given[44:], [], labels, recipe=recipe, out=place / "model")
    network = kept[0] if kept else None
    return Trained(case, labels, made.folder, start, network, open_encoder(str(made.folder), 1), made.measured["dev"].get("accuracy", 0.0))


@pytest.fixture(params=[(name, SINGLE) for name in CASES] + [(name, MULTI) for name in EACH], ids=lambda p: f"{p[0]}-{p[1].kind}")
def trained(request: pytest.FixtureRequest, train: Callable[[str, LabelSet], Trained]) -> Trained:
    return train(*request.param)


def clips(of: list[Row]) -> list[Clip]:
    return [Clip("text", row.text, 0, max(len(row.text), 1), span=(0, len(row.text)), before=row.before) for row in of]


def given(labels: LabelSet) -> list[Row]:
    return [*map(Row, TEXTS), *rows(labels, 9)]


def test_the_folder_opens_and_says_what_the_network_says(trained: Trained) -> None:
    names, asked = [trained.labels.name, "vad"], given(trained.labels)
    said = trained.encoder(clips(asked), labels=names)
    for name, wide in ((trained.labels.name, len(trained.labels.labels)), ("vad", 3)):
        assert said[name].shape == (len(asked), wide) and said[name].dtype == np.float32 and np.isfinite(said[name]).all()
        assert trained.encoder([], labels=[name])[name].shape == (0, wide)
        if trained.network is not None:
            assert np.abs(predict(trained.network, asked)[name] - said[name]).max() < 1e-4


def test_in_a_batch_a_text_is_read_as_alone(trained: Trained) -> None:
    names, asked = [trained.labels.name, "vad"], clips(given(trained.labels))
    said = trained.encoder(asked, labels=names)
    for name in names:
        alone = np.concatenate([trained.encoder([clip], labels=[name])[name] for clip in asked])
        assert np.abs(said[name] - alone).max() < 1e-4


def test_a_reader_takes_the_folder(trained: Trained) -> None:
    reader = Reader(models={"text": str(trained.folder)}, labels=trained.labels.name)
    for text in ("so happy 😀 lovely day", "I hate this. " * 60):
        readings = reader.read(text).readings
        assert readings and all(set(one.scores) == set(trained.labels.labels) for one in readings)
    assert len(readings) > 1 or trained.case.family == "tfidf"  # a long text is read in windows


def test_the_card_says_how_it_was_made(trained: Trained) -> None:
    card = trained.encoder.card
    assert card.facts["family"] == f"text_{trained.case.family}" and set(card.calibration) == {trained.labels.name, "vad"}
    assert str(trained.start) not in json.dumps({key: value for key, value in card.facts.items() if key != "recipe"})
    assert trained.case.family == "tfidf" or len(card.facts["history"]) == 3


@pytest.mark.parametrize("trained", [("tfidf", SINGLE), ("cnn", SINGLE)], indirect=True, ids=lambda p: p[0])
def test_words_that_give_the_label_away_are_learned(trained: Trained) -> None:
    assert trained.accuracy > 0.9


@pytest.mark.parametrize("trained", [("decoder", SINGLE), ("decoder of llama", SINGLE)], indirect=True, ids=lambda p: p[0])
def test_a_decoder_is_left_in_the_hubs_format_merged_and_as_changes(trained: Trained) -> None:
    from peft import PeftModel

    asked = given(SINGLE)
    network: Any = trained.network
    ids, mask = network.collate([network.prepare(row) for row in asked])
    body = transformers.AutoModel.from_pretrained(trained.folder).eval()
    with torch.no_grad():
        states = body(input_ids=ids, attention_mask=mask).last_hidden_state
    last = states[torch.arange(len(asked)), mask.sum(1) - 1].numpy()
    heads = load_file(trained.folder / "heads.safetensors")
    raw = last @ heads["ekman7.weight"].numpy().T + heads["ekman7.bias"].numpy()
    assert np.abs(raw - trained.encoder(clips(asked), labels=["ekman7"])["ekman7"]).max() < 1e-4
    if trained.case.start:
        changed = PeftModel.from_pretrained(transformers.AutoModel.from_pretrained(trained.start), trained.folder / "adapter")
        merged = changed.merge_and_unload().state_dict()
        assert all(torch.allclose(tensor, merged[name], atol=1e-5) for name, tensor in body.state_dict().items())


@pytest.mark.parametrize("trained", [("decoder of llama", SINGLE), ("decoder", SINGLE)], indirect=True, ids=lambda p: p[0])
def test_the_last_token_is_always_the_end_mark(trained: Trained) -> None:
    network: Any = trained.network
    for text in TEXTS:
        ids, _ = network.spelling.window(text)
        assert ids[-1] == network.pad and network.pad not in ids[:-1] and len(ids) <= network.spelling.most
        assert trained.case.start is None or ids[0] == network.spelling.tokenizer.token_to_id("<s>")


@pytest.mark.parametrize("trained", [("encoder of bert", SINGLE)], indirect=True, ids=lambda p: p[0])
def test_only_the_upper_layers_learn_and_never_the_words(trained: Trained) -> None:
    before, after = (load_file(folder / "model.safetensors") for folder in (trained.start, trained.folder))
    changed = {name for name in after if not torch.equal(before[name], after[name])}
    assert changed and all(name.startswith("encoder.layer.1.") for name in changed)


@pytest.mark.parametrize("trained", [("encoder of bert, with turns", SINGLE)], indirect=True, ids=lambda p: p[0])
def test_what_was_said_before_counts(trained: Trained) -> None:
    said = trained.encoder(clips([Row("so it is"), Row("so it is", before=("I hate this so much",))]), labels=["ekman7"])["ekman7"]
    assert np.abs(said[0] - said[1]).max() > 1e-4


# --- spelling in bytes ------------------------------------------------------------------------------------------------


def test_bytes_spell_emoji_as_they_are_and_no_window_is_cut_off() -> None:
    spelling = Spelling(spell(["so happy"] * 3, vocabulary=300), most=32)
    assert spelling.clean("🥺 ok") == "🥺 ok"
    assert spelling.tokenizer.decode(spelling.ids("🥺 ok")).strip() == "🥺 ok"
    assert len(spelling.ids("🥺" * (spelling.most // spelling.widest - 1))) <= spelling.most


# --- a small GPT of one's own -----------------------------------------------------------------------------------------


def test_what_was_pretrained_is_not_pretrained_again(tmp_path: Path) -> None:
    texts, told = [row.text for row in rows(SINGLE)], list[str]()
    shape = Shape(layers=1, width=8, heads=2, vocabulary=300, tokens=16, epochs=2, rate=1e-2)
    first = pretrain(texts, tmp_path, shape=shape, seed=1, watch=Watch(tell=told.append))
    assert sum("pretraining, epoch" in line for line in told) == 2
    (tmp_path / f"{first.name}.part").mkdir()  # of a run that was killed
    assert pretrain(texts, tmp_path, shape=shape, seed=1, watch=Watch(tell=told.append)) == first
    assert sum("pretraining, epoch" in line for line in told) == 2
    assert pretrain([*texts, "one more"], tmp_path, shape=shape, seed=1, watch=Watch()) != first
    again = pretrain(texts, tmp_path / "again", shape=shape, seed=1, watch=Watch())
    weights = [load_file(folder / "model.safetensors") for folder in (first, again)]
    assert all(torch.equal(tensor, weights[1][name]) for name, tensor in weights[0].items())


def test_more_texts_to_pretrain_on_are_read_from_files(tmp_path: Path) -> None:
    from affekt.training.families.text_decoder import read_texts

    (tmp_path / "a.txt").write_text("one\n\ntwo\n", encoding="utf-8")
    assert read_texts([str(tmp_path / "a.txt")]) == ["one", "two"]
    with pytest.raises(InputError, match=r"b\.txt, of the setting pretrain, cannot be read"):
        read_texts([str(tmp_path / "b.txt")])


# --- what cannot be --------------------------------------------------------------------------------------------------


def test_a_start_that_cannot_be_opened_says_why(tmp_path: Path) -> None:
    start = bert(tmp_path / "bert")
    with pytest.raises(InputError, match=r"takes 64 tokens at most, and most_tokens is 65"):
        open_body(str(start), most_tokens=65)
    state = load_file(start / "model.safetensors")
    body = transformers.AutoModel.from_pretrained(start)
    (start / "tokenizer.json").rename(start / "other.json")
    with pytest.raises(WeightsError, match=r"tokenizer\.json that can be opened"):
        open_body(str(start), most_tokens=32)
    (start / "other.json").rename(start / "tokenizer.json")
    torch.save(state, start / "pytorch_model.bin")
    (start / "model.safetensors").unlink()
    with pytest.raises(WeightsError, match="pickled weights are not opened"):
        open_body(str(start), most_tokens=32)
    from safetensors.torch import save_file

    save_file(
        {name: tensor for name, tensor in state.items() if "layer.1.output" not in name}, start / "model.safetensors", {"format": "pt"}
    )
    with pytest.raises(WeightsError, match=r"lacks the weights encoder\.layer\.1\.output"):
        open_body(str(start), most_tokens=32)
    body.config.num_hidden_layers = 5
    with pytest.raises(InputError, match="layers = 0"):
        free_upper(body, 1)


def test_a_model_without_an_end_mark_is_no_decoder_to_start_from(tmp_path: Path) -> None:
    start = bert(tmp_path / "bert")
    given = rows(SINGLE)
    with pytest.raises(InputError, match="no token that ends a text"):
        train_rows(
            given[:40], given[40:], [], SINGLE, recipe=recipe_of({"family": "decoder", "model": {"start": str(start)}}), out=tmp_path / "m"
        )


@pytest.mark.parametrize(
    ("family", "settings", "match"),
    [
        ("lstm", {"hidden": 0}, "at least 1"),
        ("cnn", {"widths": [61]}, "from 1 to 60 words"),
        ("tfidf", {"strength": 0}, "above 0"),
        ("decoder", {"width": 10, "heads": 4}, "multiple of heads"),
        ("decoder", {"vocabulary": 100}, "at least 257"),
        ("decoder", {"rank": -1}, "rank is from 0"),
        ("lstm", {"min_df": 100}, "no word occurs 100 times"),
    ],
)
def test_settings_that_cannot_be_are_refused(family: str, settings: dict[str, Any], match: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=match):
        train_rows(rows(SINGLE), [], [], SINGLE, recipe=recipe_of({"family": family, "model": settings}), out=tmp_path / "m")
    assert not (tmp_path / "m").exists()


def test_a_graph_that_says_something_else_is_not_left_to_ship(tmp_path: Path) -> None:
    class Fixed(torch.nn.Module):
        def forward(self, ids: torch.Tensor) -> dict[str, torch.Tensor]:
            return {"a": ids[:, :1].float() * float(ids.sum())}  # a number of Python's, which the tracer takes for fixed

    with pytest.raises(ParityError, match="differs from its network"):
        traced.trace(
            Fixed(),
            tmp_path / "m.onnx",
            examples=[(torch.ones(2, 4, dtype=torch.long),), (torch.ones(2, 5, dtype=torch.long),)],
            inputs=["ids"],
            sets=["a"],
        )
