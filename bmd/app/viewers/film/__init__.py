"""The film viewer: a canvas in the browser that zooms, windows and draws overlays without asking the server.

One binary packet goes to the browser: a little-endian uint32 with the length of a JSON header, the header, the film
(zlib, uint16, 0..4095) and the heat maps (uint8) behind it. The ``.js`` files beside this one do the rest.
"""

from __future__ import annotations

import json
import struct
import zlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import streamlit as st
from numpy.typing import NDArray

from bmd.types import Explanation, Prediction, Report, Vertebra

MAX_SIDE_PX = 1536
"""Longest side sent to the browser. Larger films are reduced by area; coordinates stay those of the film."""
GREY_MAX = 4095

_HERE = Path(__file__).parent
_mount = st.components.v2.component(
    "film_viewer",
    html=(_HERE / "viewer.html").read_text("utf-8"),
    css=(_HERE / "viewer.css").read_text("utf-8"),
    js="\n".join((_HERE / name).read_text("utf-8") for name in ("common.js", "viewer.js", "controls.js")),
)


def show(
    film_id: str, pixels: NDArray[np.float32], report: Report | None, maps: tuple[Explanation, ...] | None, alt: str
) -> None:
    """Draw the film with whatever is known of it.

    Parameters
    ----------
    film_id : str
        Hash of the content. The same film keeps its zoom and window when the overlays change.
    pixels : ndarray
        float32 (H, W) in 0..1.
    report, maps
        What was found, or None when the film has not been analysed or explained.
    alt : str
        What the picture shows, in words.
    """
    _mount(data=packet(film_id, pixels, report, maps or (), alt), key="film_viewer")


def packet(
    film_id: str, pixels: NDArray[np.float32], report: Report | None, maps: tuple[Explanation, ...], alt: str
) -> bytes:
    """Bytes for the browser: header length, header, film, heat maps."""
    film, width, height = _film_bytes(film_id, pixels)
    heats = [np.clip(np.rint(m.heat * 255), 0, 255).astype(np.uint8) for m in maps]
    header = {
        "film": film_id,
        "width": width,
        "height": height,
        "scale": width / pixels.shape[1],
        "film_bytes": len(film),
        "alt": alt,
        "inverted": report is not None and report.suitability.inverted,
        "vertebrae": _vertebrae(report),
        "heats": [
            {"level": m.level, "box": [round(float(v), 2) for v in m.box_px], "shape": list(heat.shape)}
            for m, heat in zip(maps, heats, strict=True)
        ],
    }
    return join(header, film, *(heat.tobytes() for heat in heats))


def join(header: dict[str, Any], *parts: bytes) -> bytes:
    """A packet as ``common.js`` takes it apart: length of the header, header, bytes."""
    head = json.dumps(header, allow_nan=False).encode()
    return b"".join((struct.pack("<I", len(head)), head, *parts))


@st.cache_data(max_entries=16, show_spinner=False)
def _film_bytes(film_id: str, _pixels: NDArray[np.float32]) -> tuple[bytes, int, int]:
    """Packed film with its width and height; the hash of the content is the key of the cache."""
    height, width = _pixels.shape
    scale = min(1.0, MAX_SIDE_PX / max(height, width))
    small = _pixels
    if scale < 1:
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        small = cv2.resize(_pixels, size, interpolation=cv2.INTER_AREA)
    grey = np.clip(np.rint(small * GREY_MAX), 0, GREY_MAX).astype("<u2")
    return zlib.compress(grey.tobytes(), 1), grey.shape[1], grey.shape[0]


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
        "lines": hover_lines(vertebra, measured),
    }


def hover_lines(vertebra: Vertebra, measured: Prediction | None) -> list[str]:
    """What the viewer says about one vertebra: its name, then one fact a line."""
    lines = [vertebra.level or "Level not named"]
    if measured is not None:
        if measured.category:
            lines.append(measured.category.capitalize())
        if measured.t_score is not None:
            lines.append(f"T-score {_signed(measured.t_score)}")
        if measured.interval is not None:
            lines.append(f"Interval {_signed(measured.interval[0])} to {_signed(measured.interval[1])}")
        if measured.bmd_g_cm2 is not None:
            lines.append(f"BMD {measured.bmd_g_cm2:.3f} g/cm²")
    lines.append(f"Detection score {vertebra.score:.2f}")
    return lines


def _signed(value: float) -> str:
    return f"{value:+.1f}".replace("-", "−")
