"""Step 1: may this picture be analysed, and if not, why?

Asked before any network: is this a radiograph with something on it, judged from the pixels alone. What it shows is
asked next (``inference.view``). Every refusal has its reason.
"""

from __future__ import annotations

import cv2
import numpy as np

from bmd.findings import Finding, refusal
from bmd.inference.film.found import Film
from bmd.inference.film.reduced import step
from bmd.types import Image, Study, Suitability

MIN_SIDE = 100
"""Smallest side of a usable film, pixels: before any body was found; ``size`` says more once they are."""
MAX_ASPECT = 6.0
BLANK_RANGE = 0.02
"""A film whose percentiles 0.5 and 99.5 are closer than this holds nothing."""
DRAWN = 0.80
"""Share of the exposed picture without any change between neighbours: screens and drawings, never a radiograph."""


def gate(study: Study) -> tuple[Suitability, Image | None]:
    """First look, without any network: the verdict, and the one radiograph to analyse where there is one."""
    films = [image for image in study.images if image.modality == "radiograph"]
    if not films:
        return Suitability(False, (_other_kind(study),)), None
    image = films[0]
    if image.view is not None and image.view != "lateral":
        return Suitability(False, (refusal("film.from_front"),)), None
    reasons, scores = look_at(np.asarray(image.pixels, np.float32))
    return Suitability(not reasons, reasons, scores=scores), None if reasons else image


def _other_kind(study: Study) -> Finding:
    if study.modality is None:
        return refusal("film.nothing")
    return refusal("film.other_kind", kind=study.modality.upper())


def look_at(film: Film) -> tuple[tuple[Finding, ...], dict[str, float]]:
    """Reasons not to analyse a picture, from simple statistics of its pixels, and those statistics."""
    height, width = film.shape[:2]
    if min(height, width) < MIN_SIDE:
        return (refusal("film.too_small", width_px=width, height_px=height, least_px=MIN_SIDE),), {}
    by = 2 * step(film.shape)
    low, high = (float(v) for v in np.percentile(film[::by, ::by], (0.5, 99.5)))
    scores = {"range": round(high - low, 3), "flat": round(flat_share(film), 3)}
    if max(height, width) > MAX_ASPECT * min(height, width):
        return (refusal("film.too_narrow", width_px=width, height_px=height),), scores
    if high - low < BLANK_RANGE:
        return (refusal("film.blank"),), scores
    if scores["flat"] > DRAWN:
        return (refusal("film.drawn"),), scores
    return (), scores


def flat_share(film: Film) -> float:
    """Share of pixels that equal their right and lower neighbours at 8 bit; black and white borders not counted.

    Of films of many pixels one in so many is looked at as they are reduced by: next to its own neighbours.
    """
    by = step(film.shape)
    inner, right, below = (
        np.clip(np.round(part[::by, ::by] * 255), 0, 255).astype(np.int16)
        for part in (film[:-1, :-1], film[:-1, 1:], film[1:, :-1])
    )
    exposed = (inner > 4) & (inner < 251)
    if exposed.mean() < 0.02:
        return 1.0
    same = (right == inner) & (below == inner)
    return float(same[exposed].mean())


def seems_inverted(film: Film) -> bool:
    """Whether the bright parts lie outside the patient: bone dark, air white.

    Air around the body and collimated borders are black on a film shown as usual, so the edges of the picture are
    darker than its middle. Only a hint: the localiser's answer on both versions decides.
    """
    small = cv2.resize(film, (96, 96), interpolation=cv2.INTER_AREA)
    ring = np.concatenate([small[:6].ravel(), small[-6:].ravel(), small[:, :6].ravel(), small[:, -6:].ravel()])
    return float(np.median(ring)) > float(np.median(small[24:72, 24:72])) + 0.05
