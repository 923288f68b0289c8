"""What the baselines promise: what was trained is what runs, cards survive, and broken folders say so."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from affekt.calibration.apply import probabilities
from affekt.catalog import find
from affekt.encoders import text_cnn, text_lexicon, text_lstm, text_tfidf
from affekt.encoders._card import read_card, revision_of, write_card
from affekt.encoders._word_network import MOST_WORDS, WordNetwork, encode, ids_of
from affekt.encoders._words import words
from affekt.errors import InputError, MissingExtra, WeightsError
from affekt.evaluation.evaluate import evaluate
from affekt.labels import ekman6, ekman7, sentiment3, vad
from affekt.parts import Calibration, Corpus, LabelSet, OpenEncoder, Row
from affekt.results import Clip
from test_cards import CARD

LOAD = {"text_tfidf": text_tfidf.load, "text_lstm": text_lstm.load, "text_cnn": text_cnn.load}
TEXTS = [
    "what a lovely day, I am so happy 😀",
    "I hate this so much!!!",
    "我今天很开心，太好了",
    "मुझे डर लग रहा है",
    "",
    "words nobody ever trained on",
    "so happy, so happy, so so happy",
]
FEELINGS = {
    "joy": "happy 开心 😀 lovely day",
    "anger": "hate this 生气 😡 so much",
    "fear": "afraid डर 害怕 of the dark",
    "neutral": "the report is on the table 桌子",
}


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """Networks this small wait for each other's threads longer than they work."""
    try:
        import torch
    except ImportError:
        yield
        return
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def _rows(labels: LabelSet, n: int = 60) -> list[Row]:
    """Rows whose words give them away, in the words of any label set."""
    rng = np.random.default_rng(0)
    rows = []
    for at in range(n):
        name = list(FEELINGS)[at % 4]
        own = rng.permutation(FEELINGS[name].split()).tolist()
        text = " ".join([*own[:4], f"and {at % 7}"])
        if labels.kind == "dimensions":
            rows.append(Row(text, vad=(1.0 - at % 4 / 2, 0.1 * (at % 4), 0.2 * (at % 2))))
        elif labels.name == "sentiment3":
            rows.append(Row(text, ({"joy": "positive", "neutral": "neutral"}.get(name, "negative"),)))
        else:
            space = None if labels.kind == "single" or at % 5 else ("anger", "joy", "fear")
            rows.append(Row(text, (name,), lang="en", space=space))
    return rows


def _corpus(labels: LabelSet) -> Corpus:
    rows = _rows(labels)
    return Corpus(
        "tiny",
        "Nobody (2025)",
        "MIT",
        "ship",
        ("en", "zh"),
        ("train", "dev"),
        lambda _, split: iter(rows if split == "train" else rows[:30]),
    )


def _clips(texts: list[str]) -> list[Clip]:
    return [Clip("text", text, 0, len(text), span=(0, len(text))) for text in texts]


def _need(name: str) -> None:
    for library in ["sklearn"] if name == "text_tfidf" else ["torch", "onnx", "accelerate", "tensorboard"]:
        pytest.importorskip(library, reason=f"{library} is not installed: pip install 'affekt[train]'")


def _training() -> ModuleType:
    _need("text_tfidf")
    from affekt.training import text_tfidf

    return text_tfidf


def _fitted(name: str, labels: LabelSet, folder: Path) -> tuple[Callable[[list[str]], np.ndarray], Path]:
    """What the fitted model says of texts, and the file of its weights."""
    rows = _rows(labels)
    if name == "text_tfidf":
        training = _training()
        fitted = training.fit(rows, labels, settings=training.Settings(strength=10.0), report=lambda _: None)
        return fitted.raw, training.save(fitted, folder)
    from affekt.training.families import text_cnn, text_lstm
    from affekt.training.job import Job
    from affekt.training.loop import Optimiser, Watch, predict
    from affekt.training.losses import Loss
    from affekt.training.word_networks import train, write

    if name == "text_lstm":
        settings, kind = text_lstm.Settings(dropout=0.1, width=8, hidden=16), text_lstm.TextLSTM
    else:
        settings, kind = text_cnn.Settings(dropout=0.1, width=8, filters=8), text_cnn.TextCNN
    optimiser = Optimiser(epochs=10, batch=8, head_rate=0.02)
    job = Job(rows, (), (labels,), settings, optimiser, Loss(), 7, folder / "work", Watch())
    network, _ = train(job, lambda ids: kind(ids, [labels], settings))
    return lambda texts: predict(network, [Row(text) for text in texts])[labels.name], write(network, folder, sets=[labels.name])


def _trained(name: str, labels: LabelSet, folder: Path) -> tuple[Callable[[list[str]], np.ndarray], OpenEncoder]:
    """What the fitted model says of texts, and the encoder that the folder written from it opens."""
    _need(name)
    from affekt.training.text_baseline import held_out_split, split_rows, write_calibrated_card

    raw, weights = _fitted(name, labels, folder)
    part = _corpus(labels)
    held_out = split_rows(part, held_out_split(part), labels, data=folder)
    write_calibrated_card(folder, weights, part, labels, held_out, family=name, facts={"rows": 60})
    return raw, LOAD[name](folder, 1)


# --- what was trained is what runs ------------------------------------------------------------------------------------


@pytest.mark.parametrize("labels", [ekman7.PART, ekman6.PART, sentiment3.PART, vad.PART], ids=lambda labels: labels.name)
@pytest.mark.parametrize("name", list(LOAD))
def test_the_runtime_says_what_the_trained_model_says(name: str, labels: LabelSet, tmp_path: Path) -> None:
    own, encoder = _trained(name, labels, tmp_path)
    raw = encoder(_clips(TEXTS), labels=[labels.name])[labels.name]
    assert raw.dtype == np.float32 and raw.shape == (len(TEXTS), len(labels.labels)) and np.isfinite(raw).all()
    assert np.abs(raw - own(TEXTS)).max() < 1e-4
    alone = np.concatenate([encoder(_clips([text]), labels=[labels.name])[labels.name] for text in TEXTS])
    assert np.abs(raw - alone).max() < 1e-5
    assert np.array_equal(raw, encoder(_clips(TEXTS), labels=[labels.name])[labels.name])
    assert encoder([], labels=[labels.name])[labels.name].shape == (0, len(labels.labels))


def test_two_labels_in_the_data_are_enough_for_a_single_label_set(tmp_path: Path) -> None:
    training = _training()
    rows = [Row(f"happy day {at}", ("joy",)) for at in range(6)] + [Row(f"hate this {at}", ("anger",)) for at in range(9)]
    fitted = training.fit(rows, ekman7.PART, settings=training.Settings(), report=lambda _: None)
    weights = training.save(fitted, tmp_path)
    write_card(replace(CARD, revision=revision_of(weights), calibration={"ekman7": Calibration((1.0,) * 7, (0.0,) * 7)}), tmp_path)
    encoder = text_tfidf.load(tmp_path, 1)
    raw = encoder(_clips(["happy day", "hate this"]), labels=["ekman7"])["ekman7"]
    assert np.abs(raw - fitted.raw(["happy day", "hate this"])).max() < 1e-4
    scores = probabilities(raw, ekman7.PART, encoder.card.calibration["ekman7"])
    assert [ekman7.PART.labels[at] for at in scores.argmax(1)] == ["joy", "anger"]
    own = fitted.models[""].predict_proba(fitted.union.transform(["happy day"]))[0]
    assert scores[0, [0, 3]] == pytest.approx(own, abs=2e-3)  # the five absent labels share the rest


def test_a_label_that_annotators_could_not_choose_teaches_nothing() -> None:
    training = _training()
    space = ("anger", "joy")
    rows = [Row(f"dark night {at}", (), space=space) for at in range(20)] + [Row("dark night", ("fear",)), Row("fine day", ())] * 4
    fitted = training.fit(rows, ekman6.PART, settings=training.Settings(strength=10.0), report=lambda _: None)
    fear = fitted.raw(["dark night"])[0, ekman6.PART.labels.index("fear")]
    assert fear > 0  # though 20 of 24 dark nights have no such label


@pytest.mark.parametrize("name", list(LOAD))
def test_a_baseline_learns_words_that_give_the_label_away(name: str, tmp_path: Path) -> None:
    _, encoder = _trained(name, ekman7.PART, tmp_path)
    rows = _rows(ekman7.PART, 20)
    raw = encoder(_clips([row.text for row in rows]), labels=["ekman7"])["ekman7"]
    scores = probabilities(raw, ekman7.PART, encoder.card.calibration["ekman7"])
    assert evaluate(rows, scores, ekman7.PART)["accuracy"] > 0.9


@pytest.mark.parametrize("name", list(LOAD))
def test_a_written_card_names_its_weights_and_its_thresholds(name: str, tmp_path: Path) -> None:
    _, encoder = _trained(name, ekman6.PART, tmp_path)
    card = read_card(tmp_path)
    assert card == encoder.card
    assert len(card.calibration["ekman6"].thresholds) == 6
    assert card.facts["family"] == name and card.facts["calibrated_on"] == {"ekman6": ["tiny/dev"]} and card.commercial
    assert {file: revision_of(tmp_path / file) for file in card.facts["sha256"]} == {
        file: sha[:8] for file, sha in card.facts["sha256"].items()
    }


@pytest.mark.parametrize("name", list(LOAD))
def test_another_label_set_is_refused(name: str, tmp_path: Path) -> None:
    _, encoder = _trained(name, sentiment3.PART, tmp_path)
    with pytest.raises(InputError, match=f"{name} does not speak 'ekman7'; it speaks: sentiment3"):
        encoder(_clips(TEXTS), labels=["ekman7"])


@pytest.mark.parametrize("name", list(LOAD))
def test_a_recipe_writes_a_folder_that_opens(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _need(name)
    from affekt.training import text_baseline

    monkeypatch.setattr(text_baseline, "find", lambda room, key: _corpus(ekman7.PART) if room == "datasets" else find(room, key))
    monkeypatch.setattr("sys.argv", ["train.py", "tiny", "ekman7", str(tmp_path / "model")])
    monkeypatch.setenv("AFFEKT_DATA", str(tmp_path))
    text_baseline.run(name, Path(__file__).parents[1] / "recipes" / "text" / name, usage="")
    worth = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert worth["n"] == 30 and 0 <= worth["macro_f1"] <= 1
    encoder = LOAD[name](tmp_path / "model", 1)
    assert encoder.card.facts["settings"]["model"]["min_df"] == 2
    assert encoder(_clips(TEXTS), labels=["ekman7"])["ekman7"].shape == (len(TEXTS), 7)


def test_rows_that_share_no_word_cannot_be_learnt_from() -> None:
    training = _training()
    with pytest.raises(InputError, match="share too few words"):
        training.fit([Row("ab", ("joy",)), Row("cd", ("fear",))], ekman7.PART, settings=training.Settings(), report=lambda _: None)
    with pytest.raises(InputError, match="one and the same label"):
        training.fit([Row("ab", ("joy",))] * 3, ekman7.PART, settings=training.Settings(), report=lambda _: None)


def test_a_corpus_without_held_out_rows_is_refused() -> None:
    from affekt.training.text_baseline import held_out_split, split_rows

    part = replace(_corpus(ekman7.PART), splits=("train",))
    with pytest.raises(InputError, match="tiny has no split to calibrate on; it has: train"):
        held_out_split(part)
    with pytest.raises(InputError, match="no split 'test'"):
        split_rows(part, "test", ekman7.PART, data=Path())


# --- broken folders ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("load", list(LOAD.values()), ids=list(LOAD))
def test_a_baseline_without_a_folder_says_how_to_make_one(load: Callable, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"comes without weights; train one with recipes/text/text_\w+/train\.py"):
        load(None, 0)
    with pytest.raises(WeightsError, match="no card"):
        load(tmp_path, 0)
    write_card(CARD, tmp_path)
    with pytest.raises(WeightsError, match=r"no (weights\.npz|model\.onnx) in"):
        load(tmp_path, 0)


@pytest.mark.parametrize(("name", "file"), [("text_tfidf", "weights.npz"), ("text_lstm", "model.onnx"), ("text_cnn", "model.onnx")])
def test_weights_that_are_not_the_cards_are_refused(name: str, file: str, tmp_path: Path) -> None:
    _trained(name, sentiment3.PART, tmp_path)
    load = LOAD[name]
    vocabulary = tmp_path / "vocabulary.json"
    for broken in ("{", "[]"):
        vocabulary.write_text(broken)
        if name == "text_tfidf" or broken == "{":
            with pytest.raises(WeightsError, match=r"vocabulary\.json"):
                load(tmp_path, 1)
    (tmp_path / file).write_bytes(b"other")
    with pytest.raises(WeightsError, match=r"has revision d9298a10, its card says"):
        load(tmp_path, 1)


@pytest.mark.parametrize("name", ["text_lstm", "text_cnn"])
def test_a_graph_that_lacks_a_head_is_refused(name: str, tmp_path: Path) -> None:
    _trained(name, sentiment3.PART, tmp_path)
    write_card(replace(read_card(tmp_path), calibration={"vad": Calibration((1.0,) * 3, (0.0,) * 3)}), tmp_path)
    with pytest.raises(WeightsError, match="has no head for vad"):
        LOAD[name](tmp_path, 1)


def test_pickled_weights_are_never_opened(tmp_path: Path) -> None:
    np.savez(tmp_path / "weights.npz", idf=np.array([object()], dtype=object), weights=np.zeros((1, 3)), bias=np.zeros(3))
    (tmp_path / "vocabulary.json").write_text('{"word_grams": ["a"], "character_grams": []}')
    write_card(replace(CARD, revision=revision_of(tmp_path / "weights.npz")), tmp_path)
    with pytest.raises(WeightsError, match="is broken"):
        text_tfidf.load(tmp_path, 1)


# --- words ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", []),
        ("   ", []),
        ("Don't SHOUT!!", ["don't", "shout", "!", "!"]),
        ("'quoted' dogs'", ["'", "quoted", "dogs"]),
        ("我爱Python3", ["我", "爱", "python3"]),
        ("मुझे डर", ["मुझे", "डर"]),  # vowel signs stay with their letter
        ("café déjà", ["café", "déjà"]),
        ("안녕 하세요😀😀", ["안녕", "하세요", "😀", "😀"]),
        ("snake_case", ["snake", "_", "case"]),
    ],
)
def test_text_falls_into_words(text: str, found: list[str]) -> None:
    assert words(text) == found


def test_characters_are_counted_as_scikit_learn_counts_them() -> None:
    sk = pytest.importorskip("sklearn.feature_extraction.text", reason="scikit-learn is not installed: pip install 'affekt[train]'")
    theirs = sk.CountVectorizer(analyzer="char_wb", ngram_range=(2, 5)).build_analyzer()
    for text in TEXTS:
        assert sorted(text_tfidf.character_grams(text)) == sorted(theirs(text.replace("!!!!", "!!!")))


def test_a_long_text_is_read_in_windows_that_are_the_text() -> None:
    text = "This one is a short sentence. " * 40
    clip = Clip("text", text, 10.0, 70.0, who="anna", span=(100, 100 + len(text)))
    pieces = WordNetwork(CARD, {}, None).cut(clip)
    assert len(pieces) > 4
    for piece in pieces:
        assert len(words(piece.data)) <= MOST_WORDS
        assert piece.data == text[piece.span[0] - 100 : piece.span[1] - 100] and piece.who == "anna"
        assert 10.0 <= piece.start < piece.end <= 70.0
    assert WordNetwork(CARD, {}, None).cut(_clips(["short"])[0]) == _clips(["short"])


def test_padding_stands_in_front_and_rare_words_are_unknown() -> None:
    ids = encode(["so good", "so rare", "", "so " * 100], ids_of(["so", "good"]))
    assert ids.shape == (4, MOST_WORDS)
    assert ids[0].tolist() == [0] * 58 + [2, 3]
    assert ids[1].tolist() == [0] * 58 + [2, 1]
    assert not ids[2].any() and (ids[3] == 2).all()


# --- the lexicon ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def lexicon() -> text_lexicon.TextLexicon:
    pytest.importorskip("vaderSentiment", reason="vaderSentiment is not installed: pip install 'affekt[baselines]'")
    return text_lexicon.load(None, 1)


def test_the_lexicon_keeps_vaders_own_rule(lexicon: text_lexicon.TextLexicon) -> None:
    texts = [
        "I love this!",
        "I hate this!",
        "The table has four legs.",
        "not bad",
        "",
        "good but also bad",
        "ok",
        "meh",
        "It was terribly nice",
    ]
    scores = probabilities(
        lexicon(_clips(texts), labels=["sentiment3"])["sentiment3"], sentiment3.PART, lexicon.card.calibration["sentiment3"]
    )
    assert scores.sum(1) == pytest.approx(np.ones(len(texts)))
    for text, row in zip(texts, scores, strict=True):
        compound = lexicon.polarity(text)["compound"]
        rule = "positive" if compound >= 0.05 else "negative" if compound <= -0.05 else "neutral"
        assert sentiment3.PART.labels[row.argmax()] == rule
    assert scores[0, 2] > 0.85 and scores[1, 0] > 0.85 and 0.6 < scores[2, 1] < 0.75


@pytest.mark.parametrize(("compound", "label"), [(0.05, "positive"), (0.0499, "neutral"), (-0.0499, "neutral"), (-0.05, "negative")])
def test_the_lexicon_calls_the_edge_as_vader_does(lexicon: text_lexicon.TextLexicon, compound: float, label: str) -> None:
    edge = replace(lexicon, polarity=lambda _: {"compound": compound})
    assert sentiment3.PART.labels[edge(_clips(["x"]), labels=["sentiment3"])["sentiment3"].argmax()] == label


def test_the_lexicon_knows_valence_and_nothing_of_arousal(lexicon: text_lexicon.TextLexicon) -> None:
    raw = lexicon(_clips(["I love this!", "I hate this!"]), labels=["sentiment3", "vad"])["vad"]
    assert raw[0, 0] > 0.5 > -0.5 > raw[1, 0] and not raw[:, 1:].any()


def test_the_lexicon_has_no_folder_and_says_what_it_lacks(
    lexicon: text_lexicon.TextLexicon, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(WeightsError, match="no weights to load"):
        text_lexicon.load(tmp_path, 1)
    with pytest.raises(InputError, match="does not speak 'ekman7'"):
        lexicon(_clips(["x"]), labels=["ekman7"])
    write_card(lexicon.card, tmp_path)
    assert read_card(tmp_path) == lexicon.card
    monkeypatch.setattr(text_lexicon, "import_module", lambda _: (_ for _ in ()).throw(ImportError()))
    with pytest.raises(MissingExtra, match=r"affekt\[baselines\]"):
        text_lexicon.load(None, 1)


def test_a_teacher_has_not_seen_the_rows_that_it_speaks_on() -> None:
    pytest.importorskip("sklearn", reason="scikit-learn is not installed; it comes with the train extra")
    from affekt.training import text_tfidf as training

    rows = [replace(row, text=f"{row.text} row{at}") for at, row in enumerate(_rows(ekman7.PART))]
    odd = [replace(row, labels=("fear",), text="only only") if at == 0 else row for at, row in enumerate(rows)]
    raw = training.unseen(odd, ekman7.PART, settings=training.Settings(min_df=1))
    assert raw.shape == (60, 7) and np.isfinite(raw).all()
    gold = [ekman7.PART.labels.index((row.labels or ("neutral",))[0]) for row in odd]
    assert np.mean(raw.argmax(1)[1:] == gold[1:]) > 0.9
    again = training.unseen([replace(odd[0], labels=("joy",)), *odd[1:]], ekman7.PART, settings=training.Settings(min_df=1))
    assert np.array_equal(raw[0], again[0])  # its own label has no say
