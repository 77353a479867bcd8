"""What the built-in cases of every page share: their files and truths, and how they are made again."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import numpy as np
from numpy.typing import NDArray

from bmd.errors import OptionError
from bmd.reference import LEVELS, LUMBAR
from bmd.text import text
from bmd.truth import Case, Truth

FOLDER = Path(__file__).with_name("cases")
THUMBNAIL_PX = 300


@dataclass(frozen=True)
class Sample:
    """One built-in case: its name and how the simulator is asked for it; seeds are where the search starts."""

    name: str
    seed: int
    finding: str | None = None

    folder: ClassVar[Path] = FOLDER
    truths: ClassVar[str] = "truth.json"
    """File with the truth of every case."""
    ending: ClassVar[str] = ".dcm"

    @property
    def title(self) -> str:
        """What it is called."""
        return text(f"app.case.{self.name}.title")

    @property
    def description(self) -> str:
        """What it shows."""
        return text(f"app.case.{self.name}.description")

    @property
    def path(self) -> Path:
        """The input itself."""
        return self.folder / f"{self.name}{self.ending}"

    @property
    def thumbnail(self) -> Path:
        """A small JPEG of it."""
        return self.folder / f"{self.name}.jpg"

    def truth(self) -> dict[str, Any]:
        """What the simulator knows of this case: bmd_l1l4 in g/cm2, t_l1l4, tags; empty when not recorded."""
        file = self.folder / self.truths
        truths: dict[str, dict[str, Any]] = json.loads(file.read_text("utf-8")) if file.exists() else {}
        return truths.get(self.name, {})

    def first_good(self, tries: int, draw: Callable[[int], Case | None]) -> tuple[int, Case]:
        """First seed, from its own upwards, at which ``draw`` gives a case, and that case.

        Raises
        ------
        OptionError
            None of so many is a good example.
        """
        for seed in range(self.seed, self.seed + tries):
            case = draw(seed)
            if case is not None:
                return seed, case
        raise OptionError("app.no_good_case", name=self.name, tries=tries)

    def write_thumbnail(self, picture: NDArray[np.floating], scale_yx: tuple[float, float] = (1.0, 1.0)) -> None:
        """A picture (H, W) in 0..1 as its thumbnail; ``scale_yx`` is the size of its pixels, not always square."""
        import cv2

        depth, width = picture.shape[0] * scale_yx[0], picture.shape[1] * scale_yx[1]
        scale = THUMBNAIL_PX / max(depth, width)
        size = (round(width * scale), round(depth * scale))
        small = cv2.resize(np.asarray(picture, np.float32), size, interpolation=cv2.INTER_AREA)
        grey = (np.clip(small, 0, 1) * 255).round().astype(np.uint8)
        cv2.imwrite(str(self.thumbnail), grey, [cv2.IMWRITE_JPEG_QUALITY, 82])


SampleType = TypeVar("SampleType", bound=Sample)


class Samples(tuple[SampleType, ...]):
    """The built-in cases of one page, in the order they are shown."""

    __slots__ = ()

    def shipped(self) -> tuple[SampleType, ...]:
        """The cases whose files are there."""
        return tuple(sample for sample in self if sample.path.exists() and sample.thumbnail.exists())

    def named(self, name: str | None) -> SampleType | None:
        """Case of that name, or None."""
        return next((sample for sample in self if sample.name == name), None)

    def write(self, write: Callable[[SampleType], dict[str, Any]]) -> None:
        """Simulate every case again; ``write`` makes its files and gives its truth."""
        folder, truths = self[0].folder, self[0].truths
        folder.mkdir(parents=True, exist_ok=True)
        known = {sample.name: write(sample) for sample in self}
        (folder / truths).write_text(json.dumps(known, indent=1) + "\n", "utf-8")


def lumbar_density(truth: Truth) -> dict[str, Any]:
    """What is recorded of the patient's spine: T-score and density, rounded."""
    return {"t_l1l4": round(float(truth.t_l1l4), 2), "bmd_l1l4": round(float(truth.bmd_l1l4), 3)}


def fractured(truth: Truth) -> list[str]:
    """Levels with a fracture of any grade."""
    return [level for level, grade in zip(LEVELS, truth.fracture_grade, strict=True) if grade > 0]


def whole_lumbar_spine(truth: Truth) -> bool:
    """Whether L1 to S1 are in the picture."""
    return bool(truth.visible[[LEVELS.index(level) for level in (*LUMBAR, "S1")]].all())


def plain_spine(truth: Truth, finding: str | None) -> bool:
    """Whether the levels can be counted and, where a fracture is asked for, a lumbar one is plain to see (grade 2)."""
    lumbar = truth.fracture_grade[[LEVELS.index(level) for level in LUMBAR]]
    return "transitional" not in truth.tags and (finding != "fracture" or bool((lumbar >= 2).any()))
