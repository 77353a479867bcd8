"""The app in a test: a warm server, with a drawn film and a made-up result in place of the networks."""

from __future__ import annotations

import os
from collections.abc import Callable
from importlib import util
from pathlib import Path

import pytest
from streamlit.runtime.pages_manager import PagesManager
from streamlit.testing.v1 import AppTest

from bmd.app import work

os.environ["OSTEOLENS_WARM_UP"] = "0"  # no test waits for networks that it does not use
ENTRYPOINT = Path(__file__).resolve().parents[2] / "streamlit_app.py"


def _load(name: str):
    spec = util.spec_from_file_location(f"app_{name}", Path(__file__).with_name(f"{name}.py"))
    module = util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def fakes():
    """The module with the drawn film and the made-up result."""
    return _load("fakes")


@pytest.fixture(scope="session")
def fakes_ct():
    """The module with the drawn CT and its made-up result."""
    return _load("fakes_ct")


@pytest.fixture
def warm(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that has been asked before.

    AppTest makes every run the first of a fresh server, where Streamlit runs the file in ``pages/`` on its own; a
    button pressed in such a run is lost. ``test_pages.py`` tests the cold server on purpose.
    """
    original = PagesManager.__init__

    def init(self, *args, **kwargs):
        original(self, *args, **kwargs)
        PagesManager.uses_pages_directory = False

    monkeypatch.setattr(PagesManager, "__init__", init)


@pytest.fixture
def app(warm, fakes, monkeypatch: pytest.MonkeyPatch) -> Callable[[], AppTest]:
    """A function that opens the app with the made-up library behind it."""
    monkeypatch.setattr(work, "read", fakes.read_study)
    monkeypatch.setattr(work, "analyse", lambda study, progress, models: fakes.analyse(study, progress=progress))
    monkeypatch.setattr(work, "explain", fakes.explain)
    return lambda: AppTest.from_file(str(ENTRYPOINT), default_timeout=60).run()
