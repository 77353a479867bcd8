"""Single values from a DICOM header, taken only when they are what they should be."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol


class Header(Protocol):
    """What is asked of a DICOM data set, so that a plain dict serves in tests."""

    def get(self, key: str, default: Any = None, /) -> Any:
        """The value of an element by its DICOM keyword."""


def stored(header: Header, tag: str) -> Any:
    """The value of an element; None when absent, or damaged so that its bytes make no value (an unknown VR ...)."""
    try:
        return header.get(tag)
    except Exception:  # noqa: BLE001  pydicom converts at the first look, and raises what the damage makes it raise
        return None


def word(header: Header, tag: str, index: int | None = None) -> str:
    """A short code as upper-case letters, of several values the ``index``-th; anything longer could be free text and
    is dropped.
    """
    value = stored(header, tag) or ""
    if index is not None and isinstance(value, Sequence) and not isinstance(value, str):
        value = value[index] if len(value) > index else ""
    text = str(value).strip().upper()
    return text if len(text) <= 16 and text.replace(" ", "").replace("_", "").isalnum() else ""


def number(header: Header, tag: str, index: int = 0) -> float | None:
    """A finite number, the first of several; None when absent or not a number."""
    value = stored(header, tag)
    if isinstance(value, Sequence) and not isinstance(value, str):
        value = value[index] if len(value) > index else None
    try:
        found = float(value)
    except (TypeError, ValueError, ArithmeticError):
        return None
    return found if math.isfinite(found) else None


def numbers(header: Header, tag: str, count: int) -> tuple[float, ...] | None:
    """Exactly ``count`` finite numbers, or None."""
    found = [number(header, tag, index) for index in range(count)]
    return tuple(v for v in found if v is not None) if None not in found else None


@dataclass(frozen=True, eq=False)
class Layers:
    """Several data sets asked as one: the value of the first that has one, such as a frame's before the file's."""

    layers: tuple[Any, ...]

    def get(self, key: str, default: Any = None, /) -> Any:
        """The value of an element by its DICOM keyword."""
        for layer in self.layers:
            value = stored(layer, key)
            if value is not None and value != "":
                return value
        return default
