"""Simulated CT: the WHO class of single slices, of hips, and of a person's data.

Shards are the npz files that ``python -m bmd simulate --modality ct`` writes (keys in ``simulator/shards/ct.py``). An
item is one slice of one vertebra, one hip, or one person, and carries one WHO class:

- a slice has the class of the patient's L1-L4 T-score (Choi et al. 2021: the patient's DXA class);
- a hip, and a person's data beside it, the class of the lower T-score of femoral neck and total hip.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import softmax
from torch import nn

from bmd.errors import InputError
from bmd.inputs.ct import HIP_SIZE, SLICE_MM, SLICE_SIZE, hip_input, hip_window, slice_windows
from bmd.inputs.patient import patient_vector_with_bmi
from bmd.metrics import classification, macro_auc
from bmd.reference import CATEGORIES, category
from bmd.training.examples import Arrays, Shards
from bmd.training.task import Example, Items, Metrics, Task
from bmd.types import Demographics

KEYS = ("patient", "t_l1l4", "t_femoral_neck", "t_total_hip")

AXIAL_MM = 160 / 224  # of a pixel in the shards
SIZE_SD, DENSE_SD = 0.10, 0.2
"""SD of the log of a training slice's zoom, and of what is above ``DENSE_HU``: assumptions."""
DENSE_HU = 150.0
"""Above the trabecular bone of most people from 50 on."""
THIRDS = (1 / 3, 1 / 3, 1 / 3)
HA_MIX = (1068 / 3012, 925 / 3012, 1019 / 3012)

Place = tuple[int, int, int]
Float = NDArray[np.float32]
Drawn = Callable[["CtItem", np.random.Generator], Float]


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
    t_score : float
        That the class is of.
    """

    hu: Float
    patient: Demographics
    category: int
    person: int
    t_score: float = math.nan


@dataclass(frozen=True)
class Kind:
    """What a CT task looks at.

    Attributes
    ----------
    name : str
        Of the task.
    mix : tuple of float
        Shares of normal, osteopenia, osteoporosis: those of the paper (Choi: 1,500 slices each; Ha: Table 1). Empty:
        as the folder has them.
    sites : tuple of str
        T-scores in the shards; the lowest gives the class.
    take : callable
        Arrays of one file -> ``hu`` (n, parts, S, S) int16 and ``usable`` (n, parts): which parts of a person can be
        used (in the field, no metal, no fracture).
    size : int
        Side of the picture the network sees, 0 for none.
    inputs : callable
        (HU (S, S), patient) -> the network's inputs, each with a leading axis of 1.
    draw : callable
        (item, rng) -> HU (S, S) as the errors of finding it may leave it.
    """

    name: str
    mix: tuple[float, ...]
    sites: tuple[str, ...]
    take: Callable[[Mapping[str, NDArray[Any]]], Arrays]
    size: int
    inputs: Callable[[Float, Demographics], tuple[Float, ...]]
    draw: Drawn


# --- shards ------------------------------------------------------------------------------------------------------
class CtItems:
    """All items of a kind in a folder of shards, held in memory, in the class mix of the task's paper.

    Parameters
    ----------
    folder : path
        Holds ``ct_*.npz``.
    kind : Kind
        What to look at.
    skip, limit : int
        Leave out the first ``skip`` people; take at most ``limit`` (0: all).
    repeat : bool
        True reaches the class mix by using rare items more than once (training), False by leaving out common ones
        (figures).

    Raises
    ------
    InputError
        "network.no_ct": the folder holds none.
    """

    def __init__(self, folder: str | Path, kind: Kind, skip: int = 0, limit: int = 0, repeat: bool = True) -> None:
        self.kind, self.skip, self.limit, self.repeat = kind, skip, limit, repeat
        self._shards = Shards(folder, "ct", self._take, skip + limit if limit else 0)
        self._where: list[tuple[int, int, int]] = []
        if not self.refresh():
            raise InputError("network.no_ct", folder=str(folder))

    def _take(self, shard: Mapping[str, NDArray[Any]]) -> Arrays:
        return {key: shard[key] for key in KEYS} | self.kind.take(shard)

    @property
    def digests(self) -> dict[str, str]:
        """SHA-256 of every file read, by its name."""
        return self._shards.digests

    def refresh(self) -> int:
        """Take in shards written since the last look; returns the number of items."""
        self._shards.refresh()
        people = self._shards.places(self.skip, self.limit)
        items = [(i, j, int(k)) for i, j in people for k in np.flatnonzero(self._shards.parts[i]["usable"][j])]
        self._where = mixed(items, [self._category(i, j) for i, j, _ in items], self.kind.mix, self.repeat)
        return len(self._where)

    def _category(self, shard: int, row: int) -> int:
        return CATEGORIES.index(category(self._t_score(shard, row)))

    def _t_score(self, shard: int, row: int) -> float:
        return min(float(self._shards.parts[shard][site][row]) for site in self.kind.sites)

    def __len__(self) -> int:
        return len(self._where)

    def __getitem__(self, index: int, /) -> CtItem:
        shard, row, part = self._where[index]
        arrays = self._shards.parts[shard]
        age, male, height, weight = (float(v) for v in arrays["patient"][row])
        hu = arrays["hu"][row, part].astype(np.float32)
        patient = Demographics(age, "M" if male else "F", height, weight)
        person = sum(len(s["t_l1l4"]) for s in self._shards.parts[:shard]) + row
        return CtItem(hu, patient, self._category(shard, row), person, self._t_score(shard, row))


def take_slices(shard: Mapping[str, NDArray[Any]]) -> Arrays:
    """Axial slices, brought to 1 mm a pixel."""
    hu = shard["axial"]
    side = round(hu.shape[-1] * AXIAL_MM / SLICE_MM)
    small = [
        cv2.resize(picture, (side, side), interpolation=cv2.INTER_AREA) for picture in hu.reshape(-1, *hu.shape[2:])
    ]
    return {"hu": np.stack(small).reshape(*hu.shape[:2], side, side), "usable": shard["axial_ok"]}


def take_hips(shard: Mapping[str, NDArray[Any]]) -> Arrays:
    """Coronal pictures of both hips; left ones mirrored."""
    hu = shard["femur"]
    return {"hu": np.stack([hu[:, 0], hu[:, 1, :, ::-1]], 1), "usable": shard["femur_ok"]}


def take_people(shard: Mapping[str, NDArray[Any]]) -> Arrays:
    """No picture, every person once."""
    n = len(shard["t_l1l4"])
    return {"hu": np.zeros((n, 1, 0, 0), np.int16), "usable": np.ones((n, 1), bool)}


def mixed(items: list[Place], categories: list[int], mix: tuple[float, ...], repeat: bool) -> list[Place]:
    """Items in the given class mix, in order: rare ones used again (``repeat``) or common ones left out.

    Without a mix, or where a class has no item, all as they are.
    """
    groups = [[item for item, c in zip(items, categories, strict=True) if c == k] for k in range(len(mix))]
    if not groups or not all(groups):
        return items
    sizes = [len(g) / share for g, share in zip(groups, mix, strict=True)]
    total = max(sizes) if repeat else min(sizes)
    chosen: list[Place] = []
    for group, share in zip(groups, mix, strict=True):
        count = round(total * share)
        chosen += [
            group[n * len(group) // count] if count < len(group) else group[n % len(group)] for n in range(count)
        ]
    return sorted(chosen)


# --- augmentation ------------------------------------------------------------------------------------------------
def centre(hu: Float, size: int) -> Float:
    """The middle ``size`` x ``size`` pixels."""
    top, left = (hu.shape[0] - size) // 2, (hu.shape[1] - size) // 2
    return hu[top : top + size, left : left + size]


def moved(hu: Float, size: int, angle_deg: float, zoom: float, shift: tuple[float, float], mirror: bool) -> Float:
    """Turn, zoom, shift (pixels) and mirror about the middle; the edge's values beyond the edge."""
    c, s = math.cos(math.radians(angle_deg)) / zoom, math.sin(math.radians(angle_deg)) / zoom
    linear = np.array([[c, -s], [s, c]]) @ np.diag([-1.0 if mirror else 1.0, 1.0])
    middle = (np.array(hu.shape[::-1]) - 1) / 2
    offset = middle + np.array(shift) - linear @ np.full(2, (size - 1) / 2)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    moved: Float = cv2.warpAffine(hu, np.c_[linear, offset], (size, size), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return moved


def augment_slice(item: CtItem, rng: np.random.Generator) -> Float:
    """A localiser's small errors (turn 4 degrees, shift 2 mm, SD; half mirrored), and what should not tell of density.

    Sizes differ by 10 % (SD), so that a slice is not read for stature and sex; what is above ``DENSE_HU`` differs by
    a fifth (SD), as kernels, partial volume and hardening leave cortex and arch, so that these alone are no answer.
    """
    shift = tuple(rng.normal(0, 2, 2))
    mirror = bool(rng.random() < 0.5)
    hu = moved(item.hu, SLICE_SIZE, rng.normal(0, 4), math.exp(rng.normal(0, SIZE_SD)), shift, mirror)
    dense = np.maximum(hu - DENSE_HU, 0)
    return np.asarray(hu + dense * (math.exp(rng.normal(0, DENSE_SD)) - 1), np.float32)


def augment_hip(item: CtItem, rng: np.random.Generator) -> Float:
    """Turn, zoom and shift within -10..10 degrees, per cent and pixels, each with p = 0.5 (Ha et al. 2024)."""
    angle, zoom, x, y = rng.uniform(-10, 10, 4) * (rng.random(4) < 0.5)
    return moved(item.hu, HIP_SIZE, angle, 1 + zoom / 100, (x, y), False)


def as_it_is(item: CtItem, rng: np.random.Generator) -> Float:
    """The patient's data are not augmented; fields are hidden in the network."""
    return item.hu


def plain(kind: Kind, item: CtItem, size: int = 0) -> Float:
    """The crop as inference cuts it; the papers fix its size."""
    return centre(item.hu, kind.size) if kind.size else item.hu


# --- examples ----------------------------------------------------------------------------------------------------
def slice_inputs(hu: Float, patient: Demographics) -> tuple[Float, ...]:
    """The two windows of a slice, (1, 2, S, S)."""
    return (slice_windows(hu[None]),)


def hip_inputs(hu: Float, patient: Demographics) -> tuple[Float, ...]:
    """The picture of a hip, (1, 1, S, S)."""
    return (hip_input(hip_window(hu[None])),)


def patient_inputs(hu: Float, patient: Demographics) -> tuple[Float, ...]:
    """What is known of the patient, (1, 10)."""
    return (patient_vector_with_bmi(patient)[None],)


def both_inputs(hu: Float, patient: Demographics) -> tuple[Float, ...]:
    """Hip, then patient."""
    return hip_inputs(hu, patient) + patient_inputs(hu, patient)


def encode(kind: Kind, item: CtItem, hu: Float, rng: np.random.Generator) -> Example:
    """Example of a kind: the network's inputs, then targets with ``category`` int64."""
    arrays = kind.inputs(hu, item.patient)
    return (*(torch.from_numpy(a[0]) for a in arrays), {"category": torch.tensor(item.category)})


# --- validation --------------------------------------------------------------------------------------------------
@torch.inference_mode()
def ct_logits(kind: Kind, network: nn.Module, items: Items[CtItem], count: int = 32) -> dict[str, Float]:
    """What a CT network says of every item, uncut and not augmented: each output (n, 3)."""
    device, found = next(network.parameters()).device, []
    for start in range(0, len(items), count):
        some = [items[i] for i in range(start, min(start + count, len(items)))]
        given = [kind.inputs(plain(kind, item), item.patient) for item in some]
        out = network(*(torch.from_numpy(np.concatenate(arrays)).to(device) for arrays in zip(*given, strict=True)))
        found.append({key: value.float().cpu().numpy() for key, value in out.items()})
    return {key: np.concatenate([row[key] for row in found]) for key in found[0]}


def validate_ct(kind: Kind, network: nn.Module, items: Items[CtItem], size: int) -> Metrics:
    """WHO class of single slices, hips or people in the class mix of the paper: accuracy, means over classes, AUC."""
    logits = ct_logits(kind, network, items)["logits"]
    truth = np.array([items[i].category for i in range(len(items))])
    return classification(truth, logits.argmax(1)) | {"macro_auc": macro_auc(truth, softmax(logits, axis=1))}


HIP_SITES = ("t_femoral_neck", "t_total_hip")
SLICE = Kind("slice", THIRDS, ("t_l1l4",), take_slices, SLICE_SIZE, slice_inputs, augment_slice)
HIP = Kind("hip", HA_MIX, HIP_SITES, take_hips, HIP_SIZE, hip_inputs, augment_hip)
PATIENT = Kind("hip_patient", HA_MIX, HIP_SITES, take_people, 0, patient_inputs, as_it_is)
BOTH = Kind("hip_and_patient", HA_MIX, HIP_SITES, take_hips, HIP_SIZE, both_inputs, augment_hip)
KINDS = {kind.name: kind for kind in (SLICE, HIP, PATIENT, BOTH)}


def _task(kind: Kind, unit: str, inputs: str) -> Task[CtItem, Float]:
    return Task[CtItem, Float](
        name=kind.name,
        inputs=inputs,
        cohort="simulated_ct",
        unit=unit,
        headline="macro_auc",
        read=partial(CtItems, kind=kind),
        plain=partial(plain, kind),
        augment=lambda recipe: kind.draw,
        encode=partial(encode, kind),
        validate=partial(validate_ct, kind),
    )


SLICES = _task(SLICE, "slices", "axial crop of 120 mm, 3 mm thick, two HU windows (bmd/inputs/ct.py: axial_crop)")
HIPS = _task(HIP, "hips", "oblique coronal crop of 219 mm, 3 mm thick, HU -500 to 1500 (bmd/inputs/ct.py: hip_crop)")
PATIENTS = _task(PATIENT, "people", "standardised values and presence flags (bmd/inputs/patient.py)")
HIPS_AND_PATIENTS = _task(BOTH, "hips", f"{HIPS.inputs}; {PATIENTS.inputs}")
