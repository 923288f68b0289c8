"""The words that routes take, with what they may be: ids of people, of our own things, and pages of lists."""

from typing import Annotated

from fastapi import Header, Path, Query
from pydantic import StringConstraints

WORD = r"^[^\x00-\x1f\x7f]*$"  # no control characters, which databases and logs do not take
PERSON = r"^[^\x00-\x1f\x7f/.][^\x00-\x1f\x7f/]*$"  # it stands in addresses, where / and a leading . mean something

Words = Annotated[str, StringConstraints(max_length=200, pattern=WORD)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=WORD)]
SubjectId = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=PERSON)]
SubjectPath = Annotated[
    str, Path(min_length=1, max_length=200, pattern=PERSON, description="id of a person, as the caller's records have it")
]
IdPath = Annotated[str, Path(min_length=1, max_length=40, pattern=r"^[A-Za-z0-9_-]+$")]
After = Annotated[str | None, Query(max_length=200, pattern=WORD, description="the id that the page before ended with")]
Word = Annotated[str | None, Header(alias="Idempotency-Key", min_length=1, max_length=200, pattern=r"^[\x20-\x7e]+$")]
Limit = Annotated[int, Query(ge=1, le=1000, description="how many at most")]
