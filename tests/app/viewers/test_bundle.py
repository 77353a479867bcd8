"""The viewers' modules joined into one script: whole, in order, with names of their own; every word is there."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from bmd.app.viewers import bundle, film
from bmd.app.viewers.ct import packet

VIEWERS = Path(bundle.__file__).parent
STARTS = [VIEWERS / "film" / "viewer.js", VIEWERS / "ct" / "viewer.js", VIEWERS / "ct" / "store.js"]


def write(folder: Path, **files: str) -> Path:
    for name, source in files.items():
        (folder / f"{name}.js").write_text(source)
    return folder / "start.js"


def test_each_file_stands_once_before_who_needs_it(tmp_path):
    start = write(
        tmp_path,
        start='import { b } from "./b.js";\nimport { a } from "./a.js";\nexport default () => a + b;\n',
        b='import { a } from "./a.js";\nconst own = 1;\nexport const b = a + own;\n',
        a="const own = 2;\nexport const a = own;\n",
    )
    joined = bundle.bundle(start)
    assert [joined.count(f"// {name}.js") for name in "ab"] == [1, 1]
    assert joined.index("// a.js") < joined.index("// b.js") < joined.index("// start.js")
    assert joined.endswith("export default () => a + b;\n")


@pytest.mark.parametrize(
    ("files", "complaint"),
    [
        ({"start": 'import { a } from "./a.js";\n', "a": 'import { b } from "./start.js";\n'}, "circle"),
        ({"start": 'import * as a from "./a.js";\n', "a": ""}, "not understood"),
        ({"start": 'import { a } from "./a.js";\n', "a": "export default 1;\n"}, "not understood"),
        ({"start": "export { a };\n"}, "not understood"),
    ],
)
def test_what_cannot_be_joined_is_refused(tmp_path, files, complaint):
    with pytest.raises(ValueError, match=complaint):
        bundle.bundle(write(tmp_path, **files))


@pytest.mark.parametrize("start", STARTS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_joined_viewers_are_modules_that_load(start, tmp_path):
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed")
    joined = tmp_path / "joined.mjs"
    joined.write_text(bundle.bundle(start), "utf-8")
    check = f"import('{joined}').then((m) => process.exit(typeof m.default === 'function' ? 0 : 1))"
    done = subprocess.run([node, "-e", check], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", ["film", "ct"])
def test_words_are_filled_in_and_escaped(name):
    page = bundle.page(VIEWERS / name / "viewer.html")
    assert "[[" not in page
    assert 'data-do="fit"' in page, "the shared parts are there"
    assert 'aria-label="' in page
    assert re.search(r'<canvas tabindex="0" role="application" aria-roledescription="[^"]+"', page)


@pytest.mark.parametrize(("name", "sent"), [("film", film.WORDS), ("ct", packet.WORDS)])
def test_scripts_use_only_words_they_are_sent(name, sent):
    source = "".join(file.read_text("utf-8") for file in (VIEWERS / name).glob("*.js"))
    used = set(re.findall(r"\bwords\.(\w+)\b(?!\")", source))
    assert used
    assert used <= set(sent)
    assert set(bundle.words(sent)) == set(sent)


def test_no_sentence_stands_in_a_script():
    for file in VIEWERS.rglob("*.js"):
        code = re.sub(r"^\s*(//|import|export \{).*$", "", file.read_text("utf-8"), flags=re.MULTILINE)
        assert not re.findall(r"""["'`][A-Z][a-z]+ [a-z]+ [a-z]""", code), file


def test_each_language_has_a_viewer_of_its_own():
    for name in ("film", "ct"):
        first = bundle.component(f"test_{name}", VIEWERS / name, "en")
        assert bundle.component(f"test_{name}", VIEWERS / name, "en") is first
        assert bundle.component(f"test_{name}", VIEWERS / name, "xx") is not first
