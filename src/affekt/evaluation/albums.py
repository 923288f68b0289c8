"""Labelled pictures of faces, found: in a folder, in a manifest that lists them, or as arrays in an .npz file.

A picture shows one face, upright, already cut out of whatever it was found in.
"""

import re
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice, zip_longest
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from affekt.datasets._where import chosen
from affekt.encoders._hub import FORMS
from affekt.errors import BadRow, EmptyInput, InputError
from affekt.evaluation.manifest import is_manifest, labelled, lines_of, own_map, read_entries
from affekt.labels import ekman7, ferplus8
from affekt.parts import LabelSet

Bytes = NDArray[np.uint8]
Arrays = dict[str, NDArray[Any]]
ENDINGS = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".jp2", ".avif", ".pgm", ".ppm")
GROUPS = ("gender", "subject", "corpus")
IMAGES, LABEL, NAMES, VOTES = "images", "label", "label_names", "ferplus_votes"  # arrays of an .npz file
NEEDED = f"it needs {IMAGES} (n, h, w) or (n, h, w, 3), {LABEL} (n,) and {NAMES} (k,)"
ROWS = (LABEL, VOTES, "split", *GROUPS)  # arrays that have an entry for every image
VOTERS = 10
VOTED = (*ferplus8.PART.labels, "", "")  # columns of the votes; the last two are "unknown" and "no face" (NF)
WHAT = "pictures"


@dataclass(frozen=True, slots=True)
class Picture:
    """One labelled face.

    Args:
        label: in the words of the label set that is judged on.
        columns: all that is known of it; "label" in the data's own words.
        show: its pixels, (height, width) grey or (height, width, 3) RGB; a file is read when its turn comes.
    """

    label: str
    columns: Mapping[str, str]
    show: Callable[[], Bytes]


def is_album(path: Path) -> bool:
    """Whether data are read as pictures: a folder, an .npz file, or a manifest whose first path ends as a picture's does.

    Raises:
        InputError: the manifest cannot be read.
        BadRow: it lists both pictures and others.
    """
    if not is_manifest(path):
        return path.is_dir() or path.suffix.lower() == ".npz"
    first: bool | None = None
    for number, line in lines_of(path):
        one = _is_picture(Path(line["path"]))
        first = one if first is None else first
        if one is not first:
            is_one, lists = ("a picture", "none") if one else ("no picture", "pictures")
            raise BadRow(path.name, number, f"{line['path']} is {is_one}, and the lines before list {lists}; one manifest for each")
    return bool(first)


def read_album(
    path: Path, labels: LabelSet, *, label_map: Mapping[str, str | None] | None = None, where: Sequence[str] = (), limit: int | None = None
) -> tuple[list[Picture], int]:
    """The pictures that can be judged on a label set, and how many were left out, for want of a label or by the map.

    A folder has one sub-folder a label. An .npz file has the arrays of NEEDED; its other arrays (n,) are columns. Where it has
    the votes of FER+ (Barsoum et al. 2016) and the labels are ferplus8, the label is what more than half of the ten voters say,
    and a picture without such a majority, or that most call no face or unknown, has none.

    Args:
        label_map: the data's name -> ours, or None to leave out the pictures that have it; a name that is not in the map is
            taken as `known_names` has it. Without a map, a corpus that Affekt knows brings its own.
        where, limit: as in `read_manifest`; of a folder one picture a label comes at a time.

    Raises:
        InputError: the data are not as described, or have a label that is not in the set.
        BadRow: a line of a manifest is broken, or names a file that is not there.
        EmptyInput: no picture is left.
    """

    def map_of(corpus: str, names: Iterable[str]) -> Mapping[str, str | None]:
        return {**known_names(names, labels), **(own_map(corpus, labels) if label_map is None else label_map)}

    if is_manifest(path):
        entries, dropped = read_entries(path, labels, map_of=map_of, where=where, limit=limit, what=WHAT)
        return [Picture(one.label, one.columns, partial(_shown, one.path, path.name, one.line)) for one in entries], dropped
    rows, shows = _in_folder(path) if path.is_dir() else _in_arrays(path, labels)
    lines = list(islice(chosen(enumerate(rows, 1), source=path, where=where), limit))
    kept, dropped = labelled(lines, labels, map_of=map_of, what=WHAT)
    return [Picture(ours, row, shows[number - 1]) for number, ours, row in kept], dropped


def known_names(names: Iterable[str], labels: LabelSet) -> dict[str, str | None]:
    """The data's names that are another form of a label's -> that label, directly or by way of ekman7.

    >>> known_names(["Happy", "0_angry", "boredom"], ekman7.PART)
    {'Happy': 'joy', '0_angry': 'anger'}
    """
    meant = Counter(map(_meant, labels.labels))
    ours = {form: name for name in labels.labels if meant[form := _meant(name)] == 1 and form}  # of "level 1" and "level 2" neither
    onto = {**ekman7.PART.projections.get(labels.name, {}), **ours}
    return {name: name if name in labels.labels else onto[_meant(name)] for name in names if name in labels.labels or _meant(name) in onto}


def _meant(name: str) -> str:
    """The label of ekman7 that a name is a form of, else the name in plain letters."""
    plain = re.sub(r"[\W\d_]+", " ", name.lower()).strip()
    return next((label for label, forms in FORMS.items() if plain in forms), plain)


def _is_picture(path: Path) -> bool:
    return path.suffix.lower() in ENDINGS and not path.name.startswith(".")


def _in_folder(path: Path) -> tuple[list[dict[str, Any]], list[Callable[[], Bytes]]]:
    """The pictures of a folder, one of each label in turn, so that the first few are of all labels."""
    by_label = [sorted(filter(_is_picture, folder.iterdir())) for folder in sorted(path.iterdir()) if folder.is_dir()]
    files = [file for turn in zip_longest(*by_label) for file in turn if file is not None]
    if not files:
        raise EmptyInput(f"no pictures in {path}; it needs one sub-folder a label, with pictures in it: {', '.join(ENDINGS)}")
    rows = [{"path": str(file), "label": file.parent.name} for file in files]
    return rows, [partial(_shown, file, str(path), number) for number, file in enumerate(files, 1)]


def _shown(file: Path, source: str, number: int) -> Bytes:
    """A file's picture, turned as its camera says, (height, width, 3)."""
    from affekt.sources.pictures import open_image

    try:
        (frame,) = open_image(file).frames()
    except InputError as error:
        raise BadRow(source, number, f"{error}; replace the picture, or take it out") from error
    return frame.pixels


def _in_arrays(path: Path, labels: LabelSet) -> tuple[list[dict[str, Any]], list[Callable[[], Bytes]]]:
    """The pictures of an .npz file."""
    arrays = _arrays(path)
    images = _images(arrays, path)
    unequal = [name for name in ROWS if name in arrays and arrays[name].shape[:1] != (len(images),)]
    if unequal:
        raise InputError(f"{path} has {len(images)} images, and {unequal[0]} is of shape {arrays[unequal[0]].shape}; it needs one for each")
    voted = labels.name == ferplus8.PART.name and VOTES in arrays
    columns = {name: _words(one) for name, one in arrays.items() if one.shape == (len(images),) and one.dtype.kind in "biufUS"}
    columns[LABEL] = majority(arrays[VOTES], path) if voted else _names(arrays, path)
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    return rows, [partial(images.__getitem__, at) for at in range(len(images))]


def _arrays(path: Path) -> Arrays:
    if not path.is_file() or not zipfile.is_zipfile(path):
        raise InputError(f"{path} is {'no .npz file' if path.is_file() else 'not there'}; numpy.savez_compressed writes one, and {NEEDED}")
    try:
        with np.load(path, allow_pickle=False) as found:  # a pickle runs whatever its writer wants
            return {name: np.asarray(found[name]) for name in found.files}
    except Exception as error:  # numpy, zipfile and zlib each raise types of their own, and bare ones
        raise InputError(f"{path} cannot be read: {error}; save it again, with arrays of numbers and text alone") from error


def _images(arrays: Arrays, path: Path) -> Bytes:
    if IMAGES not in arrays:
        raise InputError(f"{path} has no array {IMAGES!r}; {NEEDED}; it has: {', '.join(arrays) or 'nothing'}")
    images = arrays.pop(IMAGES)
    if images.dtype != np.uint8 or not (images.ndim == 3 or (images.ndim == 4 and images.shape[3] == 3)) or 0 in images.shape[1:]:
        raise InputError(f"the images of {path} are {images.dtype} of shape {images.shape}; {NEEDED}, the images as uint8")
    if not len(images):
        raise EmptyInput(f"no images in {path}")
    return images


def _names(arrays: Arrays, path: Path) -> list[str]:
    """What the label of each image is called."""
    if LABEL not in arrays or NAMES not in arrays:
        raise InputError(f"{path} has no array {LABEL if LABEL not in arrays else NAMES!r}; {NEEDED}; it has: {', '.join(arrays)}")
    label, names = arrays[LABEL], arrays[NAMES]
    if label.ndim != 1 or label.dtype.kind not in "iu" or names.ndim != 1 or names.dtype.kind not in "US":
        raise InputError(f"{path}: {LABEL} is {label.dtype}, {NAMES} {names.dtype}; they must be whole numbers (n,), and text (k,)")
    wrong = np.flatnonzero((label < 0) | (label >= len(names)))
    if len(wrong):
        raise InputError(f"{path}: the label of image {wrong[0]} is {label[wrong[0]]}; {NAMES} has names for 0 to {len(names) - 1}")
    words = _words(names)
    return [words[at] for at in label]


def majority(votes: NDArray[Any], path: Path) -> list[str]:
    """The label of ferplus8 that more than half of the voters give each image; "" where there is none.

    Args:
        votes: (n, 10), how many say what VOTED has.
        path: the file that an error names.

    Raises:
        InputError: the votes are no such numbers.
    """
    if votes.shape[1:] != (len(VOTED),) or votes.dtype.kind not in "iuf":
        raise InputError(f"{path}: {VOTES} are {votes.dtype} of shape {votes.shape}; they must be numbers of votes, (n, {len(VOTED)})")
    return [VOTED[at] if most > VOTERS / 2 else "" for at, most in zip(votes.argmax(1), votes.max(1), strict=True)]


def _words(values: NDArray[Any]) -> list[str]:
    """Values as text, as JSON writes them."""
    if values.dtype.kind == "b":
        return ["true" if value else "false" for value in values]
    return [value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value) for value in values.tolist()]
