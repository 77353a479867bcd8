"""What a visitor chose on a page - a tab, a level, a site - stays chosen while he looks at another page or reloads.

Streamlit forgets a field once it is not drawn; what was chosen is therefore held beside it under the same key.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from bmd.text import entry

_HELD = "choices"


def start(key: str, default: Any = None, among: Sequence[Any] | None = None) -> str:
    """Key of a field that begins with what was chosen last.

    Parameters
    ----------
    key : str
        Of the field; give it no default of its own.
    default : object, optional
        What it begins with when nothing was chosen yet.
    among : sequence, optional
        What can be chosen; anything else is forgotten.
    """
    value = st.session_state.get(key, st.session_state.get(_HELD, {}).get(key, default))
    if among is not None and value not in among:
        value = default
    if key not in st.session_state or st.session_state[key] != value:
        st.session_state[key] = value
    return key


def keep(key: str) -> Any:
    """Hold what is chosen in the field of this key, which was just drawn, and give it."""
    value = st.session_state[key]
    st.session_state[_HELD] = {**st.session_state.get(_HELD, {}), key: value}
    return value


def tabs(code: str, key: str) -> Sequence[DeltaGenerator]:
    """Tabs named by the words of ``code``; the open one stays open."""
    return tabs_of(entry(code), key)


def tabs_of(names: Sequence[str], key: str) -> Sequence[DeltaGenerator]:
    """Tabs of these names; the open one stays open."""
    found = st.tabs(names, key=start(key, names[0], names), on_change="rerun")
    keep(key)
    return found
