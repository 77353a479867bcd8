"""The Evidence page: four parts, of which the address names the one that is open, with filters above two of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from bmd.app import address, cards, choices
from bmd.app.evidence import compare, found, plots, tables
from bmd.evaluation.published import PAPERS
from bmd.models import _registry as registry
from bmd.text import text

PARTS = ("tables", "plots", "networks", "compare")
_PART, _PAPER, _NETWORK, _COHORT, _CARD = (
    f"evidence_{name}" for name in ("part", "paper", "network", "cohort", "card")
)


def page() -> None:
    """Everything below the title."""
    _follow()
    names = {text(f"app.evidence.part.{part}"): part for part in PARTS}
    key = choices.start(_PART, next(iter(names)), list(names))
    tabs = st.tabs(list(names), key=key, on_change=_went)
    part = names[choices.keep(key)]
    with tabs[PARTS.index(part)]:
        if part in ("tables", "plots"):
            wanted = _filters(part)
            (tables if part == "tables" else plots).show(wanted)
        elif part == "networks":
            _networks()
        else:
            compare.show()


def _follow() -> None:
    """Open what the address names."""
    part, network = address.get(address.PART), address.get(address.NETWORK)
    if network in registry.names():
        part, st.session_state[_CARD] = "networks", network
    if part in PARTS:
        st.session_state[_PART] = text(f"app.evidence.part.{part}")


def _went() -> None:
    """A part was opened: the address names it from now on."""
    parts = {text(f"app.evidence.part.{part}"): part for part in PARTS}
    address.put(address.NETWORK, None)
    address.put(address.PART, parts[st.session_state[_PART]])


# --- filters -----------------------------------------------------------------------------------------------------
def _filters(part: str) -> found.Wanted:
    """What is wanted: paper, network and, for tables, cohort."""
    with st.container(key="evidence_filters"):
        columns = st.columns([4, 4, 4] if part == "tables" else [4, 4], vertical_alignment="bottom")
    with columns[0]:
        papers = ["", *PAPERS, *((found.OWN,) if part == "tables" else ())]
        paper = _chosen(_PAPER, "app.evidence.filter.paper", papers, _paper_name)
    with columns[1]:
        network = _chosen(_NETWORK, "app.evidence.filter.network", ["", *found.networks(paper)], _network_name)
    if part != "tables":
        return found.Wanted(paper, network)
    with columns[2]:
        key = choices.start(_COHORT, found.COHORTS[0], found.COHORTS)
        st.segmented_control(
            text("app.evidence.filter.cohort"),
            found.COHORTS,
            format_func=lambda name: text(f"app.evidence.cohorts.{name}"),
            key=key,
            required=True,
        )
        return found.Wanted(paper, network, choices.keep(key))


def _chosen(key: str, label: str, names: Sequence[str], spoken: Callable[[str], str]) -> str:
    st.selectbox(text(label), names, format_func=spoken, key=choices.start(key, "", names))
    return str(choices.keep(key))


def _paper_name(paper: str) -> str:
    if paper in ("", found.OWN):
        return text("app.evidence.any_paper" if not paper else "app.evidence.own_paper")
    return found.short(paper)


def _network_name(name: str) -> str:
    return registry.spec(name).title if name else text("app.evidence.any_network")


# --- networks ----------------------------------------------------------------------------------------------------
def _networks() -> None:
    """One network's card at a time."""
    st.caption(f"{text('app.simulated_only')} {text('app.auc_means')}")
    names = found.networks()
    key = choices.start(_CARD, names[0], names)
    st.selectbox(text("app.which_network"), names, format_func=_with_weights, key=key, on_change=_chose)
    cards.model_card(choices.keep(key))


def _with_weights(name: str) -> str:
    title = registry.spec(name).title
    return title if name in cards.metadata() else text("app.evidence.without_weights", title=title)


def _chose() -> None:
    address.put(address.PART, None)
    address.put(address.NETWORK, st.session_state[_CARD])
