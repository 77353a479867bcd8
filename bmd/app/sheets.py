"""Style sheets and script of every page: how it looks, how it fits a screen, how it is printed."""

from __future__ import annotations

from datetime import date
from functools import cache
from pathlib import Path

import streamlit as st

from bmd import __version__
from bmd.text import text

_HERE = Path(__file__).parent
SHEETS = ("shell.css", "layout.css", "print.css")
SCRIPT = "shell.js"
_FOOT = "[[foot]]"
"""Where print.css takes the words at the foot of a printed page."""


def put() -> None:
    """The style sheets and the script, with the sentence on the intended use above every page."""
    st.html(f"<style>{styles(_words_at_foot())}</style>")
    st.html(
        f'<p class="ol-intended" role="note">{text("intended_use")}</p><script>{_read(SCRIPT)}</script>',
        unsafe_allow_javascript=True,
    )


def foot() -> None:
    """Version and day below the page when it is printed where style sheets cannot write into the paper's margin."""
    st.html(f'<p class="ol-foot" aria-hidden="true">{_words_at_foot()}</p>')


def _words_at_foot() -> str:
    return text("app.print_foot", version=__version__, day=date.today().isoformat())


def styles(foot: str) -> str:
    """All style sheets as one; ``foot`` stands at the foot of printed pages."""
    quoted = foot.replace("\\", "\\\\").replace('"', '\\"')
    return "\n".join(_read(name) for name in SHEETS).replace(_FOOT, quoted)


@cache
def _read(name: str) -> str:
    return (_HERE / name).read_text("utf-8")
