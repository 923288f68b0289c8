"""JSON lines: a first line about the whole, then one reading a line; those of `fused` come last.

{"timeline": {"source": …, "duration": …, …, "readings": 2, "fused": 1}}
{"modality": "text", "who": …, "start": …, "end": …, "scores": {…}, …}
"""

from itertools import count

from affekt.errors import BadResult, InputError
from affekt.formats._json_text import dump, load
from affekt.parts import Format
from affekt.results import Timeline


def write(timeline: Timeline) -> str:
    """The timeline, one reading a line."""
    whole = timeline.to_dict()
    readings = [*whole["readings"], *whole["fused"]]
    whole |= {"readings": len(whole["readings"]), "fused": len(whole["fused"])}
    return "".join(f"{dump(line)}\n" for line in ({"timeline": whole}, *readings))


def read(text: str) -> Timeline:
    """The timeline that `write` wrote.

    Raises:
        InputError: a line is not JSON, lines are missing, or they are not those of a timeline.
        BadResult: a number in it is out of its range.
    """
    lines = [load(line, line=number) for number, line in zip(count(1), text.split("\n"), strict=False) if line.strip()]
    if not lines or not isinstance(lines[0].get("timeline"), dict):
        raise InputError('the first line is not {"timeline": …}; one reading a line follows it')
    whole, readings = lines[0]["timeline"], lines[1:]
    plain, fused = whole.get("readings"), whole.get("fused")
    if not isinstance(plain, int) or not isinstance(fused, int) or plain + fused != len(readings):
        raise InputError(f"the first line says {plain} readings and {fused} fused, and {len(readings)} lines follow; is the end cut off?")
    try:
        return Timeline.from_dict({**whole, "readings": readings[:plain], "fused": readings[plain:]})
    except BadResult:
        raise
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(f"these lines are no timeline ({type(error).__name__}: {error})") from error


PART = Format(name="jsonl", ending="jsonl", write=write, read=read)
