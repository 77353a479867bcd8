"""The frame every page stands in: navigation, the intended-use sentence, and what happens when something fails."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from bmd import modality
from bmd.app import address, forget, quiet, reload, sheets
from bmd.app.markup import plain
from bmd.app.session import Problem
from bmd.errors import BmdError
from bmd.text import text

log = logging.getLogger(__name__)

ICON = str(Path(__file__).with_name("icon.svg"))
"""Shipped with the app: Streamlit fetches named icons for the browser tab from an outside host."""
LOGO = str(Path(__file__).with_name("logo.svg"))
ROOT = Path(__file__).resolve().parents[2]
ENTRYPOINT = "streamlit_app.py"
PAGES = (
    *((row.page, text(row.code("title")), row.icon) for row in modality.MODALITIES),
    ("together", text("app.together.title"), "join"),
    ("evidence", text("app.evidence.title"), "fact_check"),
    ("about", text("app.about.title"), "info"),
)
"""File in ``pages/``, title and icon, in the order of the navigation."""
_WITH_CASES = {row.page for row in modality.with_files()}
_ENTERED, _GOTO = "_shell_entered", "_shell_goto"


def pages() -> list[st.Page]:
    """Pages in the order of the navigation, those whose file is there."""
    return [
        st.Page(f"pages/{name}.py", title=title, icon=f":material/{icon}:", default=name == "spine_xray")
        for name, title, icon in PAGES
        if (ROOT / "pages" / f"{name}.py").exists()
    ]


def enter() -> None:
    """Called by the entrypoint before it runs a page: note that it ran, and forward a page that asked for it."""
    forget.keep_sweeping()
    quiet.install()
    reload.arrive()
    st.session_state[_ENTERED] = True
    goto = st.session_state.pop(_GOTO, None)
    if goto is not None:
        page, query = goto
        st.switch_page(page, query_params=query)


def open_page(file: str) -> None:
    """First statement of every page: go through the entrypoint, then draw the frame.

    A folder called ``pages/`` makes Streamlit run a page on its own when it is the first thing a fresh server is
    asked for. The page then sends the visitor through the entrypoint, which sends them back.

    Parameters
    ----------
    file : str
        ``__file__`` of the page.
    """
    if not st.session_state.pop(_ENTERED, False):
        page = Path(file).resolve().relative_to(ROOT).as_posix()
        st.session_state[_GOTO] = page, st.query_params.to_dict()
        st.switch_page(ENTRYPOINT)
    if Path(file).stem not in _WITH_CASES:
        address.leave()
    sheets.put()


@dataclass
class Outcome:
    """What :func:`guard` saw: None, or the problem."""

    problem: Problem | None = None


def lead(title: str, words: str) -> None:
    """Title of a page and what it is for, by their codes."""
    st.title(text(title), anchor=False)
    st.markdown(text(words))


@contextmanager
def guard(quiet: bool = False) -> Iterator[Outcome]:
    """Show what went wrong as a calm message; never a traceback in the browser.

    A :class:`BmdError` says what to do. Anything else is a fault of the product: the log gets the type of the error
    and where it happened, but not its message, which may quote the file.

    Parameters
    ----------
    quiet : bool
        Only note the problem in the outcome, do not show it.
    """
    outcome = Outcome()
    try:
        yield outcome
    except BmdError as error:
        outcome.problem = Problem(_message(error))
    except Exception as error:  # noqa: BLE001 - the last resort of a page
        where = "".join(traceback.format_tb(error.__traceback__))
        log.error("Unexpected %s\n%s", type(error).__name__, where)
        outcome.problem = Problem(text("app.something_wrong"), ours=True)
    if outcome.problem is not None and not quiet:
        show(outcome.problem)


def show(problem: Problem) -> None:
    """Show a problem: calm for one the visitor can act on, red for one of ours."""
    if problem.ours:
        st.error(problem.message, icon=":material/error:")
    else:
        st.warning(problem.message, icon=":material/info:")


def _message(error: BmdError) -> str:
    first, *others = (_sentence(plain(part)) for part in error.parts.values())
    return "  \n".join([f"**{first}**", *others])


def _sentence(part: str) -> str:
    return part if part.endswith((".", "!", "?")) else part + "."
