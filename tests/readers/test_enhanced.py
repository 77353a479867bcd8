"""Enhanced CT, one file of many frames, gives the same volume as the slices one by one."""

from __future__ import annotations

import random

import numpy as np
import pytest
from pydicom.dataset import Dataset

from bmd.findings import note
from bmd.readers.volume import read_volumes
from bmd.types import volume_of
from tests.readers import enhanced, volumes
from tests.readers.enhanced import AXIAL, UPRIGHT, frame, item, places
from tests.readers.films import refused
from tests.readers.volumes import named

PIXELS = volumes.volume()


def voxels(*files: bytes) -> np.ndarray:
    (choice,) = read_volumes(named(list(files)))
    return volume_of(choice.load()).voxels


def test_the_same_scan_in_one_file_and_in_many_gives_the_same_voxels() -> None:
    one = read_volumes(named([enhanced.enhanced(PIXELS)]))[0].load()
    many = read_volumes(named(volumes.series(PIXELS)))[0].load()
    assert np.array_equal(volume_of(one).voxels, volume_of(many).voxels)
    assert volume_of(one).spacing_mm == volume_of(many).spacing_mm == pytest.approx((3.0, 2.0, 1.5))
    assert one.uid == many.uid


def test_frames_in_any_order_lie_where_their_positions_say() -> None:
    order = list(range(len(PIXELS)))
    random.Random(2).shuffle(order)
    frames = [
        frame(places(len(PIXELS))[k], InStackPositionNumber=1 + n, DimensionIndexValues=[1, len(order) - n])
        for n, k in enumerate(order)
    ]
    assert np.array_equal(voxels(enhanced.enhanced(PIXELS[order], frames)), PIXELS)


def test_each_frame_has_its_own_rescaling() -> None:
    scales = [(1.0, -1024.0 - k) if k % 2 else (0.5, -1500.0) for k in range(len(PIXELS))]
    frames = [frame(place, scale=scale) for place, scale in zip(places(len(PIXELS)), scales, strict=True)]
    assert np.array_equal(voxels(enhanced.enhanced(PIXELS, frames)), PIXELS)


def test_what_all_frames_share_may_stand_once() -> None:
    shared = frame(places(1)[0])
    del shared.PlanePositionSequence
    frames = []
    for place in places(len(PIXELS)):
        own = Dataset()
        own.PlanePositionSequence = item(ImagePositionPatient=place)
        frames.append(own)
    assert np.array_equal(voxels(enhanced.enhanced(PIXELS, frames, shared)), PIXELS)


@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2.5", "1.2.840.10008.1.2.4.70", "1.2.840.10008.1.2.4.90"])
def test_compressed_frames(syntax: str) -> None:
    assert np.array_equal(voxels(enhanced.enhanced(PIXELS, syntax=syntax)), PIXELS)


def test_coronal_frames_are_turned_upright() -> None:
    pixels = volumes.volume(16, 18, 20)
    frames = [frame([0, 2.0 * k, 0], UPRIGHT, (3.0, 1.5)) for k in range(18)]
    assert np.array_equal(voxels(enhanced.enhanced(pixels.transpose(1, 0, 2), frames)), pixels)


def test_two_stacks_in_one_file_are_two_choices() -> None:
    """Axial and coronal frames of one size, as a console stores a protocol."""
    pixels = volumes.volume(16, 16, 20)
    axial = [frame(place, StackID="1", InStackPositionNumber=k + 1) for k, place in enumerate(places(16))]
    coronal = [frame([0, 2.0 * k, 0], UPRIGHT, (3.0, 1.5), StackID="2") for k in range(16)]
    data = enhanced.enhanced(np.concatenate([pixels, pixels.transpose(1, 0, 2)]), axial + coronal)
    choices = read_volumes(named([data]))
    assert {choice.title.values["parts"][0].code for choice in choices} == {  # type: ignore[index, union-attr]
        "read.ct.plane.axial",
        "read.ct.plane.coronal",
    }
    assert all(np.array_equal(volume_of(choice.load()).voxels, pixels) for choice in choices)


@pytest.mark.parametrize("offset", [0.0, 1.0])
@pytest.mark.parametrize("tag", ["StackID", "TemporalPositionIndex", "FrameAcquisitionNumber"])
def test_phases_in_one_file_are_told_apart(tag: str, offset: float) -> None:
    """Two runs at the same places, or at places between each other's, are never mixed into one volume."""
    frames = [
        frame([x, y, z - offset * run], AXIAL, **{tag: str(run) if tag == "StackID" else run})
        for run in (1, 2)
        for x, y, z in places(len(PIXELS))
    ]
    choices = read_volumes(named([enhanced.enhanced(np.concatenate([PIXELS, PIXELS + 100]), frames)]))
    found = [volume_of(choice.load()).voxels for choice in choices]
    assert len(found) == 2
    assert all(any(np.array_equal(one, wanted) for one in found) for wanted in (PIXELS, PIXELS + 100))


def test_technique_is_read_from_the_functional_groups() -> None:
    shared = Dataset()
    shared.CTXRayDetailsSequence = item(KVP=100.0)
    shared.CTReconstructionSequence = item(ConvolutionKernel="B70f")
    agent = {"ContrastBolusAgentSequence": item(CodeMeaning="Iodine")}
    taken = volume_of(read_volumes(named([enhanced.enhanced(PIXELS, shared=shared, **agent)]))[0].load()).acquisition
    assert (taken.kvp, taken.kernel, taken.contrast, taken.slice_thickness_mm) == (100.0, "sharp", True, 3.0)
    shared.ContrastBolusUsageSequence = item(ContrastBolusAgentAdministered="NO")
    taken = volume_of(read_volumes(named([enhanced.enhanced(PIXELS, shared=shared, **agent)]))[0].load()).acquisition
    assert taken.contrast is None


def test_localiser_frames_and_frames_without_a_place_are_left_out_and_said() -> None:
    frames = [frame(place) for place in places(len(PIXELS))]
    frames[0] = frame(places(1)[0], kind=("ORIGINAL", "PRIMARY", "LOCALIZER", "NONE"))
    del frames[-1].PlanePositionSequence
    study = read_volumes(named([enhanced.enhanced(PIXELS, frames)]))[0].load()
    assert np.array_equal(volume_of(study).voxels, PIXELS[1:-1])
    found = (note("read.ct.found.localiser"), note("read.ct.found.no_place"))
    assert note("read.ct.passed_over", found=found) in study.notes


@pytest.mark.parametrize("technique", ["MAX_IP", "VOLUME_RENDER"])
def test_projections_are_no_volume(technique: str) -> None:
    with refused("read.ct.needed") as caught:
        read_volumes(named([enhanced.enhanced(PIXELS, VolumeBasedCalculationTechnique=technique)]))
    assert caught.value.finding.values["found"] == (note("read.ct.found.projection"),)


def test_a_file_cut_short_loses_frames_not_the_scan() -> None:
    pixels = volumes.volume(40)
    whole = enhanced.enhanced(pixels)
    bytes_of_a_frame = 2 * pixels[0].size
    study = read_volumes(named([whole[: -bytes_of_a_frame - 4]]))[0].load()
    assert note("read.ct.damaged_filled", count=2) in study.notes
    with refused("read.ct.unreadable"):
        read_volumes(named([whole[: -20 * bytes_of_a_frame]]))[0].load()


def test_too_few_groups_for_the_frames_are_refused() -> None:
    header = enhanced.dataset(PIXELS, [frame(place) for place in places(len(PIXELS))])
    header.NumberOfFrames = len(PIXELS) - 1
    with refused("read.ct.needed") as caught:
        read_volumes(named([enhanced.films.saved(header)]))
    assert caught.value.finding.values["found"] == (note("read.ct.found.frames_without_place"),)
