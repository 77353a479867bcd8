"""COCO average precision of boxes, small enough to follow a training with."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

THRESHOLDS = np.arange(0.5, 1.0, 0.05)
RECALLS = np.linspace(0, 1, 101)


def box_iou(a: NDArray, b: NDArray) -> NDArray:
    """Intersection over union (n, m) of boxes (n, 4) and (m, 4)."""
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    overlap = np.clip(high - low, 0, None).prod(2)
    area_a, area_b = (a[:, 2:] - a[:, :2]).prod(1), (b[:, 2:] - b[:, :2]).prod(1)
    return overlap / np.maximum(area_a[:, None] + area_b[None] - overlap, 1e-9)


def _hits(truth: NDArray, boxes: NDArray, scores: NDArray) -> tuple[NDArray, NDArray]:
    """Scores (d,) sorted downwards and whether each box is right at every threshold (d, 10); greedy as COCO."""
    order = np.argsort(-scores, kind="stable")
    iou = box_iou(boxes[order], truth)  # (d, n)
    right = np.zeros((len(order), len(THRESHOLDS)), bool)
    for k, threshold in enumerate(THRESHOLDS):
        free = np.ones(len(truth), bool)
        for i, row in enumerate(iou):
            overlap = np.where(free, row, -1.0)
            if len(overlap) and overlap.max() >= threshold:
                free[overlap.argmax()] = False
                right[i, k] = True
    return scores[order], right


def _class_ap(count: int, scores: NDArray, right: NDArray) -> NDArray:
    """AP at every threshold (10,): precision made monotone, sampled at 101 recalls."""
    right = right[np.argsort(-scores, kind="stable")]
    hits = right.cumsum(0)
    precision = hits / np.arange(1, len(right) + 1)[:, None]
    precision = np.maximum.accumulate(precision[::-1], 0)[::-1]
    ap = np.zeros(len(THRESHOLDS))
    for k in range(len(THRESHOLDS)):
        at = np.searchsorted(hits[:, k] / count, RECALLS, side="left")
        ap[k] = np.where(at < len(precision), precision[np.minimum(at, len(precision) - 1), k], 0).mean()
    return ap


def average_precision(
    truths: Sequence[tuple[NDArray, NDArray]], found: Sequence[tuple[NDArray, NDArray, NDArray]], classes: int
) -> dict[str, float]:
    """COCO AP (IoU 0.5:0.95), AP50 and AP75, in percent, averaged over classes that occur.

    Parameters
    ----------
    truths : sequence of (boxes (n, 4), labels (n,))
        One per film; labels 1..classes.
    found : sequence of (boxes (d, 4), labels (d,), scores (d,))
        One per film.
    """
    per_class = []
    for number in range(1, classes + 1):
        count = sum(int((labels == number).sum()) for _, labels in truths)
        if not count:
            continue
        pairs = [
            _hits(boxes[labels == number], b[c == number], s[c == number])
            for (boxes, labels), (b, c, s) in zip(truths, found, strict=True)
        ]
        scores, right = np.concatenate([p[0] for p in pairs]), np.concatenate([p[1] for p in pairs])
        per_class.append(_class_ap(count, scores, right) if len(scores) else np.zeros(len(THRESHOLDS)))
    if not per_class:
        return {"ap": float("nan"), "ap50": float("nan"), "ap75": float("nan")}
    ap = np.mean(per_class, 0) * 100
    return {"ap": float(ap.mean()), "ap50": float(ap[0]), "ap75": float(ap[5])}
