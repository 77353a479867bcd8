"""Whose each file is, what it is by its content, and from which side its name says that a film was taken.

Layouts differ between releases and hospitals, so none is asked for: a patient's identifier must stand in the path, as
the name of a folder or in the name of the file ("CT/017/0001.dcm", "lateral/17.dcm", "patient_17/AP.dcm").
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from bmd.evaluation.validation.table import ENDINGS, Patient, key_of
from bmd.modality import CT
from bmd.readers import kind_of
from bmd.readers.source import head

Kind = Literal["film", "ct", "other"]
BESIDE = (*ENDINGS, ".md", ".txt", ".json", ".jsonl", ".pdf", ".docx", ".html", ".py")
"""Endings of what only describes the pictures."""
FRONTAL = {"ap", "pa", "front", "frontal", "anteroposterior", "正位"}
LATERAL = {"lat", "lateral", "ll", "rl", "side", "侧位"}
COMMON = FRONTAL | LATERAL | {
    "x", "ray", "xray", "xr", "ct", "dx", "cr", "dr", "dicom", "dcm", "film", "films", "image", "images", "img",
    "lumbar", "spine", "series", "view", "patient", "case", "subject", "id", "lumos", "nii",
}  # fmt: skip
"""Words of file names that are no identifier."""
MOST_SHAPES = 5


@dataclass(frozen=True)
class Files:
    """Files by the row of their patient; how many are nobody's, and what the commonest of these names look like."""

    of: dict[int, tuple[Path, ...]]
    nobodys: int
    shapes: tuple[str, ...]


def assign(folder: Path, patients: Iterable[Patient], apart: Iterable[Path] = ()) -> Files:
    """Give every file below a folder to a patient.

    Parameters
    ----------
    apart : iterable of Path
        Files and folders that are not part of the cohort, such as that of the results.
    """
    rows: dict[str | None, int] = {patient.key: patient.row for patient in patients if patient.key is not None}
    outside = [path.resolve() for path in apart]
    found: dict[int, list[Path]] = defaultdict(list)
    shapes: Counter[str] = Counter()
    for path in sorted(folder.rglob("*")):
        place = path.relative_to(folder)
        described = path.suffix.lower() in BESIDE or any(part.startswith((".", "__")) for part in place.parts)
        if described or not path.is_file() or any(path.resolve().is_relative_to(one) for one in outside):
            continue
        row = _row(place, rows)
        if row is None:
            shapes[shape(place)] += 1
        else:
            found[row].append(path)
    commonest = tuple(name for name, _ in shapes.most_common(MOST_SHAPES))
    return Files({row: tuple(paths) for row, paths in found.items()}, shapes.total(), commonest)


def shape(place: Path) -> str:
    """A path without what it says: "CT/zhang_017/1.dcm" is "aa/aaaaa_999/9.dcm"."""
    blurred = re.sub(r"\d", "9", re.sub(r"[^\W\d_]", "a", str(place.with_suffix(""))))
    return blurred + place.suffix.lower()


def _row(place: Path, rows: dict[str | None, int]) -> int | None:
    """Row of the first folder that is called like a patient, else of what is left of the file's name."""
    for part in place.parts[:-1]:
        if (row := rows.get(key_of(part))) is not None:
            return row
    name = place.name.lower()
    bare = name.removesuffix(".gz").rpartition(".")[0] or name
    words = [word for word in _words(bare) if word not in COMMON]
    tried = (bare, "_".join(words), *words[:1])
    return next((row for one in tried if (row := rows.get(key_of(one))) is not None), None)


def _words(name: str) -> list[str]:
    return [word for word in re.split(r"[\s_.\-()]+", name.lower()) if word]


def said_view(place: Path) -> Literal["lateral", "ap"] | None:
    """From which side a film was taken, as file and folders are called; None where they say nothing or both."""
    words = {word for part in (*place.parts[:-1], place.stem) for word in _words(part)}
    words |= {re.sub(r"\d+$", "", word) for word in words}
    lateral, frontal = bool(words & LATERAL), bool(words & FRONTAL)
    return None if lateral == frontal else "lateral" if lateral else "ap"


def kind(path: Path) -> Kind:
    """What a file is by its content; "other" is neither a picture nor part of a CT."""
    start = head(path)
    assert CT.claims is not None, "a CT has files"
    if CT.claims(path, start):
        return "ct"
    return "film" if kind_of(start) in ("dicom", "picture") else "other"
