"""`affekt demo`: a short guided run over bundled samples, with a picture."""

import time
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from affekt.formats import table
from affekt.pipeline import Reader
from affekt.results import Timeline

SAMPLES = Path(__file__).parents[1] / "samples"


def demo(out: Annotated[Path, typer.Option("--out", "-o", help="where the picture goes")] = Path("affekt-demo.svg")) -> None:
    """Show what Affekt does, on samples that come with it."""
    began = time.perf_counter()
    reader = Reader()
    first = reader.read("我很开心，但是有点累")
    took = time.perf_counter() - began
    _step("One sentence, in any of more than thirty languages", 'affekt read "我很开心，但是有点累"', first)
    print(f"(model loaded and sentence read in {took:.2f} s; {first.readings[0].model})")
    _step("A review: a timeline over its sentences", f"affekt read {SAMPLES / 'review.txt'}", reader.read(SAMPLES / "review.txt"))
    fine = Reader(labels="goemotions28").read("Thank you so much, you made my day!")
    _step("Another label set, several labels at once", 'affekt read --labels goemotions28 "Thank you so much, you made my day!"', fine)
    call = reader.read(SAMPLES / "call.txt")
    _step("A conversation: who felt what, when", f"affekt read {SAMPLES / 'call.txt'}", call)
    call.save(out)
    if find_spec("av"):  # the speech extra brings it
        sound = SAMPLES / "train.ogg"
        _step("Speech: how it is said (here by a machine, so do not expect much feeling)", f"affekt read {sound}", reader.read(sound))
        print("\nYour own voice, while you speak: affekt listen; face, voice and words together: affekt watch")
    faces = SAMPLES / "faces.jpg"
    _step("Faces, here drawn ones", f"affekt read {faces}", reader.read(faces))
    print(f"\nThe conversation as a picture: {out}")
    print(f"A table, its rows scored: affekt read {SAMPLES / 'comments.csv'} --column comment -o scored/")


def _step(title: str, command: str, timeline: Timeline) -> None:
    print(f"\n{title}\n$ {command}\n{table.write(timeline)}".rstrip())
