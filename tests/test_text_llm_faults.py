"""What a language model promises where things go wrong: nothing goes where it should not, and no failure stays silent."""

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("openai", reason="openai is not installed: pip install 'affekt[llm]'")

from affekt.encoders import text_llm
from affekt.encoders._card import read_card, write_card
from affekt.errors import EndpointError, MissingExtra, WeightsError
from affekt.parts import Calibration
from endpoints import Answer, Endpoint, Model, endpoint, failed, said, scoring, text_of
from llm_made import KEY, TEXTS, TOP, VARIABLES, read, tops, write


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def served() -> Iterator[Endpoint]:
    with endpoint() as one:
        yield one


# --- what is sent, and to whom ----------------------------------------------------------------------------------------


def test_what_points_at_a_person_is_not_sent(served: Endpoint, tmp_path: Path) -> None:
    secret = ["anna@example.org", "+49 30 1234567", "4111111111111111", "13812345678"]
    text = f"I am so happy, {', '.join(secret)}"
    assert tops(read(write(tmp_path, served.url), [text])) == ["joy"]
    sent = json.dumps(served.sent)
    assert not any(one in sent for one in secret) and "<EMAIL>, <PHONE>, <CARD>, <PHONE>" in sent
    read(write(tmp_path / "whole", served.url, redact=False), [text])
    assert "anna@example.org" in json.dumps(served.sent)


def test_a_key_is_sent_to_this_machine_and_never_written(served: Endpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINE_API_KEY", KEY)
    read(write(tmp_path, served.url, key_variable="MINE_API_KEY"), TEXTS)
    assert served.headers[0]["authorization"] == f"Bearer {KEY}"
    assert KEY not in "".join(file.read_text() for file in tmp_path.iterdir())


def test_a_folder_alone_cannot_make_a_key_go_to_its_endpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("OPENAI_ORG_ID", "org-mine")
    with endpoint(scoring, host="127.0.0.2") as stranger:  # to the library, another machine
        folder = write(tmp_path, stranger.url)
        assert tops(read(folder, TEXTS)) == TOP
        assert KEY not in json.dumps(stranger.headers) and "org-mine" not in json.dumps(stranger.headers)
        stranger.model = lambda _: failed(401, "no key")
        with pytest.raises(EndpointError, match="none was sent, for only the model's folder names this endpoint: set AFFEKT_LLM_ENDPOINT"):
            read(folder, TEXTS)
        stranger.model = scoring
        monkeypatch.setenv("AFFEKT_LLM_ENDPOINT", stranger.url + "/")
        read(folder, TEXTS)
        assert stranger.headers[-1]["authorization"] == f"Bearer {KEY}"


def test_an_endpoint_may_come_from_the_environment(served: Endpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write(tmp_path, "")
    with pytest.raises(EndpointError, match="no endpoint is named for m: 'nothing' is no URL; set AFFEKT_LLM_ENDPOINT"):
        read(folder, TEXTS)
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:1/v1")
    monkeypatch.setenv("AFFEKT_LLM_ENDPOINT", served.url)
    assert tops(read(folder, TEXTS)) == TOP


def test_a_password_in_an_address_is_not_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AFFEKT_LLM_ENDPOINT", f"http://me:{KEY}@127.0.0.1:1/v1?key={KEY}")
    with pytest.raises(EndpointError, match=r"^http://127\.0\.0\.1:1/v1 cannot be reached") as caught:
        read(write(tmp_path, "", retries=0), TEXTS)
    assert KEY not in str(caught.value)


def test_requests_follow_nobody_elsewhere(served: Endpoint, tmp_path: Path) -> None:
    elsewhere = Answer(b"", 307, {"location": f"{served.url}/chat/completions"})
    with endpoint(lambda _: elsewhere) as first, pytest.raises(EndpointError, match=r"sends requests elsewhere \(HTTP 307\)"):
        read(write(tmp_path, first.url), TEXTS)
    assert not served.sent


# --- endpoints that fail ----------------------------------------------------------------------------------------------

HTML = b"<html><title>Welcome to nginx</title></html>"
BROKEN: dict[str, tuple[Model, str]] = {
    "prose": (lambda _: said("I cannot help with that."), r"4 of 4 texts have no answer from m: 4 × prose without a JSON object"),
    "refusal": (lambda _: said(None, refusal="No."), "4 × a refusal"),
    "filtered": (lambda _: said("", finish="content_filter"), "4 × an answer that the endpoint's filter withheld"),
    "no choices": (lambda _: Answer({"id": "1", "object": "chat.completion", "choices": []}), "4 × nothing at all"),
    "an error inside": (lambda _: Answer({"error": {"message": "overloaded"}}), "4 × an error in place of an answer"),
    "empty": (lambda _: said(""), "4 × an empty answer"),
    "cut off": (lambda _: said('{"scores": {"anger": 1', finish="length"), r"4 × broken JSON, cut off at \d+ tokens: raise max_tokens"),
    "a page": (lambda _: Answer(HTML, 200, {"content-type": "text/html"}), "answers with something else than JSON"),
    "half JSON": (lambda _: Answer(b'{"id": '), "says that it answers in JSON, and does not"),
    "a list": (lambda _: Answer([1]), "answers with something else than JSON"),
    "wrong key": (
        lambda _: failed(401, "Incorrect key"),
        r"refuses the key \(HTTP 401: Incorrect key\); none was sent",
    ),
    "no such model": (lambda _: failed(404, "The model does not exist"), "has no model 'm', or nothing at all"),
    "no credit": (lambda _: failed(429, "quota"), r"takes no more requests \(HTTP 429: quota\), tried 2 times"),
    "out of order": (lambda _: Answer(HTML, 502, {"content-type": "text/html", "retry-after-ms": "1"}), r"fails \(HTTP 502\), tried 2"),
    "refused": (lambda _: Answer({"error": "no such thing"}, 400), r"refuses the request for 'm' \(HTTP 400: no such thing\)"),
    "hangs up": (lambda _: Answer(None), r"cannot be reached \(RemoteProtocolError\), tried 2 times"),
    "silent": (lambda body: (time.sleep(1), scoring(body))[1], r"did not answer within 0.3 s, 2 times"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_failing_endpoint_is_a_clear_error(name: str, tmp_path: Path) -> None:
    model, message = BROKEN[name]
    with endpoint(model) as served:
        folder = write(tmp_path, served.url, timeout=0.3 if name == "silent" else 20.0)
        with pytest.raises(EndpointError, match=message):
            read(folder, TEXTS)


def test_an_endpoint_that_is_not_there_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(EndpointError, match=r"http://127.0.0.1:1/v1 cannot be reached \(ConnectError\), tried 1 times; is it running"):
        read(write(tmp_path, "http://127.0.0.1:1/v1", retries=0), TEXTS)


def test_no_error_repeats_the_text_or_the_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    secret = "I have never told anybody that I hate my job"
    with (
        endpoint(lambda body: failed(400, f"cannot take {text_of(body)[:25]} under {KEY}")) as served,
        pytest.raises(EndpointError) as caught,
    ):
        read(write(tmp_path, served.url), [secret])
    assert str(caught.value).endswith("refuses the request for 'm' (HTTP 400)") and caught.value.__cause__ is None
    with endpoint(lambda body: said(f"I cannot judge: {text_of(body)}")) as served, pytest.raises(EndpointError) as caught:
        read(write(tmp_path, served.url), [secret])
    assert "hate" not in str(caught.value)


def test_a_text_without_an_answer_fails_the_whole_and_the_others_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def shy(body: dict[str, Any]) -> Answer:
        return said("I cannot.") if "angry" in json.dumps(body["messages"][1]) else scoring(body)

    with endpoint(shy) as served:
        folder = write(tmp_path / "model", served.url, answer="scores")
        with pytest.raises(EndpointError, match=r"1 of 4 texts have no answer from m: 1 × prose .*; set AFFEKT_LLM_CACHE to a folder"):
            read(folder, TEXTS)
        monkeypatch.setenv("AFFEKT_LLM_CACHE", str(tmp_path))
        with pytest.raises(EndpointError, match=r"1 of 4 .*; the others' answers are kept"):
            read(folder, TEXTS)
        served.model, before = scoring, len(served.sent)
        assert tops(read(folder, TEXTS)) == TOP and len(served.sent) == before + 1


def test_a_wrong_key_is_tried_once_and_not_for_every_text(tmp_path: Path) -> None:
    with endpoint(lambda _: failed(401, "no")) as served:
        with pytest.raises(EndpointError, match="HTTP 401: no"):
            read(write(tmp_path, served.url), [f"text {at}" for at in range(50)])
        time.sleep(0.1)
        assert len(served.sent) == 1


def test_a_model_calibrated_on_log_probabilities_is_not_read_without(served: Endpoint, tmp_path: Path) -> None:
    with pytest.raises(EndpointError, match="tells no log-probabilities, on which m was calibrated"):
        read(write(tmp_path, served.url, answer="letter"), TEXTS)


# --- folders that do not open -----------------------------------------------------------------------------------------


def test_a_folder_that_does_not_open_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(WeightsError, match=r"comes without a model; make one with affekt\.training\.text_llm\.make"):
        text_llm.load(None, 0)
    folder = write(tmp_path, "http://localhost:1/v1")
    card = read_card(folder)

    def told(**settings: Any) -> str:
        write_card(replace(card, facts={**card.facts, "llm": {**card.facts["llm"], **settings}}), folder)
        with pytest.raises(WeightsError) as caught:
            text_llm.load(folder, 0)
        return str(caught.value)

    assert "was calibrated as" in told(model="another") and f'write "revision": "{card.revision}"' not in told(instruction="Be kind.")
    assert "has revision '0'" in told(prompt="0") and "endpoint: string should match" in told(endpoint="localhost:1")
    assert KEY not in told(endpoint=f"http://me:{KEY}@localhost/v1")
    assert "temprature" in told(temprature=1) and "labels_as" in told(examples=[{"text": "a", "labels_as": []}])
    assert "takes exactly one" in told(examples=[{"text": "a", "labels": []}])
    assert KEY not in told(key_variable=KEY)
    write_card(replace(card, calibration={"vad": Calibration((1.0,) * 3, (0.0,) * 3), **card.calibration}), folder)
    with pytest.raises(WeightsError, match=r"is asked about one label set, and the card in .* has 2"):
        text_llm.load(folder, 0)
    write_card(card, folder)
    monkeypatch.setitem(__import__("sys").modules, "openai", None)
    with pytest.raises(MissingExtra, match=r"pip install 'affekt\[llm\]'"):
        text_llm.load(folder, 0)


def test_where_and_how_fast_is_asked_may_be_changed_in_the_card(served: Endpoint, tmp_path: Path) -> None:
    folder = write(tmp_path, "http://127.0.0.1:1/v1")
    card = read_card(folder)
    write_card(replace(card, facts={**card.facts, "llm": {**card.facts["llm"], "endpoint": served.url, "concurrency": 2}}), folder)
    assert tops(read(folder, TEXTS)) == TOP
