"""Both hips of a CT: found, cut along the neck, and read by the image, the patient-data and the multimodal network."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from bmd.inference.ct.hips import HipSite, find_hips
from bmd.inference.ct.slices import of_logits
from bmd.inference.run import Networks
from bmd.inputs.ct import hip_crop, hip_input, hip_window
from bmd.inputs.patient import patient_vector_with_bmi
from bmd.types import Demographics, Hip, Prediction, Volume

IMAGE, PATIENT, BOTH = "femur_image", "femur_demographics", "femur_multimodal"
"""Roles."""
LEVEL = "hip"
"""What these networks answer for: the lower T-score of femoral neck and total hip."""


def find_and_read_hips(
    volume: Volume, patient: Demographics, networks: Networks, spine_ends_mm: float = 0.0
) -> tuple[tuple[Hip, ...], dict[str, Prediction]]:
    """Find both hips in a CT and say what each network makes of them.

    As for ``slices.classify_slices``, there is no T-score: ``category`` is the most probable class.

    Parameters
    ----------
    volume : Volume
        The CT.
    patient : Demographics
        What is known; missing values stay missing.
    networks : Networks
        Runs the networks of the three roles.
    spine_ends_mm : float
        See ``hips.find_hips``.

    Returns
    -------
    tuple of Hip
        The right and the left one; a hip that was not read has a ``reason``. ``crop`` is as the network sees it: a left
        hip is mirrored. ``prediction`` is the multimodal network's where anything is known of the patient, else the
        image network's.
    dict of str to Prediction
        For the patient, by role: image only and both (mean logits of the hips read), demographics only; those without
        an input are left out.

    Raises
    ------
    WeightsError
        A network's weights are missing or damaged.
    """
    sites = find_hips(volume, spine_ends_mm)
    hips = tuple(_cut(volume, site) for site in sites)
    read = [hip for hip in hips if hip.crop is not None]
    known = patient_vector_with_bmi(patient)
    anything = bool(known[len(known) // 2 :].any())
    answers: dict[str, Prediction] = {}
    each: dict[str, list[Prediction]] = {}
    if read:
        pictures = hip_input(np.stack([np.asarray(hip.crop) for hip in read]))
        logits = {IMAGE: networks.run(IMAGE, pictures)["logits"]}
        if anything:
            logits[BOTH] = networks.run(BOTH, pictures, np.repeat(known[None], len(read), 0))["logits"]
        each = {role: [_answer(row, role, networks) for row in rows] for role, rows in logits.items()}
        answers = {role: _answer(rows.mean(0), role, networks) for role, rows in logits.items()}
    if anything:
        answers[PATIENT] = _answer(networks.run(PATIENT, known[None])["logits"][0], PATIENT, networks)
    best = each.get(BOTH) or each.get(IMAGE) or []
    by_side = {hip.side: prediction for hip, prediction in zip(read, best, strict=True)}
    return tuple(replace(hip, prediction=by_side.get(hip.side)) for hip in hips), answers


def _cut(volume: Volume, site: HipSite) -> Hip:
    spacing = volume.spacing_mm
    centre = None
    if site.head_mm is not None:
        z, y, x = (mm / step for mm, step in zip(site.head_mm, spacing, strict=True))
        centre = (z, y, x)
    if site.plane is None:
        return Hip(site.side, site.reason, None, centre)
    return Hip(site.side, None, hip_window(hip_crop(volume.voxels, spacing, site.plane)), centre)


def _answer(logits: NDArray[np.float32], role: str, networks: Networks) -> Prediction:
    numbers = networks.metadata(role).get("calibration") or {}
    return of_logits(LEVEL, logits, float(numbers.get("temperature", 1.0)), networks.name(role))
