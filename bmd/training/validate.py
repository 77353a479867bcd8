"""Metrics on held-out simulated films during training; one function per task, all take (network, films, size).

These follow a training. The figures that are reported come from bmd/evaluation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from bmd.metrics import auc, classification, macro_auc
from bmd.metrics import dice as overlap
from bmd.reference import LEVELS, LUMBAR, OSTEOPOROSIS_FROM_T
from bmd.training import dxa_views as dxa
from bmd.training.augment import plain_view
from bmd.training.tasks import ct as ct_examples
from bmd.training.tasks.film import FIRST_LUMBAR, Films, View, encode_crops, image_tensor, view_boxes


def _views(films: Films, size: int, stride: int, count: int = 8) -> Iterator[tuple[list[View], Tensor]]:
    for start in range(0, len(films), count):
        views = [plain_view(films[i], size, stride) for i in range(start, min(start + count, len(films)))]
        yield views, torch.stack([image_tensor(v) for v in views])


def _device(network: nn.Module) -> torch.device:
    return next(network.parameters()).device


def validate_masks(network: nn.Module, films: Films, size: int) -> dict[str, float]:
    """Dice of L1-L5 in view at the film's resolution, share of centres with the right level and of bodies found at all.

    A peak counts when it lies within 0.4 of the mean distance between neighbouring centres.
    """
    dice, bone, exact, found, sacrum = [], [], [], [], []
    for views, x in _views(films, size, 1):
        out = network(x.to(_device(network)))
        fine = nn.functional.interpolate(out["masks"].softmax(1), x.shape[-2:], mode="bilinear")
        masks, centres = fine.argmax(1).cpu().numpy(), out["centres"].sigmoid().cpu().numpy()
        for view, mask, maps in zip(views, masks, centres, strict=True):
            seen = view.share_in_view() > 0.7
            truth_centres = view.corners.mean(1)
            reach = 0.4 * float(np.median(np.linalg.norm(np.diff(truth_centres[:-1], axis=0), axis=1)))
            peaks = _local_peaks(maps[-1]) * 4 + 1.5
            for level in np.flatnonzero(seen):
                y, x_ = np.unravel_index(int(maps[level].argmax()), maps[level].shape)
                hit = np.hypot(x_ * 4 + 1.5 - truth_centres[level, 0], y * 4 + 1.5 - truth_centres[level, 1]) < reach
                if level == LEVELS.index("S1"):
                    sacrum.append(hit)
                elif level >= FIRST_LUMBAR:
                    exact.append(hit)
                    dice.append(overlap(mask == level + 1, view.labels == level + 1))
                    near = np.linalg.norm(peaks - truth_centres[level], axis=1) if len(peaks) else np.array([np.inf])
                    found.append(near.min() < reach)
            bone.append(overlap(mask > 0, view.labels > 0))
    named = {"dice": dice, "dice_any_bone": bone, "level_exact": exact, "found": found, "sacrum": sacrum}
    return {key: float(np.mean(values)) if values else float("nan") for key, values in named.items()}


def _local_peaks(heat: NDArray, threshold: float = 0.3) -> NDArray:
    """Cells (n, 2) as (x, y) that exceed the threshold and all eight neighbours."""
    padded = np.pad(heat, 1, constant_values=-1)
    shifted = [np.roll(padded, (dy, dx), (0, 1))[1:-1, 1:-1] for dy in (-1, 0, 1) for dx in (-1, 0, 1) if dy or dx]
    y, x = np.nonzero((heat > threshold) & (heat >= np.max(shifted, 0)))
    return np.stack([x, y], 1).astype(float)


def validate_boxes(network: nn.Module, films: Films, size: int) -> dict[str, float]:
    """COCO AP, AP50 and AP75 (x 100) of L1-L5 and share of bodies whose best-scored box of the level is right."""
    from bmd.training.average_precision import average_precision

    truths, found, exact = [], [], []
    for views, x in _views(films, size, 1, 4):
        for view, out in zip(views, network(list(x.to(_device(network)))), strict=True):
            boxes, classes = view_boxes(view)
            truths.append((boxes, classes))
            found.append(tuple(out[k].float().cpu().numpy() for k in ("boxes", "labels", "scores")))
            for box, number in zip(boxes, classes, strict=True):
                mine = found[-1][0][found[-1][1] == number][:1]  # sorted by score
                exact.append(len(mine) and float(np.abs(mine[0] - box).max()) < 0.3 * (box[3] - box[1]))
    return average_precision(truths, found, len(LUMBAR)) | {"level_exact": float(np.mean(exact or [0]))}


def validate_measure(network: nn.Module, films: Films, size: int) -> dict[str, float]:
    """Patient T-score (mean of L1-L4 levels): error, correlation and AUC for T <= -2.5, by what is given."""
    rng = np.random.default_rng(0)
    answers: dict[str, list[float]] = {"film": [], "known": [], "both": []}
    truth, level_right = [], []
    for i in range(len(films)):
        crops, known, targets = encode_crops(films[i], plain_view(films[i], 384, 4), rng, jitter=False)
        use = targets["level"] < 4  # type: ignore[index]
        if not bool(use.any()):
            continue
        for case, answer in answers.items():
            out = network(*_measure_inputs(crops[use], known[use], case, _device(network)))  # type: ignore[index]
            answer.append(float(out["t_score"].float().mean()))
            if case == "film":
                level_right += (out["level_logits"].argmax(1).cpu() == targets["level"][use]).tolist()  # type: ignore
        truth.append(films[i].t_l1l4)
    t = np.array(truth)
    metrics = {"level": float(np.mean(level_right))} if level_right else {}
    for case, values in answers.items():
        p = np.array(values)
        metrics[f"{case}_mae"] = float(np.abs(p - t).mean())
        metrics[f"{case}_r"] = float(np.corrcoef(p, t)[0, 1]) if len(t) > 2 else float("nan")
        metrics[f"{case}_auc"] = auc(t <= OSTEOPOROSIS_FROM_T, -p)
    return metrics


def _measure_inputs(crops: Tensor, known: Tensor, case: str, device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    present = torch.full((len(crops), 1), 0.0 if case == "known" else 1.0)
    given = torch.zeros_like(known) if case == "film" else known
    return crops.to(device), given.to(device), present.to(device)


@torch.inference_mode()
def ct_logits(network: nn.Module, items: ct_examples.CtItems, count: int = 32) -> dict[str, NDArray]:
    """What a CT network says of every item, uncut and not augmented: each output (n, 3)."""
    task, device, rows = items.task, _device(network), []
    for start in range(0, len(items), count):
        some = [items[i] for i in range(start, min(start + count, len(items)))]
        given = [ct_examples.inputs(task, ct_examples.plain(task, item), item.patient) for item in some]
        out = network(*(torch.from_numpy(np.concatenate(arrays)).to(device) for arrays in zip(*given, strict=True)))
        rows.append({key: value.float().cpu().numpy() for key, value in out.items()})
    return {key: np.concatenate([row[key] for row in rows]) for key in rows[0]}


def validate_ct(network: nn.Module, items: ct_examples.CtItems, size: int) -> dict[str, float]:
    """WHO class of single slices, hips or people in the class mix of the paper: accuracy, means over classes, AUC."""
    logits = ct_logits(network, items)["logits"]
    truth = np.array([items[i].category for i in range(len(items))])
    share = np.exp(logits - logits.max(1, keepdims=True))
    return classification(truth, logits.argmax(1)) | {
        "macro_auc": macro_auc(truth, share / share.sum(1, keepdims=True))
    }


Validator = Callable[[nn.Module, Any, int], dict[str, float]]
VALIDATORS: dict[str, Validator] = {"masks": validate_masks, "boxes": validate_boxes, "measure": validate_measure}
VALIDATORS |= dict.fromkeys(ct_examples.TASKS, validate_ct)
VALIDATORS |= dxa.VALIDATORS


@torch.inference_mode()
def validate(task: str, network: nn.Module, films: Any, size: int) -> dict[str, float]:
    """Metrics of a task without training; see the function of the task."""
    return VALIDATORS[task](network, films, size)
