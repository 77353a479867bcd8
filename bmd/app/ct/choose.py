"""Choosing a CT: upload, the choice between several volumes, and the built-in cases."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from bmd.app import results, session, shell, work
from bmd.app.choose import Picker
from bmd.app.ct import samples
from bmd.modality import open_best
from bmd.text import say, text

if TYPE_CHECKING:
    from bmd.readers.volume import VolumeChoice

HOW = ("files", "folder")
ICONS = ("view_in_ar", "straighten", "image_search", "groups")
"""Signs before the lines of "app.ct.get"."""
_FOUND = "ct_found"
"""What the files hold: (ids of the files, volumes); forgotten once one of them is read."""


@st.fragment
def _upload() -> None:
    """Files or folder and, where they hold several volumes, which; drawn again alone until one is read."""
    st.header(text("app.ct.upload_title"), anchor=False)
    how = st.segmented_control(
        text("app.ct.how_label"),
        HOW,
        default="files",
        required=True,
        format_func=lambda how: text(f"app.ct.how.{how}"),
        label_visibility="collapsed",
        key="ct_how",
    )
    files = _uploader(how == "folder")
    st.caption(f"{text('app.ct.upload_note')} {text('app.ct.too_large')}")
    if files:
        with shell.guard():
            _choose(files)


def _uploader(folder: bool) -> Sequence[UploadedFile]:
    if folder:
        label = text("app.ct.upload_label.folder")
        return st.file_uploader(label, accept_multiple_files="directory", key="ct_upload_folder")
    return st.file_uploader(text("app.ct.upload_label.files"), accept_multiple_files=True, key="ct_upload_files")


def _choose(files: Sequence[UploadedFile]) -> None:
    """Read the only volume at once; where there are several offer to try them in turn, or one of them."""
    choices = _volumes(files)
    chosen = None
    if len(choices) > 1:
        st.caption(text("app.ct.choose"))
        chosen = st.radio(text("app.ct.choose_label"), (None, *choices), format_func=_title, key="ct_choice")
        if not st.button(text("app.ct.open"), type="primary", key="ct_open"):
            return
    _read((chosen,) if chosen else choices, _name(files))


def _title(choice: VolumeChoice | None) -> str:
    if choice is None:
        return text("app.ct.in_turn")
    return "  \n".join((say(choice.title), *(f":small[{say(note)}]" for note in choice.notes)))


def _volumes(files: Sequence[UploadedFile]) -> tuple[VolumeChoice, ...]:
    ids = tuple(file.file_id for file in files)
    known = st.session_state.get(_FOUND)
    if known is None or known[0] != ids:
        with st.spinner(text("app.ct.listing", count=len(files))):
            known = ids, work.list_volumes([(file.name, file.getvalue()) for file in files])
        st.session_state[_FOUND] = known
    return known[1]


def _name(files: Sequence[UploadedFile]) -> str:
    """File, folder, or number of files."""
    folder = files[0].name.replace("\\", "/").partition("/")
    if folder[1]:
        return str(folder[0])
    return str(files[0].name) if len(files) == 1 else text("app.ct.files", count=len(files))


def _read(choices: Sequence[VolumeChoice], name: str, sample: str | None = None) -> None:
    bar = st.progress(0.0)
    opened = open_best(choices, lambda share, what: results.advance(bar, share, what))
    st.session_state.pop(_FOUND, None)
    found = session.own("ct", name, opened.study) if sample is None else session.Held(name, opened.study, "ct", sample)
    session.show(replace(found, waiting=opened))
    st.rerun()


def _open(sample: samples.CtSample) -> None:
    with shell.guard():
        choices = work.list_volumes([(sample.path.name, sample.path.read_bytes())])
        _read(choices, sample.title, sample.name)


PICKER = Picker("ct", ICONS, samples.SAMPLES, _upload, _open)
"""Upload, choice between volumes and built-in cases of the Abdominal CT page."""
