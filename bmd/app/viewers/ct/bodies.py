"""What belongs to each vertebral body of a CT report, named or not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bmd.ct_types import Attenuation
from bmd.inputs.ct import body_centre
from bmd.text import text
from bmd.types import Prediction, Report, Vertebra


@dataclass(frozen=True, eq=False)
class Body:
    """One body: ``name`` is its level, or "2 of 4" from above when it could not be named; ``long`` says so in words."""

    name: str
    long: str
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

    def place(number: int, of: Sequence[object]) -> dict[str, int]:
        return {"number": number + 1, "count": len(of)}

    return [
        Body(
            vertebra.level or text("app.ct.body.short", **place(number, found)),
            vertebra.level or text("app.ct.body.long", **place(number, found)),
            vertebra,
            report.attenuation_of(k),
            next((m for m in report.measurements if m.level and m.level == vertebra.level), None),
        )
        for number, (k, vertebra) in enumerate(found)
    ]
