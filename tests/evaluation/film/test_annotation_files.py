"""One film annotated in every form that is read: all say the same, and what cannot be right is refused."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image as Pillow

from bmd.errors import InputError
from bmd.evaluation.film.annotated import certainty, score
from bmd.evaluation.film.annotations import Film, centre, level_of, read_annotations
from bmd.reference import LUMBAR

WIDTH, HEIGHT = 160, 220
QUADS = {
    level: np.array([[40, 10 + 40 * k], [100, 14 + 40 * k], [100, 40 + 40 * k], [40, 36 + 40 * k]], float)
    for k, level in enumerate(LUMBAR)
}
BOXES = {level: (*quad.min(0), *quad.max(0)) for level, quad in QUADS.items()}


def label_map() -> np.ndarray:
    labels = np.zeros((HEIGHT, WIDTH), np.uint8)
    for k, quad in enumerate(QUADS.values(), 1):
        cv2.fillPoly(labels, [quad.astype(np.int32)], k)
    return labels


def coco(shape: str) -> dict:
    annotations = []
    for k, (level, quad) in enumerate(QUADS.items(), 1):
        x1, y1, x2, y2 = BOXES[level]
        one = {"id": k, "image_id": 9, "category_id": k, "bbox": [x1, y1, x2 - x1, y2 - y1]}
        if shape == "polygon":
            one["segmentation"] = [[0, 0, 1, 0, 1, 1], quad.ravel().tolist()]  # a speck beside it
        if shape == "mask":
            flat = (label_map() == k).T.ravel()
            edges = np.flatnonzero(np.diff(np.concatenate([[0], flat.astype(int), [0]])))
            counts = np.diff(np.concatenate([[0], edges, [flat.size]])).tolist()
            one["segmentation"] = {"size": [HEIGHT, WIDTH], "counts": counts}
        annotations.append(one)
    categories = [{"id": k, "name": f"Vertebra {level}"} for k, level in enumerate(LUMBAR, 1)]
    categories.append({"id": 77, "name": "S1"})
    annotations.append({"image_id": 9, "category_id": 77, "bbox": [0, 0, 5, 5]})
    images = [{"id": 9, "file_name": "a.png", "width": WIDTH, "height": HEIGHT}]
    return {"images": images, "annotations": annotations, "categories": categories}


def write(folder: Path, form: str) -> Path:
    """The film and its annotations in one form."""
    Pillow.new("L", (WIDTH, HEIGHT), 90).save(folder / "a.png")
    if form.startswith("coco"):
        (folder / "a.json").write_text(json.dumps(coco(form.removeprefix("coco "))))
        return folder / "a.json"
    if form == "json":
        vertebrae = [{"level": level, "quad": quad.tolist()} for level, quad in QUADS.items()]
        image = {"file": "a.png", "size": [WIDTH, HEIGHT], "vertebrae": vertebrae}
        (folder / "a.json").write_text(json.dumps({"images": [image]}))
        return folder / "a.json"
    lines = {
        "csv corners": ["file,level,x1,y1,x2,y2,x3,y3,x4,y4"]
        + [f"a.png,{level}," + ",".join(map(str, quad.ravel())) for level, quad in QUADS.items()],
        "csv boxes": ["File,Level,xmin,ymin,xmax,ymax"]
        + [f"a.png,lumbar {level[1]}," + ",".join(map(str, box)) for level, box in BOXES.items()],
        "csv sizes": ["file,level,x,y,width,height"]
        + [f"a.png,{level},{a},{b},{c - a},{d - b}" for level, (a, b, c, d) in BOXES.items()],
        "csv labels": ["file,mask", "a.png,m.png"],
        "csv masks": ["file,level,mask"] + [f"a.png,{level},{level}.png" for level in LUMBAR],
    }[form]
    Pillow.fromarray(label_map()).save(folder / "m.png")
    for k, level in enumerate(LUMBAR, 1):
        Pillow.fromarray(np.asarray(label_map() == k, np.uint8) * 255).save(folder / f"{level}.png")
    (folder / "a.csv").write_text("\n".join(lines))
    return folder / "a.csv"


OUTLINES = ("json", "coco polygon", "coco mask", "csv corners", "csv labels", "csv masks")
BOXED = ("coco box", "csv boxes", "csv sizes")


def answer(shift: float = 0.0, shrink: float = 1.0) -> dict:
    """The truth as a prediction, moved down and made smaller."""
    bodies = []
    for level, quad in QUADS.items():
        moved = (quad - quad.mean(0)) * shrink + quad.mean(0) + [0, shift]
        box = [*moved.min(0).tolist(), *moved.max(0).tolist()]
        bodies.append({"level": level, "box": box, "score": 0.9, "contour": moved.tolist()})
    return {"file": "a.png", "suitable": True, "levels_certain": True, "vertebrae": bodies}


@pytest.mark.parametrize("form", [*OUTLINES, *BOXED])
def test_every_form_is_the_same_film(tmp_path: Path, form: str) -> None:
    (film,) = read_annotations(write(tmp_path, form))
    assert (film.path, film.size, film.boxed) == (tmp_path / "a.png", (WIDTH, HEIGHT), form in BOXED)
    assert list(film.quads) == list(LUMBAR)
    for level, points in film.quads.items():
        assert centre(points) == pytest.approx(QUADS[level].mean(0), abs=0.6)
        assert (*points.min(0), *points.max(0)) == pytest.approx(BOXES[level], abs=1)
    found = score([film], [answer()])
    assert [found[key] for key in ("films", "incomplete", "bodies", "found", "level_exact")] == [1, 0, 5, 1, 1]
    assert found["dice"] > 0.97
    assert found["ap50"] == 1
    assert certainty([film], [answer()])["failures"] == {}


@pytest.mark.parametrize("form", ["coco polygon", "csv labels", "csv boxes"])
def test_wrong_answers_score_wrong_in_every_form(tmp_path: Path, form: str) -> None:
    (film,) = read_annotations(write(tmp_path, form))
    one_lower = score([film], [answer(shift=40)])
    assert one_lower["level_exact"] == 0
    assert one_lower["found"] == 0.8
    small = score([film], [answer(shrink=0.6)])
    assert small["dice"] == pytest.approx(2 * 0.36 / 1.36, abs=0.04), "less than half of each area is covered"
    assert small["ap50"] == 0


def test_boxes_are_compared_with_boxes() -> None:
    corners = {k: np.array([(a, b), (c, b), (c, d), (a, d)]) for k, (a, b, c, d) in BOXES.items()}
    box = Film(Path("a.png"), (WIDTH, HEIGHT), corners, True)
    assert score([box], [answer()])["dice"] == 1
    outlined = Film(box.path, box.size, box.quads, False)
    assert score([outlined], [answer()])["dice"] < 0.98, "an outline is no box"


def test_levels_that_nobody_annotated_can_be_left_out(tmp_path: Path) -> None:
    path = write(tmp_path, "csv corners")
    path.write_text("\n".join(path.read_text().splitlines()[:-1]))  # no L5
    films = read_annotations(path)
    assert {k: score(films, [answer()])[k] for k in ("films", "incomplete")} == {"films": 0, "incomplete": 1}
    four = score(films, [answer()], LUMBAR[:4])
    assert [four[key] for key in ("films", "incomplete", "bodies", "found", "level_exact", "ap50")] == [
        1,
        0,
        4,
        1,
        1,
        1,
    ]
    assert certainty(films, [], LUMBAR[:4])["failures"] == {"a.png": ["unread"]}


def test_what_cannot_be_right_is_refused(tmp_path: Path) -> None:
    found = coco("polygon")
    path = write(tmp_path, "coco polygon")
    wrong = []
    for change in ("size", "compressed", "no categories"):
        other = json.loads(json.dumps(found))
        if change == "size":
            other["images"][0]["width"] = WIDTH * 2
        elif change == "compressed":
            other["annotations"][0]["segmentation"] = {"size": [HEIGHT, WIDTH], "counts": "abc"}
        else:
            del other["categories"]
        path.write_text(json.dumps(other))
        with pytest.raises(InputError) as caught:
            read_annotations(path)
        wrong.append(str(caught.value))
    assert "pixels" in wrong[0]
    assert "compressed" in wrong[1]
    (tmp_path / "b.csv").write_text("file,level,x,y\na.png,L1,3,4\n")
    with pytest.raises(InputError):
        read_annotations(tmp_path / "b.csv")


@pytest.mark.parametrize(
    ("name", "level"),
    [("L1", "L1"), ("l_5", "L5"), ("Lumbar 2", "L2"), ("vertebra L3", "L3"), ("4", "L4"), ("T12", None), ("S1", None),
     ("L6", None), ("", None), ("disc L3", None)],
)  # fmt: skip
def test_labels_are_levels_or_nothing(name: str, level: str | None) -> None:
    assert level_of(name) == level
