"""The second reader of a CT: the pair ensemble on an axial slice through each of L1-L4, then the patient."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from bmd.inference.run import Networks
from bmd.inputs.ct import axial_crop, body_centre, slice_windows
from bmd.reference import CATEGORIES, DENSITY_LEVELS
from bmd.types import Prediction, Vertebra, Volume

ROLE = "slices"
FEWEST = 2
"""A patient is never classified from a single vertebra (ISCD 2023)."""


def classify_slices(
    volume: Volume, vertebrae: Iterable[Vertebra], networks: Networks
) -> tuple[tuple[Prediction, ...], Prediction | None]:
    """WHO class of the lumbar spine as each vertebra's slice shows it, and of the patient.

    The network answers with probabilities, not with a T-score: ``t_score`` and ``bmd_g_cm2`` are None and ``category``
    is the class of the highest calibrated probability. Every slice answers for the patient's L1-L4, as in the paper.

    Parameters
    ----------
    volume : Volume
        The CT.
    vertebrae : iterable of Vertebra
        Any levels; L1-L4 with a ``body`` are looked at. L5 is outlined and not classed, as on a film.
    networks : Networks
        Runs the network of the role.

    Returns
    -------
    tuple of Prediction, Prediction or None
        One per slice, and the patient's (mean logits of L1-L4; None with fewer than two of them).

    Raises
    ------
    WeightsError
        The network's weights are missing or damaged.
    """
    chosen = [v for v in vertebrae if v.level in DENSITY_LEVELS and v.body is not None and v.body.mask.any()]
    if not chosen:
        return (), None
    crops = np.stack([axial_crop(volume.voxels, volume.spacing_mm, body_centre(v)) for v in chosen])
    logits = networks.run(ROLE, slice_windows(crops))["logits"]
    temperature, network = networks.metadata(ROLE).get("calibration") or {}, networks.name(ROLE)
    each = tuple(
        of_logits(str(v.level), row, float(temperature.get("slice_temperature", 1.0)), network)
        for v, row in zip(chosen, logits, strict=True)
    )
    if len(chosen) < FEWEST:
        return each, None
    mean = logits.mean(0)
    return each, of_logits(None, mean, float(temperature.get("patient_temperature", 1.0)), network)


def of_logits(level: str | None, logits: NDArray[np.floating], temperature: float, model: str) -> Prediction:
    """Prediction of a classifier: calibrated probabilities and the most probable class, no T-score."""
    share = softmax(np.asarray(logits, float) / temperature)
    return Prediction(
        level=level,
        bmd_g_cm2=None,
        t_score=None,
        interval=None,
        probabilities={name: round(float(p), 4) for name, p in zip(CATEGORIES, share, strict=True)},
        category=CATEGORIES[int(share.argmax())],
        model=model,
    )
