"""Boxes of L1-L5 on lateral films: COCO average precision in percent (Jung 2020, Table 1)."""

from __future__ import annotations

from typing import Any

import numpy as np

from bmd.metrics.boxes import THRESHOLDS, Boxes, hits_of, precision_of
from bmd.reproduction.plan import Columns, Figure, Measure, Outcome

CLASSES = range(1, 10)
"""Of the detector that has most; of five classes the others never occur."""
MOST = 20
"""Detections of a class on a film that are kept, the best first: COCO's limit of 100 for five classes."""


def films(network: Any, folder: str, size: int) -> Outcome:
    """Every film: of each class how many true boxes, and the detections' scores and whether each is right."""
    from bmd.training.films import Films
    from bmd.training.tasks.boxes import found_boxes

    truths, found = found_boxes(network, Films(folder), size)
    shape = (len(truths), len(CLASSES), MOST)
    scores, right = np.full(shape, np.nan), np.zeros((*shape, len(THRESHOLDS)), bool)
    count = np.zeros(shape[:2], np.int64)
    for i, (truth, said) in enumerate(zip(truths, found, strict=True)):
        for k, label in enumerate(CLASSES):
            count[i, k] = len(truth.of(label)[0])
            s, r = _best(truth, said, label)
            scores[i, k, : len(s)], right[i, k, : len(s)] = s, r
    return Outcome(np.arange(len(truths)), {"count": count, "scores": scores, "right": right}, "films")


def _best(truth: Boxes, said: Boxes, label: int) -> tuple[Any, Any]:
    scores, right = hits_of(truth.of(label)[0], *said.of(label))
    return scores[:MOST], right[:MOST]


def precisions(columns: Columns) -> np.ndarray:
    """AP in percent at every threshold (10,), averaged over the classes that occur."""
    rows = []
    for k in range(len(CLASSES)):
        count, there = int(columns["count"][:, k].sum()), np.isfinite(columns["scores"][:, k])
        if count:
            rows.append(precision_of(columns["scores"][:, k][there], columns["right"][:, k][there], count))
    return 100 * np.mean(rows, 0) if rows else np.full(len(THRESHOLDS), np.nan)


FIGURES: dict[str, Figure] = {
    "ap": lambda columns: float(precisions(columns).mean()),
    "ap50": lambda columns: float(precisions(columns)[0]),
    "ap75": lambda columns: float(precisions(columns)[5]),
}
BOXES = Measure(films, FIGURES)
