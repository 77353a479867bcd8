"""What becomes of pictures that may be no lateral lumbar films: ``python -m bmd evaluate refusals --folder DIR``.

Every folder directly in DIR is one kind of picture, whatever it is called. Measuring only: neither the view network nor
any threshold is fitted on such pictures.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from bmd.errors import BmdError, InputError
from bmd.inference.engine import Engine
from bmd.inference.film.pipeline import analyse
from bmd.readers import read_study


def evaluate_refusals(folder: Path, engine: Engine | None = None) -> list[dict[str, Any]]:
    """Send every picture of every folder through the film's pipeline.

    Parameters
    ----------
    folder : Path
        Holds one folder for each kind of picture.
    engine : Engine, optional
        Runs the networks.

    Returns
    -------
    list of dict
        For each folder ``kind, pictures, analysed`` (read as a lateral lumbar film), ``certain`` (of these, with
        certain levels), ``unreadable``, and ``reasons``: how often each code was the first reason of a refusal.

    Raises
    ------
    InputError
        "network.no_pictures": the folder holds no folder.
    """
    kinds = sorted(path for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []
    if not kinds:
        raise InputError("network.no_pictures", folder=str(folder))
    return [_counted(kind, engine) for kind in kinds]


def _counted(kind: Path, engine: Engine | None) -> dict[str, Any]:
    files = sorted(path for path in kind.rglob("*") if path.is_file())
    found: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    for file in files:
        try:
            report = analyse(read_study(file.name, file.read_bytes()), engine=engine)
        except BmdError:
            found["unreadable"] += 1
            continue
        if report.suitability.suitable:
            found["analysed"] += 1
            found["certain"] += report.levels_certain
        else:
            reasons[report.suitability.reasons[0].code] += 1
    counts = {name: found[name] for name in ("analysed", "certain", "unreadable")}
    return {"kind": kind.name, "pictures": len(files), **counts, "reasons": dict(reasons)}
