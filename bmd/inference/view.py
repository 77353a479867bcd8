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
from bmd.inputs.view import view_input
from bmd.types import SHOWN

ROLE = "view"
LATERAL = "lateral_lumbar"
SURE = 0.7
"""Probability from which a kind is named; below it the picture is only said not to be clearly what was asked for."""


@dataclass(frozen=True)
class Shown:
    """What a picture shows, by probability of each kind."""

    probabilities: Mapping[str, float]

    @property
    def kind(self) -> str:
        """The most likely kind."""
        return max(self.probabilities, key=lambda kind: self.probabilities[kind])

    @property
    def sure(self) -> bool:
        """Whether that kind is likely enough to be named."""
        return self.probabilities[self.kind] >= SURE

    def scores(self) -> dict[str, float]:
        """For ``Suitability.scores``."""
        return {f"shows_{kind}": round(value, 3) for kind, value in self.probabilities.items()}


def look(picture: NDArray[np.float32], networks: Networks) -> Shown:
    """Say what a picture shows.

    Parameters
    ----------
    picture : ndarray
        float32 (H, W) in 0..1.
    networks : Networks
        Runs the network of the role "view", on the picture and its mirror image.

    Raises
    ------
    WeightsError
        Its weights are missing or damaged.
    """
    both = np.stack([view_input(picture), view_input(np.ascontiguousarray(picture[:, ::-1]))])
    logits = networks.run(ROLE, both)["logits"].mean(0)
    temperature = float(networks.metadata(ROLE).get("calibration", {}).get("temperature", 1.0))
    return Shown(dict(zip(SHOWN, softmax(logits / temperature).tolist(), strict=True)))


def objections(shown: Shown, wanted: str) -> tuple[Finding, ...]:
    """Why a picture is not what was wanted; empty where it is, or may be."""
    if shown.probabilities[wanted] >= 0.5 or shown.kind == wanted:
        return ()
    if shown.sure:
        return (refusal(f"view.not_{wanted}", seems=note(f"view.kind.{shown.kind}")),)
    return (refusal(f"view.unclear_{wanted}"),)


def doubts(shown: Shown, wanted: str) -> tuple[Finding, ...]:
    """What to say of a picture that is only probably what was wanted."""
    if shown.probabilities[wanted] >= SURE:
        return ()
    return (warning("view.doubtful", probability=shown.probabilities[wanted]),)
