"""Compiled kernels follow their sources, wherever the edit was and wherever they are kept."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bmd.simulator import kernel

SOURCES = sorted(path.relative_to(kernel.HERE).as_posix() for path in kernel.HERE.rglob("*.py"))
INNER = """
from small.kernel import kernel
WEIGHT = 2.0

@kernel
def inner(x):
    return WEIGHT * x
"""
OUTER = """
from small.kernel import FOLDER, kernel
from small.inner import inner

@kernel
def outer(x):
    return inner(x) + 1.0

print(outer(3.0), sum(outer.stats.cache_hits.values()), FOLDER)
"""


def run(code: str, folder: Path, **environment: str) -> list[str]:
    """What Python prints for ``code`` with ``folder`` as the place of all packages."""
    variables = {**os.environ, "PYTHONPATH": str(folder), **environment}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, env=variables, capture_output=True, text=True, check=True
    )
    return done.stdout.split()


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A package of two kernels, one calling the other from its own file."""
    package = tmp_path / "small"
    package.mkdir()
    shutil.copy(kernel.__file__, package)
    (package / "__init__.py").write_text("")
    (package / "inner.py").write_text(INNER)
    (package / "outer.py").write_text(OUTER)
    return package


def test_a_constant_in_another_file_reaches_a_compiled_caller(small: Path) -> None:
    first, again = (run("import small.outer", small.parent) for _ in range(2))
    assert (first[0], first[1]) == ("7.0", "0")
    assert (again[0], again[1]) == ("7.0", "1"), "kept where nothing was changed"
    (small / "inner.py").write_text(INNER.replace("2.0", "5.0"))
    changed = run("import small.outer", small.parent)
    assert (changed[0], changed[1]) == ("16.0", "0")
    assert changed[2] != first[2] == again[2]


def test_without_a_writable_folder_kernels_are_compiled_in_every_process(small: Path) -> None:
    (small / "__pycache__").write_text("in the way of a folder")
    (small.parent / "cache").write_text("in the way of another")
    nowhere = {"XDG_CACHE_HOME": str(small.parent / "cache"), "PYTHONDONTWRITEBYTECODE": "1", "NUMBA_CACHE_DIR": ""}
    assert run("import small.outer", small.parent, **nowhere) == ["7.0", "0", "None"]
    somewhere = nowhere | {"XDG_CACHE_HOME": str(small.parent / "own")}
    assert run("import small.outer", small.parent, **somewhere)[2].startswith(str(small.parent / "own"))


@pytest.mark.parametrize("source", SOURCES)
def test_the_folder_is_named_by_every_source(tmp_path: Path, source: str) -> None:
    copy = tmp_path / "simulator"
    shutil.copytree(kernel.HERE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    assert kernel.digest(copy, "*.py") == kernel.CODE
    with (copy / source).open("a") as file:
        file.write("#")
    assert kernel.digest(copy, "*.py") != kernel.CODE


def test_old_folders_are_pruned(tmp_path: Path) -> None:
    for number in range(6):
        folder = tmp_path / f"kernels-{number}"
        folder.mkdir()
        (folder / "something.nbc").write_bytes(b"x")
        os.utime(folder, (number, number))
    kernel.prune(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["kernels-3", "kernels-4", "kernels-5"]


DRAW = """
from hashlib import sha256
from bmd.simulator.case import simulate_film
print(sha256(simulate_film(3, 64).study.images[0].pixels.tobytes()).hexdigest())
"""


@pytest.mark.slow
def test_a_constant_of_a_bones_shape_changes_the_film_in_the_same_folder(repository: Path, tmp_path: Path) -> None:
    shutil.copytree(repository / "bmd", tmp_path / "bmd", ignore=shutil.ignore_patterns("__pycache__"))
    first, again = run(DRAW, tmp_path), run(DRAW, tmp_path)
    assert first == again
    bones = tmp_path / "bmd" / "simulator" / "person" / "bones.py"
    text = bones.read_text("utf-8")
    assert text.count("POSTERIOR_WALL = 0.84") == 1
    bones.write_text(text.replace("POSTERIOR_WALL = 0.84", "POSTERIOR_WALL = 0.80"), "utf-8")
    assert run(DRAW, tmp_path) != first
