"""The picture in pixels: every timeline can be drawn, in the colours of its labels, at the places of its times."""

import builtins
import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("PIL", reason="Pillow is not installed; it comes with the face extra")

from PIL import Image, ImageColor

from affekt import catalog
from affekt.errors import InputError, MissingExtra
from affekt.formats import _columns, _letters, _png
from affekt.formats._palette import colours
from affekt.results import Event, Reading, Timeline
from test_formats import EKMAN, TIMELINES, reading

WRITE = catalog.find("formats", "png").write
FILLS = colours(list(EKMAN), "ekman7")


def timeline(*readings: Reading, **more: Any) -> Timeline:
    given: dict[str, Any] = {"source": "talk.mp4", "duration": 10, "unit": "seconds", "labels": "ekman7", "readings": readings, **more}
    return Timeline(**given)


def pixels(given: Timeline) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(WRITE(given))).convert("RGB"))  # type: ignore[arg-type]


def sure(label: str, start: float, end: float, **more: Any) -> Reading:
    scores = {name: float(name == label) for name in EKMAN}
    return Reading("face", "ekman7", scores, start, end, "m@1", present=(label,), **more)


def count(picture: np.ndarray, colour: str) -> int:
    return int((picture == ImageColor.getrgb(colour)).all(axis=2).sum())


def spread(picture: np.ndarray, colour: str) -> float:
    """Columns of the band that have a colour."""
    return float((picture[150] == ImageColor.getrgb(colour)).all(axis=1).sum())


@pytest.mark.parametrize("name", ["empty", "one", "many_people", "very_many", "dimensions", "many_labels", "odd_characters", "no_time"])
def test_every_timeline_becomes_a_picture_of_at_most_1600_pixels(name: str) -> None:
    with Image.open(io.BytesIO(WRITE(TIMELINES[name]))) as picture:  # type: ignore[arg-type]
        assert picture.format == "PNG" and 300 < picture.width <= 1600 and 100 < picture.height < 12_000


def test_the_band_has_the_colour_of_the_label_for_as_long_as_it_holds() -> None:
    picture = pixels(timeline(sure("joy", 0, 5), sure("anger", 5, 7.5)))
    assert spread(picture, FILLS["joy"]) == pytest.approx(2 * spread(picture, FILLS["anger"]), rel=0.2)
    assert count(picture, FILLS["fear"]) == 0


def test_what_is_less_sure_is_paler() -> None:
    assert _png.pale("#000000", 1.0) == (0, 0, 0)
    assert _png.pale("#000000", 0.8)[0] < _png.pale("#000000", 0.4)[0] < 255


def test_where_readings_abstain_the_band_is_hatched_and_the_curves_stop() -> None:
    one = timeline(sure("joy", 0, 5, valence=0.5), sure("joy", 5, 10, valence=0.5, abstained=True, reason="face turned away"))
    both = replace(one, readings=(one.readings[0], replace(one.readings[1], abstained=False)))
    assert count(pixels(one), _png.HATCH[1]) > 1000 and count(pixels(both), _png.HATCH[1]) == 0
    curve = _columns.columns_of(one.readings, EKMAN, per_unit=1, count=10).curves[0]
    assert list(curve[:5]) == [0.5] * 5 and np.isnan(curve[5:]).all()


def test_each_person_and_modality_has_a_row() -> None:
    alone = timeline(sure("joy", 0, 9, who="A"), sure("joy", 9, 10, who="A"))
    two = replace(alone, readings=(*alone.readings, sure("fear", 0, 9, who="B")))
    three = replace(two, readings=(*two.readings, replace(sure("fear", 0, 9, who="B"), modality="speech")))
    assert pixels(alone).shape[0] < pixels(two).shape[0] < pixels(three).shape[0]


def test_more_people_than_can_be_drawn_are_counted() -> None:
    crowd = timeline(*(sure("joy", at / 100, 9, who=f"face {at}") for at in range(300)))
    assert pixels(crowd).shape[0] < 5000


def test_an_event_is_a_bar_from_onset_to_offset() -> None:
    plain = timeline(sure("neutral", 0, 5, who="A"), sure("neutral", 5, 10, who="A"))
    drawn = pixels(replace(plain, events=(Event("surprise", "A", 2.0, 3.0, 6.0, 0.9),)))
    long = pixels(replace(plain, events=(Event("surprise", "A", 2.0, 3.0, 8.0, 0.9),)))
    assert count(pixels(plain), FILLS["surprise"]) == 0
    assert 0 < count(drawn, FILLS["surprise"]) < count(long, FILLS["surprise"])


def test_an_hour_of_a_face_is_told_by_what_holds_most_of_each_column() -> None:
    readings = [sure(EKMAN[at // 3000], at / 5, (at + 1) / 5, valence=-0.5, arousal=0.5) for at in range(18_000)]
    columns = _columns.columns_of(readings, EKMAN, per_unit=1200 / 3600, count=1200)
    assert [int(label) for label in columns.label[100::200]] == [0, 1, 2, 3, 4, 5]
    assert columns.score == pytest.approx(1.0) and columns.curves[0] == pytest.approx(-0.5)
    assert len(WRITE(timeline(*readings, duration=3600))) < 300_000


def test_a_column_without_readings_is_empty_and_a_moment_is_seen() -> None:
    columns = _columns.columns_of([sure("joy", 5, 5), sure("fear", 10, 10)], EKMAN, per_unit=10, count=100)
    assert int(columns.label[50]) == EKMAN.index("joy") and int(columns.label[99]) == EKMAN.index("fear")
    assert (columns.label == _columns.NOTHING).sum() == 98
    assert np.isnan(columns.curves).all()


def test_a_still_image_is_drawn_as_bars_whose_length_is_the_score() -> None:
    def bar(score: float) -> int:
        scores = {"joy": score, "neutral": 1 - score}
        return count(pixels(timeline(Reading("face", "ekman7", scores, 0, 0, "m@1", who="face 1"), duration=0)), FILLS["joy"])

    assert bar(0.8) == pytest.approx(2 * bar(0.4), rel=0.02)


def test_letters_that_no_font_has_become_letters_that_one_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_letters, "_OTHERS", ())
    _letters.lettered.cache_clear()
    try:
        assert _letters.lettered("José 客户", 20)[0] == "Jose ??"
    finally:
        _letters.lettered.cache_clear()
    words, font = _letters.fitted("a very long name of somebody", 20, room=100)
    assert words.endswith("...") and font.getlength(words) <= 100


def test_a_timeline_plots_itself_as_png_or_svg_and_as_nothing_else(tmp_path: Path) -> None:
    call = timeline(reading(who="customer"), reading(who="agent"))
    with Image.open(call.by("customer").plot(tmp_path / "customer.png")) as picture:
        assert picture.format == "PNG"
    assert call.plot(str(tmp_path / "call.SVG")).read_text().startswith("<svg")
    for name in ("call.jpg", "call", "call.csv"):
        with pytest.raises(InputError, match=r"\.png or \.svg"):
            call.plot(tmp_path / name)
    assert sorted(file.name for file in tmp_path.iterdir()) == ["call.SVG", "customer.png"]


def test_without_pillow_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def absent(name: str, *given: Any, **more: Any) -> Any:
        if name.partition(".")[0] == "PIL":
            raise ImportError(name)
        return real(name, *given, **more)

    monkeypatch.setattr(builtins, "__import__", absent)
    with pytest.raises(MissingExtra, match=r"affekt\[face\]"):
        WRITE(timeline())


def test_a_picture_is_not_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    from affekt.cli import main

    monkeypatch.setattr("sys.argv", ["affekt", "read", "so happy", "-f", "png"])
    with pytest.raises(SystemExit) as ended:
        main.main()
    assert ended.value.code == 2
