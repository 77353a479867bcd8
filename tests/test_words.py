"""Sentences that users read live in the catalogue (``bmd/text``), and nobody reads them back.

Each rule is a function from source text to complaints, and is shown to complain about a small piece of bad code.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FILES = [ROOT / "streamlit_app.py", *sorted(ROOT.glob("pages/*.py")), *sorted(ROOT.glob("bmd/**/*.py"))]
SOURCES = {path.relative_to(ROOT).as_posix(): path.read_text("utf-8") for path in FILES}

FOR_DEVELOPERS = (
    "bmd/evaluation/",  # tables of figures for model cards and docs, and what papers measured
    "bmd/models/",  # names of networks and their papers
    "bmd/reproduction/papers/",  # names of rows as papers have them
    "bmd/population/",  # the report on the simulated population, in docs/
    "bmd/reference.py",  # sources of tables, cited
    "bmd/simulator/dxa/console.py",  # what a densitometer prints into its pictures
)
"""Path prefixes of what nobody but developers reads, and of names that are the same in every language."""
HELP = ("help", "description", "epilog")
"""Arguments of argparse; the command line explains itself in English only."""
SAID = {"warnings", "reasons", "notes", "reason", "message", "problem", "said"}
"""Names of findings and of the sentences made of them."""


def sentences(source: str, path: str) -> list[str]:
    """Complaints about string literals that read like sentences: four words or more, and a capital or a full stop."""
    tree = ast.parse(source)
    skipped = set(_not_shown(tree, path))
    complaints = []
    for node, words in _literals(tree, skipped):
        if (
            len(re.findall(r"[A-Za-z]{2,}", words)) >= 4
            and " " in words
            and (words[0].isupper() or words.endswith("."))
        ):
            complaints.append(f"{path}:{node.lineno}: {words[:60]!r} belongs into bmd/text/en.toml")
    return complaints


def _literals(tree: ast.AST, skipped: set[ast.AST]) -> Iterator[tuple[ast.expr, str]]:
    """Every string literal that is shown, an f-string as one with its gaps left out."""
    if tree in skipped:
        return
    if isinstance(tree, ast.JoinedStr):
        parts = [part.value if isinstance(part, ast.Constant) else "{}" for part in tree.values]
        yield tree, "".join(str(part) for part in parts).strip() or "-"
        parents: list[ast.AST] = [part for part in tree.values if not isinstance(part, ast.Constant)]
    elif isinstance(tree, ast.Constant):
        if isinstance(tree.value, str) and tree.value.strip():
            yield tree, tree.value.strip()
        parents = []
    else:
        parents = list(ast.iter_child_nodes(tree))
    for child in parents:
        yield from _literals(child, skipped)


def _not_shown(tree: ast.AST, path: str) -> Iterator[ast.AST]:
    """Docstrings, what goes to the log, messages of developers' errors, and help of the command line."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            yield node.value
        elif isinstance(node, ast.Assert) and node.msg is not None:
            yield node.msg
        elif isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
            if re.fullmatch(r"(Value|Type|Key|Runtime|Assertion|NotImplemented|_\w+)Error", ast.unparse(node.exc.func)):
                yield node.exc
        elif isinstance(node, ast.Call):
            if isinstance(node.func, ast.Attribute) and node.func.attr == "split":
                yield node.func.value
            elif re.match(r"_?log(ging|ger)?\.", ast.unparse(node.func)):
                yield node
            elif path.startswith("bmd/cli"):
                yield from (keyword.value for keyword in node.keywords if keyword.arg in HELP)


def reads_back(source: str, path: str) -> list[str]:
    """Complaints about code that decides by the words of a message instead of by its code."""
    tree = ast.parse(source)
    said = SAID | {name for node in ast.walk(tree) for name in _loops_over_words(node)}
    complaints = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and any(_is_said(part, said) for part in _matched(node)):
            complaints.append(f"{path}:{node.lineno}: {ast.unparse(node)[:60]!r} reads a sentence; compare codes")
        elif isinstance(node, ast.Compare):
            sides = [node.left, *node.comparators]
            words = any(isinstance(side, ast.JoinedStr) or _is_text(side) for side in sides)
            spoken = any(_is_spoken(side) for side in sides) or (
                isinstance(node.ops[0], ast.In | ast.NotIn) and _is_said(sides[-1], said)
            )
            if words and spoken:
                complaints.append(f"{path}:{node.lineno}: {ast.unparse(node)[:60]!r} reads a sentence; compare codes")
    return complaints


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str) and bool(node.value)


def _matched(call: ast.Call) -> Iterator[ast.expr]:
    """What a call looks into: the object of str's searches, the arguments of re's."""
    if not isinstance(call.func, ast.Attribute):
        return
    if call.func.attr in ("startswith", "endswith", "find", "index", "partition", "removeprefix", "removesuffix"):
        yield call.func.value
    if ast.unparse(call.func.value) == "re":
        yield from call.args[1:]


def _is_spoken(node: ast.expr) -> bool:
    """Whether an expression is a finding or an error put into words."""
    if not isinstance(node, ast.Call):
        return False
    name = ast.unparse(node.func)
    error = bool(node.args) and ast.unparse(node.args[0]) in ("error", "caught.value", "exc")
    return name.rpartition(".")[2] in ("say", "sentences") or (name == "str" and error)


def _is_said(node: ast.expr, said: set[str]) -> bool:
    name = node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
    return name in said or _is_spoken(node)


def _loops_over_words(node: ast.AST) -> Iterator[str]:
    """Names that run over findings or sentences in a loop."""
    if isinstance(node, ast.For | ast.comprehension) and isinstance(node.target, ast.Name):
        over = node.iter
        if _is_said(over, SAID):
            yield node.target.id


@pytest.mark.parametrize("path", SOURCES)
def test_sentences_are_in_the_catalogue(path: str) -> None:
    if not path.startswith(FOR_DEVELOPERS):
        assert sentences(SOURCES[path], path) == []


@pytest.mark.parametrize("path", SOURCES)
def test_nobody_reads_sentences_back(path: str) -> None:
    assert reads_back(SOURCES[path], path) == []


@pytest.mark.parametrize(
    "source",
    [
        'st.warning("The sacrum is not seen")',
        'said = f"{name}: too little bone to measure."',
        'WORDS = {"film": "Choose a film first, please"}',
        'raise InputError("The film is far too small")',
        'def f():\n    return "one two three four."',
    ],
)
def test_rule_notices_a_sentence(source: str) -> None:
    assert len(sentences(source, "bmd/x.py")) == 1


@pytest.mark.parametrize(
    "source",
    [
        '"""What this module is for."""\nX = 1\n"""What X is for, in full."""',
        'log.warning("The weights could not be read: %s", name)',
        'raise ValueError("The corners must have four rows")',
        'assert found, "The corners must have four rows"',
        'TAGS = "Rows Columns Modality Bits Allocated".split()',
        'note("film.sacrum_unseen", name="L5")',
        'st.html("<div class=a> one two three four </div>")',
    ],
)
def test_rule_lets_other_strings_be(source: str) -> None:
    assert sentences(source, "bmd/x.py") == []


def test_rule_lets_the_help_of_the_command_line_be() -> None:
    source = 'command.add_argument("--json", help="Write one object per file.")'
    assert sentences(source, "bmd/cli_predict.py") == []
    assert sentences(source, "bmd/app/shell.py")


@pytest.mark.parametrize(
    "source",
    [
        'any(w.startswith("The sacrum") for w in report.warnings)',
        'any(w.startswith("The sacrum") for w in sentences(report.warnings))',
        're.search(r"voltage (\\d+)", say(note))',
        'for note in study.notes:\n    found = re.match("Tube", note)',
        'if "contrast" in say(note): pass',
        'if "Contrast agent given" in study.notes: pass',
        'if str(error) == "The file is empty": pass',
        'if error.message.endswith("empty"): pass',
    ],
)
def test_rule_notices_a_reader_of_sentences(source: str) -> None:
    assert reads_back(source, "bmd/x.py")


@pytest.mark.parametrize(
    "source",
    [
        'any(w.code == "film.sacrum_unseen" for w in report.warnings)',
        "if finding in report.warnings: pass",
        'name.startswith("L")',
        'if "L5" in levels: pass',
    ],
)
def test_rule_lets_codes_be_compared(source: str) -> None:
    assert reads_back(source, "bmd/x.py") == []
