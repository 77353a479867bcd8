"""Who gets a session back after a reload, and who never does."""

from __future__ import annotations

import gc
import logging
import sys
import weakref
from types import SimpleNamespace

import numpy as np
from streamlit.runtime.memory_session_storage import MemorySessionStorage
from streamlit.runtime.session_manager import SessionInfo
from streamlit.runtime.state.session_state import SessionState

from bmd.app import forget, quiet, reload


class Film:
    """Something large that is held."""

    def __init__(self) -> None:
        self.pixels = np.zeros(1000)


class Session:
    """A session of Streamlit as far as it is asked here."""

    def __init__(self, token: str, **held: object) -> None:
        self.id, self.shut, self.session_state = f"id-{token}", False, SessionState()
        self.session_state[f"{reload._OWN}_token"] = token
        for key, value in held.items():
            self.session_state[key] = value

    def shutdown(self) -> None:
        self.shut = True


def server(closed=(), active=()):
    storage = MemorySessionStorage(ttl_seconds=forget.GRACE_S)
    for session in closed:
        storage.save(SessionInfo(client=None, session=session, script_run_count=1))
    infos = [SimpleNamespace(session=session) for session in active]
    return SimpleNamespace(_session_mgr=SimpleNamespace(_session_storage=storage, list_active_sessions=lambda: infos))


def test_a_closed_session_is_given_back_once_and_ended():
    film, old = Film(), Session("secret")
    old.session_state["film"] = film
    asked = server([old, Session("other", film="another's")])
    assert reload.take(asked, "secret") == {"film": film}
    assert old.shut
    assert reload.take(asked, "secret") == {}
    assert len(asked._session_mgr._session_storage.list()) == 1


def test_nobody_gets_a_session_whose_page_is_open():
    asked = server(active=[Session("secret", film="mine")])
    assert reload.take(asked, "secret") is None


def test_a_wrong_token_gets_nothing():
    asked = server([Session("secret", film="mine")], [Session("open", film="hers")])
    for token in ("", "nothing", "secre", "secret2", "id-secret", "\N{SNOWMAN}"):
        assert reload.take(asked, token) == {}
    assert len(asked._session_mgr._session_storage.list()) == 1


def test_the_token_and_the_state_of_fields_are_not_handed_on():
    old = Session("secret", film="mine", choices={"film_tab": "Age curve"}, _shell_entered=True)
    old.session_state._key_id_mapper["open_normal"] = "$$ID-x-open_normal"
    old.session_state._new_widget_state.set_from_value("$$ID-x-open_normal", True)
    assert reload.take(server([old]), "secret") == {"film": "mine", "choices": {"film_tab": "Age curve"}}


def test_after_it_was_given_back_nothing_of_the_old_session_is_left():
    film = Film()
    old = Session("secret", film=film)
    gone = weakref.ref(old)
    asked = server([old])
    kept = reload.take(asked, "secret")
    del old
    gc.collect()
    assert gone() is None
    released = weakref.ref(film)
    del film, kept
    gc.collect()
    assert released() is None


def test_the_time_to_come_back_is_what_the_privacy_note_says():
    assert MemorySessionStorage()._cache.ttl == forget.GRACE_S == 120


def test_tokens_cannot_be_guessed_and_differ(app):
    tokens = {app().session_state[f"{reload._OWN}_token"] for _ in range(3)}
    assert len(tokens) == 3
    assert all(len(token) >= 43 for token in tokens), "32 random bytes"


def test_a_token_stands_in_no_address(app):
    at = app()
    at.button(key="open_normal").click().run()
    assert at.session_state[f"{reload._OWN}_token"] not in str(at.query_params)


def record(error: BaseException) -> logging.LogRecord:
    try:
        raise error
    except type(error):
        return logging.LogRecord(quiet.SERVER_LOG, logging.ERROR, "", 0, "Exception in ASGI", (), sys.exc_info())


def test_a_visitor_who_leaves_in_the_middle_of_an_upload_leaves_no_traceback():
    from starlette.requests import ClientDisconnect

    assert not quiet.WithoutLeavers().filter(record(ClientDisconnect()))
    assert quiet.WithoutLeavers().filter(record(RuntimeError("of ours")))
    assert quiet.WithoutLeavers().filter(logging.LogRecord("x", logging.INFO, "", 0, "plain", (), None))
