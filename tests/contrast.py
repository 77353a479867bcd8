"""Contrast of two colours as WCAG 2.1 computes it."""

from __future__ import annotations

Rgb = tuple[float, ...]


def rgb(colour: str) -> Rgb:
    """Red, green and blue 0..255 of "#16242b"."""
    return tuple(int(colour.lstrip("#")[i : i + 2], 16) for i in (0, 2, 4))


def luminance(colour: Rgb) -> float:
    """Relative luminance of sRGB 0..255."""
    linear = [v / 3294.6 if v <= 10.31 else ((v / 255 + 0.055) / 1.055) ** 2.4 for v in colour]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: Rgb, other: Rgb) -> float:
    """1 for the same colour, 21 for black on white."""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)
