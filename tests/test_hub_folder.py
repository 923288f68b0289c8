"""What sharing a model promises: it comes back as it went, nothing that could run code travels, and the hub's refusals are plain."""

import base64
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from hashlib import sha1, sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit

import numpy as np
import pytest
from safetensors.numpy import save_file
from typer.testing import CliRunner

from affekt.cli.main import app
from affekt.encoders._card import read_card, write_card
from affekt.encoders._shared import check_files, listed
from affekt.encoders.text_affekt import SHIPPED
from affekt.errors import AffektError, InputError, MissingExtra, WeightsError
from affekt.export import hub
from affekt.export.hub_folder import take_hub_folder, write_hub_folder
from affekt.parts import Calibration, Card, LabelSet
from affekt.pipeline import Reader

MOODS = LabelSet("sentiment of tickets", ("glad", "生气", "so-so"), "single", "Nobody (2025)")
WIDTH = 384  # of the shipped encoder
TEXTS = ["so proud of you all", "我很生气", "the bus leaves at nine"]
TOKEN = "hf_thisisasecretofthetests"
MEASURED = {"dev": {"n": 40, "macro_f1": 0.7, "accuracy": 0.75, "interval": [0.6, 0.8], "ece": 0.0}, "test": {"n": 60, "accuracy": 0.5}}
run = CliRunner()


def _model(folder: Path) -> Path:
    """A model as `affekt train --family adapter` writes it, with random numbers in its heads."""
    folder.mkdir()
    rng, base = np.random.default_rng(0), read_card(SHIPPED)
    heads = {"sentiment3": 3, MOODS.name: 3}
    weights = {"mean": np.zeros(WIDTH, np.float32), "spread": np.ones(WIDTH, np.float32)}
    for name, wide in heads.items():
        weights |= {
            f"head.{name}.weight": rng.normal(size=(WIDTH, wide)).astype(np.float32),
            f"head.{name}.bias": np.zeros(wide, np.float32),
        }
    save_file(weights, folder / "adapter.safetensors")
    digest = sha256((folder / "adapter.safetensors").read_bytes()).hexdigest()
    facts = {
        "family": "text_adapter",
        "base": f"{base.name}@{base.revision}",
        "data": ["tickets.csv"],
        "rows": {"train": 100, "dev": 40, "test": 60},
        "recipe": {"family": "adapter", "data": ["/home/ann/private/tickets.csv", "mine/more.csv"], "teacher": {"model": "/home/ann/big"}},
        "measured": MEASURED,
        "sha256": {"adapter.safetensors": digest},
    }
    card = Card(
        name="tickets",
        revision=digest[:8],
        modality="text",
        languages=("en", "zh-Hans", "und"),
        licence={"code": "Apache-2.0", "weights": "CC BY 4.0", "data": "ours"},
        commercial=True,
        calibration={name: Calibration((1.0,) * wide, (0.0,) * wide, abstain_below=0.3) for name, wide in heads.items()},
        facts=facts,
        sets={MOODS.name: MOODS},
    )
    write_card(card, folder)
    return folder


def _scores(model: str | Path) -> np.ndarray:
    reader = Reader(labels="sentiment3", models={"text": str(model)})
    return np.stack([list(reader.read(text).readings[0].scores.values()) for text in TEXTS])


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return _model(tmp_path / "tickets")


# --- the folder


def test_a_model_comes_back_as_it_went(model: Path, tmp_path: Path) -> None:
    done = run.invoke(app, ["push", str(model), "ann/tickets", "--to", str(tmp_path / "hub")])
    assert done.exit_code == 0, done.output
    assert sorted(file.name for file in (tmp_path / "hub").iterdir()) == ["README.md", "adapter.safetensors", "card.json", "config.json"]
    done = run.invoke(app, ["pull", str(tmp_path / "hub"), "-o", str(tmp_path / "back")])
    assert done.exit_code == 0, done.output
    assert f"--model {tmp_path / 'back'}" in done.output
    assert _scores(tmp_path / "back") == pytest.approx(_scores(model), abs=0)
    given, back = read_card(model), read_card(tmp_path / "back")
    assert (back.calibration, back.sets, back.revision) == (given.calibration, given.sets, given.revision)
    check_files(tmp_path / "back", back)
    write_hub_folder(tmp_path / "back", tmp_path / "again", name="ann/tickets")
    assert (tmp_path / "again" / "README.md").read_text(encoding="utf-8") == (tmp_path / "hub" / "README.md").read_text(encoding="utf-8")


def test_the_page_says_in_yaml_what_the_hub_wants_to_know(model: Path, tmp_path: Path) -> None:
    yaml = pytest.importorskip("yaml", reason="PyYAML is not installed; huggingface_hub brings it")
    write_hub_folder(model, tmp_path / "hub", name="ann/tickets")
    text = (tmp_path / "hub" / "README.md").read_text(encoding="utf-8")
    front = yaml.safe_load(text.split("---\n")[1])
    assert front["license"] == "cc-by-4.0" and front["language"] == ["en", "zh"] and front["library_name"] == "affekt"
    assert front["pipeline_tag"] == "text-classification" and "emotion-recognition" in front["tags"]
    (index,) = front["model-index"]
    assert index["name"] == "tickets" and [one["dataset"]["name"] for one in index["results"]] == ["tickets.csv: dev", "tickets.csv: test"]
    told = {one["type"]: one["value"] for one in index["results"][0]["metrics"]}
    assert told == {"f1": 0.7, "accuracy": 0.75, "ece": 0.0}
    for part in (
        '"hf:ann/tickets"',
        "100 to learn from",
        "0.700 [0.600, 0.800]",
        "glad, 生气, so-so",
        "## Limits",
        "under 0.30 it abstains",
    ):
        assert part in text


def test_a_licence_that_the_hub_has_no_word_for_is_other(model: Path, tmp_path: Path) -> None:
    yaml = pytest.importorskip("yaml", reason="PyYAML is not installed; huggingface_hub brings it")
    write_card(replace(read_card(model), licence={"code": "MIT", "weights": 'research only: "ask"', "data": "x"}, commercial=False), model)
    write_hub_folder(model, tmp_path / "hub", name="ann/tickets")
    text = (tmp_path / "hub" / "README.md").read_text(encoding="utf-8")
    front = yaml.safe_load(text.split("---\n")[1])
    assert front["license"] == "other" and front["license_name"] == "research-only-ask"
    assert 'weights: research only: "ask"' in text and "Commercial use: not allowed" in text


def test_where_data_lay_stays_at_home(model: Path, tmp_path: Path) -> None:
    write_hub_folder(model, tmp_path / "hub", name="ann/tickets")
    for file in ("README.md", "card.json", "config.json"):
        text = (tmp_path / "hub" / file).read_text(encoding="utf-8")
        assert "ann/private" not in text and "mine/" not in text and "/home" not in text
    recipe = read_card(tmp_path / "hub").facts["recipe"]
    assert recipe["data"] == ["tickets.csv", "more.csv"] and recipe["teacher"] == {"model": "big"}


def test_what_is_no_part_of_a_model_stays_behind(model: Path, tmp_path: Path) -> None:
    (model / "logs").mkdir()
    for name in ("logs/events", "train.py", ".secret.json"):
        (model / name).write_text("x")
    assert write_hub_folder(model, tmp_path / "hub", name="a/b") == [".secret.json", "logs/events", "train.py"]
    (tmp_path / "hub" / "modeling.py").write_text("x")
    (tmp_path / "hub" / "more.json").write_text("{}")  # which the card does not list
    take_hub_folder(tmp_path / "hub", tmp_path / "back")
    assert {file.name for file in (tmp_path / "back").iterdir()} == {"README.md", "adapter.safetensors", "card.json", "config.json"}


@pytest.mark.parametrize("name", ["pytorch_model.bin", "optimiser.PT", "logs/state.pkl", "last.ckpt"])
def test_pickled_files_are_neither_pushed_nor_pulled(name: str, model: Path, tmp_path: Path) -> None:
    write_hub_folder(model, tmp_path / "hub", name="a/b")
    for folder in (model, tmp_path / "hub"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(b"x")
    with pytest.raises(WeightsError, match=f"pickled files, which may run code: {name}"):
        write_hub_folder(model, tmp_path / "other", name="a/b")
    with pytest.raises(WeightsError, match=f"pickled files, which may run code: {name}"):
        take_hub_folder(tmp_path / "hub", tmp_path / "back")
    assert not (tmp_path / "other").exists() and not (tmp_path / "back").exists()


def test_an_archive_with_a_pickle_inside_is_refused(model: Path, tmp_path: Path) -> None:
    np.savez(model / "head.npz", weight=np.array([{"a": 1}], object))
    with pytest.raises(WeightsError, match="holds more than arrays of numbers"):
        write_hub_folder(model, tmp_path / "hub", name="a/b")


def test_a_stranger_cannot_choose_where_texts_are_sent_to(model: Path, tmp_path: Path) -> None:
    write_hub_folder(model, tmp_path / "hub", name="a/b")
    card = read_card(tmp_path / "hub")
    for facts in ({"family": "text_llm"}, {"llm": {"model": "x", "endpoint": "https://example.org"}}):
        write_card(replace(card, facts={**card.facts, **facts}), tmp_path / "hub")
        with pytest.raises(WeightsError, match="asks a language model at an endpoint"):
            take_hub_folder(tmp_path / "hub", tmp_path / "back")


def test_a_file_that_changed_on_its_way_is_found(model: Path, tmp_path: Path) -> None:
    write_hub_folder(model, tmp_path / "hub", name="a/b")
    weights = tmp_path / "hub" / "adapter.safetensors"
    whole = weights.read_bytes()
    weights.write_bytes(whole[:-1] + b"\x01")
    with pytest.raises(WeightsError, match="changed or broken on its way"):
        take_hub_folder(tmp_path / "hub", tmp_path / "back")
    weights.unlink()
    with pytest.raises(WeightsError, match=r"adapter\.safetensors is absent"):
        take_hub_folder(tmp_path / "hub", tmp_path / "back")
    (model / "adapter.safetensors").write_bytes(b"x")
    with pytest.raises(WeightsError, match="changed or broken"):
        write_hub_folder(model, tmp_path / "other", name="a/b")


@pytest.mark.parametrize("name", ["../card.safetensors", "a/b.safetensors", "*.safetensors", "code.py.npz/", "run.py", "card.json"])
def test_a_card_lists_only_data_beside_it(name: str, model: Path) -> None:
    card = read_card(model)
    with pytest.raises(WeightsError, match=r"it lists files beside it|names no weights"):
        listed(replace(card, facts={"sha256": {"adapter.safetensors": "0" * 64, name: "0" * 64}}))


def test_a_folder_that_is_no_model_is_refused(model: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(WeightsError, match="no card can be read"):
        write_hub_folder(tmp_path / "empty", tmp_path / "hub", name="a/b")
    with pytest.raises(InputError, match="there is no folder"):
        write_hub_folder(tmp_path / "absent", tmp_path / "hub", name="a/b")
    with pytest.raises(InputError, match="is there already"):
        write_hub_folder(model, tmp_path / "empty", name="a/b")
    with pytest.raises(InputError, match="make it first"):
        write_hub_folder(model, tmp_path / "no" / "hub", name="a/b")
    write_card(replace(read_card(model), facts={"family": "text_adapter"}), tmp_path / "empty")
    with pytest.raises(WeightsError, match="names no weights"):
        write_hub_folder(tmp_path / "empty", tmp_path / "hub", name="a/b")


# --- the hub


@dataclass
class Hub:
    """What little of the hub is needed, on this machine: repositories of one commit each."""

    address: str = ""
    repos: dict[str, dict[str, bytes]] = field(default_factory=dict)
    private: dict[str, bool] = field(default_factory=dict)
    status: int = 0  # that everything is answered with; 0: as is right
    tokens: set[str | None] = field(default_factory=set)
    fetched: list[str] = field(default_factory=list)


COMMIT = "0123456789abcdef0123456789abcdef01234567"


class _Answers(BaseHTTPRequestHandler):
    hub: Hub

    def log_message(self, *_: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        path = unquote(urlsplit(self.path).path)
        if self._refused():
            return
        if path.startswith("/api/models/"):
            name = "/".join(path.split("/")[3:5])
            held = self.hub.repos.get(name)
            if held is None or path.endswith("/revision/v9"):
                self._send({"error": "no"}, 404, code="RepoNotFound" if held is None else "RevisionNotFound")
            elif "/tree/" in path:
                self._send([{"type": "file", "path": file, "size": len(one), "oid": sha1(one).hexdigest()} for file, one in held.items()])
            else:
                siblings = [{"rfilename": file} for file in held]
                self._send({"id": name, "sha": COMMIT, "private": self.hub.private.get(name, False), "siblings": siblings, "tags": []})
            return
        owner, model, _, _, file = path[1:].split("/", 4)  # owner/model/resolve/revision/file
        held = self.hub.repos.get(f"{owner}/{model}", {}).get(file)
        if held is None:
            self._send({"error": "no"}, 404, code="EntryNotFound")
            return
        if self.command == "GET":
            self.hub.fetched.append(file)
        self._send(held, headers={"ETag": f'"{sha1(held).hexdigest()}"', "X-Repo-Commit": COMMIT})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self._refused():
            return
        if self.path == "/api/repos/create":
            asked = json.loads(body)
            name = f"{asked['organization']}/{asked['name']}"
            there = name in self.hub.repos
            self.hub.repos.setdefault(name, {})
            self.hub.private.setdefault(name, asked.get("visibility") == "private" or bool(asked.get("private")))
            self._send({"url": f"{self.hub.address}/{name}"}, 409 if there else 200)
        elif self.path == "/api/validate-yaml":
            self._send({"errors": [], "warnings": []})
        elif "/preupload/" in self.path:
            files = [{"path": one["path"], "uploadMode": "regular", "shouldIgnore": False} for one in json.loads(body)["files"]]
            self._send({"files": files})
        else:  # a commit: a line of JSON each
            name = "/".join(self.path.split("/")[3:5])
            for line in map(json.loads, body.splitlines()):
                if line["key"] == "file":
                    self.hub.repos[name][line["value"]["path"]] = base64.b64decode(line["value"]["content"])
            self._send({"commitUrl": f"{self.hub.address}/{name}/commit/{COMMIT}", "commitOid": COMMIT, "success": True})

    def _refused(self) -> bool:
        self.hub.tokens.add(self.headers.get("Authorization"))
        if self.hub.status:
            self._send({"error": "no"}, self.hub.status)
        return bool(self.hub.status)

    def _send(self, what: object, status: int = 200, *, code: str = "", headers: dict[str, str] | None = None) -> None:
        body = what if isinstance(what, bytes) else json.dumps(what).encode()
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **({"X-Error-Code": code} if code else {}), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Hub]:
    constants = pytest.importorskip(
        "huggingface_hub.constants", reason="huggingface_hub is not installed: pip install 'affekt[transformers]'"
    )
    made = Hub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Answers", (_Answers,), {"hub": made}))
    made.address = f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setattr(constants, "ENDPOINT", made.address)  # HF_ENDPOINT, which is read when the library is loaded
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", made.address + "/{repo_id}/resolve/{revision}/{filename}", raising=False)
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    yield made
    server.shutdown()
    server.server_close()


def test_a_model_goes_to_the_hub_and_comes_back(model: Path, fake: Hub, tmp_path: Path) -> None:
    done = run.invoke(app, ["push", str(model), "ann/tickets", "--private"])
    assert done.exit_code == 0, (done.output, done.exception)
    assert f"{fake.address}/ann/tickets" in done.output and TOKEN not in done.output
    assert set(fake.repos["ann/tickets"]) == {"README.md", "adapter.safetensors", "card.json", "config.json"}
    assert fake.private["ann/tickets"] and f"Bearer {TOKEN}" in fake.tokens
    assert not any(TOKEN.encode() in held for held in fake.repos["ann/tickets"].values())
    fake.repos["ann/tickets"]["modeling_tickets.py"] = b"raise SystemExit"
    fake.repos["ann/tickets"]["onnx/model.onnx"] = b"x"
    done = run.invoke(app, ["pull", "ann/tickets@main", "-o", str(tmp_path / "back")])
    assert done.exit_code == 0, (done.output, done.exception)
    assert _scores(tmp_path / "back") == pytest.approx(_scores(model), abs=0)
    assert set(fake.fetched) == {"README.md", "adapter.safetensors", "card.json", "config.json"}


def test_a_model_of_the_hub_is_read_by_its_name(model: Path, fake: Hub, tmp_path: Path) -> None:
    hub.push(model, "ann/tickets")
    assert _scores("hf:ann/tickets") == pytest.approx(_scores(model), abs=0)
    assert "README.md" not in fake.fetched
    fake.repos["eve/tickets"] = {**fake.repos["ann/tickets"], "adapter.safetensors": b"other"}
    with pytest.raises(WeightsError, match="changed or broken on its way"):
        _scores("hf:eve/tickets")


def test_what_was_to_be_private_does_not_go_where_everybody_sees_it(model: Path, fake: Hub) -> None:
    fake.repos["ann/open"], fake.private["ann/open"] = {}, False
    with pytest.raises(WeightsError, match="for everybody to see"):
        hub.push(model, "ann/open", private=True)
    assert fake.repos["ann/open"] == {}
    hub.push(model, "ann/open")
    hub.push(model, "ann/open")  # a second time: nothing is in the way
    assert fake.repos["ann/open"]


def test_a_repository_with_pickled_files_is_not_pulled(fake: Hub, tmp_path: Path) -> None:
    fake.repos["eve/bad"] = {"card.json": b"{}", "pytorch_model.bin": b"x"}
    with pytest.raises(WeightsError, match=r"eve/bad holds pickled files, which may run code: pytorch_model\.bin"):
        hub.pull("eve/bad", tmp_path / "back")
    fake.repos["eve/other"] = {"config.json": b"{}", "model.safetensors": b"x"}
    with pytest.raises(WeightsError, match=r"has no card\.json, so it is no model of Affekt's"):
        hub.pull("hf:eve/other", tmp_path / "back")
    assert not fake.fetched and not (tmp_path / "back").exists()


@pytest.mark.parametrize(
    ("status", "says"), [(401, "hf auth login, or set HF_TOKEN"), (403, "does not allow you that"), (500, "answers with status 500")]
)
def test_a_refusal_of_the_hub_is_said_plainly(status: int, says: str, model: Path, fake: Hub, tmp_path: Path) -> None:
    fake.status = status
    for act in (lambda: hub.push(model, "ann/tickets"), lambda: hub.pull("ann/tickets", tmp_path / "back")):
        with pytest.raises(WeightsError, match=says) as told:
            act()
        assert TOKEN not in str(told.value)


def test_what_is_not_there_is_said_to_be_not_there(model: Path, fake: Hub, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="ann/nothing cannot be found: the hub has no such model or revision"):
        hub.pull("ann/nothing", tmp_path / "back")
    hub.push(model, "ann/tickets")
    with pytest.raises(WeightsError, match="ann/tickets@v9 cannot be found"):
        hub.pull("ann/tickets@v9", tmp_path / "back")
    for name in ("tickets", "a/b/c", "ann/tickets@v1", "hf:"):
        with pytest.raises(InputError, match=r'write "hf:owner/model"|leave @v1 out'):
            hub.push(model, name)


def test_no_network_is_said_plainly(model: Path, fake: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")  # the port of "discard", where nobody listens
    with pytest.raises(AffektError, match="the hub cannot be reached"):
        hub.pull("ann/tickets", tmp_path / "back")


def test_without_its_library_the_hub_is_out_of_reach(model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("affekt.encoders._hub.import_module", lambda _: (_ for _ in ()).throw(ImportError()))
    with pytest.raises(MissingExtra, match=r"huggingface_hub.*affekt\[transformers\]"):
        hub.push(model, "ann/tickets")
    write_hub_folder(model, tmp_path / "hub", name="ann/tickets")  # which needs none
    hub.pull(str(tmp_path / "hub"), tmp_path / "back")
