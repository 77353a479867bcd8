"""Simulated CT from shards, turned into training examples for the slice, hip and patient-data networks.

Shards are the npz files that ``python -m bmd simulate --modality ct`` writes (keys in ``simulator/shards/ct.py``). An
item is one slice of one vertebra, one hip, or one person, and carries one WHO class:

- a slice has the class of the patient's L1-L4 T-score (Choi et al. 2021: the patient's DXA class);
- a hip, and a person's data beside it, the class of the lower T-score of femoral neck and total hip.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bmd.errors import InputError
from bmd.inputs.ct import HIP_SIZE, SLICE_MM, SLICE_SIZE, hip_input, hip_window, slice_windows
from bmd.inputs.patient import patient_vector_with_bmi
from bmd.reference import CATEGORIES, category
from bmd.simulator.shards.store import finished
from bmd.types import Demographics

KEYS = ("patient", "t_l1l4", "t_femoral_neck", "t_total_hip")
PICTURES = {"slice": ("axial", "axial_ok"), "hip": ("femur", "femur_ok"), "hip_and_patient": ("femur", "femur_ok")}
"""Pictures of a person by task, and which of them can be used (in the field, no metal, no fracture)."""

AXIAL_MM = 160 / 224  # of a pixel in the shards
THIRDS = (1 / 3, 1 / 3, 1 / 3)
HA_MIX = (1068 / 3012, 925 / 3012, 1019 / 3012)
MIX = {"slice": THIRDS, "hip": HA_MIX, "hip_patient": HA_MIX, "hip_and_patient": HA_MIX}
"""Shares of normal, osteopenia, osteoporosis by task: those of the papers (Choi: 1,500 slices each; Ha: Table 1)."""

TASKS = tuple(MIX)

Example = tuple[Tensor | dict[str, Tensor], ...]


@dataclass(frozen=True, eq=False)
class CtItem:
    """One example before it is augmented.

    Attributes
    ----------
    hu : ndarray
        float32 (S, S) HU: the axial or coronal crop; (0, 0) for a person without a picture.
    patient : Demographics
        What is known of the person.
    category : int
        Index into ``reference.CATEGORIES``.
    person : int
        Number of the person in the folder: items of one person belong together.
    """

    hu: NDArray
    patient: Demographics
    category: int
    person: int


class CtItems:
    """All items of a task in a folder of shards, held in memory, in the class mix of the task's paper.

    Parameters
    ----------
    folder : path
        Holds ``ct_*.npz``.
    task : str
        One of ``TASKS``.
    skip, limit : int
        Leave out the first ``skip`` people; take at most ``limit`` (0: all).
    repeat : bool
        True reaches the class mix by using rare items more than once (training), False by leaving out common ones
        (figures).
    """

    def __init__(self, folder: str | Path, task: str, skip: int = 0, limit: int = 0, repeat: bool = True) -> None:
        self.folder, self.task, self.skip, self.limit, self.repeat = Path(folder), task, skip, limit, repeat
        self._shards: list[dict[str, NDArray]] = []
        self._names: list[str] = []
        self._where: list[tuple[int, int, int]] = []
        self.refresh()
        if not self._where:
            remedy = "Run `python -m bmd simulate --modality ct` first."
            raise InputError("No simulated CT to train on", str(self.folder), remedy)

    def refresh(self) -> int:
        """Take in shards written since the last look; returns the number of items."""
        for path in finished(self.folder, "ct"):
            enough = self.limit and sum(len(s["t_l1l4"]) for s in self._shards) >= self.skip + self.limit
            if path.name not in self._names and not enough:
                self._shards.append(read_shard(path, self.task))
                self._names.append(path.name)
        people = [(i, j) for i, s in enumerate(self._shards) for j in range(len(s["t_l1l4"]))][self.skip :]
        people = people[: self.limit] if self.limit else people
        items = [(i, j, k) for i, j in people for k in self._parts(i, j)]
        self._where = mixed(items, [self._category(i, j) for i, j, _ in items], MIX[self.task], self.repeat)
        return len(self._where)

    def _parts(self, shard: int, row: int) -> NDArray:
        """Which slices or hips of a person can be used."""
        return np.flatnonzero(self._shards[shard]["usable"][row])

    def _category(self, shard: int, row: int) -> int:
        s = self._shards[shard]
        t = s["t_l1l4"][row] if self.task == "slice" else min(s["t_femoral_neck"][row], s["t_total_hip"][row])
        return CATEGORIES.index(category(float(t)))

    def __len__(self) -> int:
        return len(self._where)

    def __getitem__(self, index: int) -> CtItem:
        shard, row, part = self._where[index]
        arrays = self._shards[shard]
        age, male, height, weight = (float(v) for v in arrays["patient"][row])
        hu = arrays["hu"][row, part].astype(np.float32)
        patient = Demographics(age, "M" if male else "F", height, weight)
        person = sum(len(s["t_l1l4"]) for s in self._shards[:shard]) + row
        return CtItem(hu, patient, self._category(shard, row), person)


def read_shard(path: Path, task: str) -> dict[str, NDArray]:
    """What a task needs of one shard: ``KEYS``, ``hu`` (n, parts, S, S) int16 and ``usable`` (n, parts).

    Slices are brought to 1 mm a pixel, left hips are mirrored.
    """
    with np.load(path) as shard:
        arrays = {key: shard[key] for key in KEYS}
        if task not in PICTURES:
            n = len(arrays["t_l1l4"])
            return arrays | {"hu": np.zeros((n, 1, 0, 0), np.int16), "usable": np.ones((n, 1), bool)}
        hu, usable = (shard[key] for key in PICTURES[task])
    if task == "slice":
        side = round(hu.shape[-1] * AXIAL_MM / SLICE_MM)
        small = [
            cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA) for picture in hu.reshape(-1, *hu.shape[2:])
        ]
        hu = np.stack(small).reshape(*hu.shape[:2], side, side)
    else:
        hu = np.stack([hu[:, 0], hu[:, 1, :, ::-1]], 1)
    return arrays | {"hu": hu, "usable": usable}


def mixed(items: list, categories: list[int], mix: tuple[float, ...], repeat: bool) -> list:
    """Items in the given class mix, in order: rare ones used again (``repeat``) or common ones left out."""
    groups = [[item for item, c in zip(items, categories, strict=True) if c == k] for k in range(len(mix))]
    if not all(groups):
        return items
    sizes = [len(g) / share for g, share in zip(groups, mix, strict=True)]
    total = max(sizes) if repeat else min(sizes)
    chosen = []
    for group, share in zip(groups, mix, strict=True):
        count = round(total * share)
        chosen += [
            group[n * len(group) // count] if count < len(group) else group[n % len(group)] for n in range(count)
        ]
    return sorted(chosen)


# --- augmentation ------------------------------------------------------------------------------------------------
def centre(hu: NDArray, size: int) -> NDArray:
    """The middle ``size`` x ``size`` pixels."""
    top, left = (hu.shape[0] - size) // 2, (hu.shape[1] - size) // 2
    return hu[top : top + size, left : left + size]


def moved(hu: NDArray, size: int, angle_deg: float, zoom: float, shift: tuple[float, float], mirror: bool) -> NDArray:
    """Turn, zoom, shift (pixels) and mirror about the middle; the edge's values beyond the edge."""
    c, s = math.cos(math.radians(angle_deg)) / zoom, math.sin(math.radians(angle_deg)) / zoom
    linear = np.array([[c, -s], [s, c]]) @ np.diag([-1.0 if mirror else 1.0, 1.0])
    middle = (np.array(hu.shape[::-1]) - 1) / 2
    offset = middle + np.array(shift) - linear @ np.full(2, (size - 1) / 2)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(hu, np.c_[linear, offset], (size, size), flags=flags, borderMode=cv2.BORDER_REPLICATE)


def augment_slice(item: CtItem, rng: np.random.Generator) -> NDArray:
    """The small errors of a localiser: turn 4 degrees, zoom 3 %, shift 2 mm (SD); half are mirrored."""
    shift = tuple(rng.normal(0, 2, 2))
    mirror = bool(rng.random() < 0.5)
    return moved(item.hu, SLICE_SIZE, rng.normal(0, 4), math.exp(rng.normal(0, 0.03)), shift, mirror)


def augment_hip(item: CtItem, rng: np.random.Generator) -> NDArray:
    """Turn, zoom and shift within -10..10 degrees, per cent and pixels, each with p = 0.5 (Ha et al. 2024)."""
    angle, zoom, x, y = rng.uniform(-10, 10, 4) * (rng.random(4) < 0.5)
    return moved(item.hu, HIP_SIZE, angle, 1 + zoom / 100, (x, y), False)


def no_picture(item: CtItem, rng: np.random.Generator) -> NDArray:
    """The patient's data are not augmented; fields are hidden in the network."""
    return item.hu


def plain(task: str, item: CtItem) -> NDArray:
    """The crop as inference cuts it."""
    return item.hu if task == "hip_patient" else centre(item.hu, SLICE_SIZE if task == "slice" else HIP_SIZE)


# --- examples ----------------------------------------------------------------------------------------------------
def inputs(task: str, hu: NDArray, patient: Demographics) -> tuple[NDArray, ...]:
    """The network's inputs for one crop (S, S) and patient, each with a leading axis of 1."""
    known = patient_vector_with_bmi(patient)[None]
    if task == "slice":
        return (slice_windows(hu[None]),)
    if task == "hip_patient":
        return (known,)
    picture = hip_input(hip_window(hu[None]))
    return (picture,) if task == "hip" else (picture, known)


def encoder(task: str) -> Callable[[Any, Any, np.random.Generator], Example]:
    """Function that makes the example of a task: the network's inputs, then targets with ``category`` int64."""

    def encode(item: CtItem, hu: NDArray, rng: np.random.Generator) -> Example:
        arrays = inputs(task, hu, item.patient)
        return (*(torch.from_numpy(a[0]) for a in arrays), {"category": torch.tensor(item.category)})

    return encode


AUGMENT: dict[str, Any] = {
    "slice": augment_slice,
    "hip": augment_hip,
    "hip_patient": no_picture,
    "hip_and_patient": augment_hip,
}
