import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

AFFEKT = [sys.executable, "-m", "affekt"]


def run(*arguments: str, stdin: str | None = None, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*AFFEKT, *arguments], capture_output=True, text=True, input=stdin, cwd=cwd, timeout=120)


def test_a_sentence_is_read_and_nothing_else_is_on_stdout() -> None:
    done = run("read", "so proud of you all", "-f", "json")
    made = json.loads(done.stdout)
    assert done.returncode == 0 and done.stderr == ""
    assert made["readings"][0]["top"] == "joy" and made["labels"] == "ekman7"
    wanted = {"modality", "who", "start", "end", "scores", "top", "confidence", "abstained", "valence", "arousal", "dominance", "model"}
    assert wanted <= set(made["readings"][0]) and {"source", "duration", "labels", "people", "transcript", "readings", "fused"} <= set(made)


def test_several_sources_are_json_lines_and_a_bad_one_spoils_no_other(tmp_path: Path) -> None:
    (tmp_path / "good.txt").write_text("I am so sad")
    (tmp_path / "bad.txt").write_bytes(b"caf\xe9")
    done = run("read", "I hate it", str(tmp_path / "bad.txt"), str(tmp_path / "good.txt"), "-f", "json")
    assert done.returncode == 2 and done.stderr.count("\n") == 1 and "bad.txt" in done.stderr
    assert [json.loads(line)["readings"][0]["top"] for line in done.stdout.splitlines()] == ["anger", "sadness"]


def test_stdin_is_a_source() -> None:
    assert json.loads(run("read", "-", "-f", "json", stdin="Ich habe Angst.").stdout)["readings"][0]["top"] == "fear"


@pytest.mark.parametrize("format_", ["table", "json", "jsonl", "csv"])
def test_every_format_prints_and_writes(format_: str, tmp_path: Path) -> None:
    printed = run("read", "我很开心", "-f", format_)
    assert printed.returncode == 0 and "joy" in printed.stdout
    written = run("read", "我很开心", "-f", format_, "-o", str(tmp_path / "new" / "folder"))
    assert written.returncode == 0 and written.stdout == ""
    assert "joy" in next((tmp_path / "new" / "folder").iterdir()).read_text()


BAD = [
    (["read", "x", "--labels", "ekman8"], "ekman7"),
    (["read", "x", "--model", "bert"], "text_affekt"),
    (["read", "x", "--modality", "smell"], "text"),
    (["read", "x", "-f", "xml"], "json"),
    (["read", "picture.xyz9", "/dev/null"], "/dev/null"),
    (["read", "no_such.csv"], "no_such.csv"),
    (["read", ""], "no words"),
    (["read", "  \n "], "no words"),
    (["read", "\x07\x00\x1b".replace("\x00", "")], "no words"),
    (["read"], "issing"),
    (["frobnicate"], "frobnicate"),
    (["evaluate", "--data", "no_such.jsonl"], "no_such.jsonl"),
]


@pytest.mark.parametrize(("arguments", "says"), BAD, ids=[" ".join(map(repr, a))[:40] for a, _ in BAD])
def test_bad_input_gets_one_clear_line_and_exit_code_2(arguments: list[str], says: str) -> None:
    done = run(*arguments)
    assert done.returncode == 2 and says in done.stderr and "Traceback" not in done.stderr
    assert all(line.startswith("affekt: ") for line in done.stderr.splitlines())


def test_bad_files_get_one_clear_line(tmp_path: Path) -> None:
    files = {
        "a.csv": (b"id,comment2\n1,x\n", "--column", "comment", "comment2"),
        "b.json": (b'[{"who": "A", "text": "x"},\n oops]', "line 2"),
        "c.txt": (b"caf\xe9", "UTF-8"),
        "d.md": (b"", "d.md"),
    }
    for name, (data, *rest) in files.items():
        (tmp_path / name).write_bytes(data)
        done = run("read", str(tmp_path / name), *rest[:-1] if rest[0].startswith("--") else ())
        assert done.returncode == 2 and rest[-1] in done.stderr and done.stderr.count("\n") == 1, (name, done.stderr)
    with (tmp_path / "big.txt").open("wb") as big:
        big.truncate(50_000_000)
    done = run("read", str(tmp_path / "big.txt"))
    assert done.returncode == 2 and done.stderr.count("\n") == 1


def test_a_table_keeps_its_rows_and_names_the_bad_ones(tmp_path: Path) -> None:
    (tmp_path / "in.jsonl").write_bytes(
        b'{"id": 1, "text": "so happy"}\nnot json\n{"id": 3, "text": ""}\n{"id": 4, "text": "caf\xe9"}\n{"id": 5, "text": "so sad"}\n'
    )
    done = run("read", str(tmp_path / "in.jsonl"), "-o", str(tmp_path / "out"))
    assert done.returncode == 0 and "5 rows, 3 of them bad" in done.stderr and "row 2" in done.stderr
    rows = [json.loads(line) for line in (tmp_path / "out" / "in.jsonl").read_text().splitlines()]
    assert [row.get("top") for row in rows] == ["joy", None, None, None, "sadness"]
    assert all(rows[at]["affekt_problem"] for at in (1, 2, 3)) and not list((tmp_path / "out").glob("*.part*"))


def test_a_table_without_out_prints_a_timeline_a_row(tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("id,text\n1,so happy\n2,\n3,so sad\n")
    done = run("read", str(tmp_path / "in.csv"), "-f", "json")
    assert [json.loads(line)["readings"][0]["top"] for line in done.stdout.splitlines()] == ["joy", "sadness"]
    assert "row 2" in done.stderr and done.returncode == 0


@pytest.mark.skipif(os.name != "posix", reason="sends a POSIX signal")
def test_a_stopped_table_goes_on_and_ends_as_if_never_stopped(tmp_path: Path) -> None:
    rows = "".join(f"{n},row {n} makes me happy\n" for n in range(6000))
    (tmp_path / "in.csv").write_text("id,text\n" + rows)
    command = [*AFFEKT, "read", str(tmp_path / "in.csv"), "-o", str(tmp_path / "out")]
    first = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    journal = tmp_path / "out" / "in.csv.part.json"
    deadline = time.monotonic() + 60
    while not journal.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    first.send_signal(signal.SIGINT)
    _, said = first.communicate(timeout=60)
    assert first.returncode == 130 and "run the same command again" in said
    assert 0 < json.loads(journal.read_text())["rows_done"] < 6000
    assert subprocess.run(command, capture_output=True).returncode == 0
    lines = (tmp_path / "out" / "in.csv").read_text().splitlines()
    assert [line.split(",")[0] for line in lines[1:]] == [str(n) for n in range(6000)]


def test_models_and_labels_are_listed() -> None:
    assert "text_affekt@" in run("models").stdout
    assert {one["name"] for one in json.loads(run("labels", "--json").stdout)} >= {
        "ekman7",
        "goemotions28",
        "plutchik8",
        "sentiment3",
        "vad",
    }
    commercial = {one["name"]: one.get("commercial") for one in json.loads(run("models", "--json").stdout)}
    assert (commercial["text_affekt"], commercial["speech_affekt"], commercial["speech_affekt_free"]) == (True, False, True)


def test_what_is_learned_of_fusion_and_context_is_listed_with_its_licence() -> None:
    listed = {one["name"]: one for one in json.loads(run("models", "--json").stdout) if one["kind"] != "encoder"}
    assert {name: (one["kind"], one["commercial"]) for name, one in listed.items()} == {
        "fusion_log_linear": ("fusion", False),
        "fusion_log_linear_free": ("fusion", True),
        "text_context": ("context", True),
    }
    told = run("models").stdout
    for name, one in listed.items():
        assert f"{name}@{one['revision']}" in told and one["licence"]["weights"] in told
        assert (
            set(one["labels"]) == ({"ekman7"} if name == "text_context" else {"ekman7", "sentiment3"})
            and one["limits"]
            and all(limit in told for limit in one["limits"])
        )


def test_evaluate_gives_every_number(tmp_path: Path) -> None:
    rows = [("so happy", "glad"), ("I am furious", "mad"), ("the door is open", "calm"), ("ignore me", "junk")] * 5
    data, mapping = tmp_path / "data.jsonl", tmp_path / "map.json"
    data.write_text("".join(json.dumps({"text": t, "labels": [label], "lang": "en", "part": "a"}) + "\n" for t, label in rows))
    mapping.write_text(json.dumps({"glad": "joy", "mad": "anger", "calm": "neutral", "junk": None}))
    done = run("evaluate", "--data", str(data), "--label-map", str(mapping), "--where", "part=a", "--json")
    result = json.loads(done.stdout)
    keys = {
        "n",
        "accuracy",
        "macro_f1",
        "micro_f1",
        "weighted_f1",
        "ua",
        "per_label",
        "ece",
        "brier",
        "risk_coverage",
        "interval",
        "by_lang",
    }
    assert keys <= set(result) and result["n"] == 15 and result["macro_f1"] == 1.0
    without = run("evaluate", "--data", str(data))
    assert without.returncode == 2 and "--label-map" in without.stderr


def test_evaluate_judges_dimensions(tmp_path: Path) -> None:
    data = tmp_path / "vad.jsonl"
    data.write_text(
        "".join(
            json.dumps({"text": t, "vad": v}) + "\n"
            for t, v in [("I love it", [4.5, 3, 3]), ("I hate it", [1.5, 4, 3]), ("a chair", [3, 2, 3])]
        )
    )
    result = json.loads(run("evaluate", "--data", str(data), "--labels", "vad", "--json").stdout)
    assert result["pearson"]["valence"] > 0.9 and set(result["ccc"]) == {"valence", "arousal", "dominance"}


def test_the_demo_runs_and_draws(tmp_path: Path) -> None:
    done = run("demo", cwd=tmp_path)
    assert done.returncode == 0 and "Customer" in done.stdout
    assert (tmp_path / "affekt-demo.svg").read_text().startswith("<svg")


def test_writing_never_touches_what_is_read_and_like_names_stay_apart(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "r.txt").write_text("so happy")
    done = run("read", "a/r.txt", "b/r.txt", "-o", "a", cwd=tmp_path)
    assert done.returncode == 0 and (tmp_path / "a" / "r.txt").read_text() == "so happy"
    assert len(list((tmp_path / "a").iterdir())) == 3


def test_a_table_takes_the_format_that_is_asked_for(tmp_path: Path) -> None:
    import gzip

    with gzip.open(tmp_path / "in.csv.gz", "wt") as file:
        file.write("id,text\n1,so happy\n2,so sad\n")
    assert run("read", "in.csv.gz", "-o", "out", cwd=tmp_path).returncode == 0
    assert run("read", "in.csv.gz", "-o", "out", "-f", "jsonl", cwd=tmp_path).returncode == 0
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"in.csv", "in.jsonl"}
    printed = run("read", "in.csv.gz", "-f", "csv", cwd=tmp_path).stdout
    assert len(printed.strip().splitlines()) == 3


def test_a_string_that_looks_like_a_file_can_be_read_as_text() -> None:
    assert run("read", "--text", "happy.txt", "-f", "json").returncode == 0
    assert run("read", "I was so happy in data.csv", "-f", "json").returncode == 0
    assert run("--version").stdout.startswith("affekt ")


def test_damaged_weights_are_named(tmp_path: Path) -> None:
    import shutil

    from affekt.encoders.text_affekt import SHIPPED

    for file in ("card.json", "tokenizer.json"):
        shutil.copy(SHIPPED / file, tmp_path / file)
    (tmp_path / "model.onnx").write_bytes(b"no model")
    done = run("read", "x", "--model", str(tmp_path))
    assert done.returncode == 2 and done.stderr.count("\n") == 1 and "damaged" in done.stderr
