"""Jung 2020: detection of lumbar bodies, and class, level and T-score of each."""

from __future__ import annotations

from bmd.evaluation.published import MASKS, NINE
from bmd.reproduction.datasets import FILMS_ENRICHED, FILMS_POPULATION
from bmd.reproduction.measures.bodies import BY_MASS, HEADS
from bmd.reproduction.measures.boxes import BOXES as BOX_MEASURE
from bmd.reproduction.plan import Claim, Row, Table

PAPER = "jung2020"
C5 = "Basic CNN (C5-GAP-FC3)"
AS_PRINTED = (
    "batch=8",
    "lr=0.001",
    "weight_decay=0",
    "optimiser=adam",
    "hidden=0",
    "joined=no",
    "regression=mse",
    "augment=none",
    "steady=0",
    "drop_film=0",
)
"""What the paper found best, for both networks: Adam, resize 64, no augmentation; heads on the pooled features."""
SCHEMES = {
    "osteoporosis": "vertebra: osteoporosis or not",
    "at_risk": "vertebra: at risk or normal",
    "three": "vertebra: three classes",
}

TABLE_5 = Table(
    PAPER,
    "5",
    "Table 5",
    FILMS_ENRICHED,
    HEADS,
    (
        *(
            Row(s.replace("_", "-"), "c5_gap_fc3", (f"scheme={s}",), published=C5, label=f"{C5}, {t[10:]}", task=t)
            for s, t in SCHEMES.items()
        ),
        *(
            Row(
                f"shipped-{s.replace('_', '-')}",
                "c5_gap_fc3",
                label=f"C5-GAP-FC3, {t[10:]}, shipped weights",
                shipped=True,
                measure=BY_MASS[s],
            )
            for s, t in SCHEMES.items()
        ),
        *(
            Row(
                f"population-{s.replace('_', '-')}",
                "c5_gap_fc3",
                label=f"C5-GAP-FC3, {t[10:]}, shipped weights, population",
                shipped=True,
                data=FILMS_POPULATION,
                measure=BY_MASS[s],
            )
            for s, t in SCHEMES.items()
        ),
    ),
    words=AS_PRINTED,
)
BASE = Row("none", "c5_gap_fc3", ("scheme=three",), published="none", label=f"{C5}, as printed")
VARIANTS = Table(
    PAPER,
    "variants",
    "text",
    FILMS_ENRICHED,
    HEADS,
    (
        BASE,
        *(
            Row(key, "c5_gap_fc3", (f"augment={key}",), published=name, label=f"{C5}, {name}")
            for key, name in (
                ("rotation", "rotation"),
                ("vertical", "vertical flip"),
                ("horizontal", "horizontal flip"),
            )
        ),
        Row("sgd", "c5_gap_fc3", ("optimiser=sgd", "lr=0.01"), label=f"{C5}, SGD"),
        Row("swa", "c5_gap_fc3", ("optimiser=swa",), label=f"{C5}, SWA"),
        Row("centre-64", "c5_gap_fc3", ("crop=centre",), label=f"{C5}, centre crop 64"),
        Row("resize-128", "c5_gap_fc3", ("size=128",), label=f"{C5}, resize 128"),
        Row("centre-128", "c5_gap_fc3", ("crop=centre", "size=128"), label=f"{C5}, centre crop 128"),
        Row("resnet18", "resnet18", label="ResNet-18, as printed"),
    ),
    (
        *(Claim("none", key, "level_accuracy") for key in ("rotation", "vertical", "horizontal")),
        *(Claim("none", key, "accuracy") for key in ("rotation", "vertical", "horizontal", "sgd", "swa")),
        *(Claim("none", key, "accuracy") for key in ("centre-64", "resize-128", "centre-128", "resnet18")),
    ),
    AS_PRINTED,
)
R101, R50, VOVNET = (
    "RetinaNet-500 + AP-loss, ResNet-101",
    "RetinaNet-500 + AP-loss, ResNet-50",
    "Mask R-CNN, VoVNet V-19 FPN",
)
DETECTORS = ("size=512",)
"""Of all rows; the paper's name says 500, and sides must be divisible by 64."""
TABLE_1 = Table(
    PAPER,
    "1",
    "Table 1",
    FILMS_ENRICHED,
    BOX_MEASURE,
    (
        Row("r101", "retinanet_aploss", ("depth=101",), published=R101, core_hours=13),
        Row("r50", "retinanet_aploss", ("depth=50",), published=R50, core_hours=11),
        Row("mask-rcnn", "mask_rcnn_vovnet", published=VOVNET, core_hours=13),
        Row(
            "shipped",
            "retinanet_aploss",
            label=f"{R50}, 384 pixels, shipped weights",
            shipped=True,
            data=FILMS_POPULATION,
        ),
    ),
    (Claim("r101", "r50", "ap"), Claim("r50", "mask-rcnn", "ap")),
    DETECTORS,
)
TABLE_2 = Table(
    PAPER,
    "2",
    "Table 2",
    FILMS_ENRICHED,
    BOX_MEASURE,
    (Row("mask-rcnn", "mask_rcnn_vovnet", published=VOVNET, task=MASKS, core_hours=13),),
    words=DETECTORS,
)
TABLE_3 = Table(
    PAPER,
    "3",
    "Table 3",
    FILMS_ENRICHED,
    BOX_MEASURE,
    (
        Row("r101", "retinanet_aploss", ("depth=101", "classes=nine"), published=R101, task=NINE, core_hours=26),
        Row("mask-rcnn", "mask_rcnn_vovnet", ("classes=nine",), published=VOVNET, task=NINE, core_hours=26),
    ),
    words=DETECTORS,
)
TABLE_4 = Table(
    PAPER,
    "4",
    "Table 4",
    FILMS_ENRICHED,
    BOX_MEASURE,
    (Row("mask-rcnn", "mask_rcnn_vovnet", ("classes=nine",), published=VOVNET, task=f"{NINE}, masks", core_hours=26),),
    words=DETECTORS,
)
