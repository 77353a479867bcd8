"""A CT's report as JSON: what was measured stands at the vertebra it was measured in."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from bmd.app.viewers.ct.bodies import bodies
from bmd.ct_types import Attenuation, Region
from bmd.report.csv_json import as_object
from bmd.types import Report
from tests.app import fakes_ct


def leaning() -> Report:
    """Two unnamed bodies, one above the other, whose bounding boxes overlap; only the lower one was measured."""
    whole = fakes_ct.report()
    upper, lower = (
        replace(vertebra, level=None, body=Region((top, 0, 0), np.ones((14, 10, 10), bool)))
        for vertebra, top in zip(whole.vertebrae, (0, 10), strict=False)
    )
    measured = Attenuation(None, 88.0, 9.0, Region((11, 2, 2), np.ones((2, 4, 4), bool)), 1.0, 1)
    return replace(whole, vertebrae=(upper, lower), attenuation=(measured,), measurements=(), levels_certain=False)


def test_an_unnamed_body_never_carries_its_neighbours_hu() -> None:
    assert [vertebra["hu"] for vertebra in as_object(leaning())["vertebrae"]] == [
        None,
        {"mean": 88.0, "sd": 9.0, "volume_cm3": 1.0, "band": None},
    ]
    assert [(one.name, one.density and one.density.mean_hu) for one in bodies(leaning())] == [
        ("1 of 2", None),
        ("2 of 2", 88.0),
    ]


def test_a_hip_says_why_it_was_not_read() -> None:
    right, left = as_object(fakes_ct.report())["femur"]
    assert (right["reason"], right["category"]) == (None, "osteopenia")
    assert left["reason"]["code"] == "ct.hip.metal"
    assert left["category"] is None
