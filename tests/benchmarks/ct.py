"""CPU seconds and peak memory to read and analyse a CT of 300 slices of 512 x 512: ``python -m tests.benchmarks.ct``.

Aim of the project: at most 3 s to read and 5 s in all on two cores, and 1.5 GB. CPU time of all threads of this process
is counted, so the time on the wall with two free cores is less. The CT is simulated, stretched to that size.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from bmd.types import volume_of
from tests.benchmarks.stamp import peak_mb, stamp

SLICES, SIDE = 300, 512


def write_series(folder: Path, seed: int = 7) -> None:
    """Write the slices of a simulated CT as DICOM, each with a little noise of its own."""
    from bmd.report.ct.dicom import LOWEST_HU, ct_slice
    from bmd.simulator.case import simulate_ct

    case = simulate_ct(seed, spacing=(3, 1.9, 1.9), field="abdomen_pelvis")
    volume = volume_of(case.study)
    depth, rows, columns = volume.voxels.shape
    dz, dy, dx = volume.spacing_mm
    spacing = (dz * depth / SLICES, dy * rows / SIDE, dx * columns / SIDE)
    thin = replace(case, study=replace(case.study, volume=replace(volume, spacing_mm=spacing)))
    rng = np.random.default_rng(seed)
    for k in range(SLICES):
        plane = volume.voxels[min(depth - 1, k * depth // SLICES)].astype(np.float32)
        plane = cv2.resize(plane, (SIDE, SIDE), interpolation=cv2.INTER_LINEAR)
        plane += rng.normal(0, 6, plane.shape)
        stored = np.clip(plane - LOWEST_HU, 0, 4095).astype("<u2")
        (folder / f"{k}.dcm").write_bytes(ct_slice(thin, k, stored, "Simulated CT", 1))


def measure(folder: Path) -> dict[str, object]:
    """Read and analyse the series in a folder, once cold and once warm."""
    from bmd.inference.ct.pipeline import analyse_ct
    from bmd.inference.engine import default_engine
    from bmd.readers.volume import read_folder

    engine = default_engine()
    found: dict[str, object] = {}
    for name in ("cold", "warm"):
        start = time.process_time()
        study = read_folder(folder)[0].load()
        middle = time.process_time()
        report = analyse_ct(study, engine=engine)
        end = time.process_time()
        found[f"{name}_read_cpu_s"] = round(middle - start, 2)
        found[f"{name}_analyse_cpu_s"] = round(end - middle, 2)
    return {
        **stamp(),
        "device": report.device,
        "volume": volume_of(study).voxels.shape,
        **found,
        "vertebrae": len(report.vertebrae),
        "peak_mb": peak_mb(),
    }


if __name__ == "__main__":
    if len(sys.argv) == 2:  # the series is made elsewhere, so that the simulator's memory is not counted
        print(json.dumps(measure(Path(sys.argv[1]))))
    else:
        with tempfile.TemporaryDirectory() as place:
            write_series(Path(place))
            subprocess.run([sys.executable, "-m", "tests.benchmarks.ct", place], check=True)
