"""Pictures of everything a visitor may take for a lateral lumbar film; what each shows is known, nothing else is."""

from __future__ import annotations

import math
from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from bmd.simulator.case import draw_person, simulate_film
from bmd.simulator.ct import scan
from bmd.simulator.ct.scene import Scene
from bmd.simulator.views import film, pictures, scans, slices
from bmd.simulator.views.mannequin import Mannequin, build
from bmd.types import SHOWN as SHOWN

Picture = NDArray[np.float32]

SIZE = 320
"""Height in pixels of a mannequin's film; the others come in the sizes of their own simulators."""
FRONTAL = (
    (0, 4, 240, 420, 0.35, 1.0),  # lumbar
    (5, 9, 340, 560, 0.35, 0.9),  # thoracolumbar
    (10, 14, 260, 420, 0.4, 1.1),  # thoracic
    (8, 13, 560, 900, 0.3, 0.7),  # all of it, or the body from head to hip
    (6, 11, 420, 640, 0.4, 0.8),  # the trunk
    (6, 11, 420, 640, 0.4, 0.8),
    (7, 12, 480, 720, 0.3, 0.6),
    (0, 12, 300, 600, 0.2, 0.4),  # little beside the spine
)
"""Films of the spine from the front: lowest and highest vertebra in the middle (0 is L5), least and most height in mm,
least and most width as a share of it.
"""


def draw_view(kind: str, seed: int) -> Picture:
    """One picture of a kind.

    Parameters
    ----------
    kind : str
        One of ``SHOWN``.
    seed : int
        Same seed, same bytes.

    Returns
    -------
    ndarray
        float32 (H, W) in 0..1.
    """
    rng = np.random.default_rng([seed, SHOWN.index(kind)])
    return _DRAWERS[kind](rng)


def _whole_seed(rng: np.random.Generator) -> int:
    return int(rng.integers(2**31))


def _lateral_lumbar(rng: np.random.Generator) -> Picture:
    """Two of three by the simulator of films, the rest of a mannequin, so that the hand that drew tells nothing."""
    if rng.random() < 0.67:
        cohort = str(rng.choice(["film", "enriched", "clinic"]))
        return simulate_film(_whole_seed(rng), int(rng.integers(224, 400)), cohort=cohort).study.images[0].pixels
    body = build(rng)
    if rng.random() < 0.4:  # the whole spine, or a strip of such a film
        at, high, share = body.spine[int(rng.integers(7, 13))], rng.uniform(500, 900), rng.uniform(0.25, 0.75)
    else:
        at, high, share = body.spine[int(rng.integers(0, 6))], rng.uniform(230, 480), rng.uniform(0.38, 1.0)
    shown = _film_of(body, at, high, 0.0, rng, share=share)
    return _made_square(shown) if rng.random() < 0.25 else shown


def _lateral_thoracic(rng: np.random.Generator) -> Picture:
    body = build(rng)
    return _film_of(body, body.spine[int(rng.integers(10, 15))], rng.uniform(230, 400), 0.0, rng)


def _lateral_cervical(rng: np.random.Generator) -> Picture:
    body = build(rng)
    return _film_of(body, body.spine[int(rng.integers(17, 23))], rng.uniform(150, 320), 0.0, rng)


def _ap_spine(rng: np.random.Generator) -> Picture:
    """Three of ten by the simulator of films; of a mannequin all that films of the spine from the front may show."""
    if rng.random() < 0.3:
        seed, cohort = _whole_seed(rng), str(rng.choice(["film", "enriched", "clinic"]))
        return simulate_film(seed, int(rng.integers(224, 400)), view="ap", cohort=cohort).study.images[0].pixels
    body = build(rng)
    lowest, highest, least, most, narrow, wide = FRONTAL[int(rng.integers(len(FRONTAL)))]
    at = body.spine[int(rng.integers(lowest, highest + 1))] * np.array([rng.uniform(0, 1), 1, 1])
    angle = math.pi / 2 * rng.choice([-1, 1])
    high = rng.uniform(least, most)
    shown = _film_of(body, at, high, angle, rng, share=rng.uniform(narrow, wide), alone=rng.random() < 0.04)
    return _made_square(shown) if rng.random() < 0.45 else shown


def _made_square(shown: Picture) -> Picture:
    """Stretched to a square, as archives keep films; a narrow strip stays one."""
    side = max(shown.shape)
    if min(shown.shape) < 0.34 * side:
        return shown
    return np.asarray(cv2.resize(shown, (side, side), interpolation=cv2.INTER_LINEAR), np.float32)


def _chest(rng: np.random.Generator) -> Picture:
    body = build(rng)
    angle = 0.0 if rng.random() < 0.3 else math.pi / 2
    share = rng.uniform(0.7, 1.2)
    return _film_of(body, body.landmarks["chest"] + [0, 50, 0], rng.uniform(330, 480), angle, rng, share=share)


def _other_part(rng: np.random.Generator) -> Picture:
    """Hips, knees, shoulders, arms, hands, feet, skulls, from any side."""
    body = build(rng)
    name = str(rng.choice(["hip", "hip", "knee", "knee", "shoulder", "head", "limb"]))
    if name == "limb":
        rods = [part for part in body.bones if hasattr(part, "points")]
        at = rods[-int(rng.integers(1, 34))].points[-1]
    else:
        at = body.landmarks[name]
    at = at * np.array([rng.choice([-1.0, 1.0]) if name != "head" else 1.0, 1, 1])
    return _film_of(body, at + rng.normal(0, 15, 3), rng.uniform(140, 420), rng.uniform(-math.pi, math.pi), rng)


def _film_of(
    body: Mannequin,
    at: NDArray[np.float64],
    high: float,
    angle: float,
    rng: np.random.Generator,
    share: float | None = None,
    alone: bool = False,
) -> Picture:
    """A film of ``high`` mm around a point of the body, its width a ``share`` of it; the spine cut out if ``alone``."""
    angle = angle + rng.normal(0, 0.07)
    pitch = high / SIZE
    columns = int(SIZE * (share or rng.uniform(0.38, 1.0)))
    sheet = film.Sheet(0.0, 0.0, pitch, (SIZE, columns), angle)
    sheet.left = float(at @ sheet.across) - columns * pitch * rng.uniform(0.38, 0.62)
    sheet.top = float(at[2]) + high * rng.uniform(0.42, 0.58)
    signal, inside = film.expose(body, sheet, rng)
    kept = film.column(body, sheet, rng) if alone else None
    return film.develop(signal, inside, sheet.place(at), rng, kept)


def _slice_of(drawn: Callable[[Scene, np.random.Generator], Picture], rng: np.random.Generator) -> Picture:
    scene = scan.lie_down(draw_person(rng, None, "clinic"), rng)
    for _ in range(8):
        shown = drawn(scene, rng)
        if float(np.ptp(np.percentile(shown, (5, 95)))) > 0.15:
            break
    return shown


_DRAWERS: dict[str, Callable[[np.random.Generator], Picture]] = {
    "lateral_lumbar": _lateral_lumbar,
    "lateral_thoracic": _lateral_thoracic,
    "lateral_cervical": _lateral_cervical,
    "ap_spine": _ap_spine,
    "chest": _chest,
    "other_part": _other_part,
    "dxa": scans.spine_scan,
    "dxa_other": scans.other_scan,
    "ct": lambda rng: _slice_of(slices.ct_slice, rng),
    "mr": lambda rng: _slice_of(slices.mr_slice, rng),
    "picture": pictures.draw_picture,
}
