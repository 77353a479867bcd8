"""Contact sheet of simulated CT: one person per row, slices and reformats in two windows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow
from PIL import ImageDraw, ImageFont

from bmd.reference import LEVELS
from bmd.text import text
from bmd.truth import Case, CtTruth
from bmd.types import volume_of

_PAPER, _INK = (15, 23, 26), (200, 212, 216)
_STRIP, _SIDE = 18, 230
SOFT, BONE = (-160.0, 240.0), (-450.0, 1050.0)
"""Windows, HU: shown black and white."""


def simulated_sheet(seeds: Iterable[int], finding: str | None = None) -> bytes:
    """Simulate abdomen and pelvis of a person for every seed and lay them out; see `simulate_ct` and `ct_sheet`."""
    from bmd.simulator.case import simulate_ct

    def scans() -> Iterator[tuple[str, Case]]:
        for seed in seeds:
            case = simulate_ct(seed, finding=finding, spacing=(2, 1.2, 1.2), field="abdomen_pelvis")
            who, tags = case.study.patient, " ".join(sorted(case.truth.tags))
            yield f"{seed}  {who.sex} {who.age_y:.0f} y  lumbar T {case.truth.t_l1l4:+.1f}  {tags}", case

    return ct_sheet(scans())


def ct_sheet(cases: Iterable[tuple[str, Case]]) -> bytes:
    """A PNG: per person axial slices at L1 and L3 and through the hips, a coronal and a sagittal plane, and the hips.

    Parameters
    ----------
    cases : iterable of (str, Case)
        Caption and a simulated CT of abdomen and pelvis.
    """
    rows = [(caption, _views(case)) for caption, case in cases]
    wide = max((sum(view.width for view in views) for _, views in rows), default=_SIDE)
    tall = _SIDE + _STRIP
    sheet = Pillow.new("RGB", (wide, len(rows) * tall + _STRIP), _PAPER)
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(12)
    for index, (caption, views) in enumerate(rows):
        left = 0
        for view in views:
            sheet.paste(view, (left, index * tall))
            left += view.width
        pen.text((4, index * tall + _SIDE + 1), caption, fill=_INK, font=font)
    pen.text((4, len(rows) * tall + 2), text("report.simulated_ct", use=text("intended_use")), fill=_INK, font=font)
    out = BytesIO()
    sheet.quantize(64).save(out, "PNG", optimize=True)
    return out.getvalue()


def _views(case: Case) -> list[Pillow.Image]:
    """The planes of one volume."""
    truth, volume = case.truth, volume_of(case.study)
    assert isinstance(truth, CtTruth)
    hu, (dz, dy, dx) = volume.voxels, volume.spacing_mm
    shape = np.array(hu.shape) - 1
    at = np.clip(np.round(truth.centres_zyx), 0, shape).astype(int)
    l1, l3 = at[LEVELS.index("L1")], at[LEVELS.index("L3")]
    head = np.clip(np.round(truth.head_zyx.mean(0)), 0, shape).astype(int)
    return [
        _picture(hu[l1[0]], SOFT, dy, dx),
        _picture(hu[l3[0]], SOFT, dy, dx),
        _picture(hu[head[0]], SOFT, dy, dx),
        _picture(hu[:, l3[1]], SOFT, dz, dx),
        _picture(hu[:, :, l3[2]], BONE, dz, dy),
        _picture(hu[:, head[1]], BONE, dz, dx),
    ]


def _picture(plane: NDArray[np.int16], window: tuple[float, float], row_mm: float, column_mm: float) -> Pillow.Image:
    """A plane in its window, true to shape, ``_SIDE`` high at most."""
    low, high = window
    grey = np.round(np.clip((plane - low) / (high - low), 0, 1) * 255).astype(np.uint8)
    scale = min(_SIDE / (plane.shape[0] * row_mm), 1.45 * _SIDE / (plane.shape[1] * column_mm))
    size = max(1, round(plane.shape[1] * column_mm * scale)), max(1, round(plane.shape[0] * row_mm * scale))
    view = Pillow.new("RGB", (size[0] + 4, _SIDE), _PAPER)
    view.paste(
        Pillow.fromarray(grey).resize(size, Pillow.Resampling.LANCZOS).convert("RGB"), (2, (_SIDE - size[1]) // 2)
    )
    return view
