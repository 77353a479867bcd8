"""Which skeletal site an answer speaks of, and what it is called."""

from __future__ import annotations

from functools import cache

from bmd.ct_types import TRABECULAR
from bmd.inference.demographics.terms import LOWEST
from bmd.models import _registry as registry
from bmd.text import codes, text
from bmd.types import Prediction

HIP_ROLES = ("femur_image", "femur_demographics", "femur_multimodal")
"""Networks of these roles speak of the hip."""


def site(answer: Prediction) -> str:
    """Code of the site ("site.<code>.name"), or the name of a vertebra: "lumbar", "femoral_neck", "hip", "L3"."""
    if answer.model == TRABECULAR:
        return LOWEST  # published numbers are of the lowest T-score of spine and hip
    return "hip" if answer.model in _of_hip() else answer.level or "lumbar"


def name(code: str, inside: bool = False) -> str:
    """A site as a heading, or as it is written ``inside`` a sentence; vertebrae as they are."""
    key = f"site.{code}.{'inside' if inside else 'name'}"
    return text(key) if key in codes() else code


@cache
def _of_hip() -> frozenset[str]:
    return frozenset(network for role in HIP_ROLES for network in registry.of_role(role))
