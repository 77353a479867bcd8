"""What goes to the browser: the packet can be taken apart again and says what the report says."""

from __future__ import annotations

import json
import struct
import zlib

import numpy as np
import pytest

from bmd.app.viewers import film as viewer


def packet(pixels: np.ndarray, report=None, maps=(), alt: str = "") -> bytes:
    return viewer.packet("id", pixels.shape, viewer.pack(pixels), report, maps, alt)


def unpack(data: bytes) -> tuple[dict, np.ndarray, list[np.ndarray]]:
    (length,) = struct.unpack_from("<I", data)
    header = json.loads(data[4 : 4 + length])
    start = 4 + length
    film = np.frombuffer(zlib.decompress(data[start : start + header["film_bytes"]]), "<u2")
    at, heats = start + header["film_bytes"], []
    for heat in header["heats"]:
        h, w = heat["shape"]
        heats.append(np.frombuffer(data, np.uint8, h * w, at).reshape(h, w))
        at += h * w
    assert at == len(data), "bytes left over"
    return header, film.reshape(header["height"], header["width"]), heats


def test_film_arrives_exactly_at_12_bits(fakes):
    pixels = fakes.pixels(3)
    header, film, heats = unpack(packet(pixels, alt="alt text"))
    assert film.shape == pixels.shape
    assert np.abs(film / viewer.GREY_MAX - pixels).max() <= 0.5 / viewer.GREY_MAX + 1e-6
    assert header["scale"] == 1
    assert header["alt"] == "alt text"
    assert header["vertebrae"] == []
    assert heats == []


@pytest.mark.parametrize("shape", [(4000, 1000), (900, 3100), (1, 3000)])
def test_large_films_are_reduced_with_their_aspect(shape):
    header, film, _ = unpack(packet(np.full(shape, 0.5, np.float32)))
    assert max(film.shape) == viewer.MAX_SIDE_PX
    assert header["width"] / shape[1] == pytest.approx(header["scale"])
    assert abs(header["height"] - shape[0] * header["scale"]) <= 1
    assert np.ptp(film) <= 1


def test_vertebrae_keep_film_coordinates_and_say_their_numbers(fakes):
    header, _, heats = unpack(packet(fakes.pixels(), fakes.report(), fakes.explain(None, fakes.report())))
    assert [v["level"] for v in header["vertebrae"]] == ["L1", "L2", "L3", "L4", "L5"]
    first = header["vertebrae"][0]
    assert first["box"] == pytest.approx(fakes.report().vertebrae[0].box_px, abs=0.01)
    assert first["category"] == "osteoporosis"
    assert first["lines"][0] == "L1"
    assert "T-score −2.9" in first["lines"]
    assert "Interval −4.1 to −1.7" in first["lines"]
    assert len(heats) == 5
    assert heats[0].max() > 200


def test_unnamed_and_unmeasured_vertebrae_are_shown_as_such(fakes):
    from dataclasses import replace

    report = fakes.report()
    bare = replace(report, vertebrae=(replace(report.vertebrae[0], level=None),), measurements=())
    header, _, _ = unpack(packet(fakes.pixels(), bare))
    assert header["vertebrae"][0]["level"] == "?"
    assert header["vertebrae"][0]["category"] is None
    assert not any("T-score" in line for line in header["vertebrae"][0]["lines"])


def test_inverted_films_are_turned_by_the_viewer(fakes):
    from dataclasses import replace

    from bmd.types import Suitability

    report = replace(fakes.report(), suitability=Suitability(True, inverted=True))
    assert unpack(packet(fakes.pixels(), report))[0]["inverted"] is True
