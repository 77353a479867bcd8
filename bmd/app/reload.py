"""A reload of the page gives the same tab of the same browser its session back; nobody else gets it.

A reload makes Streamlit begin a new session and put the old one aside for ``forget.GRACE_S`` seconds, as for a short
loss of the network. Each session has a token that nobody can guess, known to this process and to the page alone. The
page lays it into the tab's own storage when it goes away and takes it out when it comes (``reload.js``). It stands
in no address, no cookie and no log, and serves once. Why so: docs/decisions/0029.
"""

from __future__ import annotations

import secrets
import time
from concurrent.futures import Future
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st
from streamlit import runtime
from streamlit.components.v2.types import ComponentRenderer

from bmd.app import forget

HINT = "osteolens_left"
"""Cookie without content, set while a page of this browser is away: the first screen waits for the tab's word then."""
CLOSING_S = 2.0
"""How long a server at work may take to notice that the page before the reload was closed."""
_OWN = "_shell_tab"
_TOKEN, _ASKS, _ANSWERED, _PART = (f"{_OWN}_{name}" for name in ("token", "asks", "answered", "part"))
TRANSIENT = ("_shell_entered", "_shell_goto")
"""Keys of one run of the frame."""
_SCRIPT = Path(__file__).with_name("reload.js")


@cache
def _part() -> ComponentRenderer:
    return st.components.v2.component("reload", html="<span hidden></span>", js=_SCRIPT.read_text("utf-8"))


def arrive() -> None:
    """Ask the tab what it left, and hold that again; call it before anything is drawn from what is held.

    Draws nothing that is seen. Stops the run where an answer is on its way, so that no wrong screen flashes by.
    """
    state = st.session_state
    new = _TOKEN not in state
    if new:
        state[_TOKEN] = secrets.token_urlsafe(32)
        state[_ASKS] = st.context.cookies.get(HINT) == "1"
    with st.container(key="reload"):
        said = _part()(data={"token": state[_TOKEN], "grace_s": forget.GRACE_S, "asks": state[_ASKS]}, key=_PART)
    left = getattr(said, "left", None)
    if left and not state.get(_ANSWERED):
        state[_ANSWERED] = True
        for key, value in claim(str(left)).items():
            state.setdefault(key, value)
    elif new and state[_ASKS]:
        st.stop()


def claim(token: str) -> dict[str, Any]:
    """What the session of this token held, taken from it for good; nothing where it is over or still looked at."""
    if not runtime.exists():
        return {}
    server = runtime.get_instance()
    until = time.monotonic() + CLOSING_S
    while True:
        answer: Future[dict[str, Any] | None] = Future()
        server._get_async_objs().eventloop.call_soon_threadsafe(_answer, server, token, answer)
        kept = answer.result(timeout=30)
        if kept is not None or time.monotonic() > until:
            return kept or {}
        time.sleep(0.1)


def _answer(server: Any, token: str, answer: Future[dict[str, Any] | None]) -> None:
    """On the thread of the server's loop, which sessions belong to."""
    try:
        answer.set_result(take(server, token))
    except Exception as error:  # noqa: BLE001 - the thread that waits has to hear of it
        answer.set_exception(error)


def take(server: Any, token: str) -> dict[str, Any] | None:
    """End the session of this token, if its page is closed, and give what it held.

    Parameters
    ----------
    server : streamlit.runtime.Runtime
        Asked on the thread of its loop.
    token : str
        As the page says it.

    Returns
    -------
    dict or None
        Nothing where no session has this token; None where its page is still open.
    """
    manager = server._session_mgr
    for info in manager._session_storage.list():
        if _is_of(info.session, token):
            kept = _held(info.session)
            manager._session_storage.delete(info.session.id)
            info.session.shutdown()
            return kept
    return None if any(_is_of(info.session, token) for info in manager.list_active_sessions()) else {}


def _is_of(session: Any, token: str) -> bool:
    known = session.session_state.filtered_state.get(_TOKEN)
    return isinstance(known, str) and secrets.compare_digest(known.encode(), token.encode())


def _held(session: Any) -> dict[str, Any]:
    """What the session held, without the state of its fields and buttons, which the pages draw from it again."""
    state = session.session_state
    fields = state._key_id_mapper
    return {
        key: value
        for key, value in state.filtered_state.items()
        if key not in fields and not key.startswith((_OWN, *TRANSIENT))
    }
