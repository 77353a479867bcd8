"""Choosing an input: upload on the left with what the page gives, built-in cases on the right."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from bmd.app import address, dropped, session, shell
from bmd.app.markup import plain
from bmd.app.samples import Sample, Samples
from bmd.text import entry, text
from bmd.types import Study


@dataclass(frozen=True)
class Picker:
    """The ways to an input of one kind.

    Attributes
    ----------
    kind : str
        Whose words: "app.<kind>.get", "app.<kind>.samples_note".
    icons : sequence of str
        Signs before the lines of "app.<kind>.get".
    cases : Samples
        Built-in cases, as cards that open them.
    upload : callable
        Draws the upload.
    open_case : callable
        Reads and shows a built-in case, and has the page drawn again.
    """

    kind: session.Kind
    icons: Sequence[str]
    cases: Samples[Any]
    upload: Callable[[], None]
    open_case: Callable[[Any], None]

    def follow(self) -> None:
        """Open what the address asks for, or go back to the picker with the browser; nothing where nothing moved."""
        asked, held = address.asked(self.kind), session.held(self.kind)
        if not asked.moved:
            return
        if asked.case is None:
            if asked.stayed:
                session.close(self.kind)
            return
        if held is not None and held.case == asked.case:
            session.reopen(self.kind)
            return
        session.close(self.kind)
        case, number = self.cases.named(asked.case), _number(asked.case)
        if case is not None and case in self.cases.shipped():
            self.open_case(case)
        elif number is not None:
            session.bring_back(self.kind, number)

    def draw(self) -> None:
        """Everything before there is an input, or when the visitor went back from it."""
        self._unknown()
        self._still_held()
        left, right = st.columns([5, 9], gap="large")
        with left:
            self.upload()
            dropped.listed(self.kind)
            with st.container(border=True, key="what_you_get"):
                st.header(text("app.get_title"), anchor=False)
                lines = zip(self.icons, entry(f"app.{self.kind}.get"), strict=True)
                st.markdown("\n\n".join(f":material/{icon}: {line}" for icon, line in lines))
        with right:
            st.header(text("app.samples_title"), anchor=False)
            st.caption(text(f"app.{self.kind}.samples_note"))
            with st.grid(4, min_column_width=140, gap="xsmall", key="samples"):
                for case in self.cases.shipped():
                    _card(case, self.open_case)

    def _unknown(self) -> None:
        """Say calmly that what the address names is not here."""
        asked = address.get(address.CASE)
        if asked is None:
            return
        code = "app.address.own" if _number(asked) is not None else "app.address.unknown"
        st.info(text(code), icon=":material/link_off:")

    def _still_held(self) -> None:
        """After Back: what is held, and the way forward to it."""
        held = session.held(self.kind)
        if held is None:
            return
        with st.container(horizontal=True, vertical_alignment="center", key="still_held"):
            alone = held.sample is None and held.study.volume is not None
            code = "app.still_held_alone" if alone else "app.still_held"
            st.markdown(text(code, name=plain(held.name)), width="content")
            st.button(
                text("app.show_again"),
                icon=":material/undo:",
                on_click=session.reopen,
                args=(self.kind,),
                key="show_again",
            )


def _number(case: str) -> int | None:
    """Number of a file of one's own in the address, or None."""
    start, _, number = case.partition("-")
    return int(number) if start == address.OWN and number.isdecimal() else None


def _card(case: Sample, open_case: Callable[[Any], None]) -> None:
    """A picture that is itself the button: the button's own area reaches over the whole card (shell.css)."""
    with st.container(border=True, key=f"sample_{case.name}"):
        st.image(case.thumbnail, width="stretch", alt=text("app.thumbnail_alt", title=case.title))
        if st.button(case.title, key=f"open_{case.name}", width="stretch"):
            open_case(case)
        st.caption(case.description)


def of_pictures(
    kind: session.Kind, icons: Sequence[str], cases: Samples[Any], read: Callable[[str, bytes], Study]
) -> Picker:
    """Ways to an input that is one file; ``read`` makes a study of its name and bytes."""

    def upload() -> None:
        st.header(text(f"app.{kind}.upload_title"), anchor=False)
        files = st.file_uploader(text(f"app.{kind}.upload_label"), accept_multiple_files=True, key=f"{kind}_upload")
        st.caption(f"{text(f'app.{kind}.upload_note')} {text(f'app.{kind}.too_large')}")
        if files:
            with shell.guard(), st.spinner(text(f"app.{kind}.reading")):
                found = dropped.take(kind, [(file.name, file.getvalue()) for file in files], read)
                if found is not None:
                    session.show(found)
                    st.rerun()

    def open_case(case: Sample) -> None:
        with shell.guard():
            study = read(case.path.name, case.path.read_bytes())
            session.show(session.Held(case.title, study, kind, sample=case.name))
            st.rerun()

    return Picker(kind, icons, cases, upload, open_case)
