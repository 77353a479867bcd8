"""Kirilov et al. 2022: bone density from a DXA picture of the lumbar spine."""

from __future__ import annotations

from bmd.reproduction.datasets import DXA_POPULATION
from bmd.reproduction.measures.dxa import PICTURES
from bmd.reproduction.plan import Row, Table

TABLE_1 = Table(
    "kirilov2022",
    "1",
    "text and Table 1",
    DXA_POPULATION,
    PICTURES,
    (Row("cnn", "dxa_cnn", published="3-layer CNN", label="3-layer CNN, shipped weights", shipped=True),),
)
