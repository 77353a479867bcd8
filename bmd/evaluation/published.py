"""The figures the five papers report, with the table each stands in: what ours are set beside.

None of these was measured on our films: they are other people's patients, machines and class mixes, and a row of ours
beside one of theirs compares tasks, not products.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Published:
    """One row of a table.

    Attributes
    ----------
    paper, table : str
        Key of ``PAPERS`` and the table (or the text) it was read in.
    task : str
        What was asked, for example "L1-L5 boxes". Rows of one task can be set beside ours of the same task.
    model : str
        The paper's name of its network.
    values : dict of str to float
        Names as in ``metrics``; average precisions, accuracies of Jung and Choi in percent as printed.
    measured_on : str
        On what, with the number where the paper gives it.
    mix : tuple of float
        Shares of normal, osteopenia, osteoporosis in the test data; empty where the paper is silent.
    """

    paper: str
    table: str
    task: str
    model: str
    values: dict[str, float]
    measured_on: str
    mix: tuple[float, ...] = field(default=())


PAPERS = {
    "jung2020": "Jung 2020, lateral lumbar spine X-ray: vertebral body detection and bone density",
    "lim2023": "Lim & Kim 2023, CM-Net: masks of vertebrae with their centres on lateral X-ray",
    "choi2021": "Choi et al. 2021, pair ensemble on single axial CT slices",
    "kirilov2022": "Kirilov et al. 2022, bone density from a DXA picture of the lumbar spine",
    "ha2024": "Ha et al. 2024, coronal abdominal CT of the femur with demographics",
}

_JUNG = "300 lateral films, age >= 50 (30 % of 1,000)"
_CROPS = "crops of L1-L4 (30 % of 3,760)"
_LIM = "67 lateral lumbar films of one vendor"
_CHOI = "900 axial CT slices (20 % of 4,500)"
_HA = "593 CT scans"
_THIRDS = (1 / 3, 1 / 3, 1 / 3)
BOXES, MASKS, NINE = "L1-L5 boxes", "L1-L5 masks (COCO)", "L1-L4 by osteoporosis and L5, nine classes"
DSC = "lumbar mask"


def _ap(table: str, task: str, model: str, ap: float, ap50: float, ap75: float) -> Published:
    return Published("jung2020", table, task, model, {"ap": ap, "ap50": ap50, "ap75": ap75}, _JUNG)


def _crop(task: str, accuracy: float, level: float, error: float) -> Published:
    values = {"accuracy": accuracy, "level_accuracy": level, "t_error": error}
    return Published("jung2020", "Table 5", task, "Basic CNN (C5-GAP-FC3)", values, _CROPS)


def _lim(model: str, dsc: float, accuracy: float, precision: float, recall: float, auprc: float) -> Published:
    values = {"dice": dsc, "pixel_accuracy": accuracy, "precision": precision, "recall": recall, "auprc": auprc}
    return Published("lim2023", "Table 1", DSC, model, values, _LIM)


def _choi(table: str, model: str, accuracy: float) -> Published:
    return Published("choi2021", table, "CT slice, three classes", model, {"accuracy": accuracy}, _CHOI, _THIRDS)


def _ha(task: str, *values: float) -> Published:
    names = ("accuracy", "sensitivity", "specificity", "precision", "f1", "auc")
    return Published("ha2024", "Table 2", "CT femur, three classes", task, dict(zip(names, values, strict=True)), _HA)


RESULTS: tuple[Published, ...] = (
    _ap("Table 1", BOXES, "RetinaNet-500 + AP-loss, ResNet-101", 73.1, 96.8, 92.0),
    _ap("Table 1", BOXES, "RetinaNet-500 + AP-loss, ResNet-50", 72.2, 97.1, 91.4),
    _ap("Table 1", BOXES, "Mask R-CNN, VoVNet V-19 FPN", 59.3, 76.6, 74.6),
    _ap("Table 2", MASKS, "Mask R-CNN, VoVNet V-19 FPN", 60.8, 74.9, 74.9),
    _ap("Table 3", NINE, "RetinaNet-500 + AP-loss, ResNet-101", 41.2, 56.6, 52.4),
    _ap("Table 3", NINE, "Mask R-CNN, VoVNet V-19 FPN", 22.0, 29.2, 27.8),
    _ap("Table 4", NINE + ", masks", "Mask R-CNN, VoVNet V-19 FPN", 23.0, 29.3, 27.8),
    _crop("vertebra: osteoporosis or not", 77.66, 70.48, 6.30),
    _crop("vertebra: at risk or normal", 68.53, 68.09, 5.69),
    _crop("vertebra: three classes", 53.19, 70.12, 5.64),
    *(
        Published("jung2020", "text", "vertebra: three classes, augmented", name, {"level_accuracy": level}, _CROPS)
        for name, level in (("none", 70.12), ("rotation", 58.07), ("vertical flip", 66.22), ("horizontal flip", 64.63))
    ),
    _lim("U-Net", 0.945, 0.996, 0.854, 0.892, 0.873),
    _lim("modified U-Net", 0.965, 0.996, 0.895, 0.867, 0.892),
    _lim("CM-Net", 0.974, 0.998, 0.916, 0.906, 0.912),
    Published(
        "lim2023",
        "Table 3",
        "thoracic mask",
        "CM-Net",
        {"dice": 0.836, "precision": 0.912, "recall": 0.801, "pixel_accuracy": 0.982},
        "thoracic spine films, not trained on",
    ),
    Published("lim2023", "text", DSC, "CM-Net", {"dice": 0.845}, "50 lumbar films of another vendor"),
    _choi("Table 2", "ResNet18 + ACM (x^s)", 64.00),
    _choi("Table 2", "ResNet18 + ACM (x^t)", 68.44),
    _choi("Table 2", "pair ensemble without L_dis", 74.00),
    _choi("Table 2", "pair ensemble", 77.11),
    _choi("Table 3", "pair (x^s, x^s) without L_dis", 63.89),
    _choi("Table 3", "pair (x^t, x^t) without L_dis", 66.67),
    _choi("Table 4", "pair, a = 0.1", 74.00),
    _choi("Table 4", "pair, a = 0.3", 73.00),
    _choi("Table 4", "pair, a = 0.5", 74.22),
    _choi("Table 4", "pair, a = 0.7", 73.56),
    _choi("Table 4", "pair, a = 0.9", 71.22),
    _choi("Table 5", "ResNet18", 66.67),
    _choi("Table 5", "Xception", 69.22),
    _choi("Table 5", "Inception-v3", 68.77),
    _choi("Table 5", "EfficientNet-b0", 72.11),
    _choi("Table 5", "ViT-16x16", 55.67),
    Published(
        "kirilov2022",
        "text and Table 1",
        "DXA picture: bone density",
        "3-layer CNN",
        {"percent_error": 8.19, "percent_error_sd": 6.75, "r": 0.818},
        "1,224 DXA pictures",
    ),
    *(
        Published(
            "ha2024",
            "Table 1",
            "people of the CT femur study",
            name,
            {"age": age, "age_sd": sd, "height": height, "weight": weight, "weight_sd": kg, "bmi": bmi, "bmi_sd": d},
            f"{n:,} patients",
        )
        for name, n, age, sd, height, weight, kg, bmi, d in (
            ("normal", 1068, 36.6, 15.6, 1.6, 64.2, 13.6, 24.1, 4.4),
            ("osteopenia", 925, 62.5, 11.9, 1.6, 59.7, 9.7, 24.5, 3.7),
            ("osteoporosis", 1019, 76.5, 9.6, 1.5, 53.7, 9.1, 23.0, 3.7),
        )
    ),
    _ha("6-layer CNN, image", 0.794, 0.795, 0.897, 0.801, 0.798, 0.933),
    _ha("2-layer network, demographics", 0.689, 0.690, 0.844, 0.692, 0.691, 0.859),
    _ha("both", 0.802, 0.802, 0.901, 0.804, 0.803, 0.939),
    *(
        Published("ha2024", "Table 3", f"CT femur: {pair}", "6-layer CNN", {"auc": auc, "accuracy": accuracy}, _HA)
        for pair, auc, accuracy in (
            ("normal or osteopenia", 0.91, 0.82),
            ("normal or osteoporosis", 0.99, 0.97),
            ("osteopenia or osteoporosis", 0.93, 0.86),
        )
    ),
)


def results(paper: str | None = None, task: str | None = None) -> tuple[Published, ...]:
    """Rows of one paper, of one task, or all."""
    return tuple(r for r in RESULTS if paper in (None, r.paper) and task in (None, r.task))
