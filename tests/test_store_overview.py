"""What lists and trends read of sessions, on every database."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from affekt.results import Mark, Timeline
from affekt.settings import ServerSettings
from affekt.store.database import Store
from affekt.store.overview import Overview, overviews
from affekt.store.retention import kept_until, sweep
from affekt.store.sessions import find_session, list_sessions, load_timeline, save_session
from affekt.store.tables import now
from affekt.store.trends import Window, label_sets, observations
from affekt.trends import by_day
from people_made import reading, talk


def save(store: Store, timeline: Timeline, **given: Any) -> str:
    settings = ServerSettings(folder=str(store.folder), keep_text_days=given.pop("keep_text_days", 1))
    return save_session(store, timeline, **{"key": "key_1", "origin": "read", "subjects": {}, "settings": settings, **given})


def test_sessions_are_told_in_numbers(store: Store) -> None:
    whole = save(store, replace(talk(), marks=(Mark(1, "here"),)), subjects={"Bob": "b", "Anna": "a", "*": "b"})
    empty = save(store, Timeline("x", 0, "seconds", "ekman7", ()))
    found = overviews(store, [whole, empty])
    assert found[whole] == Overview(4, 0, 2, ("speech", "face", "fused"), ("joy", 1.0), 1, None, ["a", "b"])
    assert found[empty] == Overview() and overviews(store, []) == {}


def test_of_a_set_with_several_labels_only_those_that_apply_are_told(store: Store) -> None:
    def several(start: float, *present: str) -> Any:
        return reading("Anna", start, single=False, present=present)

    none = save(store, Timeline("x", 3, "seconds", "ekman7", (several(0), several(1))))
    some = save(store, Timeline("x", 4, "seconds", "ekman7", (several(0), several(1), several(2, "fear"), several(3, "anger", "joy"))))
    found = overviews(store, [none, some])
    assert found[none].top is None and found[some].top == ("fear", 0.5)


def test_a_session_is_told_as_long_as_it_is_kept(store: Store) -> None:
    settings = ServerSettings(folder=str(store.folder), keep_readings_days=2)
    until = kept_until(find_session(store, save(store, talk())).created, settings)  # type: ignore[union-attr]
    for hours, left in ((-1, 1), (1, 0)):
        sweep(store, settings, now=until + timedelta(hours=hours))
        assert len(list_sessions(store)) == left
    assert kept_until(until, settings.model_copy(update={"keep_readings_days": 1e12})).year == 9999


def test_sessions_are_chosen_by_name_modality_and_origin(store: Store) -> None:
    first = save(store, talk(), name="ÄRGER 5%", origin="given")
    second = save(store, replace(talk(), fused=()), name="Freude")

    def chosen(**which: Any) -> set[str]:
        return {one.id for one in list_sessions(store, **which)}

    assert chosen(name="ÄRger 5%") == chosen(modality="fused") == chosen(origin="given") == {first}
    assert chosen(name="e", modality="face", origin="read") == {second}
    assert chosen(name="_") == chosen(modality="text") == set()


def test_marks_are_kept_and_their_notes_as_long_as_words(store: Store) -> None:
    marked = replace(talk(), marks=(Mark(2, "sighs"), Mark(1)))
    session, silent = save(store, marked), save(store, marked, keep_text_days=0)
    assert load_timeline(store, session).marks == (Mark(1), Mark(2, "sighs"))  # type: ignore[union-attr]
    assert load_timeline(store, silent).marks == (Mark(1), Mark(2))  # type: ignore[union-attr]
    sweep(store, ServerSettings(folder=str(store.folder)), now=now() + timedelta(days=2))
    assert load_timeline(store, session).marks == (Mark(1), Mark(2))  # type: ignore[union-attr]
    assert find_session(store, session).text_until is None  # type: ignore[union-attr]


def test_trends_take_fused_readings_or_those_of_a_modality_or_person(store: Store) -> None:
    save(store, talk(), subjects={"Anna": "a"})
    save(store, replace(talk(), fused=(), readings=(reading("Bob", 0, valence=0.5), reading("Bob", 1, abstained=True))), key="key_2")
    save(store, Timeline("x", 1, "seconds", "sentiment3", (reading(None, 0, scores={}, labels="sentiment3"),)))

    def counted(**which: Any) -> list[tuple[int, int]]:
        days = by_day(observations(store, Window(**which), labels="ekman7", zone=UTC))
        return [(day.sessions, day.readings) for day in days]

    assert label_sets(store, Window()) == {"ekman7": 2, "sentiment3": 1}
    assert label_sets(store, Window(subject="a")) == {"ekman7": 1} and label_sets(store, Window(modality="text")) == {}
    assert counted() == [(2, 5)] and counted(key="key_2") == [(1, 2)]
    assert counted(modality="face") == [(1, 1)] and counted(modality="fused") == [(1, 3)] and counted(subject="a") == [(1, 1)]
    assert counted(until=datetime(2020, 1, 1, tzinfo=UTC)) == []
