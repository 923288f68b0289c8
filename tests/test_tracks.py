"""One person keeps one name from frame to frame, and two people never share one."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from PIL import Image

from affekt.preprocessing import tracks
from affekt.preprocessing.faces import Face, again, find
from affekt.preprocessing.tracks import LOOKS, LOST, Tracker, whose
from drawn import BLACK, BLOND, DARK, PALE, ROOM, drawn_face, on

STEP = 0.2  # seconds between two frames
SIZE = (640, 480)
SIDE = 200
ANNA, BEN = (PALE, BLOND), (DARK, BLACK)  # so unlike that the network tells them apart although they are drawn


def looks(person: tuple[Any, Any], mouth: str = "flat") -> Image.Image:
    return drawn_face(SIDE, mouth, *person)  # type: ignore[arg-type]


def names_of(frames: Sequence[tuple[float, Image.Image]], tracker: Tracker | None = None) -> list[list[str]]:
    tracker = tracker or Tracker()
    return [tracker.follow(picture, faces_in(picture, tracker), time=time) for time, picture in frames]


def faces_in(picture: Image.Image, tracker: Tracker) -> list[Face]:
    pixels = np.asarray(picture)
    known = [face for face in again(pixels, [person.face for person in tracker.present]) if face is not None]
    return find(pixels, fine=False, known=known)


def clip(count: int, *people: tuple[Any, Callable[[int], tuple[float, float]]], begin: float = 0.0) -> list[tuple[float, Image.Image]]:
    """Frames in which people are where their functions of the frame's number say."""
    return [(begin + STEP * at, on(SIZE, *[(looks(person), *map(round, place(at))) for person, place in people])) for at in range(count)]


def at(x: float, y: float = 120) -> Callable[[int], tuple[float, float]]:
    return lambda _: (x, y)


def test_the_network_tells_these_two_apart() -> None:
    points: dict[Any, list[np.ndarray]] = {ANNA: [], BEN: []}
    for person in points:
        for mouth in ("flat", "smile"):
            picture = on(SIZE, (looks(person, mouth), 200, 120))
            point = whose(picture, find(np.asarray(picture))[0])
            assert point is not None and point.shape == (1024,) and np.linalg.norm(point) == pytest.approx(1, abs=1e-3)
            points[person].append(point)
    assert min(float(pair[0] @ pair[1]) for pair in points.values()) > tracks.ALIKE
    assert max(float(one @ other) for one in points[ANNA] for other in points[BEN]) < tracks.ALIKE - 0.05


def test_one_face_that_moves_keeps_its_name() -> None:
    slow = names_of(clip(12, (ANNA, lambda at: (40 + 30 * at, 120 + 40 * np.sin(at)))))
    assert slow == [["face 1"]] * 12
    quick = names_of(clip(8, (ANNA, lambda at: (20 + 55 * at, 120))))  # half its width a frame
    assert quick == [["face 1"]] * 8
    nearer = [(STEP * at, on(SIZE, (drawn_face(120 + 20 * at, "flat", *ANNA), 200, 60))) for at in range(10)]
    assert names_of(nearer) == [["face 1"]] * 10


def test_a_face_that_changes_its_expression_keeps_its_name() -> None:
    frames = [(STEP * at, on(SIZE, (looks(ANNA, "smile" if at % 4 < 2 else "flat"), 200, 120))) for at in range(20)]
    assert names_of(frames) == [["face 1"]] * 20


def test_a_face_in_light_that_changes_keeps_its_name() -> None:
    bright = on(SIZE, (looks(ANNA), 200, 120))
    dim = bright.point(lambda value: value // 2)
    assert names_of([(STEP * at, dim if 4 < at < 9 else bright) for at in range(14)]) == [["face 1"]] * 14


def test_two_who_stand_side_by_side_are_two() -> None:
    assert names_of(clip(8, (ANNA, at(60)), (BEN, at(360)))) == [["face 1", "face 2"]] * 8


def test_two_who_pass_each_other_keep_their_names() -> None:
    frames = clip(26, (ANNA, lambda at: (20 + 16 * at, 30)), (BEN, lambda at: (420 - 16 * at, 250)))
    told = names_of(frames)
    assert all(len(names) == 2 and set(names) == {"face 1", "face 2"} for names in told)
    assert told[0] == ["face 1", "face 2"] and told[-1] == ["face 2", "face 1"]  # from left to right


def test_two_who_walk_past_each_other_are_never_mistaken() -> None:
    """One goes in front of the other, who is covered for a while."""
    frames = clip(36, (BEN, lambda at: (420 - 12 * at, 130)), (ANNA, lambda at: (10 + 12 * at, 110)))
    tracker, seen = Tracker(), dict[str, set[str]]()
    for at, (time, picture) in enumerate(frames):
        faces = faces_in(picture, tracker)
        for face, name in zip(faces, tracker.follow(picture, faces, time=time), strict=True):
            anna = abs(face.middle[0] - (10 + 12 * at + SIDE / 2)) < abs(face.middle[0] - (420 - 12 * at + SIDE / 2))
            seen.setdefault(name, set()).add("Anna" if anna else "Ben")
    assert all(len(people) == 1 for people in seen.values()) and len(seen) <= 3  # a face that is half covered may be nobody's
    assert names_of(frames[-1:], tracker) == [["face 2", "face 1"]] and seen["face 1"] == {"Anna"}


def test_who_comes_back_gets_the_old_name() -> None:
    away = [(2 + STEP * at, on(SIZE)) for at in range(15)]
    told = names_of(
        [*clip(10, (ANNA, at(60)), (BEN, at(360))), *away, *clip(5, (BEN, at(60)), begin=5), *clip(5, (ANNA, at(330)), begin=6)]
    )
    assert told[:10] == [["face 1", "face 2"]] * 10 and told[10:25] == [[]] * 15
    assert told[25:30] == [["face 2"]] * 5 and told[30:] == [["face 1"]] * 5


def test_who_comes_back_from_the_side_gets_the_old_name_as_soon_as_it_can_be_told() -> None:
    tracker = Tracker()
    names_of(clip(5, (ANNA, at(200))), tracker)
    told = names_of(clip(14, (ANNA, lambda at: (-160 + 30 * at, 120)), begin=5), tracker)
    seen = [names for names in told if names]
    assert len(seen) > 8 and seen[-6:] == [["face 1"]] * 6


def test_after_a_cut_to_somebody_else_there_is_a_new_name_at_once() -> None:
    told = names_of([*clip(7, (ANNA, at(200))), *clip(7, (BEN, at(200)), begin=1.4), *clip(7, (ANNA, at(200)), begin=2.8)])
    assert told == [["face 1"]] * 7 + [["face 2"]] * 7 + [["face 1"]] * 7


# --- with faces of whom it is known whose they are


class Stage:
    """Boxes with people in them, whose faces are told by name."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.tracker, self.time, self.looked = Tracker(), 0.0, 0
        self.cast: dict[int, str | None] = {}
        monkeypatch.setattr(tracks, "whose", self.whose)

    def whose(self, _: Image.Image, face: Face) -> np.ndarray | None:
        self.looked += 1
        name = self.cast[id(face)]
        return None if name is None else np.eye(8, dtype=np.float32)["ABCDEFGH".index(name)]

    def show(self, *people: tuple[str | None, float, float], passed: float = STEP, ground: tuple[int, int, int] = ROOM) -> list[str]:
        """The names of faces that are 100 wide, each told by who it is (None: it cannot be told), left and top."""
        self.time += passed
        faces = [Face((x, y, x + 100, y + 100), np.zeros((6, 2), np.float32), 0.9) for _, x, y in people]
        self.cast = {id(face): name for face, (name, _, _) in zip(faces, people, strict=True)}
        return self.tracker.follow(Image.new("RGB", SIZE, ground), faces, time=self.time)


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Stage:
    return Stage(monkeypatch)


def test_who_stays_is_looked_at_now_and_then_only(stage: Stage) -> None:
    for _ in range(50):
        assert stage.show(("A", 100, 100)) == ["face 1"]
    assert stage.looked <= 1 + 50 * STEP / LOOKS


def test_a_cut_that_nothing_shows_is_noticed_at_the_next_look(stage: Stage) -> None:
    told = [stage.show(("A", 100, 100)) for _ in range(5)] + [stage.show(("B", 100, 100)) for _ in range(10)]
    assert told[:5] == [["face 1"]] * 5 and told[-5:] == [["face 2"]] * 5


def test_a_cut_that_the_picture_shows_is_noticed_at_once(stage: Stage) -> None:
    stage.show(("A", 100, 100))
    assert stage.show(("B", 100, 100), ground=(20, 20, 20)) == ["face 2"]
    assert stage.show(("A", 105, 100)) == ["face 1"]


def test_two_who_change_places_in_a_cut_keep_their_names(stage: Stage) -> None:
    stage.show(("A", 100, 100), ("B", 300, 100))
    assert stage.show(("B", 100, 100), ("A", 300, 100), ground=(20, 20, 20)) == ["face 2", "face 1"]


def test_a_face_that_cannot_be_told_keeps_its_name_until_it_can(stage: Stage) -> None:
    for _ in range(5):
        stage.show(("A", 100, 100))
    assert stage.show((None, 105, 100), ground=(20, 20, 20)) == ["face 1"]  # turned away, say
    assert stage.show(("A", 110, 100)) == ["face 1"]
    stage.show((None, 105, 100), ground=(20, 20, 20))
    assert stage.show(("B", 100, 100), ground=(20, 20, 20)) == ["face 2"]  # looked at again at once, not a second later


def test_a_face_that_jumps_and_cannot_be_told_is_somebody_else(stage: Stage) -> None:
    stage.show(("A", 100, 100))
    assert stage.show((None, 170, 100)) == ["face 2"]


def test_who_could_not_be_told_is_known_again(stage: Stage) -> None:
    stage.show(("A", 100, 100))
    assert stage.show((None, 500, 100), passed=3) == ["face 2"]
    assert stage.show(("A", 480, 100)) == ["face 1"]
    assert stage.show((None, 20, 300), passed=3) == ["face 3"]
    assert stage.show(("C", 40, 300)) == ["face 3"] and stage.show(("C", 60, 300)) == ["face 3"]


def test_people_are_never_one_track_whatever_they_do(stage: Stage) -> None:
    rng = np.random.default_rng(0)
    names: dict[str, set[str]] = {}
    for count in range(300):
        places = rng.permutation([(x, y) for x in (40, 160, 280, 400) for y in (60, 200)])[: rng.integers(0, 5)]
        cast = rng.permutation(list("ABCDEF"))[: len(places)]
        shown = [(str(who), float(x + rng.uniform(-20, 20)), float(y)) for who, (x, y) in zip(cast, places, strict=True)]
        light = (30 + 40 * (count % 6),) * 3  # what was to be seen within the last second looked otherwise
        for name, (who, _, _) in zip(stage.show(*shown, passed=float(rng.choice([0.2, 2.0])), ground=light), shown, strict=True):
            names.setdefault(name, set()).add(who)
    assert all(len(people) == 1 for people in names.values()) and len(names) == 6


def test_twins_in_one_frame_are_two(stage: Stage) -> None:
    for _ in range(12):
        assert stage.show(("A", 100, 100), ("A", 300, 100)) == ["face 1", "face 2"]


def test_who_is_lost_is_no_longer_present(stage: Stage) -> None:
    stage.show(("A", 100, 100))
    stage.show(passed=LOST / 2)
    assert [person.name for person in stage.tracker.present] == ["face 1"]
    stage.show(passed=LOST)
    assert stage.tracker.present == []
    assert stage.show(("A", 100, 100)) == ["face 1"]


def test_a_track_is_expected_where_it_moves(stage: Stage) -> None:
    for x in (100, 150, 200):
        stage.show(("A", x, 100))
    assert stage.tracker.people[0].expected(stage.time + STEP) == pytest.approx((250, 100, 350, 200))
    assert stage.show(("A", 250, 100), ("B", 150, 100)) == ["face 1", "face 2"]


def test_frames_without_faces_and_faces_at_the_border_do_no_harm(stage: Stage) -> None:
    assert stage.show() == [] and stage.show(("A", -80, -80), ("B", 620, 460)) == ["face 1", "face 2"]
