"""`affekt models` and `affekt labels`: what there is, from the cards and the label sets themselves."""

import json
from collections.abc import Iterator, Sequence
from typing import Annotated, Any

import typer

from affekt import catalog
from affekt.calibration.context import SHIPPED as CONTEXT
from affekt.encoders._card import read_card
from affekt.fusion._learned import read
from affekt.parts import Card

AsJson = Annotated[bool, typer.Option("--json", help="print JSON")]


def models(as_json: AsJson = False) -> None:
    """List the models: licence, languages, label sets and measured quality, and what is learned of fusion and context."""
    found = sorted((catalog.find("encoders", name) for name in catalog.names("encoders")), key=lambda part: part.shipped is None)
    parts = {part.name: part for part in found}
    cards = {name: read_card(part.shipped) for name, part in parts.items() if part.shipped is not None}
    if as_json:
        listed = [
            _plain(cards[name], kind="encoder", sets=[*cards[name].calibration])
            if name in cards
            else {"name": name, "modality": part.modality, "kind": "encoder", "shipped": False}
            for name, part in parts.items()
        ]
        listed += [_plain(card, kind=kind, sets=sets) for kind, card, sets in _learned()]
        print(json.dumps(listed, ensure_ascii=False, indent=1))
        return
    for name, part in parts.items():
        if name in cards:
            named = _named(cards[name], what=part.modality, sets=[*cards[name].calibration])
            print("\n".join([*named, *_measured(cards[name]), *_limits(cards[name])]))
        else:
            print(f"{name}  {part.modality}, {'name the folder of a trained one' if part.needs_folder else 'ready, with its extra'}")
    for kind, card, sets in _learned():
        print("\n".join([*_named(card, what=kind, sets=sets), *_limits(card)]))


def _learned() -> Iterator[tuple[str, Card, Sequence[str]]]:
    """What is learned beside the encoders: what it serves, its card, and its label sets."""
    for name in catalog.names("fusion"):
        if (folder := catalog.find("fusion", name).folder) is not None:
            yield "fusion", read_card(folder), list(read(folder).pools)
    yield "context", (card := read_card(CONTEXT)), [card.facts["labels"]]


def _plain(card: Card, *, kind: str, sets: Sequence[str]) -> dict[str, Any]:
    named = {name: getattr(card, name) for name in ("name", "revision", "modality", "commercial", "languages")}
    return {**named, "kind": kind, "shipped": True, "licence": dict(card.licence), **card.facts, "labels": [*sets]}


def _named(card: Card, *, what: str, sets: Sequence[str]) -> list[str]:
    return [
        f"{card.name}@{card.revision}  {what}, shipped, {'commercial use allowed' if card.commercial else 'non-commercial'}",
        f"  label sets  {', '.join(sets)}",
        f"  languages   {', '.join(card.languages)}",
        f"  licence     {card.licence['weights']}",
    ]


def _measured(card: Card) -> Iterator[str]:
    for name, row in card.facts.get("measured", {}).items():
        figure = f"macro-F1 {row['macro_f1']:.3f}" if "macro_f1" in row else f"Pearson of valence {row['pearson']['valence']:.3f}"
        yield f"  measured    {name}: {figure}"


def _limits(card: Card) -> list[str]:
    return [f"  limit       {limit}" for limit in card.facts.get("limits", ())]


def labels(as_json: AsJson = False) -> None:
    """List the label sets: names, whether one or several apply, and where they come from."""
    sets = [catalog.find("labels", name) for name in catalog.names("labels")]
    if as_json:
        print(
            json.dumps([{"name": s.name, "kind": s.kind, "labels": s.labels, "paper": s.paper} for s in sets], ensure_ascii=False, indent=1)
        )
        return
    kinds = {"single": "one applies", "multi": "any number apply", "dimensions": "numbers from -1 to 1"}
    for one in sets:
        print(f"{one.name}  ({len(one.labels)}, {kinds[one.kind]})\n  {', '.join(one.labels)}\n  {one.paper}")
