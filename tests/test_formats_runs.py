"""What a face shows for a while is one line for people, and every reading stands for machines."""

from affekt.catalog import find
from affekt.formats._runs import runs
from affekt.results import Reading, Timeline


def face(start: float, joy: float, *, who: str = "face 1", modality: str = "face") -> Reading:
    scores = {"joy": joy, "neutral": round(1 - joy, 4)}
    top = "joy" if joy > 0.5 else "neutral"
    return Reading(modality, "ekman7", scores, start, start + 0.2, "m@1", present=(top,), who=who)  # type: ignore[arg-type]


def test_readings_that_say_the_same_become_one_with_their_mean() -> None:
    one, other = runs([face(0, 0.8), face(0.2, 0.6), face(0.4, 0.1)])
    assert (one.start, round(one.end, 3), one.scores["joy"]) == (0, 0.4, 0.7)
    assert other.top == ("neutral", 0.9)


def test_faces_are_not_mixed_and_a_gap_ends_a_run() -> None:
    found = runs([face(0, 0.8), face(0, 0.9, who="face 2"), face(0.2, 0.8), face(0.2, 0.9, who="face 2"), face(3, 0.8)])
    assert [(one.who, one.start) for one in found] == [("face 1", 0), ("face 2", 0), ("face 1", 3)]


def test_what_is_no_face_stays_as_it_is() -> None:
    spoken = [face(0, 0.8, modality="speech"), face(0.2, 0.8, modality="speech")]
    assert runs(spoken) == spoken


def test_a_table_has_a_line_a_run_and_csv_a_line_a_reading() -> None:
    timeline = Timeline("a.mp4", 1.0, "seconds", "ekman7", tuple(face(at / 5, 0.8) for at in range(5)))
    table, csv = find("formats", "table").write(timeline), find("formats", "csv").write(timeline)
    assert str(table).count("joy ") == 1 + str(table).splitlines()[0].count("joy ") and "0:00.0–0:01.0" in str(table)
    assert len(str(csv).splitlines()) == 6


def test_thousands_of_readings_in_a_short_part_of_a_long_film_are_drawn() -> None:
    timeline = Timeline("a.mp4", 36_000.0, "seconds", "ekman7", tuple(face(at / 5, 0.8) for at in range(3000)))
    assert "<svg" in str(find("formats", "svg").write(timeline))
