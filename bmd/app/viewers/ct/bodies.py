"""What belongs to each vertebral body of a CT report, named or not."""

from __future__ import annotations

from dataclasses import dataclass

from bmd.types import Attenuation, Prediction, Region, Report, Vertebra

UNNAMED = "#{number}"
"""Bodies without a name are counted from above."""


@dataclass(frozen=True, eq=False)
class Body:
    """One body: ``name`` is its level, or its number from above when it could not be named."""

    name: str
    vertebra: Vertebra
    density: Attenuation | None
    answer: Prediction | None

    @property
    def middle_zyx(self) -> tuple[float, float, float]:
        """Where the slice network looks."""
        from bmd.inputs.ct import body_centre  # brings torch, which the analysis has loaded by then

        return body_centre(self.vertebra)


def bodies(report: Report) -> list[Body]:
    """Every body with its mask, from above, with what was measured in it and answered for it."""
    found = [v for v in report.vertebrae if v.body is not None and v.body.mask.any()]
    return [
        Body(
            vertebra.level or UNNAMED.format(number=k + 1),
            vertebra,
            next((a for a in report.attenuation if _belongs(a, vertebra)), None),
            next((m for m in report.measurements if m.level and m.level == vertebra.level), None),
        )
        for k, vertebra in enumerate(found)
    ]


def _belongs(density: Attenuation, vertebra: Vertebra) -> bool:
    """By name; without one, by the place of what was measured."""
    if density.level is not None or vertebra.level is not None:
        return density.level == vertebra.level
    return vertebra.body is not None and _inside(_centre(density.roi), vertebra.body)


def _centre(region: Region) -> list[float]:
    return [start + size / 2 for start, size in zip(region.offset_zyx, region.mask.shape, strict=True)]


def _inside(point: list[float], region: Region) -> bool:
    bounds = zip(point, region.offset_zyx, region.mask.shape, strict=True)
    return all(start <= value < start + size for value, start, size in bounds)
