"""What stands in the address behind the question mark: where a visitor is, to go back to, reload and pass on.

Every key that may stand there is a row of ``KEYS``. Nothing of a patient or a file ever does: a file of one's own is
"own-1", the first one that was opened, and means nothing to anybody else. Writing a value makes a step in the browser's
history; the browser's Back and Forward run the page again with the values of that step, and ``asked`` says so.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import streamlit as st
from streamlit.components.v2.types import ComponentRenderer

OWN = "own"
"""How a file of one's own is called in the address, followed by its number."""
_AT = "_shell_address"
_SCRIPT = Path(__file__).with_name("address.js")


@dataclass(frozen=True)
class Key:
    """One key of the address: its name, what its values look like, and whether it goes along to other pages."""

    name: str
    form: str
    everywhere: bool = False

    def fits(self, value: str) -> bool:
        """Whether a value may stand in the address."""
        return re.fullmatch(self.form, value) is not None


CASE = Key("case", r"[a-z][a-z0-9_-]{0,39}")
"""The built-in case that is open ("osteoporosis"), or a file of one's own ("own-1")."""
PART = Key("part", r"[a-z]{1,20}")
"""Which part of the page "Evidence" is open."""
NETWORK = Key("network", r"[a-z][a-z0-9_]{0,39}")
"""The network whose card is open there."""
KEYS = (CASE, PART, NETWORK)


@dataclass(frozen=True)
class Asked:
    """What the browser asks for now.

    Attributes
    ----------
    moved : bool
        Otherwise than the page was left: opened, Back, Forward, an address typed in.
    stayed : bool
        On the same page as before.
    case : str or None
        None where no case is named. What does not look like one is "": no case is called so.
    """

    moved: bool
    stayed: bool
    case: str | None


def asked(page: str) -> Asked:
    """What the address asks of this page; call it once in a run."""
    value = get(CASE)
    before = st.session_state.get(_AT)
    st.session_state[_AT] = now = (page, value)
    return Asked(before != now, before is not None and before[0] == page, value)


def leave() -> None:
    """Note that a page without cases is shown."""
    st.session_state[_AT] = ("", None)


def get(key: Key) -> str | None:
    """Value of a key; None where it is not there, "" where it is none that could stand there."""
    value = st.query_params.get(key.name)
    return value if value is None or key.fits(value) else ""


def put(key: Key, value: str | None) -> None:
    """Write a value into the address, or take it out: a step in the browser's history.

    Raises
    ------
    ValueError
        A value that must not stand there.
    """
    if value is not None and not key.fits(value):
        raise ValueError(f"{key.name} must look like {key.form}")
    if st.query_params.get(key.name) != value:
        if value is None:
            del st.query_params[key.name]
        else:
            st.query_params[key.name] = value
    before = st.session_state.get(_AT)
    if key is CASE and before is not None:
        st.session_state[_AT] = (before[0], value)


def carried() -> dict[str, str]:
    """The values that go along to another page."""
    return {key.name: value for key in KEYS if key.everywhere and (value := get(key))}


@cache
def _part() -> ComponentRenderer:
    return st.components.v2.component("address", html="<span hidden></span>", js=_SCRIPT.read_text("utf-8"))


def say(case: str) -> None:
    """Have the address name the case that is shown, where the visitor came by a link without one: not a new step."""
    query = "&".join(f"{name}={value}" for name, value in {**carried(), CASE.name: case}.items())
    with st.container(key="address"):
        _part()(data={"query": query}, key="_shell_address_part")
