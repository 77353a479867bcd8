"""Lateral films: boxes around L1-L5, and boxes with masks, in five classes or nine (Jung 2020, step 1)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from bmd.metrics import Boxes, average_precision
from bmd.metrics.boxes import Masks, mask_iou
from bmd.reference import DETECTED, LUMBAR, OSTEOPOROSIS_FROM_T
from bmd.training.examples import collate_lists
from bmd.training.films import FIRST_LUMBAR, Film, Films, View
from bmd.training.task import Example, Items, Metrics
from bmd.training.tasks.film import MASKS, device_of, image_tensor, view_batches

Found: TypeAlias = dict[str, Tensor]
"""What a detector finds on one film."""


def view_boxes(view: View) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Boxes float32 (n, 4) around the lumbar bodies of which at least half is in view, and their classes 1..5."""
    share = view.share_in_view()
    boxes, classes = [], []
    for number in range(1, len(LUMBAR) + 1):
        level = FIRST_LUMBAR + number - 1
        if share[level] < 0.5:
            continue
        mask = view.labels == level + 1
        rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
        edges = np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1], np.float32)
        boxes.append(edges * view.stride)  # box edges in the detection convention: pixel i covers i..i + 1
        classes.append(number)
    return np.array(boxes, np.float32).reshape(-1, 4), np.array(classes, np.int64)


def as_nine(classes: NDArray[np.int64], film: Film) -> NDArray[np.int64]:
    """Classes 1..5 as 1..9: L1-L4, then L1-L4 with a T-score of -2.5 or less, then L5 (``reference.DETECTED``).

    A body without a T-score counts as not osteoporotic; Jung left such bodies out.
    """
    last = len(LUMBAR)
    t = film.t_score[FIRST_LUMBAR + classes - 1]
    return np.where(classes == last, len(DETECTED["nine"]), classes + (last - 1) * (t <= OSTEOPOROSIS_FROM_T))


def encode_boxes(film: Film, view: View, rng: np.random.Generator) -> Example:
    """Example for a detector: film (1, S, S), then boxes (n, 4) in pixels, labels (n,) 1..5 = L1..L5 and nine (n,)."""
    return image_tensor(view), _targets(film, view)


def _targets(film: Film, view: View) -> dict[str, Tensor]:
    boxes, classes = view_boxes(view)
    targets = {"boxes": boxes, "labels": classes, "nine": as_nine(classes, film)}
    return {key: torch.from_numpy(value) for key, value in targets.items()}


def view_masks(view: View, classes: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Masks (n, S, S) of the bodies of classes 1..5, of a view whose labels are as fine as its picture."""
    return np.asarray(view.labels[None] == (FIRST_LUMBAR + classes)[:, None, None])


def encode_instances(film: Film, view: View, rng: np.random.Generator) -> Example:
    """The same with the bodies' masks, uint8 (n, S, S)."""
    targets = _targets(film, view)
    masks = view_masks(view, targets["labels"].numpy())
    return image_tensor(view), {**targets, "masks": torch.from_numpy(masks.astype(np.uint8))}


# --- validation ---------------------------------------------------------------------------------------------------
def answers(network: nn.Module, films: Items[Film], size: int) -> Iterator[tuple[View, Boxes, Found]]:
    """Every film as it is seen, its true boxes in the network's classes, and what the network finds."""
    nine = getattr(network, "classes", "five") == "nine"
    for some, views in view_batches(films, size, 4):
        x = torch.stack([image_tensor(view) for view in views]).to(device_of(network))
        for film, view, out in zip(some, views, network(list(x)), strict=True):
            boxes, classes = view_boxes(view)
            yield view, Boxes(boxes, as_nine(classes, film) if nine else classes), out


def _array(out: Found, key: str) -> NDArray[Any]:
    return np.asarray(out[key].float().cpu().numpy())


def _boxes(out: Found) -> Boxes:
    return Boxes(*(_array(out, key) for key in ("boxes", "labels", "scores")))


@torch.inference_mode()
def found_boxes(network: nn.Module, films: Items[Film], size: int) -> tuple[list[Boxes], list[Boxes]]:
    """True boxes of L1-L5 in view and what a detector finds, film by film."""
    rows = [(truth, _boxes(out)) for _, truth, out in answers(network, films, size)]
    return [truth for truth, _ in rows], [found for _, found in rows]


def each_mask(network: nn.Module, films: Items[Film], size: int) -> Iterator[tuple[Boxes, Boxes]]:
    """The same of masks, one film after the other: those of hundreds of films do not fit into memory."""
    with torch.inference_mode():
        for view, truth, out in answers(network, films, size):
            real = Masks.of_stack(view_masks(view, view_boxes(view)[1]), truth.labels)
            said = Masks.of_stack(out["masks"][:, 0].cpu().numpy() > 0.5, _array(out, "labels"), _array(out, "scores"))
            yield real, said


def found_masks(network: nn.Module, films: Items[Film], size: int) -> tuple[list[Boxes], list[Boxes]]:
    """All of them, for ``average_precision`` with ``mask_iou``."""
    rows = list(each_mask(network, films, size))
    return [truth for truth, _ in rows], [found for _, found in rows]


def validate_boxes(network: nn.Module, films: Items[Film], size: int) -> Metrics:
    """COCO AP, AP50 and AP75 (x 100) of L1-L5 and share of bodies whose best-scored box of the level is right."""
    truths, found = found_boxes(network, films, size)
    exact = []
    for truth, said in zip(truths, found, strict=True):
        for box, number in zip(truth.boxes, truth.labels, strict=True):
            mine = said.of(int(number))[0][:1]  # sorted by score
            exact.append(bool(len(mine)) and float(np.abs(mine[0] - box).max()) < 0.3 * (box[3] - box[1]))
    return average_precision(truths, found) | {"level_exact": float(np.mean(exact or [0]))}


def validate_instances(network: nn.Module, films: Items[Film], size: int) -> Metrics:
    """The figures of boxes, and COCO AP, AP50 and AP75 (x 100) of masks."""
    masks = average_precision(*found_masks(network, films, size), iou=mask_iou)
    return validate_boxes(network, films, size) | {f"mask_{key}": value for key, value in masks.items()}


BOXES = replace(
    MASKS,
    name="boxes",
    headline="ap50",
    read=Films,
    encode=encode_boxes,
    collate=collate_lists,
    validate=validate_boxes,
)
INSTANCES = replace(BOXES, name="instances", encode=encode_instances, validate=validate_instances)
