"""The About page: the ways in, what their networks learned from, and every network's figures."""

from __future__ import annotations

import html

import streamlit as st

from bmd import modality
from bmd.app import cards, choices
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


def networks() -> list[tuple[modality.Modality, list[str]]]:
    """Networks with weights of each way in, in the order of the navigation."""
    shipped = cards.metadata()
    return [(row, [name for name in _of(row) if name in shipped]) for row in modality.MODALITIES]


def _of(row: modality.Modality) -> list[str]:
    return [name for name in registry.names() if registry.spec(name).modality == row.holds]


@st.fragment
def models() -> None:
    """A tab for each way in; in it one network's card at a time, and which networks have no weights here."""
    st.header(text("app.about.models_title"), anchor=False)
    st.caption(f"{text('app.simulated_only')} {text('app.auc_means')}")
    tabs = choices.tabs_of([text(row.code("title")) for row in modality.MODALITIES], "about_tab")
    for tab, row in zip(tabs, modality.MODALITIES, strict=True):
        with tab:
            _of_way_in(row)


@st.fragment
def _of_way_in(row: modality.Modality) -> None:
    shipped = cards.metadata()
    names = [name for name in _of(row) if name in shipped]
    chosen: str | None = names[0] if names else None
    if len(names) > 1:
        chosen = st.segmented_control(
            text("app.which_network"),
            names,
            default=chosen,
            format_func=lambda name: registry.spec(name).title,
            key=f"about_{row.kind}",
            label_visibility="collapsed",
            required=True,
        )
    if chosen is not None:
        cards.model_card(chosen)
    if others := tuple(registry.spec(name).title for name in _of(row) if name not in shipped):
        st.caption(text("app.about.without", names=others))
