"""A user's labelled data, opened: a table, a folder with one sub-folder a label, or a Hugging Face dataset."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path
from typing import Any

from affekt.errors import EmptyInput, InputError
from affekt.sources.audio import ENDINGS as SOUNDS
from affekt.sources.pictures import IMAGES
from affekt.sources.table import ENDINGS, is_table, open_records
from affekt.sources.table_lines import BAD_BYTE, Lines, Record

FILES: Mapping[str, tuple[str, ...]] = {"speech": SOUNDS, "face": IMAGES}  # modality -> endings of its files
SPLITS = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("dev", "valid", "validation", "val", "development"), "dev"),
    **dict.fromkeys(("test", "testing"), "test"),
}


@dataclass(frozen=True, slots=True)
class Data:
    """Rows that can be gone through.

    Args:
        name: what errors call it.
        records: what each row holds, and what is wrong with it.
        files: they name recordings or pictures.
        base: the folder that paths are relative to.
        packed: all values are strings, lists too.
        ours: it may be in our own format, with "vad" and "label_space".
        names: column -> what its numbers stand for.
    """

    name: str
    columns: tuple[str, ...]
    records: Iterable[Record]
    files: bool
    base: Path = Path()
    packed: bool = False
    ours: bool = False
    names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def open_data(source: Any, *, modality: str) -> Data:
    """The data, opened; `source` as in `read_labelled`.

    Raises:
        InputError: it is none of the kinds, or cannot be opened.
        EmptyInput: there is nothing in it.
        MissingExtra: it is Parquet, and pyarrow is not installed.
    """
    if modality not in ("text", *FILES):
        raise InputError(f"no modality {modality!r} to read labelled data for; there are: text, {', '.join(FILES)}")
    if isinstance(source, (str, Path)):
        path = Path(source)
        return _folder(path, modality) if path.is_dir() else _table(path, modality)
    parts = source if isinstance(source, Mapping) else {"": source}
    if parts and all(hasattr(part, "column_names") for part in parts.values()):
        return _hub(parts, modality)
    raise InputError(f"labelled data are the path of a file or folder, or a Hugging Face dataset, not {type(source).__name__}")


def _table(path: Path, modality: str) -> Data:
    also = "" if modality == "text" else " It may also be a folder with one sub-folder of files a label."
    if not path.exists():
        raise InputError(f"no file {path}; check the name.{also}")
    if not is_table(path):
        raise InputError(f"{path} is no table; tables end in {', '.join(ENDINGS)}.{also}")
    ending = path.name.lower().removesuffix(".gz").rpartition(".")[2]
    if ending != "parquet":
        with Lines(path) as lines:
            first = next(lines, "")
        if "\0" in first or BAD_BYTE.search(first):
            raise InputError(f"{path} does not begin as a UTF-8 .{ending} file does; save it as .{ending} in UTF-8")
    opened = open_records(path)
    packed, files = ending in ("csv", "tsv"), modality != "text"
    return Data(str(path), opened.columns, opened.records(), files, base=path.parent, packed=packed, ours=ending == "jsonl")


def _folder(path: Path, modality: str) -> Data:
    if modality == "text":
        raise InputError(f"{path} is a folder, and texts are read from a table; tables end in {', '.join(ENDINGS)}")
    below = _folders(path)
    splits = below and all(one.name.lower() in SPLITS and _folders(one) for one in below)
    parts = {one.name if splits else "": one for one in (below if splits else [path])}
    records = [record for split, folder in parts.items() for record in _files(folder, split, FILES[modality])]
    if not records:
        raise EmptyInput(f"no files in the sub-folders of {path}; it needs one sub-folder a label: {', '.join(FILES[modality])}")
    return Data(str(path), ("path", "label", *(["split"] if splits else [])), records, True, base=path)


def _files(folder: Path, split: str, endings: tuple[str, ...]) -> Iterator[Record]:
    """The files of the sub-folders, one of each in turn, so that the first few are of all labels."""
    by_label = [sorted(file for file in one.iterdir() if file.is_file() and not file.name.startswith(".")) for one in _folders(folder)]
    for file in (file for turn in zip_longest(*by_label) for file in turn if file is not None):
        known = file.suffix.lower() in endings
        values = {"path": str(file.absolute()), "label": file.parent.name, **({"split": split} if split else {})}
        yield values, None if known else f"{file.name} does not end as its kind of file does: {', '.join(endings)}"


def _folders(path: Path) -> list[Path]:
    return sorted(one for one in path.iterdir() if one.is_dir() and not one.name.startswith("."))


def _hub(parts: Mapping[str, Any], modality: str) -> Data:
    """Hugging Face's `Dataset`, or the `DatasetDict` of its splits."""
    name = "the dataset"
    columns = list(dict.fromkeys(column for part in parts.values() for column in part.column_names or ()))
    if not columns:
        raise InputError(f"{name} does not say what columns it has; give one that is loaded, not streamed")
    features = {column: feature for part in parts.values() for column, feature in (getattr(part, "features", None) or {}).items()}
    names = {column: found for column, feature in features.items() if (found := _class_names(feature))}
    if "" in parts:
        return Data(name, tuple(columns), ((dict(row), None) for row in parts[""]), modality != "text", names=names)
    records = (({**row, "split": split}, None) for split, part in parts.items() for row in part)
    return Data(name, tuple(dict.fromkeys([*columns, "split"])), records, modality != "text", names=names)


def _class_names(feature: Any) -> tuple[str, ...]:
    """The names of a ClassLabel, or of a list of them."""
    if isinstance(feature, (list, tuple)) and len(feature) == 1:
        feature = feature[0]
    inner = getattr(feature, "feature", feature)
    return tuple(getattr(inner, "names", None) or ())
