"""`affekt models` and `affekt labels`: what there is, from the cards and the label sets themselves."""

import json
from typing import Annotated, Any

import typer

from affekt import catalog
from affekt.encoders import text_affekt
from affekt.encoders._card import read_card

AsJson = Annotated[bool, typer.Option("--json", help="print JSON")]


def models(as_json: AsJson = False) -> None:
    """List the models: licence, languages, label sets and measured quality."""
    cards = {name: read_card(text_affekt.SHIPPED) for name in catalog.names("encoders") if catalog.find("encoders", name).shipped}
    others = [name for name in catalog.names("encoders") if name not in cards]
    if as_json:
        listed: list[dict[str, Any]] = [
            {
                "name": card.name,
                "revision": card.revision,
                "modality": card.modality,
                "shipped": True,
                "commercial": card.commercial,
                "licence": dict(card.licence),
                "languages": list(card.languages),
                "labels": list(card.calibration),
                **card.facts,
            }
            for card in cards.values()
        ]
        print(json.dumps([*listed, *({"name": name, "shipped": False} for name in others)], ensure_ascii=False, indent=1))
        return
    for card in cards.values():
        print(f"{card.name}@{card.revision}  {card.modality}, shipped, {'commercial use allowed' if card.commercial else 'non-commercial'}")
        print(f"  label sets  {', '.join(card.calibration)}")
        print(f"  languages   {', '.join(card.languages)}")
        print(f"  licence     {card.licence['weights']}")
        for limit in card.facts.get("limits", ()):
            print(f"  limit       {limit}")
    for name in others:
        print(f"{name}  brings no weights: name a folder that holds a trained one")


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
