"""``predict`` answers for an enhanced CT whatever is wrong with any one of its elements: one object per input."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset

from bmd import cli
from tests.readers import enhanced, films, volumes

PIXELS = volumes.volume(10, 16, 16)
KEPT = {"PixelData", "PatientName", "PatientID"}
RAW = {
    "absurd": b"1e308\\-1e308 ", "text": b"no number ", "huge": b"9" * 64, "zero": b"0 ", "nul": b"\0\0\0\0",
    "nan": b"NaN ",
}  # fmt: skip
"""What stands in an element instead of its value."""


def whole() -> Dataset:
    shared = Dataset()
    shared.CTXRayDetailsSequence = enhanced.item(KVP=120.0)
    shared.CTReconstructionSequence = enhanced.item(ConvolutionKernel="B30f")
    frames = [
        enhanced.frame(place, StackID="1", InStackPositionNumber=k + 1, DimensionIndexValues=[1, k + 1])
        for k, place in enumerate(enhanced.places(len(PIXELS)))
    ]
    return enhanced.dataset(PIXELS, frames, shared)


def spots(data: Dataset, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where each element is: keywords and numbers of items, the first frame's and the file's."""
    for element in data:
        if element.keyword in KEPT or not element.keyword:
            continue
        yield (*path, element.keyword)
        if element.VR == "SQ" and len(element.value):
            yield from spots(element.value[0], (*path, element.keyword, 0))


def holder(data: Dataset, path: tuple[Any, ...]) -> Dataset:
    """The data set that holds an element."""
    for step in path[:-1]:
        data = data[step] if isinstance(step, int) else getattr(data, step)
    return data


def without(path: tuple[Any, ...]) -> bytes:
    data = whole()
    delattr(holder(data, path), path[-1])
    return films.saved(data)  # type: ignore[arg-type]


def emptied(path: tuple[Any, ...]) -> bytes:
    data = whole()
    element = holder(data, path)[path[-1]]
    element.value = [] if element.VR == "SQ" else None
    return films.saved(data)  # type: ignore[arg-type]


def overwritten(path: tuple[Any, ...], value: bytes) -> bytes:
    """The element holds these bytes, of the type of its neighbours' (OB is written as it is)."""
    data = whole()
    place = holder(data, path)
    place[path[-1]] = DataElement(place[path[-1]].tag, "OB", value)
    return films.saved(data)  # type: ignore[arg-type]


def writable(make: Any, *rest: Any) -> bytes | None:
    try:
        return bytes(make(*rest))
    except (AttributeError, TypeError, ValueError, KeyError, OverflowError):
        return None  # such a file cannot be written, by any one


PLACES = list(dict.fromkeys(spots(whole())))
DAMAGES = {"without": without, "emptied": emptied} | {
    name: (lambda path, raw=raw: overwritten(path, raw)) for name, raw in RAW.items()
}


@pytest.mark.parametrize("kind", DAMAGES)
def test_every_element_may_be_damaged(kind: str, tmp_path: Path) -> None:
    inputs = []
    for number, path in enumerate(PLACES):
        data = writable(DAMAGES[kind], path)
        if data is not None:
            folder = tmp_path / "in" / f"{number}_{path[-1]}"
            folder.mkdir(parents=True)
            (folder / "scan.dcm").write_bytes(data)
            inputs.append(str(folder))
    assert len(inputs) > 0.7 * len(PLACES), "most of them can be written"
    out = tmp_path / "out.json"
    assert cli.main(["predict", *inputs, "--json", str(out), "--csv", str(tmp_path / "out.csv")]) == 0
    found = json.loads(out.read_text("utf-8"))
    assert [one["file"] for one in found] == inputs
    for one in found:
        for reason in one["reasons"]:
            assert reason["code"].split(".")[0] in ("read", "ct", "film", "dxa", "view"), reason
            assert reason["text"]
    said = {one["reasons"][0]["code"] for one in found if one["reasons"]}
    assert "command.broke" not in said


def test_the_file_is_whole_before_it_is_damaged() -> None:
    from bmd.readers.volume import read_volumes
    from bmd.types import volume_of

    study = read_volumes([("", films.saved(whole()))])[0].load()  # type: ignore[arg-type]
    assert np.array_equal(volume_of(study).voxels, PIXELS)
    assert len(PLACES) > 30
