"""Which network takes a role, for the visitor to choose where several can."""

from __future__ import annotations

import streamlit as st

from bmd import modality
from bmd.app import cards, session
from bmd.text import text


def choice(held: session.Held) -> None:
    """A picker for every role that several networks with weights can take on this kind of input; none, no picker."""
    roles = choices(held.kind)
    if not roles:
        return
    with st.expander(text("app.networks"), icon=":material/tune:"):
        st.caption(text("app.networks_note"))
        for role, names in roles.items():
            key = f"{held.kind}_network_{role}"
            st.selectbox(
                text(f"app.role.{role}"),
                names,
                index=names.index(held.models.get(role, names[0])),
                format_func=_title,
                key=key,
                on_change=_use,
                args=(held.kind, role, key),
            )


def choices(kind: session.Kind) -> dict[str, tuple[str, ...]]:
    """Networks whose weights are here, by role, the default first, where there are several."""
    found = modality.by_kind(kind).choices()
    here = {role: tuple(name for name in names if name in cards.metadata()) for role, names in found.items()}
    return {role: names for role, names in here.items() if len(names) > 1}


def _title(name: str) -> str:
    return str(cards.metadata()[name]["title"])


def _use(kind: session.Kind, role: str, key: str) -> None:
    session.set_network(kind, role, st.session_state[key])
