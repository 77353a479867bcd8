"""Choi et al. 2021: single axial CT slices, the pair ensemble, its ablations and its rivals."""

from __future__ import annotations

from bmd.reproduction.datasets import CT_CLINIC
from bmd.reproduction.measures.ct import SLICES, SLICES_BY_CLASS
from bmd.reproduction.plan import Claim, Row, Table

PAPER = "choi2021"
SAME = ("batch=32", "lr=0.001", "optimiser=adam", "weight_decay=0", "warmup=50")
"""Of all rows, so that networks differ in nothing but themselves; optimiser and learning rate are the paper's."""
NO_DIS = ("dissimilarity=0",)


def _pair(key: str, name: str, *words: str) -> Row:
    return Row(key, "pair_acm", words, published=name)


S, T = _pair("s", "ResNet18 + ACM (x^s)", "windows=s"), _pair("t", "ResNet18 + ACM (x^t)", "windows=t")
PAIR = _pair("pair", "pair ensemble")
SHIPPED = Row("shipped", "pair_acm", label="pair ensemble, shipped weights", shipped=True)

TABLE_2 = Table(
    PAPER,
    "2",
    "Table 2",
    CT_CLINIC,
    SLICES,
    (S, T, _pair("pair-no-dis", "pair ensemble without L_dis", *NO_DIS), PAIR, SHIPPED),
    (
        Claim("t", "s", "accuracy"),
        Claim("pair-no-dis", "t", "accuracy"),
        Claim("pair", "pair-no-dis", "accuracy", "windows_alike"),
        Claim("pair", "t", "accuracy", "windows_alike"),
    ),
    SAME,
)
TABLE_3 = Table(
    PAPER,
    "3",
    "Table 3",
    CT_CLINIC,
    SLICES,
    (
        _pair("s-s", "pair (x^s, x^s) without L_dis", "windows=ss", *NO_DIS),
        _pair("t-t", "pair (x^t, x^t) without L_dis", "windows=tt", *NO_DIS),
        Row("s-t", "pair_acm", NO_DIS, label="pair (x^s, x^t) without L_dis"),
    ),
    (Claim("s-t", "s-s", "accuracy"), Claim("s-t", "t-t", "accuracy")),
    SAME,
)
TABLE_4 = Table(
    PAPER,
    "4",
    "Table 4",
    CT_CLINIC,
    SLICES,
    (
        *(_pair(f"share-{a}", f"pair, a = 0.{a}", f"share=0.{a}") for a in (1, 3, 5, 7, 9)),
        Row("learnable", "pair_acm", label="pair, a learnable"),
    ),
    tuple(Claim("learnable", f"share-{a}", "accuracy") for a in (1, 3, 5, 7, 9)),
    SAME,
)
RIVALS = (
    ("resnet18", "resnet18_ct", "ResNet18", "width=32"),
    ("xception", "xception", "Xception", "side=0"),
    ("inception-v3", "inception_v3", "Inception-v3", "side=0", "auxiliary=no"),
    ("efficientnet-b0", "efficientnet_b0", "EfficientNet-b0", "side=0"),
    ("vit", "vit_b16", "ViT-16x16", "side=128"),
)
"""Key, network, the paper's name and what makes it alike: the pair's width, the crop's own 120 pixels (ViT: 128), for
which Inception's side classifier is too deep."""
TABLE_5 = Table(
    PAPER,
    "5",
    "Table 5",
    CT_CLINIC,
    SLICES,
    (
        *(Row(key, network, tuple(words), published=name) for key, network, name, *words in RIVALS),
        Row("t", "pair_acm", ("windows=t",), label="ResNet18 + ACM"),
        Row("pair", "pair_acm", label="pair ensemble"),
    ),
    tuple(Claim("pair", key, "accuracy") for key, *_ in RIVALS),
    SAME,
)
FIGURE_3 = Table(
    PAPER,
    "figure-3",
    "",
    CT_CLINIC,
    SLICES_BY_CLASS,
    (
        Row("s", "pair_acm", ("windows=s",), label="ResNet18 + ACM (x^s)"),
        Row("t", "pair_acm", ("windows=t",), label="ResNet18 + ACM (x^t)"),
        Row("pair", "pair_acm", label="pair ensemble"),
    ),
    words=SAME,
)
