"""A volume whose anatomy contradicts its axes is refused; a kyphotic spine keeps its front in front."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bmd.inference.ct.canal import Spine, find_spine
from bmd.inference.ct.levels import localise_ct
from bmd.inference.ct.turned import contradictions
from bmd.inference.run import Networks
from bmd.simulator.case import simulate_ct
from bmd.simulator.person import anatomy
from bmd.types import Volume, volume_of
from tests.inference.columns import column
from tests.inference.phantoms import pelvis


def turned(volume: Volume, axis: int) -> Volume:
    return replace(volume, voxels=np.ascontiguousarray(np.flip(volume.voxels, axis)))


def codes(volume: Volume) -> list[str]:
    return [reason.code for reason in contradictions(volume, find_spine(volume))]


@pytest.mark.parametrize("curve", [0.0, 20.0])
def test_front_and_back_swapped_are_said(curve: float) -> None:
    volume = column(130.0, (3.0, 1.5, 1.5), curve).volume
    assert codes(volume) == []
    assert codes(turned(volume, 1)) == ["ct.front_to_back"]
    assert codes(turned(volume, 2)) == []


def test_a_pelvis_above_is_said() -> None:
    """The phantom's hips, with 100 mm of soft tissue above them; a lung beside the spine makes them a shoulder."""
    volume = pelvis()
    padded = np.concatenate([np.repeat(volume.voxels[:1], 30, 0), volume.voxels])
    volume = replace(volume, voxels=padded)
    dark = np.zeros(len(padded))
    spine = Spine(dark, dark, dark, dark, dark, 0.7)
    assert contradictions(volume, spine) == ()
    assert [reason.code for reason in contradictions(turned(volume, 0), spine)] == ["ct.pelvis_above"]
    assert contradictions(turned(volume, 0), replace(spine, lung=dark + 0.5)) == ()


def test_a_kyphotic_spine_keeps_its_front_in_front(monkeypatch: pytest.MonkeyPatch) -> None:
    """Curved the other way round, as a thoracolumbar scan is; the side was once guessed from the curve."""
    bent = anatomy.SEGMENT_DEG.copy()
    bent[:5] = -9.0
    monkeypatch.setattr(anatomy, "SEGMENT_DEG", bent)
    volume = volume_of(simulate_ct(12, spacing=(3.0, 1.8, 1.8), field="upper", finding="normal").study)
    found = localise_ct(volume, Networks(None, {}))
    assert len(found.bodies) >= 3
    assert max(body.frame.axes[1][1] for body in found.bodies) < -0.8
    assert codes(volume) == []
    swapped = turned(volume, 1)
    assert codes(swapped) == ["ct.front_to_back"]
