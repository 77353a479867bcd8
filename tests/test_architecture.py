"""The house rules, read from the source: imports point down, one door per package, files stay short.

Each rule is a function from source text to a list of complaints; every rule is also shown to complain about a
small piece of bad code, so that none can silently stop working.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

# Which part sits on which floor. The longest matching prefix decides; a part may import only lower floors and itself.
FLOORS = {
    "bmd": 0,
    "bmd.types": 0,
    "bmd.ct_types": 0,
    "bmd.truth": 0,
    "bmd.printed": 0,
    "bmd.reference": 0,
    "bmd.errors": 0,
    "bmd.findings": 0,
    "bmd.geometry": 0,
    "bmd.text": 0,
    "bmd.metrics": 1,
    "bmd.readers": 1,
    "bmd.inputs": 1,
    "bmd.simulator": 1,
    "bmd.population": 1.5,  # checks simulated people against the survey
    "bmd.models": 2,
    "bmd.figures": 2,
    "bmd.inference": 3,
    "bmd.explanation": 3,
    "bmd.training": 3,
    "bmd.report": 3,
    "bmd.modality": 3.5,  # one row per way in: who reads, analyses, explains and draws it
    "bmd.evaluation": 4,
    "bmd.cli_predict": 4,  # the longest command, apart from bmd.cli for length
    "bmd.reproduction": 4.5,  # the papers' tables: trains and evaluates
    "bmd.cli_reproduce": 4.7,
    "bmd.cli_evaluate": 4.5,  # the other long one
    "bmd.app": 5,
    "bmd.cli": 5,
    "bmd.__main__": 6,
    "pages": 6,
    "streamlit_app": 7,
}
GROUND_FLOOR = {module for module, floor in FLOORS.items() if floor == 0}

# The only files that may import a package, as path prefixes.
DOORS = {
    "streamlit": ("streamlit_app.py", "pages/", "bmd/app/"),
    "pydicom": (
        "bmd/readers/dicom.py",
        "bmd/readers/ct_dicom.py",
        "bmd/report/dicom.py",
        "bmd/report/film/dicom.py",
        "bmd/report/ct/dicom.py",
    ),
    "imagecodecs": ("bmd/readers/decoders.py",),
    "plotly": ("bmd/figures/",),
    "pytorch_grad_cam": ("bmd/explanation/cam.py",),
    "openvino": ("bmd/inference/engine.py",),
    "onnxruntime": ("bmd/inference/dxa/printed/ocr.py",),
    "pypdfium2": ("bmd/readers/pdf.py",),
    "numba": ("bmd/simulator/",),
    "safetensors": ("bmd/models/", "bmd/training/"),
    "torch": (
        "bmd/inputs/",
        "bmd/models/",
        "bmd/training/",
        "bmd/inference/",
        "bmd/explanation/",
        "bmd/reproduction/fit.py",
    ),
}
DOORS["torchvision"] = DOORS["torch"]

DISTRIBUTIONS = {
    "cv2": "opencv-python-headless",
    "PIL": "pillow",
    "pytorch_grad_cam": "grad-cam",
    "faster_coco_eval": "faster-coco-eval",
    "sklearn": "scikit-learn",
}
LATE = {"torch", "torchvision", "pytorch_grad_cam", "openvino", "onnxruntime"}

MAX_LINES = {"streamlit_app.py": 60, "pages/": 100, "": 400}
MAX_FUNCTION_LINES = 40


@dataclass(frozen=True)
class Import:
    """One imported module: its dotted name, its line, and whether it runs as soon as the file is imported."""

    name: str
    line: int
    immediate: bool


def module_name(path: str) -> str:
    """Dotted name of a file given by its path from the root."""
    parts = path.removesuffix(".py").split("/")
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def part(module: str) -> str:
    """The longest known prefix of a module; a part of `bmd` that no floor names is returned as itself."""
    pieces = module.split(".")
    for length in range(len(pieces), 0, -1):
        prefix = ".".join(pieces[:length])
        if prefix in FLOORS and (prefix != "bmd" or length == len(pieces)):
            return prefix
    return module


def _is_type_checking(node: ast.If) -> bool:
    return "TYPE_CHECKING" in ast.unparse(node.test)


def imports(source: str, path: str, known: Iterable[str] = ()) -> Iterator[Import]:
    """Every import statement, relative ones resolved, `from package import module` as the module where it is one."""
    package = module_name(path) if path.endswith("__init__.py") else module_name(path).rpartition(".")[0]
    known = set(known)

    def visit(node: ast.AST, immediate: bool) -> Iterator[Import]:
        if isinstance(node, ast.Import):
            yield from (Import(alias.name, node.lineno, immediate) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                upper = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*upper, base]) if base else ".".join(upper)
            for alias in node.names:
                full = f"{base}.{alias.name}"
                yield Import(full if full in known or full in FLOORS else base, node.lineno, immediate)
        late = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        late = late or (isinstance(node, ast.If) and _is_type_checking(node))
        for child in ast.iter_child_nodes(node):
            yield from visit(child, immediate and not late)

    yield from visit(ast.parse(source), True)


def upward_imports(source: str, path: str, known: Iterable[str] = ()) -> list[str]:
    """Complaints about imports of a higher floor or of a neighbour on the same floor."""
    here = part(module_name(path))
    complaints = [] if here in FLOORS else [f"{path}: {here} is on no floor; add it to FLOORS"]
    for item in imports(source, path, known):
        there = part(item.name)
        top = item.name.split(".")[0]
        if top not in {"bmd", "pages", "streamlit_app"} or there == here or there in GROUND_FLOOR:
            continue
        if FLOORS.get(there, 99) >= FLOORS.get(here, -1):
            complaints.append(f"{path}:{item.line}: {here} must not import {item.name}: imports point down only")
    return complaints


def wrong_doors(source: str, path: str) -> list[str]:
    """Complaints about packages imported outside the files that are their door."""
    complaints = []
    for item in imports(source, path):
        top = item.name.split(".")[0]
        if top in DOORS and not path.startswith(DOORS[top]):
            complaints.append(f"{path}:{item.line}: {top} may be imported only in {', '.join(DOORS[top])}")
    return complaints


def unlisted_packages(source: str, path: str, requirements: set[str]) -> list[str]:
    """Complaints about packages that no requirements file installs."""
    own = {"bmd", "pages", "streamlit_app", "__future__"}
    complaints = []
    for item in imports(source, path):
        top = item.name.split(".")[0]
        if top not in own and top not in sys.stdlib_module_names and DISTRIBUTIONS.get(top, top) not in requirements:
            complaints.append(f"{path}:{item.line}: {top} is in no requirements file")
    return complaints


def too_long(source: str, path: str) -> list[str]:
    """Complaints about files and functions over their limit; a function's docstring is not counted."""
    limit = next(value for prefix, value in MAX_LINES.items() if path.startswith(prefix))
    count = len(source.splitlines())
    complaints = [f"{path}: {count} lines, at most {limit}"] if count > limit else []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1 - _docstring_lines(node)
            if length > MAX_FUNCTION_LINES:
                complaints.append(f"{path}:{node.lineno}: {node.name} has {length} lines, at most {MAX_FUNCTION_LINES}")
    return complaints


def _docstring_lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    if ast.get_docstring(node) is None:
        return 0
    return (node.body[0].end_lineno or 0) - node.body[0].lineno + 1


def late_packages_at_start(start: str, sources: dict[str, str]) -> list[str]:
    """Complaints about slow packages that are imported as soon as `start` is, through any chain of files."""
    modules = {module_name(path): path for path in sources}
    waiting, seen, complaints = [(start, (start,))], {start}, []
    while waiting:
        path, chain = waiting.pop()
        for item in imports(sources[path], path, modules):
            if not item.immediate:
                continue
            if item.name.split(".")[0] in LATE:
                complaints.append(f"{' -> '.join(chain)} -> {item.name}: import it inside the function that needs it")
            pieces = item.name.split(".")
            for length in range(1, len(pieces) + 1):  # a module brings its packages' __init__ along
                target = modules.get(".".join(pieces[:length]))
                if target and target not in seen:
                    seen.add(target)
                    waiting.append((target, (*chain, target)))
    return complaints


def _sources() -> dict[str, str]:
    files = [ROOT / "streamlit_app.py", *sorted(ROOT.glob("pages/*.py")), *sorted(ROOT.glob("bmd/**/*.py"))]
    return {path.relative_to(ROOT).as_posix(): path.read_text("utf-8") for path in files if path.is_file()}


SOURCES = _sources()
MODULES = {module_name(path) for path in SOURCES}
TESTS = {path.relative_to(ROOT).as_posix(): path.read_text("utf-8") for path in sorted(ROOT.glob("tests/**/*.py"))}


def _requirements() -> set[str]:
    names = set()
    for file in ROOT.glob("requirements*.txt"):
        for line in file.read_text("utf-8").splitlines():
            if match := re.match(r"[A-Za-z0-9_.-]+", line.strip()):
                names.add(match[0].lower())
    return names


def _report(complaints: list[str]) -> None:
    assert not complaints, "\n" + "\n".join(complaints)


@pytest.mark.parametrize("path", SOURCES)
def test_imports_point_down(path: str) -> None:
    _report(upward_imports(SOURCES[path], path, MODULES))


@pytest.mark.parametrize("path", SOURCES)
def test_each_package_has_one_door(path: str) -> None:
    _report(wrong_doors(SOURCES[path], path))


@pytest.mark.parametrize("path", SOURCES)
def test_imported_packages_are_installed_by_requirements(path: str) -> None:
    _report(unlisted_packages(SOURCES[path], path, _requirements()))


@pytest.mark.parametrize("path", [*SOURCES, *TESTS])
def test_files_and_functions_are_short(path: str) -> None:
    _report(too_long({**SOURCES, **TESTS}[path], path))


@pytest.mark.parametrize(
    "start", [path for path in SOURCES if path.startswith(("streamlit_app.py", "pages/", "bmd/cli.py", "bmd/app/"))]
)
def test_first_screen_and_command_line_start_without_the_networks(start: str) -> None:
    _report(late_packages_at_start(start, SOURCES))


def test_registry_imports_no_torch() -> None:
    if "bmd/models/_registry.py" in SOURCES:
        _report(late_packages_at_start("bmd/models/_registry.py", SOURCES))


def test_requirements_are_pinned_exactly() -> None:
    loose = [
        f"{file.name}: {line}"
        for file in sorted(ROOT.glob("requirements*.txt"))
        for line in file.read_text("utf-8").splitlines()
        if line.strip()
        and not line.lstrip().startswith("#")
        and not re.match(r"[A-Za-z0-9_.-]+==[\w.]+(\s+#.*)?$", line)
    ]
    _report(loose)


BAD_IMPORTS = [
    ("bmd/types.py", "from bmd.readers import read_study"),
    ("bmd/simulator/case.py", "from bmd.models._registry import names"),
    ("bmd/simulator/case.py", "from bmd import models"),
    ("bmd/models/cmnet.py", "import bmd.simulator.case, bmd.training.loop"),
    ("bmd/models/cmnet.py", "from bmd.figures import film"),
    ("bmd/readers/dicom.py", "from ..simulator import case"),
    ("bmd/readers/picture.py", "from bmd.training.tasks.film import Films"),
    ("bmd/inference/film/measure.py", "def f():\n    from bmd.explanation import explain"),
    ("bmd/explanation/cam.py", "from bmd.inference import assess"),
    ("bmd/report/film/png.py", "from bmd.cli import main"),
    ("bmd/cli.py", "from bmd.app.shell import frame"),
    ("bmd/figures.py", "import pages.spine_xray"),
    ("bmd/extras.py", "import json"),
]


@pytest.mark.parametrize(("path", "source"), BAD_IMPORTS)
def test_rule_notices_an_upward_import(path: str, source: str) -> None:
    assert upward_imports(source, path)


@pytest.mark.parametrize(
    ("path", "source"),
    [
        (
            "bmd/training/tasks/film.py",
            "from bmd.simulator.shards.film import read_shards\nfrom .preprocess import letterbox",
        ),
        ("bmd/inference/__init__.py", "from bmd.models import _registry\nfrom .gate import check"),
        ("pages/spine_xray.py", "from bmd.app import shell\nfrom bmd.figures import film"),
        ("bmd/models/cmnet.py", "import bmd\nfrom bmd import reference, errors\nfrom bmd.models._blocks import Block"),
    ],
)
def test_rule_allows_a_downward_import(path: str, source: str) -> None:
    assert upward_imports(source, path) == []


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("bmd/figures.py", "import streamlit as st"),
        ("bmd/app/film/choose.py", "from pydicom import dcmread"),
        ("bmd/inference/film/measure.py", "def f():\n    from pytorch_grad_cam import GradCAM"),
        ("pages/about.py", "import plotly.graph_objects as go"),
        ("bmd/report/film/png.py", "import torch.nn.functional as F"),
        ("bmd/readers/dicom.py", "from torchvision import ops"),
    ],
)
def test_rule_notices_a_wrong_door(path: str, source: str) -> None:
    assert wrong_doors(source, path)
    assert wrong_doors("import numpy", path) == []


def test_rule_notices_a_package_that_is_not_installed() -> None:
    assert unlisted_packages("import requests_html", "bmd/readers/dicom.py", {"numpy"})
    assert unlisted_packages("import numpy, json, cv2", "bmd/x.py", {"numpy", "opencv-python-headless"}) == []


def test_rule_notices_length() -> None:
    long_function = "def f():\n" + "    x = 1\n" * MAX_FUNCTION_LINES
    assert too_long(long_function, "bmd/types.py")
    assert too_long("def f():\n" + "    x = 1\n" * (MAX_FUNCTION_LINES - 1), "bmd/types.py") == []
    explained = 'def f():\n    """' + "what\n    " * 30 + '"""\n'
    assert too_long(explained + "    x = 1\n" * (MAX_FUNCTION_LINES - 1), "bmd/types.py") == []
    assert too_long(explained + "    x = 1\n" * MAX_FUNCTION_LINES, "bmd/types.py")
    assert too_long("x = 1\n" * 401, "bmd/types.py")
    assert too_long("x = 1\n" * 101, "pages/about.py")
    assert too_long("x = 1\n" * 61, "streamlit_app.py")
    assert too_long("x = 1\n" * 60, "streamlit_app.py") == []


def test_rule_follows_chains_to_a_slow_package() -> None:
    sources = {
        "pages/a.py": "from bmd.app.film import choose",
        "bmd/app/__init__.py": "",
        "bmd/app/film/__init__.py": "",
        "bmd/app/film/choose.py": "from bmd.inference import assess",
        "bmd/inference/__init__.py": "import torch\ndef f():\n    import pytorch_grad_cam",
    }
    (complaint,) = late_packages_at_start("pages/a.py", sources)
    assert "bmd/inference/__init__.py -> torch" in complaint
    sources["bmd/inference/__init__.py"] = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import torch"
    assert late_packages_at_start("pages/a.py", sources) == []
