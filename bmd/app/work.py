"""The calls from the app into the library. Heavy parts are imported inside, after the first screen is drawn."""

from __future__ import annotations

import json
import logging
import os
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import streamlit as st

from bmd import modality
from bmd.app.film import samples
from bmd.app.visit import Progress, Visit
from bmd.errors import BmdError
from bmd.findings import note
from bmd.types import Explanation, Report, Study

if TYPE_CHECKING:
    from bmd.readers.volume import VolumeChoice

WARM_UP_AFTER_S = 4.0
"""The first screen is drawn by then; loading torch keeps the server from answering for seconds."""

LOG = "OSTEOLENS_LOG"
"""Environment variable: "info" lets the log tell how long each visitor was served and waited, not whom."""

SWITCH_S = 0.0005
"""After so long Python's interpreter is handed to a thread that waits for it; a network asks for it after each of its
hundreds of operations. With three other threads at work a convolution of 1.5 ms took 17 ms at the usual 5 ms, now 6."""
sys.setswitchinterval(SWITCH_S)

log = logging.getLogger(__name__)
if os.environ.get(LOG, "").lower() == "info":
    logging.basicConfig()
    logging.getLogger("bmd").setLevel(logging.INFO)


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
    return modality.analyse(study, progress=progress, models=models)


def analyse_best(
    opened: modality.Opened, progress: Progress, models: Mapping[str, str] | None = None
) -> tuple[Study, Report]:
    """The first study of an upload that can be analysed, and its report; see ``Opened.analysed``.

    ``progress`` is called as by ``analyse``, with a share that never falls, and told when others come first. Raises
    TooLongError where it takes longer than `visit.limit_s`.
    """
    with _errand(progress, opened.study) as visit:
        return opened.analysed(lambda study: analyse(study, visit.step, models))


def explain(study: Study, report: Report, progress: Progress) -> tuple[Explanation, ...]:
    """Heat map of every measured vertebra; ``progress`` is told as by ``analyse_best``."""
    with _errand(progress, study) as visit:
        visit.step(0.0, note("app.explaining"))
        return modality.explain(study, report)


@contextmanager
def _errand(progress: Progress, study: Study) -> Iterator[Visit]:
    """Serve one visitor: networks take turns, all else runs beside that of others; the log says how long it took."""
    from bmd.models._turn import TURN

    visit, start = Visit(progress), time.perf_counter()
    with TURN.errand(visit) as errand:
        try:
            yield visit
        finally:
            took = {
                "errand": errand.number,
                "kind": modality.of(study).kind,
                "seconds": round(time.perf_counter() - start, 3),
                "calls": errand.calls,
                "network_s": round(errand.network_s, 3),
                "waited_s": round(errand.waited_s, 3),
                "earlier_s": round(errand.earlier_s, 3),
                "later_s": round(errand.later_s, 3),
            }
            log.info("served %s", json.dumps(took))


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
