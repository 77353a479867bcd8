"""Jung 2020: detection of lumbar bodies, and class, level and T-score of each."""

from __future__ import annotations

from bmd.evaluation.published import MASKS, NINE
from bmd.reproduction.datasets import FILMS_ENRICHED, FILMS_POPULATION
from bmd.reproduction.measures.bodies import BY_MASS, HEADS
from bmd.reproduction.measures.boxes import BOXES, INSTANCES
from bmd.reproduction.plan import Claim, Measure, Row, Table

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
DETECTORS = ("size=512", "batch=4")
"""Of all rows; the paper's name says 500, and sides must be divisible by 64."""
NEEDS = {
    "retinanet_r101": 13,
    "retinanet_aploss": 11,
    "mask_rcnn_vovnet": 13,
    "retinanet_nine": 26,
    "mask_rcnn_nine": 26,
}
"""Core-hours of a training, from the measured speed and 30,000 to 40,000 films seen, twice that with nine classes."""


def _detector(key: str, network: str, published: str, task: str = "") -> Row:
    return Row(key, network, published=published, task=task, core_hours=NEEDS[network])


def _detection(key: str, measure: Measure, *rows: Row, claims: tuple[Claim, ...] = ()) -> Table:
    return Table(PAPER, key, f"Table {key}", FILMS_ENRICHED, measure, rows, claims, DETECTORS)


TABLE_1 = _detection(
    "1",
    BOXES,
    _detector("r101", "retinanet_r101", R101),
    _detector("r50", "retinanet_aploss", R50),
    _detector("mask-rcnn", "mask_rcnn_vovnet", VOVNET),
    Row(
        "shipped", "retinanet_aploss", label=f"{R50}, 384 pixels, shipped weights", shipped=True, data=FILMS_POPULATION
    ),
    claims=(Claim("r101", "r50", "ap"), Claim("r50", "mask-rcnn", "ap")),
)
TABLE_2 = _detection("2", INSTANCES, _detector("mask-rcnn", "mask_rcnn_vovnet", VOVNET, MASKS))
TABLE_3 = _detection(
    "3",
    BOXES,
    _detector("r101", "retinanet_nine", R101, NINE),
    _detector("mask-rcnn", "mask_rcnn_nine", VOVNET, NINE),
    claims=(Claim("r101", "mask-rcnn", "ap"),),
)
TABLE_4 = _detection("4", INSTANCES, _detector("mask-rcnn", "mask_rcnn_nine", VOVNET, f"{NINE}, masks"))
