"""What a label set of one's own promises: it travels with the model, and every way of reading speaks it."""

import csv
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import affekt
from affekt import catalog
from affekt.batch import read_table, table_timelines
from affekt.calibration.apply import decide, project, spoken, spoken_for
from affekt.cli.main import app
from affekt.encoders._card import read_card, write_card
from affekt.errors import InputError, UnknownName, WeightsError
from affekt.evaluation import pictures, recordings
from affekt.evaluation.albums import known_names
from affekt.evaluation.run import evaluate_file
from affekt.formats._palette import colours
from affekt.formats.label_studio import config_of
from affekt.fusion import fuse
from affekt.models import choose_labels
from affekt.parts import Calibration, Corpus, LabelSet, Row
from affekt.pipeline import Reader
from affekt.results import Reading, Timeline
from affekt.settings import resolve
from test_cards import CARD

LABELS = ("very happy", "生气", "so-so")
WORDS = {"very happy": "delighted superb wonderful", "生气": "生气 讨厌 annoyed", "so-so": "report table desk"}
SINGLE = LabelSet("心情 of tickets", LABELS, "single", "Nobody (2025)")
MULTI = LabelSet("several moods", LABELS, "multi", "Nobody (2025)", none="nothing")
SENTIMENT = {"very happy": "positive", "生气": "negative", "so-so": "neutral"}
PROJECTED = replace(SINGLE, projections={"sentiment3": SENTIMENT})
GLAD, ANGRY = "delighted, superb, wonderful!", "讨厌 annoyed 生气"
TWO = f"{GLAD} 讨厌 annoyed 生气!"
run = CliRunner()


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("LABELS", "TEXT_MODEL", "SPEECH_MODEL", "FACE_MODEL", "CONFIG"):
        monkeypatch.delenv(f"AFFEKT_{name}", raising=False)


def _rows(labels: LabelSet) -> list[Row]:
    rng = np.random.default_rng(0)
    rows = [Row(" ".join([*rng.permutation(WORDS[name].split()), f"and {at % 7}"]), (name,)) for at in range(20) for name in LABELS]
    return rows if labels.kind == "single" else [*rows, *(Row(f"{GLAD} {ANGRY}", ("very happy", "生气")) for _ in range(9))]


def _train(labels: LabelSet, folder: Path) -> str:
    """The folder of a model that speaks the set, which its card brings along."""
    pytest.importorskip("sklearn", reason="sklearn is not installed: pip install 'affekt[train]'")
    from affekt.training.text_baseline import write_calibrated_card
    from affekt.training.text_tfidf import Settings, fit, save

    rows = _rows(labels)
    corpus = Corpus("tiny", "Nobody (2025)", "MIT", "ship", ("en", "zh"), ("train", "dev"), lambda _, __: iter(rows))
    weights = save(fit(rows, labels, settings=Settings(strength=10.0), report=lambda _: None), folder)
    write_calibrated_card(folder, weights, corpus, labels, rows, family="text_tfidf", facts={})
    write_card(replace(read_card(folder), sets={labels.name: labels}), folder)
    return str(folder)


@pytest.fixture(scope="module")
def single(tmp_path_factory: pytest.TempPathFactory) -> str:
    return _train(SINGLE, tmp_path_factory.mktemp("single"))


@pytest.fixture(scope="module")
def multi(tmp_path_factory: pytest.TempPathFactory) -> str:
    return _train(MULTI, tmp_path_factory.mktemp("multi"))


@pytest.fixture(scope="module")
def projected(tmp_path_factory: pytest.TempPathFactory) -> str:
    return _train(PROJECTED, tmp_path_factory.mktemp("projected"))


def _folder(at: Path, *, modality: str, sets: dict[str, LabelSet], also: tuple[str, ...] = ()) -> str:
    """A folder with a card and no model, which is enough to choose a label set."""
    at.mkdir()
    wide = {name: len(one.labels) for name, one in sets.items()} | {name: len(catalog.find("labels", name).labels) for name in also}
    calibration = {name: Calibration((1.0,) * n, (0.0,) * n, (0.5,) * n) for name, n in wide.items()}
    write_card(replace(CARD, modality=modality, calibration=calibration, sets=sets), at)
    return str(at)


# --- the card ---------------------------------------------------------------------------------------------------------

PLACES = {"very happy": (0.8, 0.5, 0.4), "生气": (-0.5, 0.6, 0.2), "so-so": (0.0, 0.0, 0.0)}
WHOLE = replace(PROJECTED, places=PLACES, several="ekman6")


def _card_of(*sets: LabelSet) -> affekt.parts.Card:
    wide = {one.name: Calibration((1.0,) * len(one.labels), (0.0,) * len(one.labels)) for one in sets}
    return replace(CARD, calibration={**CARD.calibration, **wide}, sets={one.name: one for one in sets})


def test_a_card_with_label_sets_of_its_own_survives_its_file(tmp_path: Path) -> None:
    card = _card_of(WHOLE, MULTI)
    write_card(card, tmp_path)
    assert read_card(tmp_path) == card
    given = json.loads((tmp_path / "card.json").read_text(encoding="utf-8"))["sets"]
    assert given[MULTI.name] == {"labels": [*LABELS], "kind": "multi", "paper": "Nobody (2025)", "none": "nothing"}
    write_card(CARD, tmp_path)
    assert "sets" not in json.loads((tmp_path / "card.json").read_text())


def test_a_set_that_the_catalog_has_is_the_catalogs(tmp_path: Path) -> None:
    sentiment = catalog.find("labels", "sentiment3")
    write_card(_card_of(sentiment), tmp_path)
    assert read_card(tmp_path).sets["sentiment3"] is sentiment


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"labels": ["a", "b"]}, "has 2 labels, and its calibration is of 3"),
        ({"labels": ["a", "a", "b"]}, "labels are different words"),
        ({"labels": ["a", " ", "b"]}, "labels are different words"),
        ({"labels": ["a", "b\n", "c"]}, "labels are different words"),
        ({"labels": "abc"}, '"labels" is a list of names'),
        ({"labels": [1, 2, 3]}, '"labels" is a list of names'),
        ({"kind": "dimensions"}, '"kind" is one of single, multi'),
        ({"none": "nothing"}, '"none" is a word beside the labels of a multi set'),
        ({"colour": "red"}, "knows no 'colour'"),
        ({"paper": ...}, "lacks 'paper'"),
        ({"several": "nowhere"}, '"several" is of a single set'),
        ({"places": {"生气": [0, 0, 0]}}, '"places" gives every label three numbers'),
        ({"places": {name: [0, 0, 2] for name in LABELS}}, '"places" gives every label three numbers'),
        ({"projections": {"sentiment3": {"生气": "negative"}}}, "the projection onto 'sentiment3' names one of"),
        ({"projections": {"sentiment4": SENTIMENT}}, "there is no set 'sentiment4' to project onto"),
        ({"projections": ["sentiment3"]}, "is not a model card"),
    ],
    ids=str,
)
def test_a_set_that_does_not_fit_is_refused(change: dict, says: str, tmp_path: Path) -> None:
    write_card(_card_of(SINGLE), tmp_path)
    given = json.loads((tmp_path / "card.json").read_text(encoding="utf-8"))
    one = {key: value for key, value in {**given["sets"][SINGLE.name], **change}.items() if value is not ...}
    (tmp_path / "card.json").write_text(json.dumps({**given, "sets": {SINGLE.name: one}}), encoding="utf-8")
    with pytest.raises(WeightsError, match=says):
        read_card(tmp_path)


@pytest.mark.parametrize(
    ("sets", "says"),
    [
        ([], '"sets" is an object'),
        ({SINGLE.name: []}, "is an object of labels, kind, paper"),
        ({"elsewhere": {"labels": ["a", "b"], "kind": "single", "paper": "x"}}, "'elsewhere' has no calibration"),
        ({"sentiment3": {"labels": ["bad", "so-so", "good"], "kind": "single", "paper": "x"}}, "is another one than the 'sentiment3'"),
    ],
    ids=str,
)
def test_sets_that_are_none_are_refused(sets: object, says: str, tmp_path: Path) -> None:
    write_card(_card_of(SINGLE), tmp_path)
    given = json.loads((tmp_path / "card.json").read_text(encoding="utf-8"))
    (tmp_path / "card.json").write_text(json.dumps({**given, "sets": sets}), encoding="utf-8")
    with pytest.raises(WeightsError, match=says):
        read_card(tmp_path)


def test_a_card_that_could_not_be_read_is_not_written(tmp_path: Path) -> None:
    for card in (
        replace(CARD, sets={SINGLE.name: SINGLE}),
        replace(_card_of(SINGLE), sets={"other": SINGLE}),
        _card_of(replace(SINGLE, name="ekman7")),
        _card_of(replace(SINGLE, labels=("a", "a"))),
    ):
        with pytest.raises(WeightsError, match="the card of tiny cannot be written"):
            write_card(card, tmp_path)
    renamed = replace(_card_of(SINGLE), sets={SINGLE.name: replace(SINGLE, name="other")})
    with pytest.raises(WeightsError, match="filed under its name"):
        write_card(renamed, tmp_path)
    assert not (tmp_path / "card.json").exists()


# --- which set is spoken ----------------------------------------------------------------------------------------------


def test_a_reader_speaks_the_default_where_its_models_can_and_their_own_set_where_not(tmp_path: Path) -> None:
    own = _folder(tmp_path / "own", modality="text", sets={SINGLE.name: SINGLE})
    finer = _folder(tmp_path / "finer", modality="text", sets={MULTI.name: MULTI}, also=("goemotions28",))
    coarse = _folder(tmp_path / "coarse", modality="text", sets={}, also=("sentiment3",))
    assert Reader().labels is catalog.find("labels", "ekman7")
    assert Reader(models={"text": own}).labels == SINGLE
    assert Reader(models={"text": finer}).labels.name == "ekman7"  # goemotions28 tells it
    assert Reader(models={"text": finer}, labels=MULTI.name).labels == MULTI
    assert Reader(models={"text": own}, labels="ekman7").labels.name == "ekman7"
    assert Reader(models={"text": coarse}).labels.name == "sentiment3"


def test_text_comes_before_speech_and_speech_before_face(tmp_path: Path) -> None:
    speech = _folder(tmp_path / "speech", modality="speech", sets={MULTI.name: MULTI})
    face = _folder(tmp_path / "face", modality="face", sets={SINGLE.name: SINGLE})
    assert Reader(models={"speech": speech, "face": face}).labels == MULTI
    assert Reader(models={"face": face}).labels == SINGLE
    assert Reader(models={"speech": speech, "face": face}, labels=SINGLE.name).labels == SINGLE


def test_environment_and_file_name_an_own_set_too(projected: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("AFFEKT_TEXT_MODEL", projected)
    assert affekt.read(GLAD).labels == SINGLE.name
    (tmp_path / "affekt.toml").write_text('labels = "sentiment3"\n')
    assert affekt.read(GLAD).top[0] == "positive"
    monkeypatch.setenv("AFFEKT_LABELS", SINGLE.name)
    assert Reader().labels == PROJECTED and affekt.read(GLAD).top[0] == "very happy"
    monkeypatch.setenv("AFFEKT_LABELS", "ekman7")
    with pytest.raises(InputError, match="text_tfidf does not speak 'ekman7', nor a finer set; it speaks: 心情 of tickets"):
        affekt.read(GLAD)


def test_an_unknown_set_lists_the_models_own_as_well(single: str) -> None:
    with pytest.raises(UnknownName, match=r"no 'moods' in labels/, nor in the card of a model; there are: .*vad, 心情 of tickets"):
        Reader(models={"text": single}, labels="moods")
    with pytest.raises(UnknownName, match="no 'moods' in labels/; there are"):
        Reader(labels="moods")


def test_sets_of_one_name_and_other_labels_are_not_mistaken_for_one_another() -> None:
    other = replace(SINGLE, labels=("a", "b", "c"))
    card = _card_of(SINGLE)
    assert spoken(card, SINGLE) is SINGLE and spoken_for(card, other) is None
    with pytest.raises(InputError, match="does not speak"):
        spoken(card, other)


# --- reading ----------------------------------------------------------------------------------------------------------


def test_a_text_is_read_in_the_models_own_words(single: str, multi: str) -> None:
    timeline = Reader(models={"text": single}).read(TWO)
    assert [one.top[0] for one in timeline] == ["very happy", "生气"]
    assert timeline.labels == SINGLE.name and len(timeline.fused) == 1 and set(timeline.fused[0].scores) == set(LABELS)
    both = Reader(models={"text": multi}).read(f"{GLAD} {ANGRY}", kind="text").fused[0]
    assert not both.single and set(both.present) == {"very happy", "生气"}


def test_conversations_and_many_texts_are_read(single: str, tmp_path: Path) -> None:
    talk = tmp_path / "talk.json"
    talk.write_text(json.dumps([{"who": "Anna", "text": GLAD}, {"who": "Ben", "text": ANGRY}], ensure_ascii=False), encoding="utf-8")
    reader = Reader(models={"text": single})
    assert [(one.who, one.top[0]) for one in reader.read(talk)] == [("Anna", "very happy"), ("Ben", "生气")]
    assert [timeline.top[0] for timeline in reader.read_many([GLAD, ANGRY])] == ["very happy", "生气"]
    with pytest.raises(InputError, match="context was learned for text_affekt, not for text_tfidf"):
        Reader(models={"text": single}, context=True).read(GLAD)


def test_an_own_set_is_told_in_a_coarser_one_where_it_says_how(projected: str, single: str) -> None:
    timeline = Reader(models={"text": projected}, labels="sentiment3").read(TWO)
    assert [one.top[0] for one in timeline] == ["positive", "negative"]
    assert timeline.readings[0].scores["positive"] == pytest.approx(
        Reader(models={"text": projected}).read(TWO).readings[0].scores["very happy"], abs=1e-4
    )
    with pytest.raises(InputError, match="does not speak 'sentiment3'"):
        Reader(models={"text": single}, labels="sentiment3").read(GLAD)
    several = replace(MULTI, projections={"sentiment3": SENTIMENT})
    scores = np.array([[0.0, 0.0, 0.0], [0.9, 0.1, 0.0]], np.float32)
    told = project(scores, several, catalog.find("labels", "sentiment3"))
    assert told[0].tolist() == [0, 1, 0] and told[1].argmax() == 2


def test_without_thresholds_half_is_one() -> None:
    scores = {"very happy": 0.6, "生气": 0.5, "so-so": 0.1}
    assert decide(scores, MULTI, Calibration((1.0,) * 3, (0.0,) * 3))[0] == decide(scores, MULTI, None)[0] == ("very happy", "生气")


def test_a_model_of_another_modality_is_only_asked_when_it_is_needed(single: str) -> None:
    reader = Reader(models={"text": single})
    assert reader.read(ANGRY).top[0] == "生气"
    with pytest.raises(InputError, match="speech_affekt does not speak '心情 of tickets'"):
        reader.read(np.zeros(16_000, np.float32))


def test_modalities_that_speak_one_own_set_are_fused() -> None:
    def said(modality: str, happy: float) -> Reading:
        scores = dict(zip(LABELS, (happy, 0.9 - happy, 0.1), strict=True))
        return Reading(modality, SINGLE.name, scores, 0, 1, "m", present=("very happy",))

    rule = Reader().rule
    fused = fuse([said("text", 0.8), said("speech", 0.6)], SINGLE, rule=rule)
    assert fused.top[0] == "very happy" and fused.scores["very happy"] == pytest.approx(0.7) and not fused.disagrees


# --- tables -----------------------------------------------------------------------------------------------------------


def test_a_table_gets_a_column_for_each_own_label(multi: str, tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text(f'id,text\n1,"{GLAD}"\n2,{ANGRY}\n', encoding="utf-8")
    reader = Reader(models={"text": multi})
    assert [timeline.labels for _, timeline in table_timelines(tmp_path / "rows.csv", reader=reader)] == [MULTI.name] * 2
    read_table(tmp_path / "rows.csv", out=tmp_path / "out.csv", reader=reader)
    with (tmp_path / "out.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["top"] for row in rows] == ["very happy", "生气"]
    assert all(0 <= float(row[f"score_{name}"]) <= 1 for row in rows for name in LABELS)


def test_the_command_line_reads_texts_and_tables(single: str, tmp_path: Path) -> None:
    told = run.invoke(app, ["read", "--model", single, TWO])
    assert told.exit_code == 0 and "very happy" in told.output and "生气" in told.output
    (tmp_path / "rows.csv").write_text(f'text\n"{GLAD}"\n', encoding="utf-8")
    told = run.invoke(app, ["read", "rows.csv", "--model", single, "-o", str(tmp_path / "out"), "-f", "jsonl"])
    assert told.exit_code == 0, told.output
    assert json.loads((tmp_path / "out" / "rows.jsonl").read_text(encoding="utf-8"))["top"] == "very happy"
    for command in ("models", "labels"):
        assert run.invoke(app, [command]).exit_code == 0
    refused = run.invoke(app, ["read", "--model", single, "--labels", "moods", GLAD])
    assert isinstance(refused.exception, UnknownName) or refused.exit_code == 2


# --- formats ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def timelines(single: str, multi: str, tmp_path: Path) -> Iterator[list[Timeline]]:
    talk = tmp_path / "talk.srt"
    talk.write_text(f"1\n00:00:00,000 --> 00:00:02,000\n{GLAD}\n\n2\n00:00:02,000 --> 00:00:04,000\n{ANGRY}\n", encoding="utf-8")
    yield [Reader(models={"text": folder}).read(source) for folder in (single, multi) for source in (TWO, talk)]


@pytest.mark.parametrize("name", catalog.names("formats"))
def test_every_format_writes_an_own_set_and_reads_it_back(name: str, timelines: list[Timeline]) -> None:
    part = catalog.find("formats", name)
    for timeline in timelines:
        if timeline.unit == "characters" and name in ("srt", "webvtt", "textgrid", "elan"):
            continue  # they need a clock
        written = part.write(timeline)
        assert written
        if isinstance(written, str) and name != "svg":
            assert "very happy" in written or "very-happy" in written
        if part.read is not None:
            assert part.read(written) == timeline


def test_own_labels_get_colours_that_differ_and_stay() -> None:
    names = [f"mood {at}" for at in range(24)]
    given = colours(names, "nowhere")
    assert len(set(given.values())) == 24
    assert colours(names[::-1], "nowhere") == given
    mixed = colours(["anger", "very happy", "生气", "neutral"], "nowhere")
    assert mixed["anger"] == colours(["anger"], "ekman7")["anger"] and len(set(mixed.values())) == 3 and "neutral" not in mixed


def test_label_studio_offers_what_the_readings_hold(timelines: list[Timeline]) -> None:
    for timeline, choice in zip(timelines[::2], ("single", "multiple"), strict=True):
        config = config_of(timeline.labels, kind="text", readings=timeline.readings)
        assert f'choice="{choice}"' in config and all(f'value="{name}"' in config for name in LABELS)
    with pytest.raises(UnknownName):
        config_of(SINGLE.name, kind="text")
    assert 'value="joy"' in config_of("ekman7", kind="text", readings=timelines[0].readings)


# --- evaluation -------------------------------------------------------------------------------------------------------


def _data(folder: Path, labels: LabelSet) -> Path:
    path = folder / "data.jsonl"
    lines = [json.dumps({"text": row.text, "labels": row.labels}, ensure_ascii=False) for row in _rows(labels)]
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def test_a_model_is_judged_in_its_own_set(single: str, multi: str, projected: str, tmp_path: Path) -> None:
    for folder, labels in ((single, SINGLE), (multi, MULTI), (projected, PROJECTED)):
        result = evaluate_file(_data(tmp_path, labels), model=folder)
        assert result["judged_as"] == labels.name and result["macro_f1"] > 0.9 and set(result["per_label"]) == set(LABELS)
    result = evaluate_file(_data(tmp_path, SINGLE), model=projected, labels="sentiment3", label_map=SENTIMENT)
    assert result["judged_as"] == "sentiment3" and result["macro_f1"] > 0.9
    with pytest.raises(InputError, match="ekman7 lacks"):
        evaluate_file(_data(tmp_path, SINGLE), model=single, labels="ekman7")
    told = run.invoke(app, ["evaluate", "--model", single, "--data", str(_data(tmp_path, SINGLE))])
    assert told.exit_code == 0 and SINGLE.name in told.output and "生气" in told.output


def test_each_modality_is_judged_in_the_set_of_its_own_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = _folder(tmp_path / "text", modality="text", sets={MULTI.name: MULTI})
    own = {"speech": SINGLE, "face": replace(SINGLE, name="faces")}
    folders = {name: _folder(tmp_path / name, modality=name, sets={one.name: one}, also=("ekman7",)) for name, one in own.items()}
    monkeypatch.setenv("AFFEKT_TEXT_MODEL", text)
    for name, module in (("speech", recordings), ("face", pictures)):
        settings = resolve(**{f"{name}_model": folders[name]})
        assert choose_labels(settings).name == MULTI.name
        assert choose_labels(settings, judge=name) == own[name]
        monkeypatch.setattr(Reader, f"{name}_encoder", property(lambda self: None))
        assert module.opened(folders[name], None)[1] == own[name]
        assert module.opened(folders[name], "sentiment3")[1].name == "sentiment3"
    assert choose_labels(resolve(), judge="face").name == "ekman7"


def test_names_of_pictures_that_are_alike_are_not_mixed_up() -> None:
    own = replace(SINGLE, labels=("生气", "开心", "level 1", "level 2", "happy"))
    told = known_names(["生气", "开心", "level 1", "level 2", "level 3", "0_happy", "joy"], own)
    assert told == {"生气": "生气", "开心": "开心", "level 1": "level 1", "level 2": "level 2", "0_happy": "happy", "joy": "happy"}
