"""Several pictures dropped at once: each is read, the first is shown, the others wait with a button each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import streamlit as st

from bmd.app import session
from bmd.app.markup import plain
from bmd.errors import BmdError
from bmd.text import text
from bmd.types import Study

MOST_FILES = 20
"""Pictures that are read of one drop."""
MOST_NAMED = 3
"""Files that are named where more share one reason."""
LONGEST_NAME = 32
_UNREAD = "unread"


@dataclass(frozen=True)
class Unread:
    """A file that was dropped and not taken, and why, in words."""

    name: str
    why: str


def take(
    kind: session.Kind, files: Sequence[tuple[str, bytes]], read: Callable[[str, bytes], Study]
) -> session.Held | None:
    """Read what was dropped; the first picture is to be shown, the others wait. Nothing of a file is kept but that.

    Returns
    -------
    Held or None
        None where no file of several can be read; ``unread`` tells of each.

    Raises
    ------
    InputError, LimitError
        The only file cannot be read.
    """
    if len(files) == 1:
        _set_unread(kind, [])
        return session.own(kind, files[0][0], read(*files[0]))
    first: session.Held | None = None
    left: list[Unread] = []
    for index, (name, data) in enumerate(files):
        if index >= MOST_FILES:
            left.append(Unread(name, text("app.dropped.too_many", most=MOST_FILES)))
            continue
        try:
            found = session.own(kind, name, read(name, data))
        except BmdError as error:
            left.append(Unread(name, next(iter(error.parts.values()))))
            continue
        if first is None:
            first = found
        elif not session.set_aside(found):
            left.append(Unread(name, text("app.dropped.no_room", mb=session.MOST_ASIDE_MB)))
    _set_unread(kind, left)
    return first


def _set_unread(kind: session.Kind, left: Sequence[Unread]) -> None:
    st.session_state[_UNREAD] = {**st.session_state.get(_UNREAD, {}), kind: tuple(left)}


def unread(kind: session.Kind) -> tuple[Unread, ...]:
    """What of the last drop was not taken."""
    return tuple(st.session_state.get(_UNREAD, {}).get(kind, ()))


def listed(kind: session.Kind) -> None:
    """The pictures that wait, each with a button that opens it, and what was not taken; nothing where there is none."""
    waiting, left = session.aside(kind), unread(kind)
    if waiting:
        with st.container(horizontal=True, vertical_alignment="center", gap="small", key="dropped"):
            st.markdown(text("app.dropped.waiting", count=len(waiting)), width="content")
            for one in waiting:
                st.button(
                    plain(short(one.name)),
                    key=f"dropped_{kind}_{one.number}",
                    help=text("app.dropped.open_help", name=plain(one.name)),
                    icon=":material/folder_open:",
                    on_click=session.bring_back,
                    args=(kind, one.number),
                )
    if left:
        st.warning("\n".join((text("app.dropped.left", count=len(left)), *_reasons(left))), icon=":material/info:")


def _reasons(left: Sequence[Unread]) -> list[str]:
    """A line for each reason, however many files it holds for."""
    lines = []
    for why in dict.fromkeys(one.why for one in left):
        names = tuple(plain(one.name) for one in left if one.why == why)
        if (more := len(names) - MOST_NAMED) > 0:
            said = text("app.dropped.left_more", names=names[:MOST_NAMED], count=more, why=plain(why))
        else:
            said = text("app.dropped.left_one", name=names, why=plain(why))
        lines.append(said)
    return lines


def short(name: str) -> str:
    """A file's name as it fits on a button: its beginning and its end."""
    if len(name) <= LONGEST_NAME:
        return name
    half = LONGEST_NAME // 2 - 1
    return f"{name[:half]}…{name[-half:]}"
