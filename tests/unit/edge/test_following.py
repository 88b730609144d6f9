from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from itertools import count
from pathlib import Path

import cv2
import numpy as np
import pytest

from drawn_faces import draw_scene
from fer_core.values import Box, Face, Frame, UInt8Array
from fer_edge.faces.detector import SAME_PLACE_IOU, SearchPlan, show_one_face
from fer_edge.faces.following import FollowingDetector, StreamSearch
from fer_edge.faces.haar import HaarDetector
from fer_edge.faces.haar_stream import HaarStream
from fer_edge.faces.tracks import COAST_SECONDS, Tracks
from fer_edge.stages import StageTimes

FPS = 20.0
EMPTY = np.full((480, 640, 3), 90, np.uint8)


def following(smallest_px: int = 40, executor: Executor | None = None) -> FollowingDetector:
    return FollowingDetector(HaarStream(smallest_px), executor=executor)


def play(
    detector: FollowingDetector, scenes: Sequence[np.ndarray], start: int = 0
) -> list[tuple[Face, ...]]:
    """Show scenes at 20 frames a second; return the faces of each."""
    seen: list[tuple[Face, ...]] = []
    tracks = Tracks()
    for index, scene in enumerate(scenes, start):
        frame = Frame(scene, index, index / FPS)
        tracks.update(frame, detector.detect(frame, [each.face for each in tracks.in_sight]))
        seen.append(tuple(track.face for track in tracks.in_sight))
    return seen


class Told(StreamSearch):
    """Sees the faces that it is told, in whole pictures and near where they are."""

    def __init__(self, *faces: Face) -> None:
        self.faces = faces

    def prepared(self, frame: Frame) -> UInt8Array:
        return frame.pixels

    def everywhere(self, picture: UInt8Array) -> tuple[Face, ...]:
        return self.faces

    def confirmed(self, picture: UInt8Array, face: Face) -> Face | None:
        return self.near(picture, face)

    def near(self, picture: UInt8Array, face: Face) -> Face | None:
        same = [each for each in self.faces if show_one_face(each.box, face.box)]
        return max(same, key=lambda each: each.box.iou(face.box), default=None)


def test_a_moving_face_is_found_in_every_frame_by_few_searches() -> None:
    detector = following()
    places = [(100 + 6 * i, 80 + 2 * i) for i in range(40)]
    seen = play(detector, [draw_scene("happy", x=x, y=y, size=180) for x, y in places])
    for faces, (x, y) in zip(seen, places, strict=True):
        (face,) = faces
        assert face.box.iou(Box(x, y, 180, 180)) > 0.5
    assert detector.searches <= 1 + 2.0 / SearchPlan().followed_seconds


def test_a_face_that_comes_nearer_grows() -> None:
    sizes = [round(90 * 1.02**i) for i in range(50)]
    scenes = [draw_scene("sad", x=300 - s // 2, y=240 - s // 2, size=s) for s in sizes]
    seen = play(following(), scenes)
    assert all(len(faces) == 1 for faces in seen)
    growth = seen[-1][0].box.width / seen[0][0].box.width
    assert growth == pytest.approx(sizes[-1] / sizes[0], rel=0.2)


def test_a_second_face_is_found_at_the_next_search() -> None:
    one = draw_scene("happy", x=60, y=140, size=160)
    two = one.copy()
    two[:, 340:] = draw_scene("sad", x=400, y=140, size=160)[:, 340:]
    detector = following()
    counts = [len(faces) for faces in play(detector, [one] * 4 + [two] * 20)]
    late = 4 + round(SearchPlan().followed_seconds * FPS)
    assert counts[:4] == [1] * 4
    assert counts[late:] == [2] * (24 - late)


@pytest.mark.parametrize("known", ["face", "head", "none"])
def test_a_box_around_a_whole_head_is_no_second_face(known: str) -> None:
    """YuNet may take a head that leans, hair and all, for a larger face that stands upright."""
    face, head = Face(Box(260, 187, 109, 109), 0.93), Face(Box(191, 163, 228, 228), 0.75)
    beside = Face(Box(330, 187, 109, 109), 0.8)
    assert face.box.iou(head.box) < SAME_PLACE_IOU
    followed = {"face": [face], "head": [head], "none": []}[known]
    detector = FollowingDetector(Told(head, face, beside))
    assert set(detector.detect(Frame(EMPTY, 0, 0.0), followed)) == {face, beside}


def test_a_short_miss_is_bridged_and_a_long_one_is_not() -> None:
    face = draw_scene("happy")
    covered = face.copy()
    cv2.rectangle(covered, (230, 180), (410, 300), (175, 175, 175), cv2.FILLED)  # a hand
    assert HaarDetector().detect(Frame(covered, 0, 0.0)) == ()
    seen = play(following(), [face] * 5 + [covered] * 12 + [face] * 6)
    counts = [len(faces) for faces in seen]
    bridged = round(COAST_SECONDS * FPS)
    assert counts[: 5 + bridged] == [1] * (5 + bridged)
    assert counts[5 + bridged + 1 : 17] == [0] * (12 - bridged - 1)
    assert counts[-1] == 1


def test_a_cut_to_another_scene_ends_the_face_at_once() -> None:
    noise = np.random.default_rng(0).integers(0, 256, EMPTY.shape, np.uint8)
    seen = play(following(), [draw_scene("happy")] * 5 + [noise, noise])
    assert [len(faces) for faces in seen] == [1] * 5 + [0, 0]


def test_an_empty_scene_is_searched_now_and_then() -> None:
    detector = following()
    assert play(detector, [EMPTY] * 20) == [()] * 20
    assert 4 <= detector.searches <= 6
    faces = play(detector, [draw_scene("happy")] * 6, start=20)
    assert len(faces[-1]) == 1


@pytest.mark.parametrize(("size", "is_followed"), [(1.2, True), (0.83, True), (1.4, False)])
def test_a_box_that_jumps_to_another_size_is_not_followed(size: float, is_followed: bool) -> None:
    side = round(100 * size)
    search = Told(Face(Box(200, 200, side, side), 0.9))
    detector = FollowingDetector(search, SearchPlan(lost_seconds=9, missing_seconds=9))
    detector.detect(Frame(EMPTY, 0, 0.0))
    seen = detector.detect(Frame(EMPTY, 1, 0.04), [Face(Box(200, 200, 100, 100), 0.9)])
    assert len(seen) == is_followed


def two_of_which_one_leaves(detector: FollowingDetector, search: Told, away: range) -> list[int]:
    """Show 120 frames; return how many searches there were after each."""
    left, right = Face(Box(60, 140, 90, 90), 0.9), Face(Box(400, 140, 90, 90), 0.9)
    tracks, searches = Tracks(), list[int]()
    for index in range(120):
        search.faces = (right,) if index in away else (left, right)
        frame = Frame(EMPTY, index, index / FPS)
        tracks.update(frame, detector.detect(frame, tracks.expected))
        searches.append(detector.searches)
        if index >= away.stop + SearchPlan().missing_seconds * FPS:
            assert len(tracks.in_sight) == 2
    return searches


def test_whoever_comes_back_is_found_soon_and_then_searches_are_rare_again() -> None:
    search, plan = Told(), SearchPlan()
    searches = two_of_which_one_leaves(FollowingDetector(search), search, range(20, 40))
    assert searches[-1] - searches[50] <= 1 + 69 / FPS / plan.followed_seconds


def test_whoever_is_gone_for_good_is_missed_only_for_a_while() -> None:
    search, plan = Told(), SearchPlan()
    searches = two_of_which_one_leaves(FollowingDetector(search), search, range(20, 120))
    late = 24 + round(plan.missing_for_seconds * FPS)
    assert searches[late] - searches[24] > 1.5 * plan.missing_for_seconds / plan.followed_seconds
    assert searches[-1] - searches[late] <= 1 + (119 - late) / FPS / plan.followed_seconds


def test_only_wanted_sizes_are_found() -> None:
    small = draw_scene("happy", x=300, y=200, size=60)
    assert len(play(following(40), [small])[0]) == 1
    assert play(following(120), [small]) == [()]


def test_forty_pixels_are_enough() -> None:
    tiny = draw_scene("happy", x=300, y=200, size=52)  # the cascade's box is smaller than the head
    (face,) = play(following(40), [tiny])[0]
    assert 36 <= face.box.width <= 56


class Later(Executor):
    """Keeps what is submitted until it is told to run it."""

    def __init__(self) -> None:
        self.waiting: list[tuple[Future[object], Callable[[], object]]] = []

    def submit(self, fn: Callable[..., object], /, *args: object) -> Future[object]:
        future: Future[object] = Future()
        self.waiting.append((future, lambda: fn(*args)))
        return future

    def run(self) -> None:
        future, work = self.waiting.pop()
        future.set_result(work())


def test_a_search_on_another_thread_holds_up_nothing() -> None:
    later = Later()
    detector = following(executor=later)
    scenes = [draw_scene("happy", x=150 + 5 * i, size=180) for i in range(10)]
    assert play(detector, scenes[:5]) == [()] * 5
    assert len(later.waiting) == 1  # one at a time
    later.run()
    faces, *later = play(detector, scenes[5:], start=5)
    assert faces[0].box.iou(Box(175, 140, 180, 180)) > 0.6
    assert all(len(faces) == 1 for faces in later)


def test_a_face_beyond_a_frame_that_became_smaller_is_left_out() -> None:
    """A camera that was opened again may give another size while a search still runs."""
    later = Later()
    detector, large = following(executor=later), draw_scene("happy", x=400, y=250, size=180)
    (face,) = HaarDetector().detect(Frame(large, 0, 0.0))
    assert detector.detect(Frame(large, 0, 0.0)) == ()
    later.run()
    small = np.ascontiguousarray(EMPTY[:240, :320])
    assert detector.detect(Frame(small, 1, 0.1), [face]) == ()


class Looking(Told):
    """Notes how each face is looked at."""

    def __init__(self, *faces: Face) -> None:
        super().__init__(*faces)
        self.looks: list[tuple[str, Face]] = []

    def confirmed(self, picture: UInt8Array, face: Face) -> Face | None:
        self.looks.append(("confirmed", face))
        return super().near(picture, face)

    def near(self, picture: UInt8Array, face: Face) -> Face | None:
        self.looks.append(("near", face))
        return super().near(picture, face)


def test_a_new_face_is_confirmed_unless_it_overlaps_one_that_is_followed() -> None:
    known, behind = Face(Box(100, 100, 100, 100), 0.9), Face(Box(180, 100, 100, 100), 0.8)
    apart = Face(Box(400, 100, 100, 100), 0.7)
    search = Looking(known, behind, apart)
    FollowingDetector(search).detect(Frame(EMPTY, 0, 0.0), [known])
    assert search.looks == [("near", known), ("near", behind), ("confirmed", apart)]


def test_a_search_is_due_when_its_pause_is_over_and_counts_its_seconds() -> None:
    clock = count(100.0)
    times = StageTimes(lambda: next(clock))
    detector = FollowingDetector(Told(), SearchPlan(missing_seconds=0.25), times)
    for index, searches in enumerate([1, 1, 2, 2, 3]):
        detector.detect(Frame(EMPTY, index, index * 0.125))
        assert detector.searches == searches
    assert times.seconds["search"] == 3.0


def test_a_clock_that_falls_back_stops_no_search() -> None:
    detector = following()
    assert detector.detect(Frame(EMPTY, 0, 100.0)) == ()
    assert len(detector.detect(Frame(draw_scene("happy"), 1, 5.0))) == 1


@pytest.mark.parametrize(
    ("clip", "faces_end"),
    [
        ("video_signing_vga.mkv", 77),
        ("video_neutral_happy.mp4", 72),
        ("video_face_then_none.mov", 72),
    ],
)
def test_real_clips_have_one_face_until_it_ends(
    real_frames: Path, clip: str, faces_end: int
) -> None:
    capture = cv2.VideoCapture(str(real_frames / clip))
    fps, counts, detector = capture.get(cv2.CAP_PROP_FPS), list[int](), following()
    tracks = Tracks()
    while True:
        ok, pixels = capture.read()
        if not ok:
            break
        frame = Frame(pixels, len(counts), len(counts) / fps)
        tracks.update(frame, detector.detect(frame, [each.face for each in tracks.in_sight]))
        counts.append(len(tracks.in_sight))
    assert max(counts) == 1
    assert sum(counts[:faces_end]) >= 0.98 * faces_end
    assert sum(counts[faces_end:]) == 0
