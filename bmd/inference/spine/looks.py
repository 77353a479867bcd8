"""Several looks at one film, averaged: mirrored, stretched or closer, each mapped back to one common frame."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from bmd.inference.engine import Engine
from bmd.inference.spine.maps import TINY, Maps, Points
from bmd.inference.spine.outlines import centres_of
from bmd.inputs.film import FILM_SIZE, film_tensor, placed
from bmd.models._registry import default

LOCALISER = default("localiser")
Region: TypeAlias = tuple[int, int, int, int]
Film: TypeAlias = NDArray[np.float32]
Stack: TypeAlias = NDArray[np.float32]
"""Maps (c, h, w), or network inputs and outputs (n, c, h, w)."""


@dataclass(frozen=True)
class View:
    """One look: a part of the film, made wider by ``stretch``, mirrored or not.

    ``region`` is (x1, y1, x2, y2) in pixels, black outside the film; ``size`` is the side of the network's square.
    """

    region: Region
    mirrored: bool = False
    stretch: float = 1.0
    size: int = FILM_SIZE


@dataclass(frozen=True)
class Frame:
    """A square onto part of a film: where the maps of all views are added up and decoded.

    ``square = film * scale + shift`` for each axis, both in pixels with (0, 0) the centre of the first pixel.
    """

    region: Region
    scale: tuple[float, float]
    shift: tuple[float, float]
    size: int = FILM_SIZE

    def to_film(self, points: ArrayLike) -> Points:
        """Frame points (n, 2) to film pixels."""
        moved: Points = (np.asarray(points, float) - self.shift) / self.scale
        return moved

    def to_square(self, points: ArrayLike) -> Points:
        """Film points (n, 2) to frame pixels."""
        moved: Points = np.asarray(points, float) * self.scale + self.shift
        return moved

    @property
    def content(self) -> tuple[float, float, float, float]:
        """The film's own border in frame pixels, (x1, y1, x2, y2)."""
        x1, y1, x2, y2 = self.region
        low, high = self.to_square(np.array([[x1 - 0.5, y1 - 0.5], [x2 - 0.5, y2 - 0.5]]))
        return (float(low[0]), float(low[1]), float(high[0]), float(high[1]))


def whole(film: Film) -> Region:
    """The region that is the complete film."""
    return (0, 0, film.shape[1], film.shape[0])


def frame_of(view: View) -> Frame:
    """The frame in which a view's own maps come out (mirroring undone)."""
    x1, y1, x2, y2 = view.region
    width, height = round((x2 - x1) * view.stretch), y2 - y1
    placement = placed((height, width), view.size)
    sx = placement.scale[0] * width / (x2 - x1)
    sy = placement.scale[1]
    shift = (
        (0.5 - x1) * sx + placement.offset[0] - 0.5,
        (0.5 - y1) * sy + placement.offset[1] - 0.5,
    )
    return Frame(view.region, (sx, sy), shift, view.size)


def tensor_of(film: Film, view: View) -> Stack:
    """The network's input for a view, float32 (1, 1, size, size)."""
    x1, y1, x2, y2 = view.region
    part = _part(film, view.region)
    if view.stretch != 1.0:
        part = cv2.resize(part, (round((x2 - x1) * view.stretch), y2 - y1), interpolation=cv2.INTER_AREA)
        part = np.clip(part, 0, 1)
    tensor = film_tensor(part, view.size)[0].numpy()
    return np.ascontiguousarray(tensor[..., ::-1]) if view.mirrored else tensor


def _part(film: Film, region: Region) -> Stack:
    """A region of the film, black where it reaches beyond."""
    x1, y1, x2, y2 = region
    height, width = film.shape
    inside = film[max(y1, 0) : max(y2, 0), max(x1, 0) : max(x2, 0)]
    border = (max(-y1, 0), max(y2 - height, 0), max(-x1, 0), max(x2 - width, 0))
    return cv2.copyMakeBorder(inside, *border, cv2.BORDER_CONSTANT, value=0) if any(border) else inside


def look(
    film: Film, views: tuple[View, ...], engine: Engine, frame: Frame | None = None, network: str = LOCALISER
) -> tuple[Maps, Frame]:
    """Run the localiser on every view and average its probabilities in one frame.

    Parameters
    ----------
    film : ndarray
        float32 (H, W) in 0..1.
    views : tuple of View
        At least one.
    engine : Engine
        Runs the network.
    frame : Frame, optional
        Where to add up; by default the frame of the first view.
    network : str
        A localiser that gives maps.

    Returns
    -------
    Maps, Frame
        Averaged probabilities, with those of every view alone in ``parts``, and where they lie on the film.
    """
    frame = frame or frame_of(views[0])
    moved = []
    for stacks, view in zip(_run(film, views, engine, network), views, strict=True):
        own = frame_of(view)
        turned = [stack[..., ::-1] if view.mirrored else stack for stack in stacks]
        moved.append([_move(stack, own, frame) for stack in turned])
    parts = tuple(_summed([part], frame) for part in moved)
    return replace(_summed(moved, frame), parts=parts), frame


def _summed(moved: list[list[tuple[Stack, Stack]]], frame: Frame) -> Maps:
    """Weighted mean of masks, centres and metal over views; background outside every view."""
    total = []
    for stacks in zip(*moved, strict=True):
        weight = np.sum([inside for _, inside in stacks], 0)
        summed = np.sum([stack for stack, _ in stacks], 0)
        total.append((summed / np.maximum(weight, TINY)).astype(np.float32))
    total[0][0] += 1 - total[0].sum(0)
    metal = total[2][0] if len(total) > 2 else None
    return Maps(total[0], total[1], frame.size, frame.content, metal=metal)


def _run(film: Film, views: tuple[View, ...], engine: Engine, network: str) -> list[tuple[Stack, ...]]:
    """Masks and centres (10, h, w) and, of a network that looks for it, metal (1, h, w) of every view: probabilities.

    Of a network that gives masks alone the centres are read off these. Views of one size share a batch.
    """
    found: dict[int, tuple[Stack, ...]] = {}
    for size in sorted({view.size for view in views}):
        rows = [k for k, view in enumerate(views) if view.size == size]
        output = engine.run(network, np.concatenate([tensor_of(film, views[k]) for k in rows]))
        masks = special.softmax(output["masks"], axis=1)
        own = sigmoid(output["centres"]) if "centres" in output else np.stack([centres_of(one) for one in masks])
        stacks = [masks, own]
        stacks += [sigmoid(output["metal"])] if "metal" in output else []
        found |= zip(rows, zip(*stacks, strict=True), strict=True)
    return [found[k] for k in range(len(views))]


def _move(maps: Stack, own: Frame, frame: Frame) -> tuple[Stack, Stack]:
    """Resample (c, h, w) maps from a view's frame into the common one, with the weight of every pixel."""
    side = maps.shape[-1]
    if own == replace(frame, region=own.region):
        return maps, np.ones((side, side), np.float32)
    stride = own.size / side
    square = (round(frame.size / stride),) * 2
    ratio = np.array(own.scale) / frame.scale  # own pixels per common pixel
    shift = np.array(own.shift) - ratio * frame.shift
    shift = (shift + ratio * (stride - 1) / 2 - (stride - 1) / 2) / stride
    matrix = np.array([[ratio[0], 0, shift[0]], [0, ratio[1], shift[1]]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    moved = np.stack([cv2.warpAffine(np.ascontiguousarray(m), matrix, square, flags=flags) for m in maps])
    inside = cv2.warpAffine(np.ones((side, side), np.float32), matrix, square, flags=flags)
    return moved, inside


def sigmoid(logits: Stack) -> Stack:
    """Logistic function in float32."""
    shares: Stack = special.expit(logits.astype(np.float32))
    return shares
