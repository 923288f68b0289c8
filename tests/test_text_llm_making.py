"""What making a language model's folder promises: examples by rule, a calibration that means something, and a folder that reads."""

import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

pytest.importorskip("openai", reason="openai is not installed: pip install 'affekt[llm]'")

from affekt.cli.main import app
from affekt.encoders import text_llm
from affekt.encoders._card import read_card
from affekt.errors import EmptyInput, EndpointError, InputError
from affekt.labels import ekman6, sentiment3, vad
from affekt.parts import LabelSet, Row
from affekt.training.text_llm import SHORT, choose_examples, label_rows, make
from endpoints import Answer, endpoint, said, scoring, spelling, text_of
from llm_made import KEY, OWN, VARIABLES, clips

PAGE = Path(__file__).parents[1] / "docs" / "llm.md"
BLOCK = re.compile(r"^```py\n(.*?)^```", re.DOTALL | re.MULTILINE)  # what needs an endpoint; ```python runs with the other pages
WORD = {"positive": "lovely", "negative": "awful", "neutral": "a chair"}


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


def rows(count: int, *, first: int = 0) -> list[Row]:
    """Rows of which a word tells the label, and every fifth tells a wrong one."""
    names = list(WORD)
    return [
        Row(f"{WORD[names[(at + (at % 5 == 0)) % 3]]} {at}, mail a{at}@b.org", (names[at % 3],), lang=("en", "zh")[at % 2])
        for at in range(first, first + count)
    ]


def judging(body: dict) -> Answer:
    """A model that is as good as sure, and right in four of five."""
    found = next((name for name, word in WORD.items() if word in text_of(body)), "neutral")
    return said(json.dumps({"scores": {name: 98 if name == found else 1 for name in sentiment3.PART.labels}}))


# --- examples ---------------------------------------------------------------------------------------------------------


def test_examples_are_as_many_of_each_label_short_seeded_and_not_held_out() -> None:
    given = [*rows(60), Row("too long " * 50, ("positive",)), Row(" ", ("positive",)), Row("no label")]
    held_out = given[:20]
    chosen = choose_examples(given, sentiment3.PART, shots=3, seed=1, avoid=held_out)
    assert Counter(example.labels for example in chosen) == {(name,): 3 for name in WORD}
    assert not {example.text for example in chosen} & {row.text for row in held_out}
    assert all(0 < len(example.text.strip()) <= SHORT for example in chosen)
    assert chosen == choose_examples(given, sentiment3.PART, shots=3, seed=1, avoid=held_out)
    assert chosen != choose_examples(given, sentiment3.PART, shots=3, seed=2, avoid=held_out)
    assert choose_examples(given, sentiment3.PART, shots=0, seed=1) == ()
    assert len(choose_examples(rows(4), sentiment3.PART, shots=9, seed=1)) == 4


def test_examples_of_several_labels_prefer_rows_that_are_clear() -> None:
    given = [Row("a", ("anger", "fear")), Row("b", ("anger",)), Row("c", ("fear", "joy")), Row("d", ()), Row("e", ("joy",))]
    chosen = choose_examples(given, ekman6.PART, shots=1, seed=0)
    assert {example.text for example in chosen} >= {"b", "e"} and len({example.text for example in chosen}) == len(chosen)
    assert (("d", ()) in {(example.text, example.labels) for example in chosen}) == (ekman6.PART.none is not None)


def test_examples_of_dimensions_are_spread_over_pleasant_and_unpleasant() -> None:
    given = [Row(f"text {at}", vad=(at / 50 - 1, 0.0, 0.0)) for at in range(100)]
    valence = sorted(example.vad[0] for example in choose_examples(given, vad.PART, shots=1, seed=0))
    assert valence == pytest.approx([-2 / 3, 0, 2 / 3], abs=0.05)


# --- the folder -------------------------------------------------------------------------------------------------------


def test_a_made_folder_is_calibrated_and_says_what_it_is_worth(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    seen = list[tuple[float, int]]()
    with endpoint(judging) as served:
        worth = make(
            rows(30, first=300),
            rows(150),
            sentiment3.PART,
            model="m",
            endpoint=served.url,
            shots=2,
            out=tmp_path / "made",
            settings={"price": {"input": 1.0, "output": 2.0, "currency": "EUR"}, "concurrency": 3},
            report=lambda share, count: seen.append((share, count)),
        )
        encoder = text_llm.load(tmp_path / "made", 0)
        raw = encoder(clips(["lovely", "awful"]), labels=["sentiment3"])["sentiment3"]
        assert len(served.sent) == 1 + 150 + 2  # and no second try for letters, once it is known how the endpoint answers
    assert raw.argmax(1).tolist() == [2, 0] and seen == [(64 / 150, 64), (128 / 150, 128), (1.0, 150)]
    assert worth["accuracy"] == pytest.approx(0.8) and worth["n"] == 150
    scale = encoder.card.calibration["sentiment3"].scale[0]
    assert 0.2 < scale < 0.7 and worth["ece"] < 0.03  # a model that says 0.98 and is right in four of five is told so
    facts = read_card(tmp_path / "made").facts
    assert facts["measured"]["sentiment3, held out"]["macro_f1"] == worth["macro_f1"] and encoder.card.languages == ("en", "zh")
    assert facts["asked"] == worth["asked"] and facts["asked"]["requests"] == 151 and facts["asked"]["currency"] == "EUR"
    assert facts["asked"]["cost"] == pytest.approx(151 * (100 + 2 * 10) / 1e6) and facts["asked"]["seconds"] > 0
    assert facts["llm"]["answer"] == "scores" and len(facts["llm"]["examples"]) == 6 and not encoder.card.commercial
    written = (tmp_path / "made" / "card.json").read_text()
    assert KEY not in written and "@b.org" not in written and "<EMAIL>" in written


@pytest.mark.parametrize("labels", [ekman6.PART, vad.PART, OWN], ids=lambda one: one.name)
def test_every_kind_of_label_set_can_be_made(labels: LabelSet, tmp_path: Path) -> None:
    def model(body: dict) -> Answer:
        if labels.kind == "dimensions":
            at = int(text_of(body)[-1])
            return said(
                json.dumps({"scores": {"valence": -50 + 100 * ("happy" in text_of(body)), "arousal": len(text_of(body)), "dominance": at}})
            )
        return spelling(body)

    if labels.kind == "dimensions":
        given = [Row(f"happy {at}", vad=(0.9, 0.1 * (at % 3), 0.0)) for at in range(9)]
        given += [Row(f"sad {at}", vad=(-0.9, 0.1, 0.1)) for at in range(9)]
    elif labels is OWN:
        given = [Row(f"{word} {at}", (label,)) for word, label in (("良い", "好"), ("他", "坏"), ("他", "一般")) for at in range(9)]
    else:
        given = [Row(f"{word} {at}", names) for word, names in (("happy", ("joy",)), ("sad", ("sadness",)), ("hm", ())) for at in range(9)]
    with endpoint(model) as served:
        make(given, given, labels, model="m", endpoint=served.url, shots=1, out=tmp_path / "made")
        encoder = text_llm.load(tmp_path / "made", 0)
        soft = list(label_rows([Row(given[0].text)], labels, folder=tmp_path / "made"))
    assert encoder.asking.labels == labels and (labels.name in encoder.card.sets) == (labels is OWN)
    if labels.kind == "dimensions":
        assert soft[0].vad[0] == pytest.approx(0.9, abs=0.01) and soft[0].votes is None
    else:
        assert max(soft[0].votes, key=soft[0].votes.get) == given[0].labels[0] and given[0].labels[0] in soft[0].labels
    assert encoder.settings.answer == ("letter" if labels is OWN else "scores")


def test_what_cannot_be_made_leaves_no_folder(tmp_path: Path) -> None:
    def shy(body: dict) -> Answer:
        return said("I cannot.") if "awful 1," in json.dumps(body) else judging(body)

    with endpoint(shy) as served:
        with pytest.raises(EndpointError, match=r"1 of 64 texts have no answer"):
            make([], rows(90), sentiment3.PART, model="m", endpoint=served.url, out=tmp_path / "made")
        before = len(served.sent)
        with pytest.raises(EmptyInput, match="no held-out rows"):
            make(rows(9), [], sentiment3.PART, model="m", endpoint=served.url, out=tmp_path / "made")
        with pytest.raises(InputError, match="row 1 has no labels"):
            make([], [Row("a")], sentiment3.PART, model="m", endpoint=served.url, out=tmp_path / "made")
        with pytest.raises(InputError, match="row 1 has no valence"):
            make([], [Row("a")], vad.PART, model="m", endpoint=served.url, out=tmp_path / "made")
        with pytest.raises(InputError, match="cannot be asked so: speed"):
            make([], rows(9), sentiment3.PART, model="m", endpoint=served.url, out=tmp_path / "made", settings={"speed": 1})
        assert len(served.sent) == before and not (tmp_path / "made").exists()


def test_rows_get_soft_labels_in_order_and_keep_their_own(tmp_path: Path) -> None:
    with endpoint(judging) as served:
        make([], rows(60), sentiment3.PART, model="m", endpoint=served.url, out=tmp_path / "made")
        told = list(label_rows([Row("awful!", group="g"), Row("lovely", ("neutral",))], sentiment3.PART, folder=tmp_path / "made"))
        with pytest.raises(InputError, match="speaks 'sentiment3', not this 'ekman6'"):
            next(label_rows([Row("a")], ekman6.PART, folder=tmp_path / "made"))
    assert [row.labels for row in told] == [("negative",), ("neutral",)] and told[0].group == "g"
    assert [max(row.votes, key=row.votes.get) for row in told] == ["negative", "positive"]
    assert all(sum(row.votes.values()) == pytest.approx(1) for row in told)


def test_the_command_line_reads_and_judges_with_it(tmp_path: Path) -> None:
    data = [json.dumps({"text": row.text, "labels": list(row.labels or ())}) for row in rows(30, first=90)]
    (tmp_path / "rows.jsonl").write_text("\n".join(data))

    with endpoint(judging) as served:
        make([], rows(60), sentiment3.PART, model="m", endpoint=served.url, out=tmp_path / "made")
        chosen = ["--model", str(tmp_path / "made")]
        read = CliRunner().invoke(app, ["read", "lovely!", *chosen, "-f", "json"])
        judged = CliRunner().invoke(app, ["evaluate", *chosen, "--data", str(tmp_path / "rows.jsonl"), "--json"])
    assert json.loads(read.stdout)["readings"][0]["top"] == "positive"
    assert json.loads(judged.stdout)["n"] == 30 and json.loads(judged.stdout)["accuracy"] == pytest.approx(0.8)
    gone = subprocess.run([sys.executable, "-m", "affekt", "read", "lovely!", *chosen], capture_output=True, text=True, timeout=120)
    assert gone.returncode == 2 and gone.stdout == "" and gone.stderr.count("\n") == 1 and "cannot be reached" in gone.stderr


def test_judging_says_what_was_asked_how_long_it_took_and_what_it_cost(tmp_path: Path) -> None:
    data, page = tmp_path / "rows.jsonl", tmp_path / "page.html"
    data.write_text("\n".join(json.dumps({"text": row.text, "labels": list(row.labels or ())}) for row in rows(30, first=90)))
    price = {"price": {"input": 2.0, "output": 5.0, "currency": "EUR"}}
    with endpoint(judging) as served:
        make([], rows(60), sentiment3.PART, model="m", endpoint=served.url, settings=price, out=tmp_path / "made")
        before = len(served.sent)
        command = ["evaluate", "--data", str(data), "--model", str(tmp_path / "made")]
        told = CliRunner().invoke(app, [*command, "--html", str(page)])
        asked = len(served.sent) - before
        command = ["evaluate", "--data", str(data), "--against", str(tmp_path / "made"), "--labels", "sentiment3", "--json"]
        compared = CliRunner().invoke(app, command)
    cost = (asked * 100 * 2 + asked * 10 * 5) / 1e6  # the endpoint counts 100 tokens in and 10 out
    line = told.stdout.splitlines()[-1]
    assert line.startswith(f"asked       30 texts, {30 - asked} of them cached; {asked} requests, {asked * 100:,} tokens sent"), told.output
    assert line.endswith(f" s, {cost:.6g} EUR") and f"{cost:.6g} EUR" in page.read_text()
    numbers = json.loads(compared.stdout)
    assert "asked" not in numbers and numbers["comparison"]["asked"]["texts"] == 30


def test_the_programs_of_the_page_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names: dict[str, object] = {}
    with endpoint(scoring) as served:
        monkeypatch.setenv("AFFEKT_LLM_ENDPOINT", served.url)
        for block in BLOCK.findall(PAGE.read_text(encoding="utf-8")):
            exec(compile(block, PAGE.name, "exec"), names)
    assert len(served.sent) > 3


# --- a real endpoint --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """`transformers serve` with a model that has learned three texts by heart: its base URL, and the model's name there."""
    for library in ("torch", "transformers", "fastapi", "uvicorn"):
        if find_spec(library) is None:
            pytest.skip(f"{library} is not installed; transformers serve needs torch, transformers, fastapi and uvicorn")
    if find_spec("transformers.cli.serving") is None:
        pytest.skip("this release of transformers has no serve that can be asked; 5.0 has")
    from tiny_llm import ENOUGH, make_tiny

    folder = tmp_path_factory.mktemp("tiny")
    assert make_tiny(folder, sentiment3.PART, {word: name for name, word in WORD.items()}) < 5 * ENOUGH
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    program = "import sys; from transformers.cli.transformers import main; sys.argv[0] = 'transformers'; main()"
    arguments = [sys.executable, "-c", program, "serve", str(folder), "--host", "127.0.0.1", "--port", str(port), "--device", "cpu"]
    offline = {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1", "HF_HOME": str(folder / "hub")}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(arguments, stdout=log, stderr=log, env=os.environ | offline)
    try:
        _wait(f"http://127.0.0.1:{port}/health", process, folder / "log")
        yield f"http://127.0.0.1:{port}/v1", str(folder)
    finally:
        process.terminate()
        process.wait(20)


def _wait(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    patience = time.monotonic() + 300  # ten seconds, on a machine that has nothing else to do
    while time.monotonic() < patience:
        assert process.poll() is None, log.read_text()[-2000:]
        try:
            with urllib.request.urlopen(url, timeout=1):
                return
        except OSError:
            time.sleep(0.2)
    pytest.fail(f"the endpoint did not start: {log.read_text()[-2000:]}")


def test_a_real_endpoint_is_made_read_and_labelled_with(real: tuple[str, str], tmp_path: Path) -> None:
    url, name = real
    held_out = [Row(word, (label,)) for label, word in WORD.items()] * 7
    worth = make([], held_out, sentiment3.PART, model=name, endpoint=url, out=tmp_path / "made")
    assert (
        worth["accuracy"] == 1 and worth["asked"]["tokens_out"] > 30 and worth["asked"]["requests"] == 4
    )  # three texts, and one for letters
    encoder = text_llm.load(tmp_path / "made", 0)
    assert encoder.settings.answer == "scores"  # it takes the fields for log-probabilities and schemas, and does nothing with them
    raw = encoder(clips(list(WORD.values())), labels=["sentiment3"])["sentiment3"]
    assert np.array_equal(raw.argmax(1), [2, 0, 1])
    assert [row.labels for row in label_rows([Row("awful")], sentiment3.PART, folder=tmp_path / "made")] == [("negative",)]


def test_a_real_endpoint_that_babbles_is_a_clear_error(real: tuple[str, str], tmp_path: Path) -> None:
    url, name = real
    with pytest.raises(EndpointError, match=r"1 of 1 texts have no answer from .*: 1 × "):
        make([], [Row("lovely", ("joy",))], ekman6.PART, model=name, endpoint=url, out=tmp_path / "made", settings={"max_tokens": 40})
    with pytest.raises(EndpointError, match=r"refuses the request for 'other' \(HTTP 400: Server is pinned to"):
        make([], [Row("lovely", ("positive",))], sentiment3.PART, model="other", endpoint=url, out=tmp_path / "made")
    with pytest.raises(EndpointError, match="HTTP 404"):
        make([], [Row("lovely", ("positive",))], sentiment3.PART, model=name, endpoint=f"{url}/v2", out=tmp_path / "made")
