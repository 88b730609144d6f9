"""Clips in which faces move, hide and cross, made in memory: see moving_faces.py."""

from __future__ import annotations

import csv
import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from fer_core.opencv import cv2
from fer_core.values import Box, FloatArray, Frame, UInt8Array
from fer_edge.portrait import demo_portrait

FPS, WIDTH, HEIGHT = 25, 640, 480
PORTRAIT = Box(178, 67, 92, 92)
AROUND = 2.0
"""Sides of the face in a cut-out, whose middle it is."""
LEAST_FACE_PX, LEAST_PROFILE_PX = 50, 100
"""Width of the marked faces that are used."""
SKIN, CLOTH, HAIR = (120, 150, 200), (205, 190, 170), (35, 40, 50)


@dataclass(frozen=True, slots=True)
class Person:
    """A face in one frame: its cut-out, the center and side of its square, and what hides it.

    `hand` is how far a hand lies below the mouth, in sides of the face; None for no hand.
    """

    cutout: UInt8Array = field(repr=False)
    x: float
    y: float
    side: float
    roll: float = 0.0
    squash: float = 1.0
    hand: float | None = None
    masked: bool = False
    hidden: bool = False

    @property
    def box(self) -> Box:
        """The square of the face."""
        side = round(self.side)
        return Box(round(self.x - side / 2), round(self.y - side / 2), side, side)


@dataclass(frozen=True, slots=True)
class Clip:
    """What stands where at a time in seconds, from behind to the front; light 1 is the photos'."""

    seconds: float
    scene: Callable[[float], Sequence[Person]]
    light: float = 1.0

    def frames(self) -> Iterator[tuple[Frame, Sequence[Person]]]:
        """Yield the frames with the people in them."""
        rng = np.random.default_rng(0)
        coarse = rng.uniform(60, 190, (6, 8, 3)).astype(np.float32)
        background = cv2.resize(coarse, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
        grain = rng.normal(0, 3, (HEIGHT + 64, WIDTH + 64, 3)).astype(np.float32)
        for index in range(round(self.seconds * FPS)):
            canvas, people = background.copy(), self.scene(index / FPS)
            for person in people:
                draw(canvas, person)
            x, y = rng.integers(0, 64, 2)
            noisy = self.light * canvas + grain[y : y + HEIGHT, x : x + WIDTH]
            yield Frame(np.clip(noisy, 0, 255).astype(np.uint8), index, index / FPS), people


def cut_out(pixels: UInt8Array, box: Box) -> UInt8Array:
    """Return a face and what is around it."""
    far = round(AROUND * box.width / 2)
    wide = cv2.copyMakeBorder(pixels, far, far, far, far, cv2.BORDER_REPLICATE)
    x, y = box.x + box.width // 2, box.y + box.height // 2
    return np.asarray(wide[y : y + 2 * far, x : x + 2 * far], np.uint8)


def draw(canvas: FloatArray, person: Person) -> None:
    """Draw a face, whose edge is soft, and what hides it."""
    px = max(8, round(AROUND * person.side))
    look = cv2.resize(person.cutout, (px, px), interpolation=cv2.INTER_AREA)
    side, half = px / AROUND, px / 2
    if person.masked:
        lower = [(-0.4, 0.02), (0, -0.05), (0.4, 0.02), (0.33, 0.35), (0, 0.52), (-0.33, 0.35)]
        points = np.round(np.array(lower) * side + half).astype(np.int32)
        cv2.fillConvexPoly(look, points, CLOTH, cv2.LINE_AA)
    if person.hand is not None:
        middle = (round(half), round(half + (0.25 + person.hand) * side))
        axes = (round(0.4 * side), round(0.2 * side))
        cv2.ellipse(look, middle, axes, -15, 0, 360, SKIN, -1, cv2.LINE_AA)
    if person.hidden:
        axes = (round(0.5 * side), round(0.65 * side))
        cv2.ellipse(look, (round(half), round(half)), axes, 0, 0, 360, HAIR, -1, cv2.LINE_AA)
    alpha = np.zeros((px, px), np.float32)
    cv2.ellipse(
        alpha, (round(half), round(half)), (round(0.4 * px), round(0.48 * px)), 0, 0, 360, 1, -1
    )
    alpha = cv2.GaussianBlur(alpha, (0, 0), px / 40)
    turn = cv2.getRotationMatrix2D((half, half), -person.roll, 1)
    turn[1] = person.squash * turn[1] + (0, 0, (1 - person.squash) * half)
    place = Box(round(person.x - half), round(person.y - half), px, px)
    turn[:, 2] += person.x - half - place.x, person.y - half - place.y
    inside = place.clipped(WIDTH, HEIGHT)
    if inside is None:
        return
    turn[:, 2] += place.x - inside.x, place.y - inside.y
    size = (inside.width, inside.height)
    shown = cv2.warpAffine(look, turn, size).astype(np.float32)
    weight = cv2.warpAffine(alpha, turn, size)[..., None]
    part = canvas[inside.y : inside.y + inside.height, inside.x : inside.x + inside.width]
    part += weight * (shown - part)


def motions(person: Person) -> dict[str, Clip]:
    """Return what one face does."""

    def sway(at: float, side: float = 110) -> Person:
        x, y = 320 + 0.2 * side * math.sin(at), 240 + 0.1 * side * math.sin(1.7 * at)
        return replace(person, x=x, y=y, side=side)

    def hand(at: float) -> Person:
        away = max(0.0, abs(at - 3) - 1)
        return replace(sway(at), hand=3 * away if away < 0.5 else None)

    def nearer(at: float) -> Person:
        return sway(at, 30 * (200 / 30) ** math.sin(math.pi * at / 8))

    def far(at: float) -> Person:
        return replace(sway(at, 30), x=320 + 3 * math.sin(9 * at), y=240 + 2 * math.cos(7 * at))

    return {
        "tilts by 60 degrees to both sides": Clip(
            8, lambda at: [replace(sway(at), roll=60 * math.sin(math.pi * at / 4))]
        ),
        "walks in from the side, and out": Clip(
            6, lambda at: [replace(sway(at), x=-80 + 800 * at / 6)]
        ),
        "comes from 30 px to 200 px, and back": Clip(8, lambda at: [nearer(at)]),
        "hand over the mouth": Clip(6, lambda at: [hand(at)]),
        "mask": Clip(4, lambda at: [replace(sway(at), masked=True)]),
        "30 px far away": Clip(4, lambda at: [far(at)]),
        "15 % of the light, noise": Clip(4, lambda at: [sway(at)], light=0.15),
    }


def turns(front: Person, profile: UInt8Array) -> Clip:
    """Return a face that fades into a profile, another person's, in 0.2 s, and back."""
    px = profile.shape[1::-1]
    ahead = cv2.resize(front.cutout, px, interpolation=cv2.INTER_AREA)

    def scene(at: float) -> Sequence[Person]:
        share = min(1.0, max(0.0, (1 - abs(at - 3)) / 0.2 + 0.5))
        mixed = cv2.addWeighted(ahead, 1 - share, profile, share, 0)
        return [replace(front, cutout=mixed, x=320 + 20 * math.sin(at), y=240, side=110)]

    return Clip(6, scene)


def crossing(one: Person, other: Person) -> Clip:
    """Return two people who cross, one in front of the other."""

    def scene(at: float) -> Sequence[Person]:
        x = 80 + 480 * at / 5
        return [replace(one, x=x, y=230, side=105), replace(other, x=640 - x, y=245, side=115)]

    return Clip(5, scene)


def table(people: Sequence[Person]) -> Clip:
    """Return six people for 20 s who sway and look down; twice somebody passes in front."""

    def seated(index: int, at: float) -> Person:
        x = 60 + 104 * index + 4 * math.sin(0.9 * at + index)
        y = 220 + 30 * (index % 2) + 3 * math.sin(1.3 * at + 2 * index)
        down = (at + 1.7 * index) % (5 + 0.4 * index) < 0.5 + 0.1 * index
        here = replace(people[index], x=x, y=y, side=60)
        return replace(here, hidden=down, squash=0.75 if down else 1.0)

    def scene(at: float) -> Sequence[Person]:
        row = [seated(index, at) for index in range(6)]
        gone = at % 10 - 5
        passing = Person(people[0].cutout, 160 * gone - 60, 250, 100, hidden=True)
        return [*row, passing] if gone > 0 else row

    return Clip(20, scene)


def cast(photos: Path | None, faces: Path | None) -> tuple[list[Person], list[UInt8Array]]:
    """Return the widest unmarked face of every photo without profiles, and the profiles."""
    people, profiles = [cut_out(demo_portrait(), PORTRAIT)], list[UInt8Array]()
    rows = defaultdict[str, list[dict[str, str]]](list)
    if photos and faces:
        for row in csv.DictReader(faces.read_text().splitlines()):
            if row["group"] == "everyday" and row["ignore"] == "0":
                rows[row["file"]].append(row)
    for name, marked in rows.items():
        pixels = np.asarray(cv2.imread(str(photos / name)), np.uint8) if photos else people[0]

        def look(row: dict[str, str], pixels: UInt8Array = pixels) -> UInt8Array:
            x, y, width, height = (int(row[key]) for key in "xywh")
            side = round(1.1 * math.sqrt(width * height))  # as YuNet's, decision 5
            middle = Box(x + width // 2 - side // 2, y + height // 2 - side // 2, side, side)
            return cut_out(pixels, middle)

        aside = [row for row in marked if row["hard"] == "profile"]
        profiles += [look(row) for row in aside if int(row["w"]) >= LEAST_PROFILE_PX]
        widest = max(marked, key=lambda row: (not row["hard"], int(row["w"])))
        if not aside and int(widest["w"]) >= LEAST_FACE_PX:
            people.append(look(widest))
    return [Person(each, 0, 0, 100) for each in people], profiles


def clips(people: Sequence[Person], profiles: Sequence[UInt8Array]) -> Iterator[tuple[str, Clip]]:
    """Yield every clip with the name of its kind."""
    for person in people:
        yield from motions(person).items()
    for person, profile in zip(people, profiles, strict=False):
        yield "turns to the side", turns(person, profile)
    around = [*people[1:], people[0], *people[::-1]] if len(people) > 1 else list(people) * 7
    for one, other in zip(people, around, strict=False):
        yield "two cross", crossing(one, other)
    yield "six at a table for 20 s", table([*people, *around][:6])
