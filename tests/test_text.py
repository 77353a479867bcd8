"""The catalogue and its users: every code has its words, every word its user, every gap its value."""

from __future__ import annotations

import ast
import re
import string
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from bmd import text
from bmd.errors import InputError
from bmd.findings import note, warning

ROOT = Path(__file__).resolve().parents[1]
FILES = [ROOT / "streamlit_app.py", *sorted(ROOT.glob("pages/*.py")), *sorted(ROOT.glob("bmd/**/*.py"))]
SOURCES = {path.relative_to(ROOT).as_posix(): path.read_text("utf-8") for path in FILES}

SPEAKERS = {"note", "warning", "refusal", "text", "Finding"}
SPEAKERS |= {"BmdError", "InputError", "LimitError", "WeightsError", "OptionError", "TooLongError"}
"""What is called with a code first and with the values of its gaps by name."""
THROUGH = {"errors", "findings", "text", "catalogue", "words"}
"""Modules through which they are called; ``log.warning`` and ``st.warning`` are others."""


class Call(NamedTuple):
    """One place where a code is given to a speaker; ``values`` is None where not all are known from the source."""

    code: str
    line: int
    values: frozenset[str] | None


def calls(source: str) -> Iterator[Call]:
    """Every literal code given to a speaker, both of ``a if x else b``."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and node.args and _speaks(node.func):
            known = not any(keyword.arg is None for keyword in node.keywords) and len(node.args) == 1
            values = frozenset(keyword.arg for keyword in node.keywords if keyword.arg) if known else None
            for code in _constants(node.args[0]):
                yield Call(code, node.lineno, values)


def _speaks(called: ast.expr) -> bool:
    if isinstance(called, ast.Attribute):
        return called.attr in SPEAKERS and isinstance(called.value, ast.Name) and called.value.id in THROUGH
    return isinstance(called, ast.Name) and called.id in SPEAKERS


def _constants(node: ast.expr) -> Iterator[str]:
    if isinstance(node, ast.IfExp):
        yield from _constants(node.body)
        yield from _constants(node.orelse)
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value


def mentioned(source: str, known: frozenset[str]) -> set[str]:
    """Codes a source may say: as they stand there, of a group that stands there ("app.measures"), or by an f-string."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value:
            group = node.value if "." in node.value else None
            found |= {code for code in known if code == node.value or code.rpartition(".")[0] == group}
        elif isinstance(node, ast.JoinedStr) and len(node.values) > 1:
            first = node.values[0]
            if isinstance(first, ast.Constant) and "." in str(first.value):
                pattern = "".join(
                    re.escape(str(part.value)) if isinstance(part, ast.Constant) else r"\w+" for part in node.values
                )
                found |= {code for code in known if re.fullmatch(pattern, code)}
    return found


def gaps(entry: Any) -> frozenset[str]:
    """Names that an entry fills in, of all its parts; ``count`` where it chooses a plural."""
    if isinstance(entry, dict):
        plural = {"count"} if "other" in entry else set()
        return frozenset(plural.union(*(gaps(part) for part in entry.values())))
    if isinstance(entry, list):
        return frozenset().union(*(gaps(part) for part in entry))
    return frozenset(name for _, name, _, _ in string.Formatter().parse(entry) if name is not None)


def complaints(source: str, path: str, entries: dict[str, Any]) -> list[str]:
    """What is wrong with the calls in a source: unknown codes, and gaps without a value."""
    found = []
    for call in calls(source):
        if call.code not in entries:
            found.append(f"{path}:{call.line}: {call.code!r} is not in the catalogue")
        elif call.values is not None and (missing := gaps(entries[call.code]) - call.values):
            found.append(f"{path}:{call.line}: {call.code!r} needs {', '.join(sorted(missing))}")
    return found


def differences(one: dict[str, Any], other: dict[str, Any]) -> list[str]:
    """Where two languages disagree: codes that one lacks, and gaps that differ."""
    found = [f"{code} is missing" for code in sorted(one.keys() ^ other.keys())]
    return found + [
        f"{code} has other gaps" for code in sorted(one.keys() & other.keys()) if gaps(one[code]) != gaps(other[code])
    ]


ENTRIES = {code: text.entry(code) for code in sorted(text.codes())}


@pytest.mark.parametrize("path", SOURCES)
def test_every_code_has_its_words_and_every_gap_its_value(path: str) -> None:
    assert complaints(SOURCES[path], path, ENTRIES) == []


def test_every_entry_is_used() -> None:
    used = set().union(*(mentioned(source, text.codes()) for source in SOURCES.values()))
    assert sorted(text.codes() - used) == []


@pytest.mark.parametrize("language", text.languages())
def test_languages_have_the_same_codes_and_gaps(language: str) -> None:
    token = text.LANGUAGE.set(language)
    try:
        assert differences(ENTRIES, {code: text.entry(code) for code in text.codes(language)}) == []
    finally:
        text.LANGUAGE.reset(token)


@pytest.mark.parametrize("code", ENTRIES)
def test_entries_are_of_a_known_kind(code: str) -> None:
    entry = ENTRIES[code]
    if isinstance(entry, dict):
        assert set(entry) in ({"one", "other"}, {"other"}) or {"rule"} <= set(entry) <= {"rule", "seen", "remedy"}
    else:
        assert isinstance(entry, str | list)
    assert all(name.isidentifier() for name in gaps(entry)), "gaps are plain names"


def test_rules_notice_what_is_wrong() -> None:
    entries = {
        "a.known": "It is {hu:.0f} HU.",
        "a.error": {"rule": "No {x}", "seen": "{y}"},
        "a.many": {"other": "{n}"},
    }
    good = 'note("a.known", hu=3.0); raise InputError("a.error", x=1, y=2); text("a.many", count=2, n=1); note(code)'
    assert complaints(good, "x.py", entries) == []
    for bad in (
        'note("a.unknown")',
        'warning("a.known" if x else "a.knwon", hu=1.0)',
        'findings.note("a.known")',
        'raise InputError("a.error", x=1)',
        'text("a.many", n=1)',
    ):
        assert len(complaints(bad, "x.py", entries)) == 1, bad
    assert (
        complaints('log.warning("a.unknown %s", x); st.warning("hello"); note("a.known", **values)', "", entries) == []
    )
    known = frozenset({"a.b.one", "a.b.two", "a.c"})
    assert mentioned('x = "a.c"; note(f"a.b.{kind}")', known) == known
    assert mentioned('f"{x}.c"', known) == set()
    assert mentioned('word("a.b", key)', known) == {"a.b.one", "a.b.two"}
    assert differences(entries, {**entries, "a.known": "Es sind {hounsfield} HE.", "a.more": ""}) == [
        "a.more is missing",
        "a.known has other gaps",
    ]


@pytest.fixture
def catalogue(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """A small catalogue of two languages in place of the real one."""
    english = """
        [list]
        comma = ", "
        and = " and "
        semicolon = "; "
        [error]
        found = "Found: {seen}"
        [t]
        plain = "T-score {t:signed}, {p:percent}, {levels:list} or {levels:and} or {levels:semicolon}."
        slices = {one = "{count} slice", other = "{count} slices"}
        nested = "{name} has {what}"
        small = {rule = "A film has {least} pixels", seen = "{found}", remedy = "Send it whole!"}
        bare = {rule = "It is empty.", seen = "{found}"}
    """
    (tmp_path / "en.toml").write_text(english, "utf-8")
    (tmp_path / "de.toml").write_text(english.replace("slices", "Schichten").replace("[t]\n", "[t]\n"), "utf-8")
    monkeypatch.setattr(text, "FOLDER", tmp_path)
    text._catalogue.cache_clear()
    yield
    text._catalogue.cache_clear()


@pytest.mark.usefixtures("catalogue")
def test_words_are_filled_in() -> None:
    said = text.text("t.plain", t=-1.25, p=0.123, levels=("L1", "L2", "L3"))
    assert said == "T-score \u22121.2, 12%, L1, L2, L3 or L1, L2 and L3 or L1; L2; L3."
    assert text.text("t.plain", t=0.4, p=1.0, levels=("L1",)) == "T-score +0.4, 100%, L1 or L1 or L1."
    assert (text.text("t.slices", count=1), text.text("t.slices", count=2)) == ("1 slice", "2 slices")
    assert text.say(warning("t.nested", name="L1", what=note("t.slices", count=3))) == "L1 has 3 slices"


@pytest.mark.usefixtures("catalogue")
def test_errors_have_parts_that_are_told_apart() -> None:
    error = InputError("t.small", least=16, found=note("t.slices", count=1))
    assert error.parts == {"rule": "A film has 16 pixels", "seen": "Found: 1 slice", "remedy": "Send it whole!"}
    assert str(error) == "A film has 16 pixels. Found: 1 slice. Send it whole!"
    assert InputError("t.bare", found="").parts == {"rule": "It is empty."}
    assert str(InputError("t.bare", found="")) == "It is empty."


@pytest.mark.usefixtures("catalogue")
def test_a_second_language_is_one_file() -> None:
    assert text.languages() == ("de", "en")
    finding = note("t.slices", count=2)
    assert text.say(finding) == "2 slices"
    token = text.LANGUAGE.set("de")
    try:
        assert text.languages() == ("de", "en")
        assert "t.Schichten" in text.codes("de")
    finally:
        text.LANGUAGE.reset(token)
