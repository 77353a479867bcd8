"""Boxes and masks of L1-L5 on lateral films: COCO average precision in percent (Jung 2020, Tables 1-4)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from bmd.metrics.boxes import THRESHOLDS, Boxes, Overlap, box_iou, hits_of, mask_iou, precision_of
from bmd.reproduction.plan import Columns, Figure, Measure, Outcome

CLASSES = range(1, 10)
"""Of the detector that has most; of five classes the others never occur."""
MOST = 20
"""Detections of a class on a film that are kept, the best first: COCO's limit of 100 for five classes."""


def films(network: Any, folder: str, size: int) -> Outcome:
    """Every film: of each class how many true boxes, and the detections' scores and whether each is right."""
    from bmd.training.films import Films
    from bmd.training.tasks.boxes import found_boxes

    return _judged(zip(*found_boxes(network, Films(folder), size), strict=True), box_iou)


def masks(network: Any, folder: str, size: int) -> Outcome:
    """The same of masks."""
    from bmd.training.films import Films
    from bmd.training.tasks.boxes import each_mask

    return _judged(each_mask(network, Films(folder), size), mask_iou)


def _judged(pairs: Iterable[tuple[Boxes, Boxes]], iou: Overlap) -> Outcome:
    """What of true and found boxes, or masks, of each film the figures need."""
    rows = []
    for truth, said in pairs:
        count = np.array([len(truth.of(label)[0]) for label in CLASSES])
        scores = np.full((len(CLASSES), MOST), np.nan)
        right = np.zeros((len(CLASSES), MOST, len(THRESHOLDS)), bool)
        for k, label in enumerate(CLASSES):
            s, r = hits_of(truth.of(label)[0], *said.of(label), iou)
            scores[k, : len(s[:MOST])], right[k, : len(r[:MOST])] = s[:MOST], r[:MOST]
        rows.append((count, scores, right))
    count, scores, right = (np.stack([row[k] for row in rows]) for k in range(3))
    columns = {"count": count, "scores": scores, "right": right}
    return Outcome(np.arange(len(rows)), columns, "films")


def precisions(columns: Columns) -> np.ndarray:
    """AP in percent at every threshold (10,), averaged over the classes that occur."""
    rows = []
    for k in range(len(CLASSES)):
        count, there = int(columns["count"][:, k].sum()), np.isfinite(columns["scores"][:, k])
        if count:
            rows.append(precision_of(columns["scores"][:, k][there], columns["right"][:, k][there], count))
    return 100 * np.mean(rows, 0) if rows else np.full(len(THRESHOLDS), np.nan)


class Last:
    """``precisions`` of the columns asked last: three figures are of the same draw."""

    def __init__(self) -> None:
        self.columns: Columns = {}
        self.found = np.zeros(0)

    def __call__(self, columns: Columns) -> np.ndarray:
        """The same as ``precisions``."""
        if columns is not self.columns:
            self.columns, self.found = columns, precisions(columns)
        return self.found


_precisions = Last()
FIGURES: dict[str, Figure] = {
    "ap": lambda columns: float(_precisions(columns).mean()),
    "ap50": lambda columns: float(_precisions(columns)[0]),
    "ap75": lambda columns: float(_precisions(columns)[5]),
}
BOXES = Measure(films, FIGURES)
INSTANCES = Measure(masks, FIGURES)
