"""The calls from the app into the library. Heavy parts are imported inside, after the first screen is drawn."""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import streamlit as st

from bmd import modality
from bmd.app.film import samples
from bmd.errors import BmdError
from bmd.findings import Finding, note
from bmd.types import Explanation, Report, Study

if TYPE_CHECKING:
    from bmd.readers.volume import VolumeChoice

Progress = Callable[[float, Finding], None]
WARM_UP_AFTER_S = 4.0
"""The first screen is drawn by then; loading torch keeps the server from answering for seconds."""

log = logging.getLogger(__name__)
_turn = threading.Lock()
"""One film at a time: two at once take longer on the same cores, and would load every network twice."""


def read(name: str, data: bytes, kind: str = "film") -> Study:
    """Study of this kind from the bytes of an upload; raises ``InputError`` or ``LimitError``."""
    row = modality.by_kind(kind)
    assert row.read is not None, "only what has files is uploaded"
    return row.read([(name, data)])


def list_volumes(files: Sequence[tuple[str, bytes]]) -> tuple[VolumeChoice, ...]:
    """CT volumes in the bytes of an upload, best first; raises ``InputError`` or ``LimitError``."""
    from bmd.readers.volume import read_volumes

    return read_volumes(files)


def analyse(study: Study, progress: Progress, models: Mapping[str, str] | None = None) -> Report:
    """Report on the study; ``progress`` is called with a share in 0..1 and what is being done.

    ``models`` names networks by role where the role's default is not wanted.
    """
    if not _turn.acquire(blocking=False):
        progress(0.0, note("app.waiting"))
        _turn.acquire()
    try:
        return modality.analyse(study, progress=progress, models=models)
    finally:
        _turn.release()


def analyse_best(
    opened: modality.Opened, progress: Progress, models: Mapping[str, str] | None = None
) -> tuple[Study, Report]:
    """The first study of an upload that can be analysed, and its report; see ``Opened.analysed``."""
    return opened.analysed(lambda study: analyse(study, progress, models))


def explain(study: Study, report: Report) -> tuple[Explanation, ...]:
    """Heat map of every measured vertebra."""
    with _turn:
        return modality.explain(study, report)


@st.cache_resource(show_spinner=False)
def warm_up() -> threading.Thread | None:
    """Load the networks in the background, once per process, while the first visitor still chooses a film.

    ``OSTEOLENS_WARM_UP=0`` leaves it out; the first film then takes some seconds longer.
    """
    if os.environ.get("OSTEOLENS_WARM_UP") == "0" or not samples.SAMPLES.shipped():
        return None
    thread = threading.Thread(target=_load, name="warm-up", daemon=True)
    thread.start()
    return thread


def _load() -> None:
    time.sleep(WARM_UP_AFTER_S)
    start = time.perf_counter()
    try:
        film = samples.SAMPLES.shipped()[0]
        analyse(read(film.path.name, film.path.read_bytes()), lambda share, what: None)
    except (BmdError, ImportError, OSError) as error:
        log.warning("The networks could not be loaded ahead: %s", type(error).__name__)
        return
    log.info("The networks are loaded (%.1f s)", time.perf_counter() - start)
