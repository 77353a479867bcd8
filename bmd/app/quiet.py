"""An upload that a visitor breaks off is no fault: the log gets one line of it, no traceback.

The web server logs whatever a request ends with as an error of the app. Where the visitor left, closed the page or lost
the network in the middle of an upload, that is starlette's ``ClientDisconnect``, and nothing is to be mended.
"""

from __future__ import annotations

import logging

import streamlit as st

SERVER_LOG = "uvicorn.error"
"""Logger of the web server that Streamlit runs on."""
LEFT = ("starlette.requests", "ClientDisconnect")

log = logging.getLogger(__name__)


class WithoutLeavers(logging.Filter):
    """Drops the traceback of a visitor who left; everything else passes."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether a record is to be logged."""
        kind = record.exc_info[0] if record.exc_info else None
        if kind is None or (kind.__module__, kind.__name__) != LEFT:
            return True
        log.info("An upload was broken off")
        return False


@st.cache_resource(show_spinner=False)
def install() -> logging.Filter:
    """Filter the web server's log, once per process."""
    found = WithoutLeavers()
    logging.getLogger(SERVER_LOG).addFilter(found)
    return found
