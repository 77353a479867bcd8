"""Simulated CT on disk for training: shards of 100 people, the slices and reformats the networks look at.

Every shard ``ct_<first seed>.npz`` holds, for n people:

===================  =================  ==========================================================================
key                  shape, type        what
===================  =================  ==========================================================================
axial                (n, 4, 224, 224)   int16 HU: slice through the middle of L1, L2, L3, L4, cut 160 mm wide around
                                        the vertebra (0.714 mm pixels); rows front to back, columns right to left
axial_ok             (n, 4) bool        the slice is of an intact vertebra without metal or cement
axial_label          (n, 4, 224, 224)   uint8: 1 where the body is
roi_hu               (n, 4) float32     mean HU of the trabecular region of that slice (body eroded by 4.5 mm)
femur                (n, 2, 250, 250)   int16 HU: coronal reformat of the right and the left hip, 0.75-1.0 mm pixels,
                                        2-4 mm thick; rows head to feet, columns right to left (not mirrored); -1024
                                        out of the scan
femur_ok             (n, 2) bool        no metal, and head and neck in the field
patient              (n, 4) float32     age in years, sex (1 male), height in cm, weight in kg
bmd, t_score         (n, 9) float32     areal density (g/cm2) and T-score per ``reference.LEVELS``; NaN but for L1-L5
bmd_l1l4, t_l1l4     (n,) float32       the lumbar value
bmd_femoral_neck, t_femoral_neck, bmd_total_hip, t_total_hip
                     (n,) float32       the hip's values
fracture             (n, 4) int8        Genant grade of L1-L4
kvp, thickness_mm    (n,) float32       tube voltage; slice thickness of the axial slices
phase                (n,) uint8         contrast: 0 none, 1 arterial, 2 portal
tags                 (n,) str           comma-separated nuisances: implant, cement, metal_hip, scoliosis, transitional
seed                 (n,) int64
===================  =================  ==========================================================================
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bmd.reference import LEVELS
from bmd.simulator.case import draw_person
from bmd.simulator.ct.reformat import AXIAL_LEVELS, axial_slice, femur_reformat, trabecular_hu
from bmd.simulator.ct.scan import lie_down
from bmd.simulator.ct.scanner import PHASES
from bmd.simulator.shards import store

PEOPLE = store.Kind("ct", 100, "--modality ct ")
SITES = ("L1-L4", "femoral_neck", "total_hip")


def training_views(seed: int, cohort: str = "film") -> dict[str, Any]:
    """The row of a shard for one seed; see the module for its keys."""
    rng = np.random.default_rng(seed)
    person = draw_person(rng, None, cohort)
    scene = lie_down(person, rng)
    slices = [axial_slice(scene, level, rng) for level in AXIAL_LEVELS]
    hips = [femur_reformat(scene, side, rng) for side in (0, 1)]
    who, scan = person.body, scene.scan
    grades = [scene.skeleton.bone(level).fracture_grade for level in AXIAL_LEVELS]
    spoiled = bool({"implant", "cement"} & scene.tags)
    row: dict[str, Any] = {
        "axial": np.stack([hu for hu, _ in slices]),
        "axial_label": np.stack([label for _, label in slices]),
        "axial_ok": np.array([grade == 0 and not spoiled for grade in grades]),
        "roi_hu": np.array([trabecular_hu(hu, label) for hu, label in slices], np.float32),
        "femur": np.stack([hu for hu, _ in hips]),
        "femur_ok": np.array([whole for _, whole in hips]),
        "patient": np.array([who.age_y, who.sex == "M", who.height_cm, who.weight_kg], np.float32),
        "bmd": np.array([person.bmd.get(level, np.nan) for level in LEVELS], np.float32),
        "t_score": np.array([person.t_scores.get(level, np.nan) for level in LEVELS], np.float32),
        "fracture": np.array(grades, np.int8),
        "kvp": np.float32(scan.kvp),
        "thickness_mm": np.float32(scan.thickness_mm),
        "phase": np.uint8(PHASES.index(scan.phase)),
        "tags": ",".join(sorted(scene.tags)),
        "seed": np.int64(seed),
    }
    for site in SITES:
        name = site.replace("L1-L4", "l1l4")
        row[f"bmd_{name}"], row[f"t_{name}"] = np.float32(person.bmd[site]), np.float32(person.t_scores[site])
    return row


def write_ct_shards(out: str, count: int, seed: int, workers: int = 1, cohort: str = "film") -> list[str]:
    """Simulate ``count`` people with seeds from ``seed`` on into ``out``; shards already there are kept."""
    row = partial(training_views, cohort=cohort)
    command = f"python -m bmd simulate --modality ct --cohort {cohort}"
    return store.write_all(out, PEOPLE, range(seed, seed + count), row, command, workers)


def read_ct_shards(folder: str, limit: int | None = None, keys: tuple[str, ...] = ()) -> dict[str, NDArray[Any]]:
    """All people of a folder in order of seed (``limit`` at most), all keys or those named; InputError if none."""
    return store.read(folder, PEOPLE, limit, keys)
