"""The About page: the ways in, and what their networks learned from and were measured on."""

from __future__ import annotations

import html

import streamlit as st

from bmd import modality
from bmd.app import cards
from bmd.app.markup import table
from bmd.models import _registry as registry
from bmd.text import entry, text


def ways_in() -> None:
    """Each way in with its networks, and what each of them has seen and was measured on."""
    st.header(text("app.about.ways_title"), anchor=False)
    st.markdown("\n".join(f"- **{text(row.code('title'))}**: {text(row.code('way'))}" for row in modality.MODALITIES))
    st.markdown(text("app.about.ways_together"))
    rows = []
    for way_in, names in networks():
        for name in names:
            way = text(way_in.code("title")) if name == names[0] else ""
            cells = (way, registry.spec(name).title, cards.learned_from(name), cards.place(name))
            rows.append([html.escape(cell) for cell in cells])
    st.html(table(entry("app.about.ways_head"), rows))
    st.page_link("pages/evidence.py", label=text("app.about.to_evidence"), icon=":material/fact_check:")


def networks() -> list[tuple[modality.Modality, list[str]]]:
    """Networks with weights of each way in, in the order of the navigation."""
    shipped = cards.metadata()
    return [(row, [name for name in _of(row) if name in shipped]) for row in modality.MODALITIES]


def _of(row: modality.Modality) -> list[str]:
    return [name for name in registry.names() if registry.spec(name).modality == row.holds]
