"""What the recipes of the baselines share: rows of a corpus in our labels, and a calibrated card for a fitted model."""

import json
import os
import sys
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from affekt.catalog import find
from affekt.encoders._card import revision_of, write_card
from affekt.errors import InputError
from affekt.evaluation.rows import map_rows
from affekt.parts import Card, Corpus, LabelSet, Row
from affekt.training.job import Job
from affekt.training.loop import Watch
from affekt.training.recipe import checked, family_of, loss_of, optimiser_of, recipe_of
from affekt.training.train import calibrated, said, sums_of, uncalibrated, worth

HELD_OUT = ("tune", "dev")  # calibrated on the first that a corpus has: where there is "tune", "dev" is what is reported
LIMITS = [
    "A baseline, to be compared with: it knows the words of its one training corpus and nothing else.",
    "Not for decisions about a person's health, work, credit or liberty.",
]


def split_rows(part: Corpus, split: str, labels: LabelSet, *, data: Path) -> list[Row]:
    """One split of a corpus in the words of a label set; rows without text, or without a place in the set, are left out.

    Raises:
        InputError: the corpus has no such split, lacks its file, or no map to this label set.
    """
    if split not in part.splits:
        raise InputError(f"{part.name} has no split {split!r}; there are: {', '.join(part.splits)}")
    rows = [row for row in part.rows(data, split) if row.text.strip()]
    return map_rows(rows, labels, label_map=part.label_maps.get(labels.name))[0]


def held_out_split(part: Corpus) -> str:
    """The split that a model of this corpus is calibrated on.

    Raises:
        InputError: the corpus has none.
    """
    for split in HELD_OUT:
        if split in part.splits:
            return split
    raise InputError(f"{part.name} has no split to calibrate on; it has: {', '.join(part.splits)}; one of {', '.join(HELD_OUT)} is needed")


def write_calibrated_card(
    folder: Path, weights: Path, part: Corpus, labels: LabelSet, held_out: Sequence[Row], *, family: str, facts: Mapping[str, Any]
) -> dict[str, Any]:
    """Writes the card of the model in a folder, calibrated and with thresholds of the best F1 on held-out rows.

    Args:
        family: key of the encoder that opens the folder.
        facts: what the card says beside; the recipe's settings.

    Returns:
        What the model is worth on the held-out rows, thresholds included: a little too good, for these were tuned on them.

    Raises:
        InputError: a row does not fit the label set.
        WeightsError: the folder's files do not open.
    """
    card = _card(folder, weights, part, labels, family=family, facts=facts)
    write_card(card, folder)
    raw = said(find("encoders", family).load(folder, 0), held_out, [labels.name])
    card = calibrated(card, raw, rows=held_out, label_sets=[labels])
    write_card(card, folder)
    return worth(card, raw, rows=held_out, labels=labels)


def run(family: str, recipe: Path, *, usage: str) -> None:
    """What a baseline's recipe does: fits to the corpus and label set on the command line, calibrates, writes the folder.

    Args:
        family: key of the encoder; training/families has a file of that name.
        recipe: folder of `config.toml`, which says what a RECIPE.toml says of how to fit.
        usage: printed where an argument or AFFEKT_DATA is absent.
    """
    if len(sys.argv) != 4 or "AFFEKT_DATA" not in os.environ:
        sys.exit(usage)
    part, labels, out = find("datasets", sys.argv[1]), find("labels", sys.argv[2]), Path(sys.argv[3])
    if not isinstance(part, Corpus):
        raise InputError(f"{part.name} is a corpus of recordings; {family} reads text")
    data = Path(os.environ["AFFEKT_DATA"]) / "text"
    given = tomllib.loads((recipe / "config.toml").read_text())
    rows = split_rows(part, "train", labels, data=data)
    held_out = split_rows(part, held_out_split(part), labels, data=data)
    weights = make(family, rows, held_out, labels, given=given, folder=out)
    measured = write_calibrated_card(out, weights, part, labels, held_out, family=family, facts={"settings": given, "rows": len(rows)})
    print(json.dumps({key: measured[key] for key in ("n", "decision", "macro_f1", "accuracy", "ece", "pearson") if key in measured}))


def make(family: str, rows: Sequence[Row], held_out: Sequence[Row], labels: LabelSet, *, given: Mapping[str, Any], folder: Path) -> Path:
    """Fits a model of a family and writes its folder, without a card; returns the file of its weights.

    Args:
        held_out: rows by which the best epoch is chosen.
        given: what a RECIPE.toml says of model, optimiser, loss and seed.

    Raises:
        InputError: rows, labels and settings do not go together.
    """
    recipe = recipe_of({"family": family.removeprefix("text_"), **given})
    _, kind = family_of(recipe)
    settings = checked(kind.settings, recipe.model, source="[model]")
    watch = Watch(tell=lambda line: print(line, flush=True))
    folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory() as work:
        optimiser, loss = optimiser_of(recipe, kind), loss_of(recipe)
        job = Job(rows, held_out, (labels,), settings, optimiser, loss, recipe.seed, Path(work), watch)
        return kind.make(job, folder).weights


def _card(folder: Path, weights: Path, part: Corpus, labels: LabelSet, *, family: str, facts: Mapping[str, Any]) -> Card:
    return Card(
        name=family,
        revision=revision_of(weights),
        modality="text",
        languages=part.languages,
        licence={"code": "Apache-2.0", "weights": part.licence, "data": f"{part.name} {part.licence}"},
        commercial=part.use == "ship",
        calibration={labels.name: uncalibrated(labels)},
        facts={
            "family": family,
            "sha256": sums_of(folder),
            "training": f"recipes/text/{family}: python train.py {part.name} {labels.name} OUT_FOLDER",
            "trained_on": {part.name: part.paper},
            "calibrated_on": {labels.name: [f"{part.name}/{held_out_split(part)}"]},
            "limits": LIMITS,
            **facts,
        },
    )
