"""Lim & Kim 2023: masks of vertebrae on lateral films, and films unlike those of the training."""

from __future__ import annotations

from bmd.evaluation.published import DSC
from bmd.reproduction.datasets import BY_CONSOLE, FILMS_ENRICHED, FILMS_POPULATION
from bmd.reproduction.measures.masks import MASKS, THORACIC_MASKS
from bmd.reproduction.plan import Claim, Row, Table

PAPER = "lim2023"
SAME = ("batch=4", "size=256")
"""Of all rows; the paper's films are 1024 x 512. Learning rates are each network's own: a U-Net has no norm."""

TABLE_1 = Table(
    PAPER,
    "1",
    "Table 1",
    FILMS_ENRICHED,
    MASKS,
    (
        Row("u-net", "unet", ("width=32",), published="U-Net"),
        Row("modified-u-net", "modified_unet", published="modified U-Net"),
        Row("cm-net", "cmnet", published="CM-Net"),
        Row("shipped", "cmnet", label="CM-Net, shipped weights", shipped=True, data=FILMS_POPULATION),
    ),
    tuple(
        Claim(better, than, "dice")
        for better, than in (("modified-u-net", "u-net"), ("cm-net", "u-net"), ("cm-net", "modified-u-net"))
    ),
    SAME,
)
TABLE_3 = Table(
    PAPER,
    "3",
    "Table 3",
    FILMS_POPULATION,
    THORACIC_MASKS,
    (
        Row(
            "thoracic",
            "cmnet",
            published="CM-Net",
            label="CM-Net, T10-T12, shipped weights that were trained on them too",
            shipped=True,
        ),
    ),
)
CONSOLES = Table(
    PAPER,
    "vendor",
    "text",
    FILMS_POPULATION,
    MASKS,
    (
        Row(
            "any",
            "cmnet",
            published="CM-Net",
            task=DSC,
            label="CM-Net, any console, shipped weights",
            shipped=True,
        ),
        *(
            Row(f"console-{k}", "cmnet", label=f"CM-Net, console {k}, shipped weights", shipped=True, data=data)
            for k, data in enumerate(BY_CONSOLE, 1)
        ),
    ),
)
