"""The About page: the ways in, what their networks learned from, and every network's figures."""

from __future__ import annotations

import html

import streamlit as st

from bmd.app import cards, text
from bmd.app.markup import table
from bmd.models import _registry as registry


def ways_in() -> None:
    """Each way in with its networks, and what each of them has seen and was measured on."""
    st.subheader(text.WAYS_TITLE, anchor=False)
    st.markdown("\n".join(f"- **{title}**: {what}" for title, what in text.WAYS.values()))
    st.markdown(text.WAYS_TOGETHER)
    rows = []
    for modality, names in networks().items():
        for name in names:
            way = text.WAYS[modality][0] if name == names[0] else ""
            places = "; ".join(cards.places(name)) or text.NO_WEIGHTS
            cells = (way, registry.spec(name).title, cards.learned_from(name), places)
            rows.append([html.escape(cell) for cell in cells])
    st.html(table(text.WAYS_HEAD, rows))


def networks() -> dict[str, list[str]]:
    """Networks with weights by modality, in the order of the navigation."""
    shipped = cards.metadata()
    return {
        modality: [name for name in registry.names() if name in shipped and registry.spec(name).modality == modality]
        for modality in text.WAYS
    }


def models() -> None:
    """Every network's card, a tab for each way in; networks without weights stand with their way."""
    st.subheader(text.MODELS_TITLE, anchor=False)
    st.caption(f"{text.SIMULATED_ONLY} {text.AUC_MEANS}")
    for tab, modality in zip(st.tabs([title for title, _ in text.WAYS.values()]), text.WAYS, strict=True):
        with tab:
            for name in registry.names():
                if registry.spec(name).modality == modality:
                    cards.model_card(name)
