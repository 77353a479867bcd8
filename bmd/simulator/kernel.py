"""``kernel`` compiles a function of the simulator; what it compiled is kept and can never be stale.

numba's own cache looks only at the file a function stands in, so a caller in another file would keep the old shape of
a bone, and constants frozen into it, after an edit. Here the folder of the cache is named by a hash of every source
file of the simulator: after any edit all of it is compiled anew, once, in a folder of its own.
"""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar, cast

import numba as nb

log = logging.getLogger(__name__)

HERE = Path(__file__).resolve().parent
KEPT = 3
"""Folders of compiled kernels that stay, the latest used: going back and forth between two versions costs nothing."""

F = TypeVar("F", bound=Callable[..., Any])


def digest(folder: Path, *patterns: str) -> str:
    """Hash (12 hexadecimal digits) of names and contents of all files below ``folder`` that match a pattern."""
    found = hashlib.sha256()
    for path in sorted({path for pattern in patterns for path in folder.rglob(pattern)}):
        found.update(f"{path.relative_to(folder).as_posix()}\0{path.stat().st_size}\0".encode())
        found.update(path.read_bytes())
    return found.hexdigest()[:12]


CODE = digest(HERE, "*.py")
"""Hash of the simulator's sources as they were when this process started."""


def homes() -> tuple[Path, ...]:
    """Where compiled kernels may live, in order: as the user says, beside the sources, in the user's cache."""
    asked, own = os.environ.get("NUMBA_CACHE_DIR"), Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    apart = hashlib.sha256(str(HERE).encode()).hexdigest()[:12]  # two copies of the tree do not prune each other's
    return (*((Path(asked) / "osteolens" / apart,) if asked else ()), HERE / "__pycache__", own / "osteolens" / apart)


def cache_folder(code: str = CODE) -> Path | None:
    """The folder for this version of the sources, made if need be; None where nothing can be written."""
    for home in homes():
        folder = home / f"kernels-{code}"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            tempfile.TemporaryFile(dir=folder).close()
            os.utime(folder)
        except OSError:
            continue
        prune(home)
        return folder
    log.info("No folder to keep compiled kernels in: every process compiles its own.")
    return None


def prune(home: Path) -> None:
    """Remove compiled kernels of all but the ``KEPT`` versions used last, and those of the time before versions."""
    folders = [path for path in home.glob("kernels-*") if path.is_dir()]
    for old in sorted(folders, key=_last_used, reverse=True)[KEPT:]:
        shutil.rmtree(old, ignore_errors=True)
    for old in [*HERE.glob("__pycache__/*.nb[ci]"), *HERE.glob("*/__pycache__/*.nb[ci]")]:
        with suppress(OSError):
            old.unlink()


def _last_used(folder: Path) -> float:
    try:
        return folder.stat().st_mtime
    except OSError:  # another process has just removed it
        return 0.0


FOLDER = cache_folder()


def kernel(function: F) -> F:
    """Compile a function for numbers and arrays, sums in any order (``fastmath``), no exception at a division by 0.

    The folder is handed to numba while the function is defined, which is when it decides; other users of numba in
    the process keep their own.
    """
    settings: Any = nb.config  # its attributes are made at run time
    before = settings.CACHE_DIR
    settings.CACHE_DIR = str(FOLDER or before)
    try:
        return cast(F, nb.njit(fastmath=True, error_model="numpy", cache=FOLDER is not None)(function))
    finally:
        settings.CACHE_DIR = before
