"""What the choices behind the shipped text model are worth, measured on development rows of the corpora that it ships with.

    AFFEKT_DATA=/data python bench/choices.py WORK NAME      (a work folder and a stage of recipes/text/text_affekt)

Needs the training extra. Writes bench/results/choices.json and the table in docs/text.md:

* thresholds: GoEmotions dev, chosen on one half and judged on the other, both ways.
* joining: ekman7 by its own head, by what ekman6 implies, by geometric means of both.
* shift: a temperature alone, with half of a fitted shift a label, and with the whole; each corpus judged by a calibration
  fitted on the others, as a user's text is on none of them.
* smoothing: strength of SmoothQuant in the int8 export.
"""

import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.optimize import minimize
from sklearn.metrics import f1_score

from affekt.calibration.apply import probabilities
from affekt.calibration.fit import best_threshold, fit
from affekt.catalog import find
from affekt.encoders._card import read_card
from affekt.encoders.text_affekt import SHIPPED
from affekt.evaluation.metrics import ece
from affekt.export import onnx_graph, text_onnx
from affekt.labels import ekman7, goemotions28
from affekt.training.multitask import examples_of, load_model, predict
from affekt.training.targets import SLICES
from affekt.training.text_encoder import OWN, implied, joined

ROOT = Path(__file__).parents[1]
RECIPE = ROOT / "recipes" / "text" / "text_affekt"
sys.path.insert(0, str(RECIPE))
from finish import CONFIG, DEVELOPMENT, finish, macro_f1, typical  # noqa: E402
from train import split_rows, tokenizer_of  # noqa: E402

CORPORA = ("goemotions/dev", "brighter/tune", "xed/dev", "cped/dev")
STRENGTHS = {
    "int8, smoothed by 0.3": dict.fromkeys(onnx_graph.SMOOTHING, 0.3),
    "int8, smoothed by 0.5": dict.fromkeys(onnx_graph.SMOOTHING, 0.5),
    "int8, as shipped": onnx_graph.SMOOTHING,
}
Head = dict[str, tuple[np.ndarray, np.ndarray, np.ndarray]]  # corpus split -> raw outputs, truth, what is known; (n, 55) each


def outputs(work: Path, name: str, data: Path) -> Head:
    """What the model in full precision says of every development row."""
    model, tokenizer = load_model(work / f"{name}.safetensors"), tokenizer_of(work, CONFIG["encoders"]["e5"])
    made = {}
    for key in CORPORA:
        examples = examples_of(split_rows(data, key), find("datasets", key.split("/")[0]), tokenizer, max_tokens=CONFIG["max_tokens"])
        raw = predict(model, examples)
        made[key] = (raw, np.stack([one.values for one in examples]), np.stack([one.known for one in examples]))
    return made


def thresholds(said: Head) -> dict[str, float]:
    """Macro-F1 on GoEmotions dev by how the thresholds are chosen."""
    labels, at = goemotions28.PART, SLICES["goemotions28"]
    raw, gold, known = (part[:, at] for part in said["goemotions/dev"])
    halves = np.arange(len(raw)) % 2 == 0
    called = {rule: np.zeros(raw.shape, bool) for rule in ("one half", "best F1 on the other half", "best expected F1")}
    for chosen in (halves, ~halves):
        calibration = fit(raw[chosen], gold[chosen], known[chosen], labels)
        scores = probabilities(raw, labels, calibration)
        limits = {
            "one half": np.full(scores.shape[1], 0.5),
            "best F1 on the other half": np.array([_best(s, g) for s, g in zip(scores[chosen].T, gold[chosen].T, strict=True)]),
            "best expected F1": np.array([best_threshold(s) for s in scores[chosen].T]),
        }
        for rule, limit in limits.items():
            called[rule][~chosen] = scores[~chosen] >= limit
    return {rule: float(f1_score(gold, one, average="macro")) for rule, one in called.items()}


def _best(scores: np.ndarray, gold: np.ndarray) -> float:
    tried = np.linspace(0.05, 0.95, 91)
    return float(tried[np.argmax([f1_score(gold, scores >= limit) for limit in tried])])


def joining(said: Head) -> dict[str, dict[str, float]]:
    """Macro-F1 over ekman7 of the two heads apart and joined, by corpus split."""
    made: dict[str, dict[str, float]] = {}
    for key, (raw, gold, known) in said.items():
        own, other = raw[:, SLICES["ekman7"]], implied(torch.from_numpy(raw)).numpy()
        for share in (0.0, 0.5, OWN, 1.0):
            x = share * own + (1 - share) * other
            found = judge(x, gold[:, SLICES["ekman7"]], known[:, SLICES["ekman7"]])
            made.setdefault(f"{share:.0%} its own head, {1 - share:.0%} implied by ekman6", {})[key] = found["macro_f1"]
    return made


def shift(said: Head) -> dict[str, dict[str, dict[str, float]]]:
    """What a shift a label does on a corpus that the calibration has not seen: {how much of it: {corpus split: figures}}."""
    at = SLICES["ekman7"]
    pieces = {key: (joined(torch.from_numpy(raw)).numpy()[:, at], gold[:, at], known[:, at]) for key, (raw, gold, known) in said.items()}
    made: dict[str, dict[str, dict[str, float]]] = {}
    for key, (raw, gold, known) in pieces.items():
        others = [np.concatenate(parts) for parts in zip(*[piece for other, piece in pieces.items() if other != key], strict=True)]
        whole = _fit_shift(*others, np.zeros(7), True)[1]
        for share in (0.0, 0.5, 1.0):
            scale, moved = _fit_shift(*others, share * whole, False)
            made.setdefault(f"{share:.0%} of the shift", {})[key] = judge(raw * scale + moved, gold, known)
    return made


def _fit_shift(raw: np.ndarray, gold: np.ndarray, known: np.ndarray, moved: np.ndarray, free: bool) -> tuple[float, np.ndarray]:
    """One scale and, where free, a shift a label, by maximum likelihood."""
    rows = known.max(1) > 0
    raw, gold, known = raw[rows], gold[rows], known[rows]

    def cost(w: np.ndarray) -> float:
        x = np.where(known > 0, raw * w[0] + (w[1:] if free else moved), -1e4)
        x = x - x.max(1, keepdims=True)
        return -float((gold * (x - np.log(np.exp(x).sum(1, keepdims=True)))).sum() / len(x))

    found = minimize(cost, np.concatenate([[1.0], moved if free else []]), method="L-BFGS-B").x
    return float(found[0]), found[1:] - found[1:].mean() if free else moved


def judge(x: np.ndarray, gold: np.ndarray, known: np.ndarray) -> dict[str, float]:
    """Figures on the rows with one label: macro-F1, calibration error, and how often neutral is said for each time it is true."""
    one = (gold.max(1) == 1) & (known.max(1) > 0)
    x, gold = np.where(known[one] > 0, x[one], -1e4), gold[one].argmax(1)
    scores = np.exp(x - x.max(1, keepdims=True))
    scores /= scores.sum(1, keepdims=True)
    said, neutral = scores.argmax(1), ekman7.PART.labels.index("neutral")
    return {
        "macro_f1": float(f1_score(gold, said, average="macro", labels=sorted(set(gold)))),
        "ece": float(ece(scores.max(1).astype(np.float32), said == gold)),
        "neutral_said": float((said == neutral).sum() / max((gold == neutral).sum(), 1)),
    }


def smoothing(work: Path, name: str, data: Path) -> dict[str, dict[str, float]]:
    """Macro-F1 of the int8 export by how strongly activations are smoothed, beside full precision."""
    model, splits = load_model(work / f"{name}.safetensors"), {key: DEVELOPMENT[key] for key in ("goemotions/dev", "brighter/tune")}
    ranges, made = text_onnx.measure(model, typical(data, work)), {}
    with tempfile.TemporaryDirectory() as place:
        for kind in ("fp32", *STRENGTHS):
            folder = Path(place) / kind
            folder.mkdir()
            onnx_graph.SMOOTHING = STRENGTHS.get(kind, onnx_graph.SMOOTHING)
            text_onnx.export(model, folder / "model.onnx", ranges=None if kind == "fp32" else ranges)
            finish(folder, work / "trimmed.json", data)
            made[kind] = macro_f1(folder, data, splits)
            print(kind, made[kind], file=sys.stderr, flush=True)
    return made


def table(made: dict[str, Any]) -> str:
    """The results for docs/text.md."""
    short = [key.split("/")[0] for key in CORPORA]
    lines = ["| choice | measured | " + " | ".join(short) + " |", "|---|---|" + "---|" * len(short)]

    def line(choice: str, measured: str, cells: list[str]) -> None:
        lines.append(f"| {choice} | {measured} | " + " | ".join(cells + [""] * (len(short) - len(cells))) + " |")

    for rule, value in made["thresholds"].items():
        line(f"thresholds: {rule}", "goemotions28, macro-F1", [f"{value:.3f}"])
    for way, by in made["joining"].items():
        line(f"ekman7: {way}", "ekman7, macro-F1", [f"{by[key]:.3f}" for key in CORPORA])
    for way, by in made["shift"].items():
        line(
            f"calibration: a temperature and {way}",
            "ekman7, macro-F1 / ECE",
            [f"{by[key]['macro_f1']:.3f} / {by[key]['ece']:.3f}" for key in CORPORA],
        )
    for kind, by in made["smoothing"].items():
        line(f"export: {kind}", "macro-F1", [f"{by[key]:.3f}" for key in ("goemotions/dev", "brighter/tune")])
    return "\n".join(lines)


def main() -> None:
    work, name, data = Path(sys.argv[1]), sys.argv[2], Path(os.environ["AFFEKT_DATA"]) / "text"
    said = outputs(work, name, data)
    made = {"thresholds": thresholds(said), "joining": joining(said), "shift": shift(said), "smoothing": smoothing(work, name, data)}
    made["command"] = "python bench/choices.py WORK NAME"
    made["model"] = f"text_affekt@{read_card(SHIPPED).revision}"  # what NAME was exported to
    (ROOT / "bench" / "results" / "choices.json").write_text(json.dumps(made, indent=1) + "\n")
    page = ROOT / "docs" / "text.md"
    head, _, rest = page.read_text(encoding="utf-8").partition("<!-- bench:choices -->")
    tail = rest.partition("<!-- /bench:choices -->")[2]
    page.write_text(f"{head}<!-- bench:choices -->\n{table(made)}\n<!-- /bench:choices -->{tail}", encoding="utf-8")


if __name__ == "__main__":
    main()
