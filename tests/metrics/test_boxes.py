from __future__ import annotations

import io
from contextlib import redirect_stdout

import numpy as np
import pytest

from bmd.metrics.boxes import Boxes, Masks, average_precision, box_iou, mask_iou


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


def boxes(*found: tuple[float, float, float, float, int], scores: list[float] | None = None) -> Boxes:
    table = np.array(found, float).reshape(-1, 5)
    return Boxes(table[:, :4], table[:, 4].astype(int), None if scores is None else np.array(scores))


def test_perfect_boxes_score_100_and_none_score_0() -> None:
    truth = [boxes((10, 10, 50, 40, 1), (10, 50, 50, 80, 2)), boxes((20, 20, 60, 50, 1))]
    assert average_precision(truth, truth) == pytest.approx({"ap": 100, "ap50": 100, "ap75": 100})
    assert average_precision(truth, [boxes(), boxes()])["ap50"] == 0


def test_a_loose_box_passes_at_50_and_not_at_75() -> None:
    truth = [boxes((0, 0, 100, 100, 1))]
    found = average_precision(truth, [boxes((0, 0, 100, 60, 1), scores=[0.9])])
    assert found["ap50"] == pytest.approx(100)
    assert found["ap75"] == 0
    assert found["ap"] == pytest.approx(30)  # IoU 0.6 passes .50, .55 and .60


def test_wrong_level_and_better_scored_false_boxes_cost_precision() -> None:
    truth = [boxes((0, 0, 100, 100, 1))]
    assert average_precision(truth, [boxes((0, 0, 100, 100, 2), scores=[0.9])])["ap"] == 0
    both = boxes((200, 200, 300, 300, 1), (0, 0, 100, 100, 1), scores=[0.9, 0.5])
    assert average_precision(truth, [both])["ap50"] == pytest.approx(50)


def test_average_precision_by_hand() -> None:
    """Two true boxes; right, wrong, right in order of score: precision 1 to recall 1/2, then 2/3."""
    one = boxes((0, 0, 10, 10, 1))
    first = boxes((0, 0, 10, 10, 1), (50, 50, 60, 60, 1), scores=[0.9, 0.8])
    second = boxes((0, 0, 10, 10, 1), scores=[0.7])
    assert average_precision([one, one], [first, second])["ap50"] == pytest.approx(100 * (51 + 50 * 2 / 3) / 101)
    assert average_precision([one, one], [first, boxes()])["ap50"] == pytest.approx(100 * 51 / 101)


def test_nothing_true_has_no_precision_and_pictures_must_match() -> None:
    assert np.isnan(average_precision([boxes()], [boxes()])["ap"])
    with pytest.raises(ValueError, match="shorter"):
        average_precision([boxes((0, 0, 1, 1, 1))], [])


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
    mine = average_precision([Boxes(*t) for t in truths], [Boxes(*f) for f in found])
    assert [mine["ap"], mine["ap50"], mine["ap75"]] == pytest.approx([100 * s for s in judge.stats[:3]], abs=0.05)


def test_iou_of_masks():
    one, other = np.zeros((2, 4, 4), bool), np.zeros((1, 4, 4), bool)
    one[0, :2], other[0, 1:3] = True, True
    np.testing.assert_allclose(mask_iou(one.reshape(2, -1), other.reshape(1, -1)), [[4 / 12], [0]])


def ellipses(boxes, side=400):
    """A mask (n, side, side) in every box."""
    y, x = np.mgrid[:side, :side]
    low, high = boxes[:, :2, None, None], boxes[:, 2:, None, None]
    away = [(2 * grid - low[:, k] - high[:, k]) / (high[:, k] - low[:, k]) for k, grid in enumerate((x, y))]
    return away[0] ** 2 + away[1] ** 2 < 1


@pytest.mark.parametrize("seed", range(2))
def test_masks_agree_with_coco(seed):
    coco = pytest.importorskip("faster_coco_eval")
    from faster_coco_eval.core import mask as packed

    truths, found = scene(np.random.default_rng(seed))
    data = {"categories": [{"id": c} for c in (1, 2, 3)], "annotations": []}
    data["images"] = [{"id": i + 1, "height": 400, "width": 400} for i in range(len(truths))]
    results, mine = [], []
    for i, ((boxes, labels), (guess, guess_labels, scores)) in enumerate(zip(truths, found, strict=True)):
        mine.append(
            (Masks.of_stack(ellipses(boxes), labels), Masks.of_stack(ellipses(guess), guess_labels, scores)),
        )
        for mask, c in zip(ellipses(boxes), labels, strict=True):
            row = {"id": len(data["annotations"]) + 1, "image_id": i + 1, "category_id": int(c), "iscrowd": 0}
            rle = packed.encode(np.asfortranarray(mask.astype(np.uint8)))
            box = [float(v) for v in packed.toBbox(rle)]
            data["annotations"].append(row | {"segmentation": rle, "area": float(mask.sum()), "bbox": box})
        for mask, c, s in zip(ellipses(guess), guess_labels, scores, strict=True):
            rle = packed.encode(np.asfortranarray(mask.astype(np.uint8)))
            results.append({"image_id": i + 1, "category_id": int(c), "segmentation": rle, "score": float(s)})
    with redirect_stdout(io.StringIO()):
        truth = coco.COCO(data)
        judge = coco.COCOeval_faster(truth, truth.loadRes(results), "segm")
        judge.evaluate()
        judge.accumulate()
        judge.summarize()
    ours = average_precision([t for t, _ in mine], [f for _, f in mine], iou=mask_iou)
    assert [ours["ap"], ours["ap50"], ours["ap75"]] == pytest.approx([100 * s for s in judge.stats[:3]], abs=0.05)
