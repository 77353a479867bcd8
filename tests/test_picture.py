"""The picture of the house agrees with the imports, but for sizes that change with every line."""

from __future__ import annotations

import re
import sys
from importlib import util
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="module")
def drawing(repository: Path) -> ModuleType:
    spec = util.spec_from_file_location("draw_architecture", repository / "docs" / "draw_architecture.py")
    assert spec is not None
    assert spec.loader is not None
    module = util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def without_sizes(svg: str) -> str:
    return re.sub(r'[\d,]+ files?, [\d,]+ lines|stroke-width="[\d.]+"', "", svg)


def test_the_picture_shows_the_imports_of_today(drawing: ModuleType) -> None:
    there = drawing.PICTURE.read_text("utf-8")
    assert without_sizes(there) == without_sizes(drawing.draw(drawing.sources())), "run `make picture`"


def test_every_module_has_a_room(drawing: ModuleType) -> None:
    homeless = [
        name
        for name in drawing.sources()
        if drawing.room(name) is None and name.removeprefix("bmd.") not in {*drawing.GROUND, "bmd"}
    ]
    assert homeless == []


def test_an_import_more_changes_the_picture(drawing: ModuleType) -> None:
    texts = drawing.sources()
    before = drawing.draw(texts)
    texts["bmd.readers.dxa"] += "\nimport bmd.readers.volume\n"
    assert without_sizes(drawing.draw(texts)) != without_sizes(before)
