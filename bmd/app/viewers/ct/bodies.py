"""What belongs to each vertebral body of a CT report, named or not."""

from __future__ import annotations

from dataclasses import dataclass

from bmd.ct_types import Attenuation
from bmd.inputs.ct import body_centre
from bmd.types import Prediction, Report, Vertebra

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
        return body_centre(self.vertebra)


def bodies(report: Report) -> list[Body]:
    """Every body with its mask, from above, with what was measured in it and answered for it."""
    found = [(k, v) for k, v in enumerate(report.vertebrae) if v.body is not None and v.body.mask.any()]
    return [
        Body(
            vertebra.level or UNNAMED.format(number=number + 1),
            vertebra,
            report.attenuation_of(k),
            next((m for m in report.measurements if m.level and m.level == vertebra.level), None),
        )
        for number, (k, vertebra) in enumerate(found)
    ]
