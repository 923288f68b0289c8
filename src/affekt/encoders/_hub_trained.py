"""Models in the hub's format that `affekt train` wrote: a card beside them says what they speak."""

from affekt.encoders._card import read_card
from affekt.encoders._hub import Found, is_ours
from affekt.errors import WeightsError
from affekt.parts import Card


def own_card(found: Found) -> Card | None:
    """The card of a model that training wrote; None: it is not one of these.

    Raises:
        WeightsError: the card is broken, or it is not of one label set with as many labels as the model has.
    """
    if not is_ours(found.folder):
        return None
    card = read_card(found.folder)
    if len(card.calibration) != 1 or labels_of(card) != len(found.own):
        says = f"speaks {', '.join(card.calibration)}, and the model there has {len(found.own)} labels of one set"
        raise WeightsError(f"the card in {found.folder} {says}; train the model again")
    return card


def labels_of(card: Card) -> int:
    """How many labels the first set has that a model speaks."""
    return len(next(iter(card.calibration.values())).scale)
