"""Ha et al. 2024: coronal CT of the hip, the patient's data, and both."""

from __future__ import annotations

from dataclasses import replace

from bmd.reproduction.datasets import CT_CLINIC
from bmd.reproduction.measures.ct import HIP_ERRORS, HIP_MEANS, HIP_PAIRS, HIPS
from bmd.reproduction.measures.people import OF_CLASS
from bmd.reproduction.plan import Claim, Row, Table

PAPER = "ha2024"
SAME = ("batch=32", "lr=0.001")
"""Of all rows; batch and learning rate are the paper's."""

TABLE_1 = Table(
    PAPER,
    "1",
    "Table 1",
    replace(CT_CLINIC, train=range(0), validation=range(0)),
    OF_CLASS["normal"],
    tuple(Row(name, published=name, measure=measure) for name, measure in OF_CLASS.items()),
)
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
        Claim(better, than, figure, why)
        for better, than, why in (
            ("image", "demographics", "age_tells"),
            ("both", "image", ""),
            ("both", "demographics", ""),
        )
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
        Row(p.replace(" ", "-"), "femur_image", published="6-layer CNN", label=p, task=f"CT femur: {p}", measure=m)
        for p, m in HIP_PAIRS.items()
    ),
    words=SAME,
)
FIGURE_4 = Table(
    PAPER,
    "figure-4",
    "",
    CT_CLINIC,
    HIP_MEANS,
    (Row("image", "femur_image", label="6-layer CNN, image"),),
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
