"""The film viewer: a canvas in the browser that zooms, windows and draws overlays without asking the server.

One binary packet goes to the browser: a little-endian uint32 with the length of a JSON header, the header, the film
(zlib, uint16, 0..4095) and the heat maps (uint8) behind it. The ``.js`` files beside this one do the rest: ``view.js``
computes, ``draw.js`` draws, ``controls.js`` listens.
"""

from __future__ import annotations

import json
import struct
import zlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from bmd.app import session
from bmd.app.viewers.bundle import component, words
from bmd.text import LANGUAGE, text
from bmd.types import Explanation, Prediction, Report, Vertebra

MAX_SIDE_PX = 1536
"""Longest side sent to the browser. Larger films are reduced by area; coordinates stay those of the film."""
GREY_MAX = 4095
WORDS = ("hud", "hud_inverted")
"""What the viewer says with numbers of its own."""

_HERE = Path(__file__).parent


def show(held: session.Held, alt: str) -> None:
    """Draw the held film or DXA image with whatever is known of it.

    Parameters
    ----------
    held : Held
        Its picture is packed once and kept with it, nowhere else: it goes when the session lets go of it. The same
        picture keeps its zoom and window when the overlays change.
    alt : str
        What the picture shows, in words.
    """
    pixels = held.study.images[0].pixels
    packed = held.packed
    if packed is None:
        packed = pack(pixels)
        session.update(held.kind, packed=packed)
    maps = held.maps if held.show_maps else None
    viewer = component("film_viewer", _HERE, LANGUAGE.get())
    viewer(data=packet(held.study.uid, pixels.shape, packed, held.report, maps or (), alt), key="film_viewer")


def packet(
    film_id: str,
    shape: tuple[int, ...],
    packed: bytes,
    report: Report | None,
    maps: tuple[Explanation, ...],
    alt: str,
) -> bytes:
    """Bytes for the browser: header length, header, film, heat maps.

    Parameters
    ----------
    film_id : str
        Hash of the content.
    shape : tuple of int
        (H, W) of the film.
    packed : bytes
        The film as `pack` gives it.
    report, maps
        What was found; None and nothing when the film has not been analysed or explained.
    alt : str
        What the picture shows, in words.
    """
    height, width = shown_size(shape)
    heats = [np.clip(np.rint(m.heat * 255), 0, 255).astype(np.uint8) for m in maps]
    header = {
        "film": film_id,
        "width": width,
        "height": height,
        "scale": width / shape[1],
        "film_bytes": len(packed),
        "alt": alt,
        "words": words(WORDS),
        "inverted": report is not None and report.suitability.inverted,
        "vertebrae": _vertebrae(report),
        "heats": [
            {"level": m.level, "box": [round(float(v), 2) for v in m.box_px], "shape": list(heat.shape)}
            for m, heat in zip(maps, heats, strict=True)
        ],
    }
    return join(header, packed, *(heat.tobytes() for heat in heats))


def join(header: dict[str, Any], *parts: bytes) -> bytes:
    """A packet as ``packet.js`` takes it apart: length of the header, header, bytes."""
    head = json.dumps(header, allow_nan=False).encode()
    return b"".join((struct.pack("<I", len(head)), head, *parts))


def shown_size(shape: tuple[int, ...]) -> tuple[int, int]:
    """Rows and columns that are sent of a film of ``shape`` (H, W)."""
    height, width = shape[0], shape[1]
    scale = min(1.0, MAX_SIDE_PX / max(height, width))
    return max(1, round(height * scale)), max(1, round(width * scale))


def pack(pixels: NDArray[np.float32]) -> bytes:
    """A film, float32 (H, W) in 0..1, as the browser gets it: reduced, 12 bits, zlib."""
    height, width = shown_size(pixels.shape)
    small = pixels
    if (height, width) != pixels.shape:
        small = cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA)
    grey = np.clip(np.rint(small * GREY_MAX), 0, GREY_MAX).astype("<u2")
    return zlib.compress(grey.tobytes(), 1)


def _vertebrae(report: Report | None) -> list[dict[str, Any]]:
    if report is None:
        return []
    measured = {m.level: m for m in report.measurements if m.level}
    return [_vertebra(v, measured.get(v.level) if v.level else None) for v in report.vertebrae]


def _vertebra(vertebra: Vertebra, measured: Prediction | None) -> dict[str, Any]:
    return {
        "level": vertebra.level or "?",
        "box": [round(float(v), 2) for v in vertebra.box_px],
        "contour": np.round(np.asarray(vertebra.contour_px, float), 1).tolist(),
        "category": measured.category if measured else None,
        "dashed": vertebra.flaw is not None,
        "lines": hover_lines(vertebra, measured),
    }


def hover_lines(vertebra: Vertebra, measured: Prediction | None) -> list[str]:
    """What the viewer says about one vertebra: its name, then one fact a line."""
    lines = [vertebra.level or text("app.viewer.level_unnamed")]
    if measured is not None:
        if measured.category:
            lines.append(measured.category.capitalize())
        if measured.t_score is not None:
            lines.append(text("app.t_score", t=measured.t_score))
        if measured.interval is not None:
            low, high = measured.interval
            lines.append(text("app.viewer.interval", low=low, high=high))
        if measured.bmd_g_cm2 is not None:
            lines.append(text("app.viewer.bmd", bmd=measured.bmd_g_cm2))
    lines.append(text("app.viewer.score", score=vertebra.score))
    if vertebra.flaw is not None:
        lines.append(text(f"app.viewer.{vertebra.flaw}"))
    return lines
