"""What an answer is called in a word or two, the same on the card, on the picture and on the command line."""

from __future__ import annotations

from bmd.findings import Finding, note
from bmd.reference import reached_categories
from bmd.types import Prediction


def headline(prediction: Prediction) -> Finding:
    """Category; where the interval reaches into another, that it does: one word would say more than is known.

    Under 50 the Z-score, and without the sex the density, which is all that remains.
    """
    if prediction.z_score is not None:
        return note("answer.z_score", z=prediction.z_score)
    reached = reached_categories(prediction.interval)
    if len(reached) == 2:
        return note("answer.between", first=note(f"category.{reached[0]}"), last=note(f"category.{reached[1]}"))
    if len(reached) > 2 and prediction.probabilities:
        likeliest = max(prediction.probabilities, key=lambda name: prediction.probabilities[name])
        return note("answer.most_likely", name=note(f"category.{likeliest}"))
    if prediction.category is not None:
        return note(f"answer.category.{prediction.category}")
    return note("answer.no_category" if prediction.bmd_g_cm2 is None else "answer.density_alone")
