"""Step 1: may this picture be analysed, and if not, why?

Two questions, asked in this order. ``look_at``: is this a radiograph with something on it, judged from the pixels
alone. ``judge``: does what the localiser saw look like a lumbar spine from the side. Every refusal has its reason.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from bmd.inference.film.view import borders, frontal_logit, picture_logit
from bmd.inference.spine.decode import Decoded
from bmd.types import Image, Study, Suitability

MIN_SIDE = 100
"""Smallest side of a usable film, pixels: five vertebrae are then still some 12 pixels high each."""
MAX_ASPECT = 6.0
BLANK_RANGE = 0.02
"""A film whose percentiles 0.5 and 99.5 are closer than this holds nothing."""
DRAWN = 0.80
"""Share of the exposed picture without any change between neighbours: screens and drawings, never a radiograph."""
FEWEST_BODIES = 3
MIN_EVIDENCE = 1.5
"""Least sum of body scores of a chain that is taken for a spine."""


def gate(study: Study) -> tuple[Suitability, Image | None]:
    """First look at a study, without any network.

    Returns
    -------
    Suitability, Image or None
        The verdict, and the picture to analyse: one radiograph, bone bright as far as the pixels tell.
    """
    films = [image for image in study.images if image.modality == "radiograph"]
    if not films:
        kinds = study.modality.upper() if study.modality else "nothing"
        return Suitability(False, (f"This page analyses a lateral spine radiograph; the file holds {kinds}.",)), None
    image = films[0]
    if image.view is not None and image.view != "lateral":
        return Suitability(False, (wrong_view(),)), None
    reasons, scores = look_at(image.pixels)
    return Suitability(not reasons, reasons, scores=scores), None if reasons else image


def look_at(film: NDArray) -> tuple[tuple[str, ...], dict[str, float]]:
    """Reasons not to analyse a picture, from simple statistics of its pixels, and those statistics.

    Parameters
    ----------
    film : ndarray
        float32 (H, W) in 0..1.
    """
    height, width = film.shape[:2]
    if min(height, width) < MIN_SIDE:
        reason = f"The picture is too small ({width} x {height} pixels); each side needs at least {MIN_SIDE} pixels."
        return (reason,), {}
    low, high = (float(v) for v in np.percentile(film[::2, ::2], (0.5, 99.5)))
    scores = {"range": round(high - low, 3), "flat": round(flat_share(film), 3)}
    if max(height, width) > MAX_ASPECT * min(height, width):
        return (f"The picture is too narrow ({width} x {height} pixels) to be a film of the spine.",), scores
    if high - low < BLANK_RANGE:
        return ("The picture is blank: there is no contrast in it.",), scores
    if scores["flat"] > DRAWN:
        return ("This is not a radiograph: it looks like a drawing, a document or a screen.",), scores
    return (), scores


def flat_share(film: NDArray) -> float:
    """Share of pixels that equal their right and lower neighbours at 8 bit; black and white borders not counted."""
    grey = np.clip(np.round(film * 255), 0, 255).astype(np.int16)
    inner = grey[:-1, :-1]
    exposed = (inner > 4) & (inner < 251)
    if exposed.mean() < 0.02:
        return 1.0
    same = (grey[:-1, 1:] == inner) & (grey[1:, :-1] == inner)
    return float(same[exposed].mean())


def seems_inverted(film: NDArray) -> bool:
    """Whether the bright parts lie outside the patient: bone dark, air white.

    Air around the body and collimated borders are black on a film shown as usual, so the edges of the picture are
    darker than its middle. Only a hint: the localiser's answer on both versions decides.
    """
    small = cv2.resize(film, (96, 96), interpolation=cv2.INTER_AREA)
    ring = np.concatenate([small[:6].ravel(), small[-6:].ravel(), small[:, :6].ravel(), small[:, -6:].ravel()])
    return float(np.median(ring)) > float(np.median(small[24:72, 24:72])) + 0.05


def judge(film: NDArray, decoded: Decoded) -> tuple[tuple[str, ...], dict[str, float]]:
    """Reasons not to trust what the localiser saw as a lateral lumbar spine, and the numbers behind them.

    Parameters
    ----------
    film : ndarray
        float32 (H, W) in 0..1, bone bright.
    decoded : Decoded
        The decoder's result on the film.
    """
    picture = picture_logit(film)
    front = frontal_logit(picture, decoded)
    scores = {
        "bodies": float(len(decoded.bodies)),
        "evidence": round(decoded.evidence, 3),
        "sacrum": round(decoded.sacrum, 3),
        "naming": round(decoded.posterior, 3),
        "doubt": round(decoded.doubt, 3),
        "front": round(front, 2),
    }
    from_front, sideways, clear = borders()
    if len(decoded.bodies) >= FEWEST_BODIES and front > from_front and picture > sideways:
        return (wrong_view() if picture > clear else unclear_view(),), scores
    if too_little(decoded):
        reason = (
            "No lumbar spine seen from the side was found. A film from the front, or of another part, cannot be used."
        )
        return (reason,), scores
    return (), scores


def too_little(decoded: Decoded) -> bool:
    """Whether what was found is too little to be a spine."""
    return len(decoded.bodies) < FEWEST_BODIES or decoded.evidence < MIN_EVIDENCE


def unclear_view() -> str:
    """The reason given where the view is likely, but not clearly, the cause."""
    return (
        "The spine is not seen clearly from the side: the film may be taken from the front (AP), show too little, or "
        "be a DXA image; open that as one."
    )


def wrong_view() -> str:
    """The reason given for films from the front."""
    return (
        "This film is taken from the front (AP); a lateral film of the lumbar spine is needed. If it is a DXA image, "
        "open it as one."
    )
