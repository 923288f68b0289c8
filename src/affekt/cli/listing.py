"""`affekt models` and `affekt labels`: what there is, from the cards and the label sets themselves."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import Annotated, Any

import typer

from affekt import catalog
from affekt.parts import Card
from affekt.shipped import Shipped, materials, shipped

AsJson = Annotated[bool, typer.Option("--json", help="print JSON")]


def models(as_json: AsJson = False) -> None:
    """List the models: licence, languages, label sets, measured quality and materials, and what is learned of fusion and context."""
    ours, names = shipped(), {one.card.name for one in shipped()}
    others = [part for name in catalog.names("encoders") if (part := catalog.find("encoders", name)).name not in names]
    if as_json:
        plain = [{"name": part.name, "modality": part.modality, "kind": "encoder", "shipped": False} for part in others]
        print(json.dumps([*map(_plain, ours), *plain], ensure_ascii=False, indent=1))
        return
    for one in ours:
        print("\n".join([*_named(one), *_measured(one), *_made_of(one.card), *_limits(one.card)]))
    for part in others:
        print(f"{part.name}  {part.modality}, {'name the folder of a trained one' if part.needs_folder else 'ready, with its extra'}")


def _plain(one: Shipped) -> dict[str, Any]:
    card = one.card
    named = {name: getattr(card, name) for name in ("name", "revision", "modality", "commercial", "languages")}
    made_of = [asdict(material) for material in materials(card)]
    learned = {"kind": one.kind, "shipped": True, "licence": dict(card.licence), "materials": made_of}
    return {**named, **learned, **card.facts, "labels": [*one.sets]}


def _named(one: Shipped) -> list[str]:
    card, what = one.card, one.card.modality if one.kind == "encoder" else one.kind
    return [
        f"{card.name}@{card.revision}  {what}, shipped, {'commercial use allowed' if card.commercial else 'non-commercial'}",
        f"  label sets  {', '.join(one.sets)}",
        f"  languages   {', '.join(card.languages)}",
        f"  licence     {card.licence['weights']}",
    ]


def _made_of(card: Card) -> Iterator[str]:
    for one in materials(card):
        yield f"  {one.what:11s} {one.name}: {one.licence}"


def _measured(one: Shipped) -> Iterator[str]:
    for name, row in one.card.facts.get("measured", {}).items() if one.kind == "encoder" else ():
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
