from __future__ import annotations

import io
from contextlib import redirect_stdout

import numpy as np
import pytest

from bmd.training.average_precision import average_precision, box_iou


def scene(rng, films=12, classes=3):
    truths, found = [], []
    for _ in range(films):
        corner = rng.uniform(0, 300, (classes, 2))
        boxes = np.concatenate([corner, corner + rng.uniform(30, 60, (classes, 2))], 1)
        labels = np.arange(1, classes + 1)
        keep = rng.random(classes) < 0.85
        guess = np.concatenate([boxes[keep] + rng.normal(0, 3, (keep.sum(), 4)), boxes[:1] + rng.normal(0, 30)])
        guess_labels = np.concatenate([labels[keep], [1]])
        truths.append((boxes, labels))
        found.append((guess, guess_labels, rng.random(len(guess))))
    return truths, found


def test_perfect_and_empty():
    truths = [(np.array([[0, 0, 10, 10.0]]), np.array([1]))]
    assert average_precision(truths, [(*truths[0], np.array([0.9]))], 5) == {"ap": 100.0, "ap50": 100.0, "ap75": 100.0}
    nothing = [(np.zeros((0, 4)), np.zeros(0, int), np.zeros(0))]
    assert average_precision(truths, nothing, 5)["ap50"] == 0


def test_iou():
    iou = box_iou(np.array([[0, 0, 10, 10.0]]), np.array([[5, 0, 15, 10.0], [20, 20, 30, 30]]))
    np.testing.assert_allclose(iou, [[1 / 3, 0]])


@pytest.mark.parametrize("seed", range(3))
def test_agrees_with_coco(seed):
    coco = pytest.importorskip("faster_coco_eval")
    truths, found = scene(np.random.default_rng(seed))
    data = {"images": [{"id": i + 1} for i in range(len(truths))], "categories": [{"id": c} for c in (1, 2, 3)]}
    data["annotations"], results = [], []
    for i, ((boxes, labels), (guess, guess_labels, scores)) in enumerate(zip(truths, found, strict=True)):
        for b, c in zip(boxes, labels, strict=True):
            box = [float(v) for v in (b[0], b[1], b[2] - b[0], b[3] - b[1])]
            row = {"id": len(data["annotations"]) + 1, "image_id": i + 1, "category_id": int(c), "bbox": box}
            data["annotations"].append(row | {"area": box[2] * box[3], "iscrowd": 0})
        for b, c, s in zip(guess, guess_labels, scores, strict=True):
            box = [float(v) for v in (b[0], b[1], b[2] - b[0], b[3] - b[1])]
            results.append({"image_id": i + 1, "category_id": int(c), "bbox": box, "score": float(s)})
    with redirect_stdout(io.StringIO()):
        truth = coco.COCO(data)
        judge = coco.COCOeval_faster(truth, truth.loadRes(results), "bbox")
        judge.evaluate()
        judge.accumulate()
        judge.summarize()
    mine = average_precision(truths, found, 3)
    assert [mine["ap"], mine["ap50"], mine["ap75"]] == pytest.approx([100 * s for s in judge.stats[:3]], abs=0.05)
