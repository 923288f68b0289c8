"""What was said before a turn: from rows that know their dialogue to rows that know their turns."""

from collections.abc import Sequence
from dataclasses import replace

from affekt.parts import Row


def with_turns(rows: Sequence[Row], *, turns: int) -> list[Row]:
    """The rows, each with so many turns of its dialogue before it; a row without dialogue or place in it has none.

    Args:
        rows: `group` names the dialogue, `turn` the place in it.
    """
    talks = dict[str, list[tuple[int, str]]]()
    for row in rows:
        if row.group is not None and row.turn is not None:
            talks.setdefault(row.group, []).append((row.turn, row.text))
    said = {group: dict(talk) for group, talk in talks.items()}
    places = {group: sorted(talk) for group, talk in said.items()}
    made = []
    for row in rows:
        if row.group is None or row.turn is None:
            made.append(row)
            continue
        before = [said[row.group][place] for place in places[row.group] if place < row.turn]
        made.append(replace(row, before=tuple(before[-turns:]) if turns else ()))
    return made
