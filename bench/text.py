"""Quality and speed of the text models, ours beside the peers, in one run.

    AFFEKT_DATA=/data python bench/text.py [--baselines FOLDER] [--only quality|speed|readme] [--rows N]

Writes bench/results/text.json and the tables in README. Rows whose data, model or library is not at hand are left out, and
the run says which. Test splits are only reported here: thresholds, temperatures and depths were chosen on other splits.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Callable, Iterable
from dataclasses import replace
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from affekt import Reader
from affekt.catalog import find
from affekt.encoders._card import read_card, write_card
from affekt.encoders.text_affekt import SHIPPED
from affekt.evaluation.run import evaluate_rows
from affekt.parts import Row
from readme import write_readme

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "bench" / "results" / "text.json"
SENTENCE = "I waited three hours for the train, and then they told us with a smile that it would not come."  # 24 tokens
BATCHES = (1, 8, 32, 64)


def rows(corpus: str, split: str, labels: str) -> list[Row]:
    """The rows of a split in the words of a label set; those that it has no words for are left out."""
    part = find("datasets", corpus)
    data = Path(os.environ["AFFEKT_DATA"]) / "text"
    mapping = part.label_maps.get(labels)
    found = []
    for row in part.rows(data, split):
        names = row.labels or ()
        if mapping is not None:
            if any(mapping[name] is None for name in names):
                continue
            names = tuple(mapping[name] or "" for name in names)
        found.append(replace(row, labels=names))
    return found


def projected(corpus: str, split: str, source: str, target: str) -> list[Row]:
    """The rows of a split whose labels all mean one label of a coarser single-label set."""
    names = find("labels", source)
    found = []
    for row in rows(corpus, split, source):
        coarse = {names.projections[target].get(name, "neutral") for name in row.labels or (names.none or "neutral",)}
        if len(coarse) == 1:
            found.append(replace(row, labels=tuple(coarse)))
    return found


def held_out_ekman7() -> list[Row]:
    """Held-out rows of four corpora with exactly one of ekman7's labels; the group of a row is its corpus."""
    subtitles = [row for row in rows("xed", "test", "plutchik8") if not {"anticipation", "trust"} & set(row.labels or ())]
    plain = [replace(row, labels=row.labels or ("neutral",)) for row in rows("brighter", "dev", "ekman6")]
    found = {
        "brighter": [row for row in plain if len(row.labels or ()) == 1],
        "xed": [row for row in subtitles if len(row.labels or ()) == 1],
        "cped": rows("cped", "test", "ekman7"),
        "goemotions": projected("goemotions", "test", "goemotions28", "ekman7"),
    }
    return [replace(row, group=corpus) for corpus, some in found.items() for row in some]


# name of the row -> (label set, its rows, models beside ours that may answer)
QUALITY: dict[str, tuple[str, Callable[[], Iterable[Row]], tuple[str, ...]]] = {
    "GoEmotions test": (
        "goemotions28",
        lambda: rows("goemotions", "test", "goemotions28"),
        ("text_tfidf-goemotions", "text_lstm-goemotions"),
    ),
    "GoEmotions test, sentiment": ("sentiment3", lambda: projected("goemotions", "test", "goemotions28", "sentiment3"), ("text_lexicon",)),
    "BRIGHTER dev": ("ekman6", lambda: rows("brighter", "dev", "ekman6"), ("text_tfidf-brighter", "text_lstm-brighter")),
    "SMP2020 usual test, zero-shot": ("ekman7", lambda: rows("smp2020_usual", "test", "ekman7"), ()),
    "SMP2020 usual test, own train split": (
        "ekman7",
        lambda: rows("smp2020_usual", "test", "ekman7"),
        ("text_tfidf-smp2020_usual", "text_lstm-smp2020_usual"),
    ),
    "MELD test, zero-shot": ("ekman7", lambda: rows("meld", "test", "ekman7"), ()),
    "CPED test (one unseen series)": ("ekman7", lambda: rows("cped", "test", "ekman7"), ()),
    "XED test": ("plutchik8", lambda: rows("xed", "test", "plutchik8"), ()),
    "EmoBank test": ("vad", lambda: rows("emobank", "test", "vad"), ()),
    "ekman7, held-out rows of four corpora": ("ekman7", held_out_ekman7, ()),
}
TRAINED_ON_IT = {"SMP2020 usual test, own train split"}  # the shipped model is not; recipes/text/smp2020_usual writes that row


def quality(baselines: Path | None) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, (labels, load, peers) in QUALITY.items():
        try:
            data = list(load())
        except (KeyError, OSError, ValueError) as error:
            say(f"left out: {name}: {error}")
            continue
        found[name] = {}
        for model in [*([] if name in TRAINED_ON_IT else ["text_affekt"]), *peers]:
            folder = baselines / model if baselines and "-" in model else None
            if "-" in model and (folder is None or not folder.is_dir()):
                say(f"left out: {name} by {model}: no such folder in --baselines")
            elif model == "text_lexicon" and find_spec("vaderSentiment") is None:
                say(f"left out: {name} by {model}: vaderSentiment is not installed")
            else:
                result = evaluate_rows(data, model=str(folder or model), labels=labels)
                found[name][model.partition("-")[0]] = result
                say(f"{name}: {model} {result.get('macro_f1') or result.get('pearson')}")
    trained = ROOT / "recipes" / "text" / "smp2020_usual" / "result.json"
    if trained.is_file() and "SMP2020 usual test, own train split" in found:
        found["SMP2020 usual test, own train split"]["fine-tuned"] = json.loads(trained.read_text())
    return found


def speed(table_rows: int) -> dict[str, Any]:
    reader = Reader()
    texts = [f"{SENTENCE[:-1]} {n % 7}." for n in range(512)]
    reader.read_texts(texts[:64])
    made: dict[str, Any] = {"ours": {str(batch): throughput(lambda chunk: reader.read_texts(chunk), texts, batch) for batch in BATCHES}}
    say(f"ours {made['ours']}")
    peer = torch_pipeline()
    if peer is None:
        say("left out: the torch pipeline: torch and transformers are not installed")
    else:
        made["transformers_pipeline"] = {str(batch): throughput(peer, texts[:128], batch) for batch in BATCHES}
        say(f"torch pipeline {made['transformers_pipeline']}")
        made["times_faster_at_32"] = round(made["ours"]["32"] / made["transformers_pipeline"]["32"], 1)
    took = sorted(timed(lambda: reader.read(SENTENCE)) for _ in range(300))
    made["latency_ms"] = {"p50": round(took[150] * 1e3, 2), "p95": round(took[285] * 1e3, 2)}
    made["cold_start_s"] = median_run([sys.executable, "-m", "affekt", "read", "我很开心，但是有点累", "-f", "json"])
    made["import_s"] = round(
        median_run([sys.executable, "-c", "import affekt; affekt.read"]) - median_run([sys.executable, "-c", "pass"]), 3
    )
    made["peak_memory_mb"] = peak_memory(["read", SENTENCE])
    made["install_mb"] = install_size()
    made["table"] = table_run(table_rows)
    return made


def throughput(read: Callable[[list[str]], Any], texts: list[str], batch: int) -> float:
    """Sentences a second, the best of three passes, so that what else the machine does counts little."""
    texts = texts if batch > 1 else texts[:64]
    took = min(timed(lambda: [read(texts[at : at + batch]) for at in range(0, len(texts), batch)]) for _ in range(3))
    return round(len(texts) / took, 1)


def timed(work: Callable[[], Any]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def torch_pipeline() -> Callable[[list[str]], Any] | None:
    """What is replaced: a transformers pipeline with a classifier of distilroberta's size; random weights do for speed."""
    if find_spec("transformers") is None or find_spec("torch") is None:
        return None
    from transformers import PreTrainedTokenizerFast, RobertaConfig, RobertaForSequenceClassification, TextClassificationPipeline

    tokenizer = PreTrainedTokenizerFast(tokenizer_file=str(SHIPPED / "tokenizer.json"), pad_token="<pad>")
    config = RobertaConfig(vocab_size=len(tokenizer), num_hidden_layers=6, max_position_embeddings=514, type_vocab_size=1, num_labels=28)
    pipeline = TextClassificationPipeline(model=RobertaForSequenceClassification(config).eval(), tokenizer=tokenizer, top_k=None)
    return lambda texts: pipeline(texts, batch_size=len(texts))


def median_run(command: list[str], times: int = 7) -> float:
    """Seconds from process start to its end."""
    return round(statistics.median(timed(lambda: subprocess.run(command, check=True, capture_output=True)) for _ in range(times)), 3)


def peak_memory(arguments: list[str]) -> int:
    """MiB of one process at its largest."""
    code = f"import sys; sys.argv = ['affekt', *{arguments!r}]\nfrom affekt.cli.main import main\nmain()"
    watch = (
        f"import resource, subprocess, sys; subprocess.run([sys.executable, '-c', {code!r}], stdout=-3, stderr=-3, check=True); "
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    return int(subprocess.run([sys.executable, "-c", watch], check=True, capture_output=True, text=True).stdout) // 1024


def install_size() -> int:
    """MB that `pip install .` puts into an empty environment, pip itself not counted."""
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        site = next((Path(folder) / "lib").glob("python*")) / "site-packages"
        before = disk(site)
        subprocess.run([Path(folder) / "bin" / "python", "-m", "pip", "install", "-q", str(ROOT)], check=True)
        return round((disk(site) - before) / 1e6)


def disk(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)


def table_run(count: int) -> dict[str, Any]:
    """A table of many rows through `affekt read`: how fast, and how much memory at its largest."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.csv"
        words = SENTENCE.split()
        with path.open("w", encoding="utf-8") as file:
            file.write("id,text\n")
            file.writelines(f'{n},"{" ".join(words[n % 5 : n % 5 + 4 + n % 11])} {n}"\n' for n in range(count))
        began = time.perf_counter()
        memory = peak_memory(["read", str(path), "-o", str(Path(folder) / "out")])
        return {"rows": count, "rows_per_s": round(count / (time.perf_counter() - began)), "peak_memory_mb": memory}


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def tables(made: dict[str, Any]) -> dict[str, str]:
    """README's tables from the results."""
    lines = ["| set | measure | ours | others in the same evaluation |", "|---|---|---|---|"]
    for name, models in made.get("quality", {}).items():
        lines += _quality_lines(name, dict(models))
    quality_table = "\n".join(lines)
    s = made.get("speed")
    if not s:
        return {"quality": quality_table}
    peer, table = s.get("transformers_pipeline", {}), s["table"]
    lines = ["| | Affekt | transformers pipeline, distilroberta-sized, torch |", "|---|---|---|"]
    for batch, ours in s["ours"].items():
        lines.append(f"| sentences a second, batch {batch} | {ours:.0f} | {format(peer[batch], '.0f') if peer else '–'} |")
    lines += [
        f"| one sentence, p50 / p95 | {s['latency_ms']['p50']} / {s['latency_ms']['p95']} ms | |",
        f'| cold start of `affekt read "…"` | {s["cold_start_s"]:.2f} s | |',
        f"| `import affekt` | {s['import_s']:.2f} s | |",
        f"| peak memory, one sentence | {s['peak_memory_mb']} MiB | |",
        f"| peak memory, a CSV of {table['rows']:,} rows | {table['peak_memory_mb']} MiB at {table['rows_per_s']:,} rows/s | |",
        f"| installed size, weights included | {s['install_mb']} MB | |",
    ]
    return {"quality": quality_table, "speed": "\n".join(lines)}


def _quality_lines(name: str, models: dict[str, Any]) -> list[str]:
    ours = models.pop("text_affekt", None) or models.pop("fine-tuned", None)
    if ours is None:
        return []
    if "pearson" in ours:
        shown = " / ".join(f"{ours['pearson'][axis]:.3f}" for axis in ("valence", "arousal", "dominance"))
        return [f"| {name} | Pearson V / A / D | {shown} | |"]
    others = ", ".join(f"{model} {one['macro_f1']:.3f}" for model, one in models.items())
    low, high = ours["interval"]
    lines = [f"| {name} | macro-F1 [95 %] | {ours['macro_f1']:.3f} [{low:.3f}, {high:.3f}] | {others} |"]
    if name == "BRIGHTER dev":
        lang = ours["by_lang"]
        others = ", ".join(f"{model} {one['mean_over_languages']:.3f}" for model, one in models.items())
        shown = f"{lang['zh']['macro_f1']:.3f} / {lang['en']['macro_f1']:.3f} / {lang['de']['macro_f1']:.3f}"
        lines = [
            f"| {name} | mean macro-F1 of 28 languages | {ours['mean_over_languages']:.3f} | {others} |",
            f"| {name} | Chinese / English / German | {shown} | |",
        ]
    if name.startswith("ekman7"):
        lines.append(f"| {name} | calibration error (ECE) of the top label | {ours['ece']:.3f} | |")
    return lines


def write_card_metrics(quality: dict[str, Any]) -> None:
    """Puts the shipped model's own rows on its card; the card's revision is that of the weights, and stays."""
    card = read_card(SHIPPED)
    kept = ("n", "judged_as", "accuracy", "macro_f1", "mean_over_languages", "interval", "ece", "brier", "risk_coverage", "pearson", "ccc")
    rows = {name: models["text_affekt"] for name, models in quality.items() if "text_affekt" in models}
    measured = {name: {key: row[key] for key in kept if row.get(key) is not None} for name, row in rows.items()}
    languages = {lang: one["macro_f1"] for lang, one in rows.get("BRIGHTER dev", {}).get("by_lang", {}).items()}
    write_card(replace(card, facts={**card.facts, "measured": measured, "macro_f1_by_language_of_brighter": languages}), SHIPPED)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--baselines", type=Path, help="folder that holds the trained baselines, <encoder>-<corpus> each")
    parser.add_argument("--only", choices=("quality", "speed", "readme"))
    parser.add_argument("--rows", type=int, default=1_000_000, help="of the table that memory is measured on")
    given = parser.parse_args()
    if given.only in (None, "quality") and "AFFEKT_DATA" not in os.environ:
        parser.error("AFFEKT_DATA is not set; it names the folder that holds the corpora")
    made = json.loads(RESULTS.read_text()) if RESULTS.is_file() else {}
    if given.only in (None, "quality"):
        made["quality"] = quality(given.baselines)
    if given.only in (None, "speed"):
        made["speed"] = speed(given.rows)
    made["machine"] = {
        "processor": platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "onnxruntime": version("onnxruntime"),
    }
    made["command"] = "python bench/text.py --baselines FOLDER"
    revision = Reader().encoder.card.revision
    if given.only in (None, "quality"):
        write_card_metrics(made["quality"])
        made["quality_of"] = f"text_affekt@{revision}"
    if given.only in (None, "speed"):
        made["speed_of"] = f"text_affekt@{revision}"
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(made, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    write_readme(tables(made))


if __name__ == "__main__":
    main()
