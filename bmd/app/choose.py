"""Choosing an input: upload on the left with what the page gives, built-in cases on the right."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import streamlit as st

from bmd.app import session, shell
from bmd.app.samples import SampleType
from bmd.text import entry, text
from bmd.types import Study


def choose(
    kind: session.Kind,
    icons: Sequence[str],
    upload: Callable[[], None],
    cases: Sequence[SampleType],
    open_case: Callable[[SampleType], None],
) -> None:
    """Everything before there is an input.

    Parameters
    ----------
    kind : str
        Whose words: "app.<kind>.get", "app.<kind>.samples_note".
    icons : sequence of str
        Signs before the lines of "app.<kind>.get".
    upload : callable
        Draws the upload.
    cases : sequence of Sample
        Built-in cases, as cards with a thumbnail and a button.
    open_case : callable
        Holds the chosen case.
    """
    left, right = st.columns([5, 9], gap="large")
    with left:
        upload()
        with st.container(border=True, key="what_you_get"):
            st.header(text("app.get_title"), anchor=False)
            lines = zip(icons, entry(f"app.{kind}.get"), strict=True)
            st.markdown("\n\n".join(f":material/{icon}: {line}" for icon, line in lines))
    with right:
        st.header(text("app.samples_title"), anchor=False)
        st.caption(text(f"app.{kind}.samples_note"))
        with st.grid(4, min_column_width=140, gap="xsmall", key="samples"):
            for case in cases:
                _card(case, open_case)


def _card(case: SampleType, open_case: Callable[[SampleType], None]) -> None:
    with st.container(border=True, key=f"sample_{case.name}"):
        st.image(case.thumbnail, width="stretch", alt=text("app.thumbnail_alt", title=case.title))
        if st.button(case.title, key=f"open_{case.name}", width="stretch"):
            open_case(case)
        st.caption(case.description)


def choose_picture(
    kind: session.Kind, icons: Sequence[str], cases: Sequence[SampleType], read: Callable[[str, bytes], Study]
) -> None:
    """Choose an input that is one file; ``read`` makes a study of its name and bytes. The page is drawn again."""

    def upload() -> None:
        st.header(text(f"app.{kind}.upload_title"), anchor=False)
        file = st.file_uploader(text(f"app.{kind}.upload_label"), key=f"{kind}_upload")
        st.caption(text(f"app.{kind}.upload_note"))
        if file is not None:
            with shell.guard(), st.spinner(text(f"app.{kind}.reading")):
                hold(file.name, file.getvalue())

    def hold(name: str, data: bytes, case: SampleType | None = None) -> None:
        study = read(name, data)
        title, sample = (name, None) if case is None else (case.title, case.name)
        session.hold(session.Held(title, study, kind, sample=sample))
        st.rerun()

    def open_case(case: SampleType) -> None:
        with shell.guard():
            hold(case.path.name, case.path.read_bytes(), case)

    choose(kind, icons, upload, cases, open_case)
