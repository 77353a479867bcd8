"""Ha et al. 2024: coronal CT of the hip, the patient's data, and both."""

from __future__ import annotations

from bmd.reproduction.datasets import CT_CLINIC
from bmd.reproduction.measures.ct import HIP_ERRORS, HIP_PAIRS, HIPS
from bmd.reproduction.plan import Claim, Row, Table

PAPER = "ha2024"
SAME = ("batch=32", "lr=0.001")
"""Of all rows; batch and learning rate are the paper's."""

TABLE_2 = Table(
    PAPER,
    "2",
    "Table 2",
    CT_CLINIC,
    HIPS,
    (
        Row("image", "femur_image", published="6-layer CNN, image"),
        Row("demographics", "femur_demographics", published="2-layer network, demographics"),
        Row("both", "femur_multimodal", published="both"),
        Row("shipped-image", "femur_image", label="6-layer CNN, image, shipped weights", shipped=True),
        Row("shipped-both", "femur_multimodal", label="both, shipped weights", shipped=True),
    ),
    tuple(
        Claim(better, than, figure)
        for better, than in (("image", "demographics"), ("both", "image"), ("both", "demographics"))
        for figure in ("accuracy", "auc")
    ),
    SAME,
)
TABLE_3 = Table(
    PAPER,
    "3",
    "Table 3",
    CT_CLINIC,
    HIPS,
    tuple(
        Row(pair.replace(" ", "-"), "femur_image", published="6-layer CNN", label=f"CT femur: {pair}", measure=measure)
        for pair, measure in HIP_PAIRS.items()
    ),
    words=SAME,
)
FIGURE_5 = Table(
    PAPER,
    "figure-5",
    "",
    CT_CLINIC,
    HIP_ERRORS,
    (Row("image", "femur_image", label="6-layer CNN, image"), Row("both", "femur_multimodal", label="both")),
    words=SAME,
)
