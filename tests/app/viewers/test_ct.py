"""What the CT viewer sends: small enough, in the right place, and able to be taken apart again."""

from __future__ import annotations

import json
import struct
import zlib
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from bmd.app.viewers.ct import packet
from bmd.ct_types import Region


def unpack(data: bytes) -> tuple[dict, bytes]:
    (length,) = struct.unpack_from("<I", data)
    return json.loads(data[4 : 4 + length]), zlib.decompress(data[4 + length :])


@settings(deadline=None, max_examples=60)
@given(
    shape=some.tuples(some.integers(8, 1500), some.integers(16, 1024), some.integers(16, 1024)),
    spacing=some.tuples(some.floats(0.3, 8), some.floats(0.3, 2)),
)
def test_what_is_sent_is_never_too_large_nor_larger_than_the_ct(shape, spacing):
    sent = packet.display_shape(shape, (spacing[0], spacing[1], spacing[1]))
    assert np.prod(sent) <= packet.MAX_VOXELS
    assert all(1 <= few <= many for few, many in zip(sent, shape, strict=True))
    assert sent[1] / shape[1] == pytest.approx(sent[2] / shape[2], abs=1 / min(shape[1:]) + 0.01)


def test_small_ct_arrives_whole_within_the_step_of_its_code(fakes_ct):
    pixels = fakes_ct.pixels()
    header, body = unpack(packet.volume_packet("x", pixels, fakes_ct.SPACING))
    assert header["shape"] == list(pixels.shape)
    assert header["spacing"] == pytest.approx(fakes_ct.SPACING)
    table = np.array(header["table"])
    assert (np.diff(table) > 0).all()
    hu = table[np.frombuffer(body, np.uint8).reshape(pixels.shape)]
    soft = (pixels > -200) & (pixels < 300)
    assert soft.mean() > 0.3
    assert np.abs(hu - pixels)[soft].max() <= 1.5
    assert np.abs(hu - pixels)[pixels > -1024].max() <= 40


def test_extreme_hu_become_the_ends_of_the_table():
    pixels = np.full((8, 16, 16), -32768, np.int16)
    pixels[:, :, 8:] = 32767
    codes = np.frombuffer(unpack(packet.volume_packet("x", pixels, (1, 1, 1)))[1], np.uint8)
    assert set(codes) == {0, 255}


def test_large_ct_is_reduced_by_averaging():
    pixels = np.zeros((64, 800, 800), np.int16)
    pixels[:, ::2] = 200
    header, body = unpack(packet.volume_packet("x", pixels, (1.0, 0.5, 0.5)))
    assert header["full"] == [64, 800, 800]
    assert max(header["shape"]) <= packet.SIDES[0]
    assert np.prod(header["shape"]) == len(body)
    hu = np.array(header["table"])[np.frombuffer(body, np.uint8)]
    assert hu.mean() == pytest.approx(100, abs=4)
    assert np.array(header["shape"]) * header["spacing"] == pytest.approx([64, 400, 400], rel=1e-3)


@pytest.mark.parametrize("grid", [(20, 30, 40), (10, 15, 20), (7, 13, 17)])
def test_mask_keeps_its_volume_and_its_place_on_a_coarser_grid(grid):
    shape = (20, 30, 40)
    mask = np.zeros(shape, bool)
    mask[5:12, 8:20, 10:25] = True
    origin, block = packet.resampled(Region((5, 8, 10), mask[5:12, 8:20, 10:25]), shape, grid)
    share = block / 255
    scale = np.prod(shape) / np.prod(grid)
    assert share.sum() * scale == pytest.approx(mask.sum(), rel=0.02)
    middle = [
        (share.sum(tuple({0, 1, 2} - {k})) @ np.arange(block.shape[k])) / share.sum() + origin[k] for k in range(3)
    ]
    expected = [(c + 0.5) * g / n - 0.5 for c, g, n in zip((8, 13.5, 17), grid, shape, strict=True)]
    assert middle == pytest.approx(expected, abs=0.05)
    assert share[0].max() == share[-1].max() == 0, "a margin closes the outline"


def test_overlays_say_what_the_report_says(fakes_ct):
    report = fakes_ct.report()
    maps = fakes_ct.explain(None, report)
    header, body = unpack(packet.overlay_packet("x", fakes_ct.SHAPE, fakes_ct.SPACING, report, maps, "alt"))
    kinds = [region["kind"] for region in header["regions"]]
    assert kinds.count("body") == kinds.count("roi") == 5
    assert header["regions"][0]["lines"] == [
        "L1",
        "131 ± 21 HU in 5.2 cm³",
        "To the cut-offs: in between",
        "Slice network: osteopenia, 50%",
    ]
    assert header["regions"][0]["category"] == "osteopenia"
    assert [place["name"] for place in header["places"]] == ["L1", "L2", "L3", "L4", "L5", "Right hip"]
    assert header["places"][2]["at"] == pytest.approx([36, 58, 66], abs=1)
    assert header["heats"][0]["z"] == 16
    assert len({heat["name"] for heat in header["heats"]}) == 2
    assert len(body) == sum(int(np.prod(part["shape"])) for part in header["regions"] + header["heats"])


def test_nothing_found_draws_nothing(fakes_ct):
    header, body = unpack(packet.overlay_packet("x", fakes_ct.SHAPE, fakes_ct.SPACING, None, (), "alt"))
    assert header["regions"] == header["heats"] == header["places"] == []
    assert body == b""
    bare = fakes_ct.report(vertebrae=tuple(replace(v, body=None) for v in fakes_ct.report().vertebrae), attenuation=())
    header, _ = unpack(packet.overlay_packet("x", fakes_ct.SHAPE, fakes_ct.SPACING, bare, (), "alt"))
    assert header["regions"] == []
