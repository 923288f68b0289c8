"""A model, or two, on labelled data of any kind: what `affekt.evaluate` and the command call."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from affekt import __version__
from affekt.batch import Progress
from affekt.errors import InputError
from affekt.evaluation.albums import is_album
from affekt.evaluation.answers import Answers, measure
from affekt.evaluation.compare import compare
from affekt.evaluation.manifest import is_manifest
from affekt.evaluation.pictures import answer_pictures
from affekt.evaluation.recordings import answer_recordings
from affekt.evaluation.result import Evaluation
from affekt.evaluation.texts import answer_texts
from affekt.results import Modality

Answering = Callable[[str | None], Answers]  # a model's name or folder, or None for the default -> what it says


def evaluate(
    model: str | Path | None = None,
    *,
    data: Any,
    against: str | Path | None = None,
    labels: str | None = None,
    label_map: Mapping[str, str | None] | None = None,
    text_column: str | None = None,
    label_column: str | None = None,
    where: Sequence[str] = (),
    by: Sequence[str] = (),
    limit: int | None = None,
    heard: Sequence[int] | None = None,
) -> Evaluation:
    """A model judged on labelled texts, recordings or faces.

    Args:
        model: a name, or a folder that holds one; None: what the settings say.
        data: path of a table of texts, a manifest of recordings or faces, a folder of faces or an .npz file; or a Hugging Face dataset
            of texts. See docs/evaluation.md.
        against: another model, to compare on the same rows.
        labels: the label set to judge on; None: what the settings say, or the model's own.
        label_map: the data's name for a label -> ours, or None to leave out its rows.
        text_column, label_column: of texts; None: found by what they are usually called.
        where: conditions "column=value".
        by: columns by which to count.
        limit: judge only so many rows, from the first.
        heard: of recordings: how many other utterances of a speaker to hear before; the first is what most numbers are of.

    Raises:
        InputError: data, labels and models do not fit together; the message says where.

    >>> found = evaluate("text_affekt", data="rows.jsonl", by=["speaker"])  # doctest: +SKIP
    >>> found.macro_f1, found.to_html("report.html")  # doctest: +SKIP
    """
    options = {"labels": labels, "label_map": label_map, "where": where, "by": by, "limit": limit}
    texts = {"text_column": text_column, "label_column": label_column}
    answer = answering(data, options=options, texts=texts, heard=heard)
    named = {"data": name_of(data), "against": against, **options, **texts, "heard": heard}
    return judge_on(answer, model, against=against, data=name_of(data), command=_call(model, named))


def answering(
    data: Any,
    *,
    options: Mapping[str, Any],
    texts: Mapping[str, Any],
    heard: Sequence[int] | None = None,
    report: Progress | None = None,
) -> Answering:
    """How a model answers to data, by what kind of data they are.

    Args:
        options: for each kind.
        texts: for texts alone.
        heard: for recordings alone.
        report: called as recordings and faces are judged.

    Raises:
        InputError: there are no such data, or an option is not for their kind.
    """
    modality = modality_of(data)
    if modality != "speech" and heard is not None:
        raise InputError(f"utterances to hear before are for recordings, which a .csv lists; {name_of(data)} is read as {KINDS[modality]}")
    if modality != "text" and any(texts.values()):
        raise InputError(f"columns are named for texts; {name_of(data)} is read as {KINDS[modality]}, whose columns are path and label")
    if modality == "text":
        return lambda model: answer_texts(data, model=model, **options, **texts)
    if modality == "face":
        return lambda model: answer_pictures(Path(data), model=model, **options, report=report)
    return lambda model: answer_recordings(Path(data), model=model, **options, heard=(0,) if heard is None else heard, report=report)


KINDS: Mapping[Modality, str] = {"text": "texts", "speech": "recordings", "face": "faces"}


def modality_of(data: Any) -> Modality:
    """What data are read as: a .csv with a column "path" lists recordings or faces, folders and .npz files hold faces, all else texts.

    Raises:
        InputError: there is no such file.
    """
    if not isinstance(data, (str, Path)):
        return "text"
    path = Path(data)
    if not path.exists():
        raise InputError(f"no file {path}; check the name")
    return "face" if is_album(path) else "speech" if is_manifest(path) else "text"


def judge_on(answer: Answering, model: str | Path | None, *, against: str | Path | None, data: str, command: str) -> Evaluation:
    """The numbers of a model, how another differs, and when, where and by what command that was measured.

    Args:
        data: name of the data.

    Raises:
        InputError: as `answer` does; or the models cannot be compared.
    """
    first = answer(None if model is None else str(model))
    compared = {} if against is None else {"comparison": compare(first, answer(str(against)))}
    now = datetime.now().astimezone().isoformat(timespec="seconds")
    about = {"data": data, "date": now, "affekt": __version__, "command": command}
    return Evaluation({**measure(first), **compared, "about": about})


def name_of(data: Any) -> str:
    """What data are called: the last part of a path."""
    return (Path(data).name or str(data)) if isinstance(data, (str, Path)) else f"a {type(data).__name__}"


def _call(model: str | Path | None, named: Mapping[str, Any]) -> str:
    """The call that was made, without what was left as it is."""
    given = [f"{name}={(str(value) if isinstance(value, Path) else value)!r}" for name, value in named.items() if value]
    return f"affekt.evaluate({', '.join([repr(str(model))] * (model is not None) + given)})"
