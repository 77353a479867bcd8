"""What a row of the table of ways in holds."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeAlias

from bmd.errors import OptionError
from bmd.findings import note
from bmd.modality.opened import Candidate
from bmd.models import _registry as registry
from bmd.readers.source import Source
from bmd.types import Explanation, Report, Study, View

if TYPE_CHECKING:
    from bmd.inference.engine import Engine
    from bmd.inference.run import Progress

Models: TypeAlias = Mapping[str, str]
"""Role to the name of a network."""
PICTURES = ("DICOM", "PNG", "JPEG", "TIFF")


@dataclass(frozen=True)
class Draw:
    """What to simulate: so many cases from a seed on. A kind leaves out what it has not.

    ``out`` is the folder of the shards; ``view``, ``finding``, ``columns`` and ``outlines`` are for contact sheets.
    """

    count: int
    seed: int = 0
    out: str = ""
    workers: int = 1
    cohort: str = "film"
    ap_share: float = 0.0
    others: bool = False
    view: View = "lateral"
    finding: str | None = None
    columns: int = 6
    outlines: bool = False


@dataclass(frozen=True, kw_only=True)
class Modality:
    """One way in.

    Attributes
    ----------
    kind : str
        Its key: what a session holds it under, ``predict --modality``, the folder's name in every layer.
    holds : str
        ``Image.modality`` and ``Report.modality`` of such a study.
    page, icon : str
        File in ``pages/`` without its ending, and its sign in the navigation.
    analyse : callable
        (study, file, progress, engine, models) to a report.
    roles : mapping
        What networks do here: role to the tasks whose outputs are understood in it (``models._registry.Spec``).
    formats : tuple of str
        What its files may be, for people; empty where there are no files.
    read : callable or None
        Files of one study to that study; raises ``InputError`` or ``LimitError``.
    several : callable or None
        Files to all studies in them, best first, where they may hold several; raises as ``read``.
    claims : callable or None
        Whether a path is such an input, by its first bytes; a picture that nobody claims is a film.
    joins : callable or None
        Whether a file, by its first bytes, is one part of a study of many files.
    adopt : callable or None
        Such a study out of one that was read as a film but shows this; None where it does not.
    explain : callable or None
        (study, report, levels) to heat maps.
    picture : callable or None
        (study, report) to a PNG with the result drawn on it.
    simulate : callable or None
        Writes cases as shards for training; gives their paths.
    sheet : callable or None
        Draws simulated cases as one PNG.
    """

    kind: str
    holds: str
    page: str
    icon: str
    analyse: Callable[[Study, str, Progress | None, Engine | None, Models], Report]
    roles: Mapping[str, tuple[str, ...]]
    formats: tuple[str, ...] = ()
    read: Callable[[Sequence[Source]], Study] | None = None
    several: Callable[[Sequence[Source]], Sequence[Candidate]] | None = None
    claims: Callable[[Path, bytes], bool] | None = None
    joins: Callable[[bytes], bool] | None = None
    adopt: Callable[[Study], Study | None] | None = None
    explain: Callable[[Study, Report, tuple[str, ...] | None], tuple[Explanation, ...]] | None = None
    picture: Callable[[Study, Report], bytes] | None = None
    simulate: Callable[[Draw], Sequence[str]] | None = None
    sheet: Callable[[Draw], bytes] | None = None

    def code(self, word: Literal["title", "noun", "way", "cases"]) -> str:
        """Code of a word for people: its name, that of its page; one such input; what such an input is and what comes
        out; many simulated ones.
        """
        return f"modality.{self.kind}.{word}"

    def runs(self, name: str) -> bool:
        """Whether a registered network can run on this kind of input."""
        spec = registry.spec(name)
        return spec.task in self.roles.get(spec.role, ())

    def choices(self) -> dict[str, tuple[str, ...]]:
        """The roles that several networks can take here, and their names, the default first."""
        able = {role: tuple(name for name in registry.of_role(role) if self.runs(name)) for role in self.roles}
        return {role: names for role, names in able.items() if len(names) > 1}

    def check(self, name: str, role: str | None = None) -> None:
        """Raise OptionError unless a network can run here, in that role."""
        if not self.runs(name) or role not in (None, registry.spec(name).role):
            able = tuple(other for other in registry.names() if self.runs(other))
            raise OptionError("network.not_here", name=name, kind=note(self.code("title")), able=able)
