"""What every analysis of a picture shares: networks by role, progress, the gate, the frame of the report, its time."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from bmd.findings import Finding, note
from bmd.inference.engine import Engine, default_engine
from bmd.models._registry import default
from bmd.types import Report, Study, Suitability

Progress = Callable[[float, Finding], None]
"""Called with a share 0..1 (never falling, 1 last) and what is being done."""
Picture = TypeVar("Picture")
Found = TypeVar("Found")


@dataclass(frozen=True)
class Networks:
    """Which network takes each role, and what runs them.

    Attributes
    ----------
    given : Engine or None
        By default the best one this machine has, started when it is first asked for.
    chosen : mapping
        Role to the name of a network, where it is not the role's default (``models._registry``).
    """

    given: Engine | None = None
    chosen: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def engine(self) -> Engine:
        """What runs them."""
        return self.given or default_engine()

    def name(self, role: str) -> str:
        """The network that takes a role."""
        return self.chosen.get(role) or default(role)

    def run(self, role: str, *inputs: NDArray[Any]) -> dict[str, NDArray[np.float32]]:
        """Forward pass of the network of a role; see ``Engine.run``."""
        return self.engine.run(self.name(role), *inputs)

    def metadata(self, role: str) -> dict[str, Any]:
        """The metadata of the network of a role; raises WeightsError when its weights are missing."""
        return self.engine.metadata(self.name(role))

    def arrays(self, role: str, name: str) -> dict[str, NDArray[np.float32]]:
        """Arrays that lie beside the weights of the network of a role; see ``Engine.arrays``."""
        return self.engine.arrays(self.name(role), name)


class Teller:
    """Says what is being done, by code, to whoever wants to know."""

    def __init__(self, progress: Progress | None) -> None:
        self._progress = progress

    def __call__(self, share: float, code: str) -> None:
        """Tell a share 0..1 and the code of a text."""
        if self._progress is not None:
            self._progress(share, note(code))


@dataclass(frozen=True)
class Steps(Generic[Picture, Found]):
    """What sets one kind of picture apart.

    Attributes
    ----------
    holds : str
        ``Report.modality``.
    role : str
        Of the network that finds the vertebrae; its name stands in the report as "localiser".
    gate : callable
        Study to the first verdict, and what is to be analysed or None.
    find : callable
        (picture, verdict, networks) to what was found and the final verdict.
    describe : callable
        (report, study, picture, found, networks, tell) to the filled report; only of what is suitable.
    checking, finding : tuple
        Share and code to tell before ``gate`` and before ``find``.
    """

    holds: str
    role: str
    gate: Callable[[Study], tuple[Suitability, Picture | None]]
    find: Callable[[Picture, Suitability, Networks], tuple[Found, Suitability]]
    describe: Callable[[Report, Study, Picture, Found, Networks, Teller], Report]
    checking: tuple[float, str]
    finding: tuple[float, str]

    def analyse(
        self,
        study: Study,
        file: str = "",
        progress: Progress | None = None,
        engine: Engine | None = None,
        models: Mapping[str, str] | None = None,
    ) -> Report:
        """Gate, find and describe one study; see ``modality.analyse``.

        Raises
        ------
        WeightsError
            The weights of the network that finds the vertebrae are missing or damaged.
        """
        start, tell, networks = time.perf_counter(), Teller(progress), Networks(engine, models or {})
        tell(*self.checking)
        suitability, picture = self.gate(study)
        report = Report(file, self.holds, suitability, patient=study.patient, notes=study.notes)
        if picture is not None:
            tell(*self.finding)
            found, suitability = self.find(picture, suitability, networks)
            finder = {"localiser": networks.name(self.role)}
            report = replace(report, suitability=suitability, device=networks.engine.device, models=finder)
            if suitability.suitable:
                report = self.describe(report, study, picture, found, networks, tell)
        tell(1.0, "progress.done")
        return replace(report, seconds=round(time.perf_counter() - start, 3))
