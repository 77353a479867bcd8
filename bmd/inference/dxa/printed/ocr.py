"""Letters on a picture, by the networks of PP-OCR that the package rapidocr ships (docs/decisions/0027).

Two networks: one marks where text stands (Liao et al. 2020, differentiable binarisation), one reads a line (CTC). Both
are loaded when the first page is read and stay loaded. Nothing is fetched.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from bmd.models._turn import TURN
from bmd.printed import Word

Grey: TypeAlias = NDArray[np.uint8]
Quad: TypeAlias = NDArray[np.float32]
"""(4, 2) corners of a line of text: top left, top right, bottom right, bottom left."""

MARKED = 0.3
"""Value of the text map from which a pixel is text (PP-OCR's own setting)."""
BELIEVED = 0.5
"""Mean of the text map in a line from which it is read (PP-OCR's own setting)."""
UNCLIP = 1.6
"""By how much of area over perimeter a marked core is grown to the whole line (PP-OCR's own setting)."""
LINE_HEIGHT = 48
"""Rows of a line as the reading network sees it."""
MOST_LINES = 600
"""A page of more lines than this is no table but a text."""
LEAST_SIDE, MOST_SIDE = 736, 2048
"""The shorter side is enlarged to the first (PP-OCR's own setting), the longer one reduced to the second."""
WORD_GAP = 0.8
"""Space, in heights of the line, that parts two words where the network has seen no blank."""
BATCH = 8
DASHES = "-\u2212\u2013\u2014\u4e00"


@dataclass(frozen=True, eq=False)
class Letters:
    """What the reading network says of one line: letters, their probabilities, and where they stand along it (0..1)."""

    text: str
    sure: tuple[float, ...]
    along: tuple[float, ...]


def find_lines(page: Grey) -> list[Quad]:
    """Where lines of text stand on a page (H, W), in its pixels; none on one without text."""
    height, width = page.shape
    scale = max(1.0, LEAST_SIDE / min(height, width))
    scale = min(scale, MOST_SIDE / max(height, width))
    size = tuple(max(32, round(side * scale / 32) * 32) for side in (width, height))
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    marks = _run("det", _as_input(cv2.resize(page, size, interpolation=way))[None])[0, 0]
    core = cv2.dilate((marks > MARKED).astype(np.uint8), np.ones((2, 2), np.uint8))
    contours, _ = cv2.findContours(core, cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)
    stretch = np.array([width / size[0], height / size[1]], np.float32)
    found = (_line_of(contour, marks) for contour in contours[:MOST_LINES])
    return [(quad * stretch).astype(np.float32) for quad in found if quad is not None]


def _line_of(contour: NDArray[np.int32], marks: NDArray[np.float32]) -> Quad | None:
    """The rectangle of one marked core, grown to the line; None for a speck or where the map is weak."""
    centre, (width, height), angle = cv2.minAreaRect(contour)
    if min(width, height) < 3:
        return None
    x, y, w, h = cv2.boundingRect(contour)
    inside = np.zeros((h, w), np.uint8)
    cv2.fillPoly(inside, [cv2.boxPoints((centre, (width, height), angle)).astype(np.int32) - (x, y)], 1)
    patch = marks[y : y + h, x : x + w][inside > 0]
    if patch.size == 0 or float(patch.mean()) < BELIEVED:
        return None
    grow = 2 * UNCLIP * width * height / (2 * (width + height))
    corners = cv2.boxPoints((centre, (width + grow, height + grow), angle))
    return _ordered(corners)


def _ordered(corners: NDArray[np.float32]) -> Quad:
    """Corners from the top left on, clockwise."""
    by_x = corners[np.argsort(corners[:, 0], kind="stable")]
    left, right = by_x[:2][np.argsort(by_x[:2, 1])], by_x[2:][np.argsort(by_x[2:, 1])]
    return np.array([left[0], right[0], right[1], left[1]], np.float32)


def read_lines(page: Grey, quads: list[Quad]) -> list[Letters]:
    """Read the lines at these places, in the same order."""
    crops = [_upright(page, quad) for quad in quads]
    order = sorted(range(len(crops)), key=lambda index: crops[index].shape[1])
    found: dict[int, Letters] = {}
    for start in range(0, len(order), BATCH):
        some = order[start : start + BATCH]
        widest = max(crops[index].shape[1] for index in some)
        batch = np.zeros((len(some), 3, LINE_HEIGHT, widest), np.float32)
        for place, index in enumerate(some):
            batch[place, :, :, : crops[index].shape[1]] = _as_input(crops[index])
        for shares, index in zip(_run("rec", batch), some, strict=True):
            found[index] = _decoded(shares, widest / crops[index].shape[1])
    return [found[index] for index in range(len(crops))]


def _upright(page: Grey, quad: Quad) -> Grey:
    """The line as a strip of ``LINE_HEIGHT`` rows."""
    width = float(np.linalg.norm(quad[1] - quad[0]) + np.linalg.norm(quad[2] - quad[3])) / 2
    height = float(np.linalg.norm(quad[3] - quad[0]) + np.linalg.norm(quad[2] - quad[1])) / 2
    columns = int(np.clip(round(LINE_HEIGHT * width / max(height, 1.0)), 16, 40 * LINE_HEIGHT))
    target = np.array([[0, 0], [columns, 0], [columns, LINE_HEIGHT], [0, LINE_HEIGHT]], np.float32)
    turn = cv2.getPerspectiveTransform(quad, target)
    return np.asarray(
        cv2.warpPerspective(page, turn, (columns, LINE_HEIGHT), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE),
        np.uint8,
    )


def _decoded(shares: NDArray[np.float32], longer: float) -> Letters:
    """CTC: the best letter of each step, repeats merged, blanks left out."""
    best, sure = shares.argmax(1), shares.max(1)
    steps = len(best)
    keep = (best != 0) & (best != np.r_[-1, best[:-1]])
    places = np.flatnonzero(keep)
    text = "".join(_alphabet()[best[place]] for place in places)
    return Letters(text, tuple(map(float, sure[places])), tuple(float((p + 0.5) / steps * longer) for p in places))


def words_of(line: Letters, quad: Quad) -> list[Word]:
    """The words of a line: parted at blanks and at wide gaps."""
    width, height = float(np.linalg.norm(quad[1] - quad[0])), float(np.linalg.norm(quad[3] - quad[0]))
    half = 0.3 * height / max(width, 1.0)
    words: list[Word] = []
    now: list[int] = []

    def close() -> None:
        if now:
            low, high = max(0.0, line.along[now[0]] - half), min(1.0, line.along[now[-1]] + half)
            sure = [line.sure[k] for k in now if line.text[k] not in DASHES]  # a dash is proven by its ink
            words.append(Word("".join(line.text[k] for k in now), _part(quad, low, high), min(sure, default=0.0)))
            now.clear()

    for k, letter in enumerate(line.text):
        if letter.isspace():
            close()
            continue
        if now and (line.along[k] - line.along[now[-1]]) * width > (WORD_GAP + 0.5) * height:
            close()
        now.append(k)
    close()
    return words


def _part(quad: Quad, low: float, high: float) -> tuple[float, float, float, float]:
    """Upright box around a part of a line."""
    top = [quad[0] + share * (quad[1] - quad[0]) for share in (low, high)]
    bottom = [quad[3] + share * (quad[2] - quad[3]) for share in (low, high)]
    corners = np.array([*top, *bottom])
    (x1, y1), (x2, y2) = corners.min(0), corners.max(0)
    return float(x1), float(y1), float(x2), float(y2)


def _as_input(picture: Grey) -> NDArray[np.float32]:
    """(3, H, W) in -1..1."""
    return np.repeat((picture.astype(np.float32) / 127.5 - 1)[None], 3, axis=0)


def _run(part: str, batch: NDArray[np.float32]) -> NDArray[np.float32]:
    with TURN.taken():
        session = _session(part)
        return np.asarray(session.run(None, {session.get_inputs()[0].name: batch})[0], np.float32)


@cache
def _session(part: str) -> Any:
    """A network of the package, ready to run on the processor."""
    import onnxruntime

    spec = find_spec("rapidocr")  # found, not imported: only the networks are wanted
    if spec is None or spec.origin is None:
        raise ImportError("rapidocr")
    (file,) = (Path(spec.origin).parent / "models").glob(f"*_{part}_*.onnx")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = int(os.environ.get("OMP_NUM_THREADS") or min(4, os.cpu_count() or 1))
    options.enable_cpu_mem_arena = False  # a page is read now and then: memory goes back in between
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])


@cache
def _alphabet() -> tuple[str, ...]:
    """Letter of each output of the reading network; the first is CTC's blank, the last the space."""
    with TURN.taken():
        session = _session("rec")
    known = session.get_modelmeta().custom_metadata_map["character"].splitlines()
    return ("", *known, " ")
