"""Films that somebody annotated: corners, outlines, masks or boxes of the vertebrae, in the files people have.

==========================  =====================================================================================
JSON of ours                ``{"images": [{"file", "size", "vertebrae": [{"level", "quad_clockwise_from_topleft"}]}]}``
JSON of COCO                ``images``, ``annotations`` (polygons, uncompressed masks or boxes) and ``categories`` named
                            after levels
CSV, corners                one row a vertebra: ``file, level, x1, y1, x2, y2, x3, y3, x4, y4``
CSV, boxes                  one row a vertebra: ``file, level, xmin, ymin, xmax, ymax`` or ``x, y, width, height``
CSV, masks                  ``file, mask``: a picture of the film's size whose values 1-5 are L1-L5; with ``level``
                            one of one vertebra
==========================  =====================================================================================

Films lie beside the file, and are named from there. What is no lumbar vertebra is passed over.
"""

from __future__ import annotations

import csv
import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

from bmd.errors import BmdError, InputError
from bmd.reference import LUMBAR

Points = NDArray[np.float64]
Vertebrae = dict[str, Points]
_LEVEL = re.compile(r"^(?:vertebrae?|lumbar|body)?[\s_-]*l?[\s_-]*([1-5])$")
_CORNERS = tuple(f"{axis}{k}" for k in range(1, 5) for axis in "xy")


@dataclass(frozen=True, eq=False)
class Film:
    """One annotated film.

    Attributes
    ----------
    path : Path
    size : tuple of int
        (width, height), pixels.
    quads : dict of str to ndarray
        By level: the four corners (4, 2), or an outline of more points; (x, y) in pixels.
    boxed : bool
        The points are those of boxes, which can be compared with boxes only.
    """

    path: Path
    size: tuple[int, int]
    quads: Vertebrae
    boxed: bool = False


def read_annotations(path: Path) -> list[Film]:
    """Read a file of annotations, or the ``annotations.json`` of a folder.

    Raises
    ------
    InputError
        The file cannot be read or has none of the forms above.
    """
    if path.is_dir():
        path = path / "annotations.json"
    try:
        words = path.read_text(encoding="utf-8-sig")
        if path.suffix.lower() == ".csv":
            return list(_of_rows(path.parent, list(csv.DictReader(words.splitlines()))))
        found = json.loads(words)
        return list(_of_coco(path.parent, found) if "annotations" in found else _own(path.parent, found))
    except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
        raise InputError("network.annotations_unreadable", problem=f"{type(error).__name__}: {error}") from error


def centre(points: Points) -> Points:
    """Centre (2,) of a vertebra: the mean of four corners, the centre of area of an outline."""
    if len(points) == 4:
        return np.asarray(points.mean(0))
    moments = cv2.moments(points.astype(np.float32).reshape(-1, 1, 2))
    if not moments["m00"]:
        return np.asarray(points.mean(0))
    return np.array([moments["m10"] / moments["m00"], moments["m01"] / moments["m00"]], float)


def level_of(name: str) -> str | None:
    """The level that a label means: "L3", "l_3", "Lumbar 3", "vertebra L3"; None of any other.

    >>> level_of("Lumbar 3"), level_of("L3"), level_of("T12"), level_of("S1")
    ('L3', 'L3', None, None)
    """
    found = _LEVEL.match(name.strip().lower())
    return f"L{found[1]}" if found else None


# --- JSON --------------------------------------------------------------------------------------------------------
def _own(folder: Path, found: Mapping[str, Any]) -> Iterator[Film]:
    for image in found["images"]:
        quads = {}
        for vertebra in image["vertebrae"]:
            quad = vertebra.get("quad") or vertebra.get("quad_clockwise_from_topleft")
            if vertebra.get("level") and quad:
                quads[str(vertebra["level"])] = np.array(quad, float)
        yield Film(folder / image["file"], (int(image["size"][0]), int(image["size"][1])), quads)


def _of_coco(folder: Path, found: Mapping[str, Any]) -> Iterator[Film]:
    levels = {category["id"]: level_of(str(category["name"])) for category in found["categories"]}
    each: dict[Any, list[tuple[str, Points, bool]]] = defaultdict(list)
    for one in found["annotations"]:
        level = levels.get(one["category_id"])
        if level is not None:
            each[one["image_id"]].append((level, *_coco_points(one)))
    for image in found["images"]:
        bodies = each[image["id"]]
        size = int(image["width"]), int(image["height"])
        quads, boxed = {level: points for level, points, _ in bodies}, any(box for *_, box in bodies)
        yield _checked(Film(folder / image["file_name"], size, quads, boxed))


def _coco_points(one: Mapping[str, Any]) -> tuple[Points, bool]:
    """Points of one annotation, and whether they are those of a box."""
    shape = one.get("segmentation")
    if isinstance(shape, Mapping):
        if not isinstance(shape["counts"], list):
            raise ValueError("compressed masks are not read: export polygons")
        rows, columns = shape["size"]
        runs = np.repeat(np.arange(len(shape["counts"])) % 2, shape["counts"])  # columns first, beginning with 0
        return _outline(runs.reshape(columns, rows).T), False
    if shape:
        parts = [np.array(part, float).reshape(-1, 2) for part in shape]
        return max(parts, key=lambda part: float(cv2.contourArea(part.astype(np.float32)))), False
    x, y, width, height = one["bbox"]
    return _box(x, y, x + width, y + height), True


# --- CSV ---------------------------------------------------------------------------------------------------------
def _of_rows(folder: Path, rows: list[dict[str, str]]) -> Iterator[Film]:
    films: dict[str, Vertebrae] = defaultdict(dict)
    boxed = False
    for row in rows:
        cells = {key.strip().lower(): (cell or "").strip() for key, cell in row.items() if key is not None}
        vertebrae, box = _bodies(folder, cells)
        films[cells["file"]] |= vertebrae
        boxed |= box
    for file, vertebrae in films.items():
        yield Film(folder / file, _size(folder / file), vertebrae, boxed)


def _bodies(folder: Path, cells: Mapping[str, str]) -> tuple[Vertebrae, bool]:
    """What one row holds, and whether as boxes."""
    level = level_of(cells.get("level", ""))
    if cells.get("mask"):
        with Pillow.open(folder / cells["mask"]) as picture:
            labels = np.array(picture)
        if labels.ndim != 2:
            raise ValueError("masks are pictures of one channel")
        if level is not None:
            return {level: _outline(labels > 0)}, False
        return {name: _outline(labels == k) for k, name in enumerate(LUMBAR, 1) if (labels == k).any()}, False
    if level is None:
        return {}, False
    if all(cells.get(key) for key in _CORNERS):
        return {level: np.array([float(cells[key]) for key in _CORNERS]).reshape(4, 2)}, False
    if "xmin" in cells:
        return {level: _box(*(float(cells[key]) for key in ("xmin", "ymin", "xmax", "ymax")))}, True
    x, y, width, height = (float(cells[key]) for key in ("x", "y", "width", "height"))
    return {level: _box(x, y, x + width, y + height)}, True


def _box(x1: float, y1: float, x2: float, y2: float) -> Points:
    return np.array([(x1, y1), (x2, y1), (x2, y2), (x1, y2)], float)


def _outline(mask: NDArray[Any]) -> Points:
    """Outline of the largest piece of a mask."""
    pieces, _ = cv2.findContours(np.asarray(mask, np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    if not pieces:
        raise ValueError("an empty mask")
    return np.asarray(max(pieces, key=cv2.contourArea).reshape(-1, 2), float)


def _size(path: Path) -> tuple[int, int]:
    """(width, height) of a film; (0, 0) of one that cannot be read, which is told when it is analysed."""
    from bmd.readers import read_study

    try:
        rows, columns = read_study(path.name, path.read_bytes()).images[0].pixels.shape
    except (OSError, BmdError):
        return 0, 0
    return columns, rows


def _checked(film: Film) -> Film:
    """A film whose file has the size that its annotations were made on; others would be scored against nonsense."""
    seen = _size(film.path)
    if seen not in ((0, 0), film.size):
        raise ValueError(f"{film.path.name} has {seen[0]} x {seen[1]} pixels, its annotations {film.size}")
    return film
