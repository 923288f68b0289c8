"""The contract of every part, found by walking the rooms: a new file is tested without being named."""

import ast
import os
import re
from itertools import combinations, permutations
from pathlib import Path

import numpy as np
import pytest

import affekt
from affekt import catalog
from affekt.encoders._card import read_card, write_card
from affekt.errors import InputError
from affekt.fusion import fuse
from affekt.parts import Encoder, SpeechCorpus
from affekt.results import Clip, Mark, Reading, Timeline

PACKAGE = Path(affekt.__file__).parent
SHIPPED = [name for name in catalog.names("encoders") if catalog.find("encoders", name).shipped]
TEXTS = ["I love this so much!", "我很难过", "Das macht mir Angst.", "ok", "🥺", "a much longer text, " * 12, "¿Qué?", "</s><pad><unk>"]
FORBIDDEN = {"utils", "helpers", "common", "core", "base", "manager"}


@pytest.mark.parametrize("room", catalog.ROOMS)
def test_a_part_is_found_by_the_name_of_its_file(room: catalog.Room) -> None:
    assert catalog.names(room)
    for name in catalog.names(room):
        assert catalog.find(room, name).name == name


@pytest.mark.parametrize("name", catalog.names("labels"))
def test_a_label_set_is_unique_sourced_and_projects_completely(name: str) -> None:
    labels = catalog.find("labels", name)
    assert len(set(labels.labels)) == len(labels.labels) > 1
    assert re.search(r"\(\d{4}\)", labels.paper), "the paper names its year"
    for coarser, mapping in labels.projections.items():
        assert set(mapping) == set(labels.labels), f"every label of {name} has a place in {coarser}"
        assert set(mapping.values()) <= set(catalog.find("labels", coarser).labels)
    if labels.several is not None:
        assert catalog.find("labels", labels.several).kind == "multi"
    if labels.kind != "multi":
        assert labels.none is None


@pytest.mark.parametrize("name", catalog.names("datasets"))
def test_a_corpus_says_whence_it_comes_and_what_it_may_be_used_for(name: str) -> None:
    corpus = catalog.find("datasets", name)
    assert corpus.paper and corpus.licence and corpus.languages
    assert isinstance(corpus, SpeechCorpus) or corpus.sha256
    for target, mapping in corpus.label_maps.items():
        assert {ours for ours in mapping.values() if ours} <= set(catalog.find("labels", target).labels)
    if corpus.licence == "none stated":
        assert corpus.use == "bench"


@pytest.mark.parametrize("name", catalog.names("datasets"))
def test_the_splits_of_a_corpus_share_no_text_and_no_group(name: str) -> None:
    folder = os.environ.get("AFFEKT_DATA")
    if not folder:
        pytest.skip("AFFEKT_DATA is not set; it names the folder that holds the corpora")
    corpus = catalog.find("datasets", name)
    if isinstance(corpus, SpeechCorpus):
        speakers = [{one.speaker for one in corpus.recordings(Path(folder) / "speech", split)} for split in corpus.splits]
        assert all(speakers) and sum(map(len, speakers)) == len(set().union(*speakers))
        return
    splits = {split: list(corpus.rows(Path(folder) / "text", split)) for split in corpus.splits if split != "projected"}
    assert all(splits.values())
    if name in ("xed", "brighter", "cped"):  # the splits that are ours to make
        ours = [split for split in splits if (name, split) != ("brighter", "dev")]
        for a, b in [(a, b) for a in ours for b in ours if a < b]:
            key = (lambda row: row.group) if name == "cped" else (lambda row: row.text)
            assert not {key(row) for row in splits[a]} & {key(row) for row in splits[b]}


@pytest.fixture(scope="module", params=SHIPPED)
def encoder(request: pytest.FixtureRequest) -> object:
    part: Encoder = catalog.find("encoders", request.param)
    return part.load(None, 1)


def _clips(texts: list[str]) -> list[Clip]:
    return [Clip("text", text, 0, len(text), span=(0, len(text))) for text in texts]


def _sounds() -> list[Clip]:
    rng = np.random.default_rng(0)
    made = [(rng.normal(size=length) * 0.1).astype(np.float32) for length in (100, 8000, 8001, 48_000)]
    return [Clip("speech", samples, 0, len(samples) / 16_000) for samples in made]


def _faces(side: int) -> list[Clip]:
    rng = np.random.default_rng(0)
    return [Clip("face", rng.integers(0, 256, (side, side, 3), dtype=np.uint8), 0, 0) for _ in range(5)]


def _given(encoder) -> list[Clip]:
    if encoder.card.modality == "face":
        return _faces(encoder.side)
    return _clips(TEXTS) if encoder.card.modality == "text" else _sounds()


def test_an_encoder_is_finite_repeatable_and_of_the_shape_it_says(encoder) -> None:
    heads, clips = list(encoder.card.calibration), _given(encoder)
    once, again = encoder(clips, labels=heads), encoder(clips, labels=heads)
    for head in heads:
        assert once[head].shape == (len(clips), len(catalog.find("labels", head).labels))
        assert np.isfinite(once[head]).all()
        assert np.array_equal(once[head], again[head])


def test_an_encoder_says_in_a_batch_what_it_says_alone(encoder) -> None:
    for head in encoder.card.calibration:
        batch = encoder(_given(encoder), labels=[head])[head]
        alone = np.concatenate([encoder([clip], labels=[head])[head] for clip in _given(encoder)])
        assert np.abs(batch - alone).max() < 1e-3


def test_a_card_survives_being_written_and_read(encoder, tmp_path: Path) -> None:
    write_card(encoder.card, tmp_path)
    assert read_card(tmp_path) == encoder.card


def test_the_weights_are_those_that_the_card_names(encoder) -> None:
    import hashlib

    folder = PACKAGE / "weights" / encoder.card.name
    for file, checksum in encoder.card.facts["sha256"].items():
        assert hashlib.sha256((folder / file).read_bytes()).hexdigest() == checksum


def _timelines() -> list[Timeline]:
    def reading(who: str | None, start: float, end: float) -> Reading:
        scores = {"anger": 0.1, "joy": 0.7, "neutral": 0.2}
        return Reading("text", "ekman7", scores, start, end, "m@1", present=("joy",), who=who, span=(int(start), int(end)), valence=0.5)

    empty = Timeline("a.txt", 0, "characters", "ekman7", ())
    one = Timeline("text", 9, "characters", "ekman7", (reading(None, 0, 9),), transcript="so happy!")
    said = (reading("Анна", 0, 4), reading("客户 <&>", 5, 9))
    marks = (Mark(7.5, "asked for <her> & him\nagain -->"), Mark(0.0))
    many = Timeline("call.srt", 9, "seconds", "ekman7", said, (reading(None, 0, 9),), "so happy!", ("w",), marks=marks)
    return [empty, one, many]


@pytest.mark.parametrize("name", catalog.names("formats"))
@pytest.mark.parametrize("timeline", _timelines(), ids=["empty", "one", "many"])
def test_a_format_writes_everything_and_gives_back_what_it_can_read(name: str, timeline: Timeline) -> None:
    part = catalog.find("formats", name)
    if timeline.unit == "characters" and name in ("srt", "webvtt", "textgrid", "elan"):
        with pytest.raises(InputError, match="says at what time"):
            part.write(timeline)
        return
    written = part.write(timeline)
    assert written.strip()
    assert isinstance(written, bytes) == part.binary
    if part.read is not None:
        assert part.read(written) == timeline


def test_no_module_hides_behind_a_name_that_says_nothing() -> None:
    assert not {path.stem for path in PACKAGE.rglob("*.py")} & FORBIDDEN


def test_files_are_short_and_every_public_function_has_a_docstring() -> None:
    for path in PACKAGE.rglob("*.py"):
        source = path.read_text(encoding="utf-8")
        assert source.count("\n") <= 400, f"{path.name} is longer than 400 lines"
        tree = ast.parse(source)
        assert not source.strip() or ast.get_docstring(tree), f"{path} has no docstring"
        for node in tree.body:
            if isinstance(node, ast.FunctionDef) and not node.name.startswith("_") and not node.decorator_list:
                assert ast.get_docstring(node), f"{path.name}: {node.name} has no docstring"


def test_the_public_names_are_these_and_import_takes_no_library() -> None:
    import subprocess
    import sys

    types = ["AffektError", "Clip", "LabelSet", "Mark", "Reader", "Reading", "Timeline"]
    assert affekt.__all__ == [*types, "evaluate", "read", "read_table", "train"]
    code = "import sys, affekt; print([m for m in ('numpy', 'onnxruntime', 'pydantic', 'torch') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"


def test_a_plugin_is_found_by_its_entry_point(monkeypatch: pytest.MonkeyPatch) -> None:
    from importlib.metadata import EntryPoint

    point = EntryPoint("basic", "affekt.labels.sentiment3:PART", "affekt.labels")
    monkeypatch.setattr(catalog, "entry_points", lambda group: [point] if group == "affekt.labels" else [])
    catalog.names.cache_clear()
    try:
        assert "basic" in catalog.names("labels") and catalog.find("labels", "basic").name == "sentiment3"
    finally:
        monkeypatch.undo()
        catalog.names.cache_clear()
        catalog.find.cache_clear()


def _said(modality: str, scores: list[float], *, clarity: float | None = None, **given: object) -> Reading:
    names = catalog.find("labels", "ekman7").labels
    told = dict(zip(names, scores, strict=True))
    top = max(told, key=told.__getitem__)
    fields = {
        "modality": modality,
        "labels": "ekman7",
        "scores": told,
        "start": 1.0,
        "end": 2.0,
        "model": "m@1",
        "present": (top,),
        **given,
    }
    return Reading(**fields, clarity=clarity)


ANGRY, GLAD, SAD = (
    [0.7, 0.05, 0.05, 0.05, 0.05, 0.05, 0.05],
    [0.02, 0.02, 0.02, 0.8, 0.04, 0.05, 0.05],
    [0.1, 0.1, 0.1, 0.1, 0.4, 0.1, 0.1],
)


@pytest.mark.parametrize("name", catalog.names("fusion"))
def test_fusing_one_reading_changes_nothing(name: str) -> None:
    labels, rule = catalog.find("labels", "ekman7"), catalog.find("fusion", name)
    for modality in ("text", "speech", "face"):
        for clarity in (None, 0.2, 0.0):
            for given in ({}, {"abstained": True, "reason": "no label is likely enough"}):
                one = _said(modality, SAD, clarity=clarity, who="Anna", valence=-0.5, arousal=0.1, dominance=0.0, **given)
                fused = fuse([one], labels, rule=rule)
                kept = ("scores", "start", "end", "who", "valence", "arousal", "dominance", "present", "abstained", "reason", "single")
                assert all(getattr(fused, field) == getattr(one, field) for field in kept)
                assert (fused.modality, fused.shares, fused.disagreement) == ("fused", {modality: 1.0}, None)


@pytest.mark.parametrize("name", catalog.names("fusion"))
def test_fusing_in_any_order_is_the_same(name: str) -> None:
    labels, rule = catalog.find("labels", "ekman7"), catalog.find("fusion", name)
    readings = [_said("text", ANGRY, clarity=0.5), _said("speech", GLAD, clarity=0.9), _said("face", SAD)]
    first = fuse(readings, labels, rule=rule)
    assert all(fuse(list(order), labels, rule=rule) == first for order in permutations(readings))
    assert sum(first.scores.values()) == pytest.approx(1, abs=1e-3) and sum(first.shares.values()) == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize("name", catalog.names("fusion"))
def test_any_modality_may_be_missing(name: str) -> None:
    labels, rule = catalog.find("labels", "ekman7"), catalog.find("fusion", name)
    readings = [_said("text", GLAD), _said("speech", GLAD), _said("face", GLAD)]
    for count in (1, 2, 3):
        for some in combinations(readings, count):
            assert fuse(list(some), labels, rule=rule).top[0] == "joy"
