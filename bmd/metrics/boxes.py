"""COCO average precision of boxes: greedy matching by score, 101 recalls, classes that occur averaged."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

THRESHOLDS = np.linspace(0.5, 0.95, 10)
RECALLS = np.linspace(0, 1, 101)


@dataclass(frozen=True, eq=False)
class Boxes:
    """Boxes of one picture.

    Attributes
    ----------
    boxes : ndarray
        (n, 4) x1, y1, x2, y2 in pixels.
    labels : ndarray
        int (n,), from 1.
    scores : ndarray or None
        (n,) for predictions; None for the truth.
    """

    boxes: NDArray[np.floating]
    labels: NDArray[np.integer]
    scores: NDArray[np.floating] | None = None

    def of(self, label: int) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
        """Boxes (m, 4) of one class and their scores (m,), 1 where none are given."""
        mine = np.asarray(self.labels) == label
        scores = np.ones(len(self.boxes)) if self.scores is None else np.asarray(self.scores)
        return np.asarray(self.boxes).reshape(-1, 4)[mine], scores[mine]


@dataclass(frozen=True, eq=False)
class Masks(Boxes):
    """Masks of one picture: ``boxes`` holds their pixels, bool (n, pixels)."""

    @classmethod
    def of_stack(
        cls, masks: NDArray[np.bool_], labels: NDArray[np.integer], scores: NDArray[np.floating] | None = None
    ) -> Masks:
        """Masks bool (n, h, w), their labels (n,) and, of predictions, scores (n,)."""
        return cls(masks.reshape(len(masks), -1), labels, scores)  # type: ignore[arg-type]

    def of(self, label: int) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
        """Pixels (m, pixels) of one class and their scores (m,), 1 where none are given."""
        mine = np.asarray(self.labels) == label
        scores = np.ones(len(self.boxes)) if self.scores is None else np.asarray(self.scores)
        return np.asarray(self.boxes)[mine], scores[mine]


Overlap: TypeAlias = Callable[[NDArray[np.floating], NDArray[np.floating]], NDArray[np.float64]]
"""(n, c) and (m, c) to intersection over union (n, m)."""


def mask_iou(a: NDArray[np.floating], b: NDArray[np.floating]) -> NDArray[np.float64]:
    """Intersection over union (n, m) of masks (n, pixels) and (m, pixels)."""
    one, other = np.asarray(a, np.float32), np.asarray(b, np.float32)
    both = one @ other.T
    return np.asarray(both / np.maximum(one.sum(1)[:, None] + other.sum(1)[None] - both, 1e-9), np.float64)


def box_iou(a: NDArray[np.floating], b: NDArray[np.floating]) -> NDArray[np.float64]:
    """Intersection over union (n, m) of boxes (n, 4) and (m, 4)."""
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    overlap = np.clip(high - low, 0, None).prod(2)
    area_a, area_b = (a[:, 2:] - a[:, :2]).prod(1), (b[:, 2:] - b[:, :2]).prod(1)
    return np.asarray(overlap / np.maximum(area_a[:, None] + area_b[None] - overlap, 1e-9), np.float64)


def average_precision(truth: Sequence[Boxes], predicted: Sequence[Boxes], iou: Overlap = box_iou) -> dict[str, float]:
    """COCO average precision in percent, of boxes or, with ``Masks`` and ``mask_iou``, of masks.

    ``ap`` (IoU .50:.95), ``ap50`` and ``ap75``; NaN without a true box.

    Parameters
    ----------
    truth, predicted : sequence of Boxes
        One of each for every picture, in the same order. Predictions of classes that never occur do not count.

    Raises
    ------
    ValueError
        The sequences differ in length.
    """
    classes = sorted({int(label) for one in truth for label in one.labels})
    rows = np.array([_class_ap(truth, predicted, label, iou) for label in classes])
    ap = 100 * rows.mean(0) if len(rows) else np.full(len(THRESHOLDS), np.nan)
    return {"ap": float(ap.mean()), "ap50": float(ap[0]), "ap75": float(ap[5])}


def _class_ap(truth: Sequence[Boxes], predicted: Sequence[Boxes], label: int, iou: Overlap) -> NDArray[np.float64]:
    """AP of one class at every threshold (10,): precision made monotone, sampled at 101 recalls."""
    count = sum(len(one.of(label)[0]) for one in truth)
    pairs = [hits_of(t.of(label)[0], *p.of(label), iou) for t, p in zip(truth, predicted, strict=True)]
    return precision_of(np.concatenate([p[0] for p in pairs]), np.concatenate([p[1] for p in pairs]), count)


def precision_of(scores: NDArray[np.floating], right: NDArray[np.bool_], count: int) -> NDArray[np.float64]:
    """AP at every threshold (10,) of detections (d,), right or not at each (d, 10), of ``count`` true boxes."""
    if not len(scores) or not count:
        return np.zeros(len(THRESHOLDS))
    hits = right[np.argsort(-scores, kind="stable")].cumsum(0)
    precision = hits / np.arange(1, len(right) + 1)[:, None]
    precision = np.maximum.accumulate(precision[::-1], 0)[::-1]
    at = [np.searchsorted(column / count, RECALLS, side="left") for column in hits.T]
    sampled = [np.where(a < len(p), p[np.minimum(a, len(p) - 1)], 0) for a, p in zip(at, precision.T, strict=True)]
    return np.asarray(np.mean(sampled, 1), np.float64)


def hits_of(
    truth: NDArray[np.floating], boxes: NDArray[np.floating], scores: NDArray[np.floating], iou: Overlap = box_iou
) -> tuple[NDArray[np.floating], NDArray[np.bool_]]:
    """Scores (d,) sorted downwards and whether each box is right at every threshold (d, 10); greedy as COCO."""
    order = np.argsort(-scores, kind="stable")
    right = np.zeros((len(order), len(THRESHOLDS)), bool)
    if not len(truth):
        return scores[order], right
    overlaps = iou(boxes[order], truth)  # (d, n)
    for k, threshold in enumerate(THRESHOLDS):
        free = np.ones(len(truth), bool)
        for i, row in enumerate(overlaps):
            overlap = np.where(free, row, -1.0)
            if overlap.max() >= threshold:
                free[overlap.argmax()] = False
                right[i, k] = True
    return scores[order], right
