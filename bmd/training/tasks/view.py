"""What a picture shows: views of simulated pictures of every kind, disturbed as uploads are."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from bmd.inputs.view import view_input
from bmd.simulator.film import printed
from bmd.simulator.shards.views import PICTURES
from bmd.training.examples import Arrays, Rows
from bmd.training.task import Example, Items, Metrics, Task

Picture = NDArray[np.float32]
LATERAL = 0
"""Index of what the app is for."""


@dataclass(frozen=True, eq=False)
class Shown:
    """A picture, float32 (H, W) in 0..1, and what it shows."""

    picture: Picture
    kind: int


def _keys(shard: Mapping[str, NDArray[Any]]) -> Arrays:
    return {key: shard[key] for key in ("image", "shape", "kind")}


class Pictures(Rows):
    """All pictures of a folder of shards (``simulate --others``)."""

    prefix, missing = PICTURES.prefix, "network.no_views"
    take = staticmethod(_keys)

    def __getitem__(self, index: int, /) -> Shown:
        values = self.values(index)
        high, wide = values["shape"]
        return Shown((values["image"][:high, :wide] / 255).astype(np.float32), int(values["kind"]))


# --- what uploads do to a picture --------------------------------------------------------------------------------
def mirrored(shown: Picture, rng: np.random.Generator) -> Picture:
    """The picture from the other side."""
    return np.ascontiguousarray(shown[:, ::-1])


def cropped(shown: Picture, rng: np.random.Generator) -> Picture:
    """Half of each side or more, most often most of it."""
    share = 1 - 0.5 * rng.beta(1, 2, 2)
    high, wide = (max(16, int(s * side)) for s, side in zip(share, shown.shape, strict=True))
    top, left = (int(rng.uniform(0, 1) * (side - part)) for part, side in zip((high, wide), shown.shape, strict=True))
    return np.ascontiguousarray(shown[top : top + high, left : left + wide])


def stretched(shown: Picture, rng: np.random.Generator) -> Picture:
    """Wider or narrower, or made square as archives do."""
    ratio = rng.uniform(0.7, 1.4) if rng.random() < 0.5 else shown.shape[0] / shown.shape[1]
    return np.asarray(cv2.resize(shown, (max(24, int(shown.shape[1] * ratio)), shown.shape[0])), np.float32)


def turned(shown: Picture, rng: np.random.Generator) -> Picture:
    """By up to 15 degrees; the corners are filled from the edge, black, white or grey."""
    middle = (shown.shape[1] / 2, shown.shape[0] / 2)
    turn = cv2.getRotationMatrix2D(middle, float(rng.uniform(-15, 15)), float(rng.uniform(0.9, 1.15)))
    edge = cv2.BORDER_REPLICATE if rng.random() < 0.4 else cv2.BORDER_CONSTANT
    size, ground = (shown.shape[1], shown.shape[0]), _ground(rng)
    return np.asarray(cv2.warpAffine(shown, turn, size, borderMode=edge, borderValue=ground), np.float32)


def inverted(shown: Picture, rng: np.random.Generator) -> Picture:
    """Bone dark."""
    return np.asarray(1 - shown, np.float32)


def toned(shown: Picture, rng: np.random.Generator) -> Picture:
    """Another gamma, window and level."""
    shown = np.clip(shown, 0, 1) ** math.exp(rng.uniform(-0.92, 0.92))  # .4 to 2.5
    shown = (shown - 0.5) * math.exp(rng.normal(0, 0.25)) + 0.5 + rng.normal(0, 0.06)
    return np.asarray(np.clip(shown, 0, 1), np.float32)


def shaded(shown: Picture, rng: np.random.Generator) -> Picture:
    """Unevenly exposed: brighter and darker by smooth factors across the picture."""
    cells = rng.standard_normal((int(rng.integers(2, 5)), int(rng.integers(2, 5)))).astype(np.float32)
    field = cv2.resize(cells, shown.shape[::-1], interpolation=cv2.INTER_CUBIC)
    return np.asarray(np.clip(shown * np.exp(rng.uniform(0.05, 0.4) * field), 0, 1), np.float32)


def curved(shown: Picture, rng: np.random.Generator) -> Picture:
    """Through a characteristic of its own: any rising curve, or equalised whole."""
    if rng.random() < 0.25:
        return np.asarray(cv2.equalizeHist(_eight_bit(shown)) / np.float32(255), np.float32)
    steps = np.concatenate([[0.0], np.cumsum(rng.gamma(0.6, 1.0, 6) + 0.02)])
    return np.asarray(np.interp(shown, np.linspace(0, 1, 7), steps / steps[-1]), np.float32)


def filtered(shown: Picture, rng: np.random.Generator) -> Picture:
    """Through a random linear filter, mixed with what it was: shapes stay, texture and look of edges change.

    RandConv (Xu et al., ICLR 2021, arXiv 2007.13003): a network that shall not learn the hand that drew.
    """
    side = int(rng.choice([1, 3, 5, 7]))
    kernel = rng.standard_normal((side, side)).astype(np.float32) / side
    small, ratio = shown, 200 / max(shown.shape)
    if ratio < 1:
        small = cv2.resize(shown, None, fx=ratio, fy=ratio, interpolation=cv2.INTER_AREA)
    other = cv2.filter2D(small - small.mean(), -1, kernel, borderType=cv2.BORDER_REFLECT)
    other = 0.5 + (other - other.mean()) * float(rng.uniform(0.12, 0.3)) / max(float(other.std()), 1e-3)
    share = float(rng.random())
    return np.asarray(np.clip((1 - share) * small + share * other, 0, 1), np.float32)


def printed_on(shown: Picture, rng: np.random.Generator) -> Picture:
    """One of the nuisances that films of the simulator have: grids, seams, rulers, letters, strong processing."""
    names = sorted(printed.NUISANCES)
    return np.asarray(printed.NUISANCES[names[int(rng.integers(len(names)))]](shown, rng), np.float32)


def sharpened(shown: Picture, rng: np.random.Generator) -> Picture:
    """Sharpened, or blurred."""
    if rng.random() < 0.5:
        return np.asarray(cv2.GaussianBlur(shown, (0, 0), rng.uniform(0.4, 1.8)), np.float32)
    fine = shown - cv2.GaussianBlur(shown, (0, 0), rng.uniform(0.8, 2.5))
    return np.asarray(np.clip(shown + rng.uniform(0.3, 1.5) * fine, 0, 1), np.float32)


def coarse(shown: Picture, rng: np.random.Generator) -> Picture:
    """As a picture of 90 pixels or more looks."""
    ratio = rng.uniform(90, 256) / max(shown.shape)
    size = (max(24, round(shown.shape[1] * ratio)), max(24, round(shown.shape[0] * ratio)))
    return np.asarray(cv2.resize(shown, size, interpolation=cv2.INTER_AREA), np.float32)


def noisy(shown: Picture, rng: np.random.Generator) -> Picture:
    """Grain, fine or of some pixels."""
    grain = rng.standard_normal(shown.shape, np.float32)
    if rng.random() < 0.3:
        grain = 2 * cv2.GaussianBlur(grain, (0, 0), rng.uniform(0.5, 1.0))
    return np.asarray(np.clip(shown + rng.uniform(0.005, 0.08) * grain, 0, 1), np.float32)


def compressed(shown: Picture, rng: np.random.Generator) -> Picture:
    """JPEG of quality 15 to 95."""
    packed = cv2.imencode(".jpg", _eight_bit(shown), [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(15, 96))])[1]
    return np.asarray(cv2.imdecode(packed, cv2.IMREAD_GRAYSCALE), np.float32) / np.float32(255)


def bordered(shown: Picture, rng: np.random.Generator) -> Picture:
    """A black, white or grey border of up to a fifth: on all sides alike, or on each its own."""
    high, wide = shown.shape
    sides = np.full(4, rng.uniform(0, 0.2)) if rng.random() < 0.5 else rng.uniform(0, 0.2, 4) * (rng.random(4) < 0.6)
    top, bottom, left, right = (int(share * max(high, wide)) for share in sides)
    framed = cv2.copyMakeBorder(shown, top, bottom, left, right, cv2.BORDER_CONSTANT, value=_ground(rng))
    return np.asarray(framed, np.float32)


def _ground(rng: np.random.Generator) -> float:
    """Black, white, or any grey."""
    return float(rng.choice([0.0, 1.0, rng.random()]))


def _eight_bit(shown: Picture) -> NDArray[np.uint8]:
    return np.round(np.clip(shown, 0, 1) * 255).astype(np.uint8)


STEPS: tuple[tuple[float, Callable[[Picture, np.random.Generator], Picture]], ...] = (
    (0.5, mirrored), (0.5, cropped), (0.4, stretched), (0.2, shaded), (0.5, toned), (0.2, curved), (0.35, printed_on),
    (0.2, printed_on), (0.5, turned), (0.4, sharpened), (0.35, noisy), (0.35, coarse), (0.35, bordered),
    (0.3, compressed), (0.18, inverted), (0.15, printed_on),
)  # fmt: skip
"""How often each is done, in this order."""


STYLED = 0.3
"""Share of the pictures of training whose look no upload has: it varies more than any real one's."""


def disturbed(item: Shown, rng: np.random.Generator) -> Picture:
    """The picture as somebody might upload it."""
    shown = item.picture
    for share, step in STEPS:
        if rng.random() < share:
            shown = step(shown, rng)
    return shown


def styled(item: Shown, rng: np.random.Generator) -> Picture:
    """For training: disturbed, and now and then filtered at random."""
    shown = disturbed(item, rng)
    return filtered(shown, rng) if rng.random() < STYLED else shown


def encode_view(item: Shown, picture: Picture, rng: np.random.Generator) -> Example:
    """Example: input (2, 160, 160) and the kind."""
    return torch.from_numpy(view_input(picture)), {"kind": torch.tensor(item.kind)}


@torch.inference_mode()
def validate_view(network: nn.Module, items: Items[Shown], size: int) -> Metrics:
    """Share of kinds right, of lateral lumbar films kept and of everything else refused at one half."""
    truth, probability = [], []
    for start in range(0, len(items), 32):
        rows = [items[k] for k in range(start, min(start + 32, len(items)))]
        x = torch.from_numpy(np.stack([view_input(row.picture) for row in rows])).to(next(network.parameters()).device)
        probability.append(network(x)["logits"].float().softmax(1).cpu().numpy())
        truth += [row.kind for row in rows]
    kinds, shares = np.array(truth), np.concatenate(probability)
    kept = shares[:, LATERAL] >= 0.5
    return {
        "accuracy": float((shares.argmax(1) == kinds).mean()),
        "lateral_kept": _share(kept[kinds == LATERAL]),
        "others_refused": _share(~kept[kinds != LATERAL]),
    }


def _share(hits: NDArray[np.bool_]) -> float:
    return float(hits.mean()) if len(hits) else float("nan")


VIEW = Task[Shown, Picture](
    name="view",
    inputs="letterbox to the input size, as displayed and normalised (bmd/inputs/view.py: view_input)",
    cohort="simulated_views",
    unit="pictures",
    headline="accuracy",
    read=Pictures,
    plain=lambda item, size: item.picture,
    augment=lambda recipe: styled,
    encode=encode_view,
    validate=validate_view,
)
