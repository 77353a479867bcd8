"""After "Remove everything now", and after a session ended, nothing of an input is left anywhere in the process."""

from __future__ import annotations

import gc
import uuid
import weakref
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from streamlit.runtime.app_session import AppSession
from streamlit.runtime.media_file_manager import MediaFileManager
from streamlit.runtime.memory_media_file_storage import MemoryMediaFileStorage
from streamlit.runtime.memory_session_storage import MemorySessionStorage
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.runtime import Runtime
from streamlit.runtime.session_manager import SessionInfo
from streamlit.runtime.state import SessionState
from streamlit.testing.v1 import AppTest

from bmd.app import forget, session
from bmd.app.viewers import film as film_viewer
from bmd.app.viewers.ct import packet
from bmd.text import text
from bmd.types import Demographics, Image, Report, Study, Suitability, Volume
from tests.app.reading import shown

KINDS = pytest.mark.parametrize("kind", ["film", "ct", "dxa"])
PAGES = {"film": "spine_xray", "ct": "abdominal_ct", "dxa": "dxa"}


def held(kind: session.Kind, fakes, fakes_ct) -> session.Held:
    """A study nobody else has seen under a name that stands nowhere else, and its result."""
    name = f"{uuid.uuid4().hex}.dcm"
    if kind == "ct":
        return session.Held(name, replace(fakes_ct.study(), uid="fresh"), "ct", report=fakes_ct.report())
    pixels = fakes.pixels(int(np.random.default_rng().integers(1, 1 << 30)))
    if kind == "film":
        study = Study("fresh", (Image(pixels, "radiograph", "lateral", (0.4, 0.4)),), Demographics(), "PNG")
        return session.Held(name, study, report=fakes.report())
    study = Study("fresh", (Image(pixels, "dxa", "ap", (0.8, 0.8)),), Demographics(), "PNG")
    return session.Held(name, study, "dxa", report=fakes.report(modality="dxa", answers=(fakes.prediction(-1, None),)))


def pixels_of(study: Study) -> np.ndarray:
    """The only picture or volume of a study."""
    (one,) = (*study.images, *([study.volume] if study.volume else []))
    return one.voxels if isinstance(one, Volume) else one.pixels


def visit(app, now: session.Held) -> AppTest:
    """A session that looks at this input."""
    at = app()
    at.session_state[now.kind] = now
    at.switch_page(f"pages/{PAGES[now.kind]}.py").run()
    assert not at.exception
    return at


def purge(at: AppTest) -> None:
    at.switch_page("pages/about.py").run()
    at.button(key="purge").click().run()
    assert text("app.about.held_nothing") in shown(at)


def traces(needle: bytes) -> list[str]:
    """Every object of the process that holds these bytes, as bytes, text or array: caches of any kind included."""
    gc.collect()
    word, found = needle.decode("latin-1"), []
    for owner in gc.get_objects():
        if owner is needle:
            continue
        for inner in gc.get_referents(owner):
            kind = type(inner)  # isinstance() would wake lazy objects of other packages
            if (
                (kind in (bytes, bytearray) and len(inner) > len(needle) and needle in inner)
                or (kind is str and len(inner) > len(word) and word in inner)
                or (kind is np.ndarray and inner.nbytes > len(needle) and needle in inner.tobytes())
            ):
                found.append(f"{kind.__name__} in {type(owner).__name__}")
    return found


def middle(data: bytes) -> bytes:
    """Some bytes that nothing else has."""
    return bytes(bytearray(data[len(data) // 2 : len(data) // 2 + 48]))


@KINDS
def test_nothing_is_left_after_remove_everything_now(app, fakes, fakes_ct, kind):
    now = held(kind, fakes, fakes_ct)
    raw, pixels = middle(pixels_of(now.study).tobytes()), weakref.ref(pixels_of(now.study))
    name = bytes(bytearray(now.name[1:].encode()))
    at = visit(app, now)
    packed = middle(at.session_state[kind].packed)
    assert all(traces(needle) for needle in (raw, packed, name)), "the walk finds what is held"
    del now
    purge(at)
    gc.collect()
    assert pixels() is None
    assert [traces(needle) for needle in (raw, packed, name)] == [[], [], []]


@KINDS
def test_nothing_is_left_after_a_session(app, fakes, fakes_ct, kind):
    at = visit(app, held(kind, fakes, fakes_ct))
    raw = middle(pixels_of(at.session_state[kind].study).tobytes())
    packed = middle(at.session_state[kind].packed)
    del at
    assert traces(raw) == []
    assert traces(packed) == []


@KINDS
def test_each_session_packs_anew_and_only_once(app, fakes, fakes_ct, kind, monkeypatch):
    calls = []
    module, name = (packet, "_reduced") if kind == "ct" else (film_viewer, "pack")
    original = getattr(module, name)
    monkeypatch.setattr(module, name, lambda *args: calls.append(1) or original(*args))
    now = held(kind, fakes, fakes_ct)
    first = visit(app, now)
    first.run()
    assert len(calls) == 1, "the same session packs once"
    visit(app, now)
    assert len(calls) == 2, "another session cannot get what this one packed"


def test_together_keeps_nothing_of_its_own(app, fakes, fakes_ct):
    kinds: list[session.Kind] = ["film", "ct", "dxa"]
    at = app()
    for kind in kinds:
        at.session_state[kind] = held(kind, fakes, fakes_ct)
    at.session_state["demographics"] = session.Held(
        "form",
        Study("", (), Demographics(71.0), "form"),
        "demographics",
        report=Report("", "demographics", Suitability(True)),
    )
    arrays = [weakref.ref(pixels_of(at.session_state[kind].study)) for kind in kinds]
    results = [weakref.ref(at.session_state[kind].report) for kind in (*kinds, "demographics")]
    at.switch_page("pages/together.py").run()
    assert not at.exception
    purge(at)
    gc.collect()
    assert [ref() for ref in arrays + results] == [None] * 7
    at.switch_page("pages/together.py").run()
    assert "Nothing to compare yet" in shown(at)


def test_bytes_of_an_upload_go_once_they_are_read_and_when_all_is_removed(app, fakes, monkeypatch):
    sessions = []
    monkeypatch.setattr(
        MemoryUploadedFileManager, "remove_session_files", lambda self, session_id: sessions.append(session_id)
    )
    at = app()
    assert not sessions
    at.file_uploader(key="film_upload").upload("x.png", fakes.png(), "image/png").run()
    assert len(sessions) == 1
    purge(at)
    assert len(sessions) == 2


def test_heat_maps_leave_nothing_of_the_patient(monkeypatch):
    from bmd.explanation import film
    from bmd.explanation.target import category_target

    bound = []

    class Watched(film.Bound):
        def __init__(self, network, patient):
            super().__init__(network, patient)
            bound.append(weakref.ref(self))

    monkeypatch.setattr(film, "Bound", Watched)
    crops, patient = np.zeros((1, 1, 64, 64), np.float32), np.ones(8, np.float32)
    film.heat_maps("c5_gap_fc3", crops, patient, [category_target("normal")])
    gc.collect()
    assert len(bound) == 3
    assert all(one() is None for one in bound)


class Closed:
    """A session with a film, whose page was closed."""

    def __init__(self, manager: MediaFileManager) -> None:
        self.id, self.manager, self.shut = "closed", manager, False
        self.session_state = SessionState()
        self.session_state["film"] = Film()
        self.queue = [b"the film, packed"]

    def shutdown(self) -> None:
        self.shut = True

    def flush_browser_queue(self) -> list[bytes]:
        told, self.queue = self.queue, []
        return told


class Film:
    """What a weak reference can be made to."""


def test_a_closed_page_is_forgotten_though_nobody_else_comes():
    storage = MemorySessionStorage(ttl_seconds=0)
    media = MediaFileManager(MemoryMediaFileStorage("/media"))
    server = SimpleNamespace(_session_mgr=SimpleNamespace(_session_storage=storage), media_file_mgr=media)
    closed = Closed(media)  # as Streamlit's loop does, we go on referring to the session it served last
    film = weakref.ref(closed.session_state["film"])
    storage.save(SessionInfo(client=None, session=closed, script_run_count=1))
    gc.collect()
    assert film() is not None, "Streamlit keeps it"
    forget.sweep(server)
    gc.collect()
    assert closed.shut
    assert film() is None
    assert closed.queue == []


def test_a_finished_download_is_forgotten():
    media = MediaFileManager(MemoryMediaFileStorage("/media"))
    server = SimpleNamespace(
        _session_mgr=SimpleNamespace(_session_storage=MemorySessionStorage()), media_file_mgr=media
    )
    media.execute_deferred(media.add_deferred(lambda: b"result", "text/csv", "1.2", "x.csv"))
    media.clear_session_refs()
    for _ in range(2):
        forget.sweep(server)
    assert media._file_metadata == {}
    assert media._storage._files_by_id == {}
    assert media._deferred_callables == {}


def test_the_managers_that_are_asked_are_there():
    assert hasattr(Runtime, "_get_async_objs")
    assert hasattr(AppSession, "session_state")
    assert hasattr(AppSession, "flush_browser_queue")
    assert hasattr(MemorySessionStorage()._cache, "expire")
