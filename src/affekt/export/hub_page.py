"""The page of a model on the Hugging Face hub, README.md: what the hub reads in front, what people read below.

The keys in front are those of the hub's model cards (huggingface/hub-docs, modelcard.md).
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from affekt.parts import Card

TASKS = {"text": "text-classification", "speech": "audio-classification", "face": "image-classification"}
READS = {"text": "what people write", "speech": "how people sound", "face": "faces, cut out and upright or found in pictures"}
SHOWN = {"text": '"a text"', "speech": '"call.wav"', "face": '"photo.jpg"'}
EXTRAS = {"text": "transformers", "speech": "speech,transformers", "face": "face,transformers"}
LICENCES = ("apache-2.0", "mit", "bsd-3-clause", "cc0-1.0", "cc-by-4.0", "cc-by-sa-4.0", "cc-by-nc-4.0", "cc-by-nc-sa-4.0", "openrail")
NO_LANGUAGE = {"und", "zxx", "mis"}  # ISO 639-2: undetermined, none, not coded
LIMITS = (
    "Labels are what annotators saw, not what a person felt.",
    "What is likely follows the rows that it learned from; on other data, calibrate anew.",
    "Not for decisions about a person's health, work, credit or liberty.",
)
COLUMNS = ("rows", "n", "macro-F1", "accuracy", "unweighted average recall", "calibration error (ECE)", "Pearson's r")
MEASURES = {"macro_f1": ("f1", "macro-F1"), "accuracy": ("accuracy", "accuracy"), "ece": ("ece", "expected calibration error")}


def page(card: Card, name: str) -> str:
    """README.md of a model.

    Args:
        name: "owner/model".
    """
    front = "\n".join(_yaml(_front(card, name)))
    parts = [_about(card), _use(card, name), _learned(card), _measured(card), _calibrated(card), _limits(card), _licence(card)]
    return f"---\n{front}\n---\n\n# {name.partition('/')[2]}\n\n" + "\n\n".join(part for part in parts if part) + "\n"


def measured(card: Card) -> Mapping[str, Mapping[str, Any]]:
    """What the card says was measured, by rows that it was measured on."""
    found = card.facts.get("measured") or card.facts.get("held_out") or {}
    return {str(rows): one for rows, one in found.items() if {"macro_f1", "accuracy", "pearson"} & set(one)}


def _front(card: Card, name: str) -> dict[str, Any]:
    plain = re.sub(r"\s+", "-", card.licence["weights"].strip().lower())
    licence = {"license": plain} if plain in LICENCES else {"license": "other", "license_name": _slug(card.licence["weights"])[:60]}
    spoken = [tag.partition("-")[0] for tag in card.languages]
    languages = list(dict.fromkeys("multilingual" if tag == "mul" else tag for tag in spoken if tag not in NO_LANGUAGE))
    results = [result for rows, one in measured(card).items() if (result := _result(card, rows, one))["metrics"]]
    return {
        **licence,
        **({"language": languages} if languages else {}),
        "library_name": "affekt",
        "pipeline_tag": TASKS[card.modality],
        "tags": ["affekt", "emotion-recognition", *map(_slug, card.calibration)],
        **({"datasets": corpora} if (corpora := list(card.facts.get("trained_on", ()))) else {}),
        **({"model-index": [{"name": name.partition("/")[2], "results": results}]} if results else {}),
    }


def _result(card: Card, rows: str, found: Mapping[str, Any]) -> dict[str, Any]:
    data = _named(card, rows)
    told = [(kind, name, found.get(key)) for key, (kind, name) in MEASURES.items()]
    told += [("pearsonr", f"Pearson's r of {axis}", r) for axis, r in found.get("pearson", {}).items()]
    metrics = [{"type": kind, "name": name, "value": round(value, 4)} for kind, name, value in told if value is not None]
    return {"task": {"type": TASKS[card.modality]}, "dataset": {"type": _slug(data), "name": data}, "metrics": metrics}


def _named(card: Card, rows: str) -> str:
    """The rows by the names of the data and of the split."""
    data = ", ".join(card.facts.get("data", ()))
    return f"{data}: {rows}" if data else rows


def _about(card: Card) -> str:
    sets = "; ".join(f"{name}: {', '.join(labels)}" for name, labels in _labels(card).items())
    spoken = "" if set(card.languages) <= NO_LANGUAGE else f" Languages: {', '.join(card.languages)}."
    return f"Reads emotion from {READS[card.modality]}, and says one of these label sets, with probabilities: {sets}.{spoken}"


def _labels(card: Card) -> dict[str, Sequence[str]]:
    from affekt import catalog

    return {name: (card.sets.get(name) or catalog.find("labels", name)).labels for name in card.calibration}


def _use(card: Card, name: str) -> str:
    lines = ["import affekt", f'affekt.Reader(models={{"{card.modality}": "hf:{name}"}}).read({SHOWN[card.modality]}).top']
    needed = f"Needs `pip install 'affekt[{EXTRAS[card.modality]}]'`. Or: `affekt pull {name} -o FOLDER`, and name the folder."
    return "## Use\n\n```python\n" + "\n".join(lines) + f"\n```\n\n{needed}"


def _learned(card: Card) -> str:
    facts, lines = card.facts, list[str]()
    if rows := facts.get("rows"):
        lines.append(f"* Rows: {rows['train']} to learn from, {rows['dev']} to choose and calibrate by, {rows['test']} to judge by.")
    if data := facts.get("data"):
        lines.append(f"* Data: {', '.join(data)}.")
    lines += [f"* {name}: {paper}" for name, paper in facts.get("trained_on", {}).items()]
    started = facts.get("start") or facts.get("base")
    lines += [f"* Starts from {started}."] if started else []
    lines += [f"* Made by {facts['training']}."] if facts.get("training") else []
    recipe = facts.get("recipe", {})
    lines += [f"* Recipe: `{json.dumps(recipe, ensure_ascii=False)}`"] if recipe else []
    return "## Learned from\n\n" + "\n".join(lines) if lines else ""


def _measured(card: Card) -> str:
    found = measured(card)
    if not found:
        return ""
    rows = [{"rows": _named(card, name), **_cells(one)} for name, one in found.items()]
    columns = [name for name in COLUMNS if any(row.get(name) for row in rows)]
    lines = [f"| {' | '.join(columns)} |", "|" + "---|" * len(columns)]
    lines += [f"| {' | '.join(row.get(name, '') for name in columns)} |" for row in rows]
    told = ["Brackets are 95 % bootstrap intervals over rows."] if any("[" in line for line in lines[2:]) else []
    told += ["By `dev` the best epoch was chosen and the model calibrated."] if "dev" in found else []
    told += ["`folds`: each row by a head that had not learned from it."] if "folds" in found else []
    return "\n".join(["## Measured", "", *lines, "", " ".join(told)]).rstrip()


def _cells(one: Mapping[str, Any]) -> dict[str, str]:
    """What was measured on some rows, by column."""
    between = f" [{one['interval'][0]:.3f}, {one['interval'][1]:.3f}]" if one.get("interval") else ""
    made = {"n": str(one.get("n", ""))}
    shown = {"macro-F1": "macro_f1", "accuracy": "accuracy", "unweighted average recall": "ua", "calibration error (ECE)": "ece"}
    made |= {name: f"{one[key]:.3f}" for name, key in shown.items() if one.get(key) is not None}
    if "macro-F1" in made:
        made["macro-F1"] += between
    elif pearson := one.get("pearson"):
        made["Pearson's r"] = ", ".join(f"{axis} {r:.3f}" for axis, r in pearson.items() if r is not None)
        made["Pearson's r"] += f", mean{between}" if between else ""
    return made


def _calibrated(card: Card) -> str:
    lines = []
    for name, one in card.calibration.items():
        kind = "its own scale, shift and threshold a label" if one.thresholds else f"scale {one.scale[0]:.3g}"
        silent = f"; under {one.abstain_below:.2f} it abstains" if one.abstain_below else ""
        lines.append(f"* {name}: {kind}{silent}.")
    return (
        "## Calibration\n\nFitted on rows that the model had not learned from, and applied by Affekt; it is in card.json.\n\n"
        + "\n".join(lines)
    )


def _limits(card: Card) -> str:
    return "## Limits\n\n" + "\n".join(f"* {limit}" for limit in card.facts.get("limits", LIMITS))


def _licence(card: Card) -> str:
    use = "allowed" if card.commercial else "not allowed"
    lines = [f"* {what}: {card.licence[what]}" for what in ("weights", "data", "code") if what in card.licence]
    return "## Licence\n\n" + "\n".join([*lines, f"* Commercial use: {use}."])


def _slug(text: str) -> str:
    return re.sub(r"[^\w]+", "-", text.lower()).strip("-") or "unnamed"


def _yaml(value: Any, depth: int = 0) -> Iterator[str]:
    """Lines of YAML; whatever holds no mapping is written as JSON, which is YAML too (YAML 1.2.2, 1.2)."""
    pad = "  " * depth
    if isinstance(value, dict):
        for key, one in value.items():
            if isinstance(one, dict) or (isinstance(one, list) and any(isinstance(inner, dict) for inner in one)):
                yield f"{pad}{key}:"
                yield from _yaml(one, depth + 1)
            else:
                yield f"{pad}{key}: {json.dumps(one, ensure_ascii=False)}"
    else:
        for one in value:
            first, *rest = _yaml(one, depth + 1)
            yield f"{pad}- {first.strip()}"
            yield from rest
