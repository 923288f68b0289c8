"""JSON: the whole timeline as one object, by the schema that everything in Affekt speaks."""

from affekt.errors import BadResult, InputError
from affekt.formats._json_text import dump, load
from affekt.parts import Format
from affekt.results import Timeline


def write(timeline: Timeline) -> str:
    """The timeline as indented JSON."""
    return dump(timeline.to_dict(), indent=2) + "\n"


def read(text: str) -> Timeline:
    """The timeline that `write` wrote.

    Raises:
        InputError: it is not JSON, or not that of a timeline.
        BadResult: a number in it is out of its range.
    """
    given = load(text)
    try:
        return Timeline.from_dict(given)
    except BadResult:
        raise
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(
            f"this JSON is no timeline ({type(error).__name__}: {error}); a timeline is what `Timeline.to_json` writes"
        ) from error


PART = Format(name="json", ending="json", write=write, read=read)
