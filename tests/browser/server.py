"""Starts the app on a free port and a headless browser; shared by the browser test and the documentation's pictures."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]


def chromium() -> str | None:
    """Path of the browser, or None: OSTEOLENS_CHROMIUM, else what is installed."""
    return os.environ.get("OSTEOLENS_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")


@contextmanager
def running_app(root: Path = ROOT) -> Iterator[str]:
    """Address of an app that was just started and answers; ends it afterwards."""
    with started(subprocess.DEVNULL, root) as (address, _):
        yield address


@contextmanager
def started(log: Any, root: Path = ROOT) -> Iterator[tuple[str, subprocess.Popen]]:
    """The same, as ``make app`` starts it, with its process; what it says, also of each errand, goes to ``log``."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", "streamlit_app.py", "--server.port", str(port)]
    command += ["--server.address", "127.0.0.1", "--server.headless", "true", "--browser.serverPort", str(port)]
    environment = {"OMP_WAIT_POLICY": "PASSIVE", "MALLOC_ARENA_MAX": "2", "OSTEOLENS_LOG": "info", **os.environ}
    server = subprocess.Popen(command, cwd=root, stdout=log, stderr=log, env=environment)
    try:
        yield _wait(f"http://127.0.0.1:{port}", server), server
    finally:
        server.terminate()
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:  # a script that is at work holds it
            server.kill()
            server.wait(20)


def _wait(address: str, server: subprocess.Popen) -> str:
    until = time.monotonic() + 40
    while time.monotonic() < until and server.poll() is None:
        try:
            with urllib.request.urlopen(f"{address}/_stcore/health", timeout=2):
                return address
        except OSError:
            time.sleep(0.2)
    raise RuntimeError("the app did not start")


@contextmanager
def browser() -> Iterator[Any]:
    """A headless browser driven by playwright."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        window = driver.chromium.launch(executable_path=chromium(), args=ARGUMENTS)
        try:
            yield window
        finally:
            window.close()
