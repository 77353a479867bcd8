"""Letting go of what Streamlit itself would keep longer than a session: uploads, finished downloads, closed pages.

Streamlit holds the bytes of an upload until its session ends, a session whose page was closed until another one is
closed more than two minutes later, the session it served last until another page is opened, and a finished download
until two more scripts have run. None of that has a public switch, so its managers are asked directly;
``tests/app/test_forget.py`` notices when a new version has other ones.
"""

from __future__ import annotations

import gc
import logging
import threading
import time
from typing import Any

import streamlit as st
from streamlit import runtime
from streamlit.runtime.scriptrunner import get_script_run_ctx

SWEEP_EVERY_S = 20.0
GRACE_S = 120
"""How long Streamlit keeps a session whose page was closed: for a short loss of the network, and for a reload."""

log = logging.getLogger(__name__)


def uploads() -> None:
    """Let go of the bytes of every upload of this session; what was read from them is held apart from them."""
    context = get_script_run_ctx()
    if context is not None:
        context.uploaded_file_mgr.remove_session_files(context.session_id)


@st.cache_resource(show_spinner=False)
def keep_sweeping() -> threading.Thread:
    """Let go of closed sessions and finished downloads again and again, once per process, in the background."""
    thread = threading.Thread(target=_sweep_for_ever, args=(runtime.get_instance(),), name="sweep", daemon=True)
    thread.start()
    return thread


def _sweep_for_ever(server: Any) -> None:
    loop = server._get_async_objs().eventloop
    while not loop.is_closed():
        loop.call_soon_threadsafe(sweep, server)  # sessions belong to the thread of the server's loop
        time.sleep(SWEEP_EVERY_S)


def _empty(session: Any) -> None:
    """Streamlit's loop refers to the session it served last until another page is opened: leave nothing in it."""
    session.session_state.clear()
    session.flush_browser_queue()


def sweep(server: Any) -> None:
    """Let go of sessions whose time to come back is over, and of downloads that nobody can ask for any more.

    Parameters
    ----------
    server : streamlit.runtime.Runtime
        Asked on the thread of its loop.
    """
    ended = server._session_mgr._session_storage._cache.expire()
    for _, closed in ended:
        closed.session.shutdown()
        _empty(closed.session)
    server.media_file_mgr.remove_orphaned_files()
    if ended:
        count = len(ended)
        ended.clear()
        closed = None
        gc.collect()
        log.info("%d closed pages were forgotten", count)
