"""`affekt models` and `affekt labels`: what there is, from the cards and the label sets themselves."""

import json
from typing import Annotated, Any

import typer

from affekt import catalog
from affekt.encoders._card import read_card
from affekt.parts import Card

AsJson = Annotated[bool, typer.Option("--json", help="print JSON")]


def models(as_json: AsJson = False) -> None:
    """List the models: licence, languages, label sets and measured quality; those that ship come first."""
    found = sorted((catalog.find("encoders", name) for name in catalog.names("encoders")), key=lambda part: part.shipped is None)
    parts = {part.name: part for part in found}
    cards = {name: read_card(part.shipped) for name, part in parts.items() if part.shipped is not None}
    if as_json:
        listed = [
            _plain(cards[name]) if name in cards else {"name": name, "modality": part.modality, "shipped": False}
            for name, part in parts.items()
        ]
        print(json.dumps(listed, ensure_ascii=False, indent=1))
        return
    for name, part in parts.items():
        if name in cards:
            print(_described(cards[name]))
        else:
            print(f"{name}  {part.modality}, {'name the folder of a trained one' if part.needs_folder else 'ready, with its extra'}")


def _plain(card: Card) -> dict[str, Any]:
    return {
        **{name: getattr(card, name) for name in ("name", "revision", "modality", "commercial", "languages")},
        "shipped": True,
        "licence": dict(card.licence),
        "labels": list(card.calibration),
        **card.facts,
    }


def _described(card: Card) -> str:
    lines = [
        f"{card.name}@{card.revision}  {card.modality}, shipped, {'commercial use allowed' if card.commercial else 'non-commercial'}",
        f"  label sets  {', '.join(card.calibration)}",
        f"  languages   {', '.join(card.languages)}",
        f"  licence     {card.licence['weights']}",
    ]
    for name, row in card.facts.get("measured", {}).items():
        figure = f"macro-F1 {row['macro_f1']:.3f}" if "macro_f1" in row else f"Pearson of valence {row['pearson']['valence']:.3f}"
        lines.append(f"  measured    {name}: {figure}")
    return "\n".join([*lines, *(f"  limit       {limit}" for limit in card.facts.get("limits", ()))])


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
