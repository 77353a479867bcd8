"""The table of ways in: every row is whole, and a new kind is one row, a folder in each layer and its words."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from bmd import modality
from bmd.app import session, shell
from bmd.errors import OptionError
from bmd.models import _registry as registry
from bmd.text import codes
from bmd.types import Image, Report, Study, Suitability, Volume
from tests.readers import films
from tests.test_architecture import ROOT, late_packages_at_start, upward_imports

LAYERS = {
    "readers": """
        import numpy as np

        from bmd.types import Image, Study


        def read_hand(data):
            pixels = np.frombuffer(data[4:], np.uint8).reshape(64, 64) / np.float32(255)
            return Study("hand", (Image(pixels, "hand"),), origin="a hand")
        """,
    "inference": """
        import numpy as np

        from bmd.types import Prediction, Report, Suitability, Vertebra


        def analyse_hand(study, file):
            rows, columns = np.nonzero(study.images[0].pixels > 0.5)
            box = tuple(float(v) for v in (columns.min(), rows.min(), columns.max(), rows.max()))
            corners = np.array([[box[0], box[1]], [box[2], box[1]], [box[2], box[3]], [box[0], box[3]]])
            answer = Prediction("index", 0.5, -1.0, None, {}, "normal", "ruler")
            found = (Vertebra("index", box, corners, 1.0),)
            return Report(file, "hand", Suitability(True), found, (answer,), answer, levels_certain=True)
        """,
    "explanation": """
        from bmd.findings import note
        from bmd.types import Explanation


        def explain_hand(study, report):
            heat, box = study.images[0].pixels, report.vertebrae[0].box_px
            what = note("modality.hand.noun")
            return (Explanation("index", heat, box, what, what, {"inside_share": 1.0}),)
        """,
    "report": """
        from bmd.report.film.png import annotated_png


        def hand_png(study, report):
            return annotated_png(study, report)
        """,
    "app": """
        TITLE = "modality.hand.title"
        """,
}
ROW = """
from bmd.modality.row import Modality
from bmd.readers.source import named


def _read_hand(sources):
    from bmd.readers.hand import read_hand

    return read_hand(named(sources[0])[1])


def _analyse_hand(study, file, progress, engine, models):
    from bmd.inference.hand import analyse_hand

    return analyse_hand(study, file)


def _explain_hand(study, report, levels):
    from bmd.explanation.hand import explain_hand

    return explain_hand(study, report)


def _draw_hand(study, report):
    from bmd.report.hand import hand_png

    return hand_png(study, report)


HAND = Modality(
    kind="hand",
    holds="hand",
    page="hand",
    icon="back_hand",
    formats=("HAND",),
    read=_read_hand,
    claims=lambda path, start: start.startswith(b"HAND"),
    analyse=_analyse_hand,
    roles={},
    explain=_explain_hand,
    picture=_draw_hand,
)
"""
WORDS = """
[modality.hand]
title = "Hand X-ray"
noun = "hand"
"""


def with_hand(folder: Path) -> list[Path]:
    """A copy of the program in ``folder`` that also takes hands; the new files."""
    skip = shutil.ignore_patterns("cases", "__pycache__")
    for name in ("bmd", "pages"):
        shutil.copytree(ROOT / name, folder / name, ignore=skip)
    new = [folder / "bmd" / layer / "hand" / "__init__.py" for layer in LAYERS]
    for path, source in zip(new, LAYERS.values(), strict=True):
        path.parent.mkdir()
        lines = [line.removeprefix("        ") for line in source.strip("\n").splitlines()]
        path.write_text("\n".join(lines), encoding="utf-8")
    (folder / "pages" / "hand.py").write_text("from bmd.app.hand import TITLE\n", encoding="utf-8")
    row, table = (folder / "bmd" / "modality" / name for name in ("hand.py", "__init__.py"))
    row.write_text(ROW, encoding="utf-8")
    source, names = table.read_text("utf-8"), "\nMODALITIES = (FILM, CT, DXA, DEMOGRAPHICS)\n"
    assert source.count(names) == 1
    more = "\nfrom bmd.modality.hand import HAND\n\nMODALITIES = (FILM, CT, DXA, DEMOGRAPHICS, HAND)\n"
    table.write_text(source.replace(names, more), encoding="utf-8")
    with (folder / "bmd" / "text" / "en.toml").open("a", encoding="utf-8") as words:
        words.write(WORDS)
    return [*new, folder / "pages" / "hand.py", row, table]


def python(folder: Path, *words: str) -> str:
    done = subprocess.run(
        [sys.executable, *words], cwd=folder, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_new_kind_is_a_row_a_folder_in_each_layer_and_its_words(tmp_path: Path) -> None:
    new = with_hand(tmp_path)
    picture = np.zeros((64, 64), np.uint8)
    picture[10:50, 20:40] = 200
    (tmp_path / "one.bin").write_bytes(b"HAND" + picture.tobytes())
    words = ("predict", "one.bin", "--explain", "--json", "o.json", "--csv", "o.csv", "--png-dir", "png")
    said = python(tmp_path, "-m", "bmd", *words)
    assert said.startswith("one.bin: index; Normal, T-score -1.0")
    (answer,) = json.loads((tmp_path / "o.json").read_text("utf-8"))
    assert answer["modality"] == "hand"
    assert answer["vertebrae"][0]["box"] == [20.0, 10.0, 39.0, 49.0]
    assert answer["vertebrae"][0]["explanation"]["method"] == "hand"
    assert ",index," in (tmp_path / "o.csv").read_text("utf-8")
    assert (tmp_path / "png" / "one.png").read_bytes().startswith(b"\x89PNG")

    code = "import json; from bmd.app import session, shell; print(json.dumps([session.KINDS, shell.PAGES]))"
    kinds, pages = json.loads(python(tmp_path, "-c", code))
    assert kinds == ["film", "ct", "dxa", "demographics", "hand"]
    assert ["hand", "Hand X-ray", "back_hand"] in pages
    assert "hand" in python(tmp_path, "-m", "bmd", "predict", "--help")

    sources = {path.relative_to(tmp_path).as_posix(): path.read_text("utf-8") for path in new}
    assert not [said for path, source in sources.items() for said in upward_imports(source, path)]
    assert not late_packages_at_start("bmd/modality/hand.py", sources)


@pytest.mark.parametrize("row", modality.MODALITIES, ids=lambda row: row.kind)
def test_every_row_is_whole(row: modality.Modality) -> None:
    assert (ROOT / "pages" / f"{row.page}.py").is_file()
    assert {row.code("title"), row.code("noun")} <= codes()
    assert (row.code("cases") in codes()) == (row.simulate is not None)
    assert (row.read is None) == (row.formats == ())
    assert modality.by_kind(row.kind) is row
    assert modality.of_report(Report("", row.holds, Suitability(True))) is row


def test_kinds_and_pages_are_those_of_the_table() -> None:
    assert modality.kinds() == session.KINDS == ("film", "ct", "dxa", "demographics")
    assert [page for page, _, _ in shell.PAGES][:4] == [row.page for row in modality.MODALITIES]
    assert len({row.holds for row in modality.MODALITIES}) == len(modality.MODALITIES)


def test_a_study_goes_to_its_row() -> None:
    pixels = np.zeros((2, 2), np.float32)
    for row in (modality.FILM, modality.DXA):
        assert modality.of(Study("", (Image(pixels, row.holds),))) is row
    assert modality.of(Study("", volume=Volume(np.zeros((2, 2, 2), np.int16), (1.0, 1.0, 1.0)))) is modality.CT
    assert modality.of(Study("", ())) is modality.DEMOGRAPHICS


def test_every_registered_network_runs_on_some_kind_of_input() -> None:
    for name in registry.names():
        assert any(row.runs(name) for row in modality.MODALITIES), name
        held = {row.holds for row in modality.MODALITIES}
        assert registry.spec(name).modality in held, f"{name} stands under no way in on the About page"
    roles = {role for row in modality.MODALITIES for role in row.roles}
    assert roles == set(registry.roles())


def test_a_network_runs_only_where_its_answers_are_understood() -> None:
    modality.FILM.check("retinanet_aploss", "localiser")
    for row, name, role in (
        (modality.CT, "retinanet_aploss", "localiser"),
        (modality.FILM, "retinanet_aploss", "density"),
        (modality.DXA, "cmnet", None),
    ):
        with pytest.raises(OptionError) as raised:
            row.check(name, role)
        assert raised.value.finding.code == "network.not_here"


def test_files_go_to_the_row_that_claims_them(tmp_path: Path) -> None:
    (tmp_path / "film.png").write_bytes(films.picture(films.film(bits=8), "PNG"))
    (tmp_path / "ct.zip").write_bytes(b"PK\x03\x04")
    assert modality.of_path(tmp_path / "film.png") is modality.FILM
    assert modality.of_path(tmp_path / "ct.zip") is modality.CT
    assert modality.of_path(tmp_path) is modality.CT
    assert modality.of_path(tmp_path / "absent.dcm") is modality.FILM
