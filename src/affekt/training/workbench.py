"""Labelled data in, a model folder out: `affekt.train`."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from affekt import catalog
from affekt.calibration.apply import probabilities, project, spoken
from affekt.datasets._dialogues import with_turns
from affekt.datasets._labelled import Labelled, labels_of, read_labelled
from affekt.encoders._open import exists, open_encoder
from affekt.errors import InputError, UnknownName
from affekt.evaluation.rows import map_rows
from affekt.parts import LabelSet, Row
from affekt.training.augment_text import TextAugmentation, augmented
from affekt.training.checks import Checks, check
from affekt.training.loop import Watch
from affekt.training.paraphrase import paraphrasing
from affekt.training.recipe import Recipe, checked, family_of
from affekt.training.search import searched
from affekt.training.split import Split, split_rows
from affekt.training.train import Lessons, Place, Trained, said, train_rows

Floats = NDArray[np.float32]
FROM_DATA = "data"  # the label set that stands in the data


@dataclass(frozen=True, slots=True)
class Ready:
    """Data that have been read, split and looked at, before a second is spent on training."""

    labels: LabelSet
    split: Split
    checks: Checks


def train(
    data: Any = None,
    *,
    out: str | Path,
    recipe: Recipe | None = None,
    modality: str | None = None,
    labels: str | None = None,
    family: str | None = None,
    resume: bool = False,
    overwrite: bool = False,
    watch: Watch | None = None,
) -> Trained:
    """A model that has learned from labelled data, in a folder that `affekt.Reader(models={modality: folder})` opens.

    Args:
        data: file or folder, several of them, or a Hugging Face dataset, as `affekt.datasets._labelled.read_labelled` takes it; None: what
            the recipe names.
        out: the folder; it appears when the model is whole.
        recipe: everything that can be set; what is given beside it wins.
        labels: a label set that `affekt labels` lists, or "data": the names that stand in the data.
        resume: go on with an interrupted run to the same folder.
        overwrite: put the model in the place of what is there.
        watch: whom to tell of the progress; by default nobody.

    Raises:
        InputError: data, recipe and label set do not go together, or the folder is taken; the message says what to do.
        MissingExtra: a library of the extra "train" is not installed.
    """
    given = {"modality": modality, "labels": labels, "family": family}
    recipe = (recipe or Recipe()).model_copy(update={name: value for name, value in given.items() if value is not None})
    out, watch = Path(out), watch or Watch()
    Place(out).check(resume=resume, overwrite=overwrite)
    name, family_found = family_of(recipe)
    checked(family_found.settings, recipe.model, source=f"[model] of {name}")  # before data are read, which may take long
    ready = prepare(data, recipe=recipe, name=recipe.name or out.name, tell=watch.tell)
    lessons = lessons_of(ready, recipe)
    facts = {"data": _sources(data, recipe), "checks": ready.checks.as_json()}

    def once(recipe: Recipe, out: Path, *, resume: bool, overwrite: bool, watch: Watch) -> Trained:
        rows = ready.split
        return train_rows(
            rows.train,
            rows.dev,
            rows.test,
            ready.labels,
            recipe=recipe,
            out=out,
            resume=resume,
            overwrite=overwrite,
            lessons=lessons,
            facts=facts,
            watch=watch,
        )

    if recipe.search is None:
        return once(recipe, out, resume=resume, overwrite=overwrite, watch=watch)
    return searched(recipe, out, once=once, resume=resume, overwrite=overwrite, watch=watch)


def prepare(data: Any, *, recipe: Recipe, name: str, tell: Callable[[str], None] = lambda _: None) -> Ready:
    """The data of a recipe, read, mapped to a label set, split and checked.

    Args:
        name: of a label set that comes from the data.
        tell: is told what was found.

    Raises:
        InputError: the data cannot be used; the message says why and where.
    """
    rows, read = _rows(data, recipe, tell=tell)
    if recipe.labels == FROM_DATA:
        rows = _renamed(rows, recipe.label_map)
        labels = labels_of(rows, name=name)
        rows = [row for row in rows if row.labels is not None]
    else:
        labels = catalog.find("labels", recipe.labels)
        rows, dropped = map_rows(rows, labels, label_map=recipe.label_map)
        if dropped.rows:
            tell(f"{dropped.rows} rows left out: they have no label that {labels.name} has")
    split = split_rows(rows, dev=recipe.split.dev, test=recipe.split.test, seed=recipe.seed)
    checks = check(split, labels, read=read)
    for line in checks.lines():
        tell(line)
    return Ready(labels, split, checks)


def lessons_of(ready: Ready, recipe: Recipe) -> Lessons:
    """What is learned from beside the rows: a teacher's answers, and changed texts.

    Raises:
        InputError: the teacher does not speak the label set, or the augmentation says what cannot be.
    """
    teacher = {} if recipe.teacher is None else {ready.labels.name: answers(recipe.teacher.model, ready.split.train, ready.labels)}
    if not recipe.augment:
        return Lessons(teacher)
    if recipe.modality == "text":
        settings: TextAugmentation = checked(TextAugmentation, recipe.augment, source="[augment]")
        if settings.paraphrase and not recipe.paraphraser:
            raise InputError("augment.paraphrase is above 0, and no paraphraser is named: the folder of a language model, see docs/llm.md")
        other = paraphrasing(Path(recipe.paraphraser)) if settings.paraphrase else None
        return Lessons(teacher, lambda row, rng: replace(row, text=augmented(row.text, settings, rng, paraphrase=other)))
    if recipe.modality == "speech":
        from affekt.training.augment_speech import SpeechAugmentation as Kind
    else:
        from affekt.training.augment_face import FaceAugmentation as Kind  # type: ignore[assignment]
    return Lessons(teacher, augment=checked(Kind, recipe.augment, source="[augment]"))


def answers(model: str, rows: Sequence[Row], labels: LabelSet) -> Floats:
    """What a model says of rows: calibrated probabilities, (rows, labels).

    Raises:
        UnknownName: there is no such model.
        InputError: it does not speak the label set, nor a finer one.
    """
    if not exists(model):
        raise UnknownName(model, "encoders", catalog.names("encoders"), also="nor a folder of that name")
    encoder = open_encoder(model)
    finer = spoken(encoder.card, labels)
    scores = probabilities(said(encoder, rows, [finer.name])[finer.name], finer, encoder.card.calibration[finer.name])
    return scores if finer is labels or finer.name == labels.name else project(scores, finer, labels)


def _rows(data: Any, recipe: Recipe, *, tell: Callable[[str], None]) -> tuple[list[Row], Labelled]:
    """The rows of all sources, with what is said before each, and the sources as one."""
    sources = list(recipe.data) if data is None else list(data) if isinstance(data, (list, tuple)) else [data]
    if not sources:
        raise InputError("there is no data to learn from; name a file or folder with --data, or data = … in the recipe")
    columns, found = recipe.columns, list[Labelled]()
    for source in sources:
        one = read_labelled(
            source,
            modality=recipe.modality,
            text=columns.text,
            label=columns.label,
            group=columns.group,
            lang=columns.lang,
            split=columns.split,
            where=recipe.where,
            limit=recipe.limit,
        )
        tell(f"{one.source}: {one.columns}")
        found.append(one)
    rows = [row for one in found for row in one.rows]
    if turns := int(recipe.model.get("turns", 0)):
        rows = with_turns(rows, turns=turns)
        if not any(row.before for row in rows):
            raise InputError("turns is set, and no row knows its dialogue and turn; give columns dialogue and turn, or leave turns out")
    return rows, replace(found[0], broken=tuple(line for one in found for line in one.broken))


def _renamed(rows: Sequence[Row], label_map: Mapping[str, str | None]) -> list[Row]:
    """The rows in the names that the map makes of theirs; those with a label that maps to null are left out."""
    if not label_map:
        return list(rows)
    kept = [row for row in rows if not any(label_map.get(name, name) is None for name in row.labels or ())]
    return [
        row
        if row.labels is None
        else replace(row, labels=tuple(dict.fromkeys(label_map.get(name) or name for name in row.labels)), votes=None)
        for row in kept
    ]


def _sources(data: Any, recipe: Recipe) -> list[str]:
    """The names of the files, without the folders that they lie in."""
    given = recipe.data if data is None else data if isinstance(data, (list, tuple)) else [data]
    return [Path(one).name if isinstance(one, (str, Path)) else type(one).__name__ for one in given]
