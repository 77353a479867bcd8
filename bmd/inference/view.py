"""What a picture shows, before anyone looks for vertebrae in it: the network that knows what it is not shown.

The localisers find blocks in a row in MR and CT slices, frontal films and photographs, so whatever is taken for a film
or a DXA image passes here first. The answer is one of ``SHOWN`` with a probability, or none where it is unsure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from bmd.findings import Finding, note, refusal, warning
from bmd.inference.run import Networks
from bmd.inputs.view import every_way
from bmd.types import SHOWN

ROLE = "view"
LATERAL = "lateral_lumbar"
SCAN = "dxa"
SCANS = ("dxa", "dxa_other")
FILMS = (LATERAL, "lateral_thoracic", "lateral_cervical", "ap_spine", "chest", "other_part")
SLICES = ("ct", "mr")
GROUPS = {"film": FILMS, "scan": SCANS, "slice": SLICES}
"""What is said where no kind is likely enough: that it is one of these, whatever is wanted left out."""
SURE = 0.7
"""Probability from which a picture is taken for what was wanted, where the weights state no other."""
LIKELY = 0.5
"""Probability from which a refused picture is said to seem to be something: likelier than all else together."""
CLEAR = 0.9
"""Probability below which a picture that was taken is still said to be only probably that."""


@dataclass(frozen=True)
class Shown:
    """What a picture shows, by probability of each kind; ``least`` is that from which a picture is taken for a
    film, ``least_scan`` for a DXA image.
    """

    probabilities: Mapping[str, float]
    least: float = SURE
    least_scan: float = SURE

    @property
    def kind(self) -> str:
        """The most likely kind."""
        return max(self.probabilities, key=lambda kind: self.probabilities[kind])

    @property
    def named(self) -> bool:
        """Whether that kind is likely enough to say that the picture seems to be that."""
        return self.probabilities[self.kind] >= LIKELY

    @property
    def scanned(self) -> bool:
        """Whether it is, surely, a DXA image of anything."""
        return sum(self.probabilities[kind] for kind in SCANS) >= max(self.least, self.least_scan)

    def share(self, wanted: str) -> float:
        """Probability that it is what was wanted; see ``shares_of``."""
        return float(shares_of(np.array([self.probabilities[kind] for kind in SHOWN]), wanted))

    def scores(self) -> dict[str, float]:
        """For ``Suitability.scores``."""
        return {f"shows_{kind}": round(value, 3) for kind, value in self.probabilities.items()}


def shares_of(shares: NDArray[np.floating], wanted: str) -> NDArray[np.floating]:
    """Probability of what was wanted (...,) from those of all kinds (..., 11).

    For a scan of the spine that of any scan, as long as the spine is its likeliest site: what else the network of
    regions then does not find, the page refuses.
    """
    if wanted != SCAN:
        return np.asarray(shares[..., SHOWN.index(wanted)])
    spine, other = (shares[..., SHOWN.index(kind)] for kind in SCANS)
    return np.where(spine >= other, spine + other, spine)


def look(picture: NDArray[np.float32], networks: Networks) -> Shown:
    """Say what a picture shows; the same for its mirror image and its negative.

    Parameters
    ----------
    picture : ndarray
        float32 (H, W) in 0..1.
    networks : Networks
        Runs the network of the role "view", on the picture, its negative and the mirror images of both.

    Raises
    ------
    WeightsError
        Its weights are missing or damaged.
    """
    logits = networks.run(ROLE, every_way(picture))["logits"].mean(0)
    known = networks.metadata(ROLE).get("calibration") or {}
    shares = softmax(logits / float(known.get("temperature", 1.0)))
    limits = (float(known.get(key, SURE)) for key in ("least", "least_scan"))
    return Shown(dict(zip(SHOWN, shares.tolist(), strict=True)), *limits)


def objections(shown: Shown, wanted: str) -> tuple[Finding, ...]:
    """Why a picture is not what was wanted, or not surely; empty where it is.

    An ordinary film among scans is told where films belong, whatever it shows.
    """
    if shown.share(wanted) >= (shown.least_scan if wanted == SCAN else shown.least):
        return ()
    kind = seems(shown, wanted)
    if kind is None:
        return (refusal(f"view.unclear_{wanted}"),)
    film = wanted == SCAN and (kind in FILMS or kind == "film")
    return (refusal("view.film_not_dxa" if film else f"view.not_{wanted}", seems=note(f"view.kind.{kind}")),)


def seems(shown: Shown, wanted: str) -> str | None:
    """What a refused picture most likely is, a kind or one of ``GROUPS``; None where nothing else is likely enough."""
    if shown.named:
        return None if shown.kind == wanted else shown.kind
    for group, kinds in GROUPS.items():
        others = [kind for kind in kinds if kind != wanted]
        if len(others) > 1 and sum(shown.probabilities[kind] for kind in others) >= LIKELY:
            return group
    return None


def doubts(shown: Shown, wanted: str) -> tuple[Finding, ...]:
    """What to say of a picture that is only probably what was wanted."""
    if shown.share(wanted) >= CLEAR:
        return ()
    return (warning(f"view.doubtful_{wanted}", probability=shown.share(wanted)),)
