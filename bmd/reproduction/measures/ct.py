"""CT networks: the class of slices and of hips, each row of a table on the same items."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from bmd.metrics import class_mix
from bmd.models import _registry as registry
from bmd.reference import CATEGORIES
from bmd.reproduction.measures import classes
from bmd.reproduction.plan import Measure, Outcome

MOST, SMALL = 100, 50
"""Hips of each class in the mean picture, at most; side of it in pixels."""
BINS = np.arange(-6.0, 4.01, 0.25)
"""Edges of the histogram of T-scores."""


def _answers(network: Any, folder: str, items_of: str, unit: str) -> Outcome:
    """Class probabilities for the items of a task, given what the network's own task gives it."""
    from bmd.training.tasks.ct import KINDS, CtItems, ct_logits

    kind = KINDS[items_of]
    items = CtItems(folder, kind, repeat=False)
    given = replace(kind, inputs=KINDS[registry.spec(network.spec.name).task].inputs)
    share = softmax(ct_logits(given, network, items)["logits"], axis=1)
    rows = [items[i] for i in range(len(items))]
    truth = np.array([row.category for row in rows])
    columns = {"truth": truth, "share": share, "t": np.array([row.t_score for row in rows])}
    people = np.array([row.person for row in rows])
    return Outcome(people, columns, unit, tuple(np.round(class_mix(truth), 4).tolist()))


def slices(network: Any, folder: str, size: int) -> Outcome:
    """Slices of L1-L4, a third of each class of the patient's lumbar T-score (Choi et al.)."""
    return _answers(network, folder, "slice", "slices")


def hips(network: Any, folder: str, size: int) -> Outcome:
    """Hips in the class mix of Ha et al., whatever of picture and patient the network is given."""
    return _answers(network, folder, "hip_and_patient", "hips")


def errors_by_t(network: Any, folder: str, size: int) -> Outcome:
    """Hips with the histogram of their T-scores, right and wrong answers apart (Ha et al., fig. 5)."""
    found = hips(network, folder, size)
    right = found.columns["share"].argmax(1) == found.columns["truth"]
    counts = {
        name: np.histogram(found.columns["t"][which], BINS)[0].tolist()
        for name, which in (("right", right), ("wrong", ~right))
    }
    return replace(found, points={"t_edges": BINS.tolist(), **counts})


def mean_pictures(network: Any, folder: str, size: int) -> Outcome:
    """Mean picture and mean Grad-CAM of each class's hips (Ha et al., fig. 4), each hip's map for its own class."""
    from bmd.explanation.ct import class_map
    from bmd.training.tasks.ct import HIP, CtItems, hip_inputs, plain

    items = CtItems(folder, HIP, repeat=False)
    pictures, heat = [], []
    for k, name in enumerate(CATEGORIES):
        rows = [item for item in (items[i] for i in range(len(items))) if item.category == k][:MOST]
        shown = np.concatenate([hip_inputs(plain(HIP, row), row.patient)[0] for row in rows])
        pictures.append(_small(shown[:, 0].mean(0)))
        heat.append(_small(class_map(network, shown, name).mean(0)))
    points = {"classes": list(CATEGORIES), "hips": MOST, "pictures": pictures, "heat": heat}
    return replace(hips(network, folder, size), points=points)


def _small(picture: NDArray[np.floating]) -> list[list[int]]:
    """A picture in 50 x 50 whole numbers, 0 its darkest and 255 its brightest."""
    cells = cv2.resize(np.asarray(picture, np.float32), (SMALL, SMALL), interpolation=cv2.INTER_AREA)
    low, high = float(cells.min()), float(cells.max())
    found: list[list[int]] = np.round(255 * (cells - low) / max(high - low, 1e-6)).astype(int).tolist()
    return found


SLICES = Measure(slices, classes.PERCENT)
SLICES_BY_CLASS = Measure(slices, classes.BY_CLASS)
HIPS = Measure(hips, classes.FRACTIONS)
HIP_PAIRS = {name: Measure(hips, figures) for name, figures in classes.PAIRS.items()}
HIP_MEANS = Measure(mean_pictures, {"accuracy": classes.FRACTIONS["accuracy"]})
HIP_ERRORS = Measure(errors_by_t, {"accuracy": classes.FRACTIONS["accuracy"]})
