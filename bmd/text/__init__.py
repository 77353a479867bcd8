"""Words, looked up by code: one catalogue a language (``en.toml``). Nothing outside holds a sentence for users.

A catalogue is TOML: tables group codes ("[film]" and ``sacrum_unseen`` make "film.sacrum_unseen"). An entry is

- a sentence, filled in by `str.format`: ``"Tube voltage {kvp:.0f} kV."``; or
- ``{one = "...", other = "..."}``, chosen by the value ``count``; or
- for errors ``{rule = "...", seen = "...", remedy = "..."}``, the last two as far as they are known.

Beside Python's own format specifications there are ``{t:signed}`` (+0.4, with a real minus sign), ``{p:percent}``
(12%), ``{levels:list}`` (L1, L2, L3), ``{reasons:and}`` (a, b and c) and ``{found:semicolon}`` (a; b). A value that is
itself a finding is spoken in place.
"""

from __future__ import annotations

import math
import string
import tomllib
from collections.abc import Iterable, Mapping
from contextvars import ContextVar
from functools import cache
from numbers import Integral
from pathlib import Path
from typing import Any

from bmd.findings import Finding, Value

__all__ = ["LANGUAGE", "codes", "entry", "languages", "parts", "record", "say", "sentences", "stopped", "text"]

FOLDER = Path(__file__).parent
LANGUAGE: ContextVar[str] = ContextVar("language", default="en")
"""Language of the request that is being served."""


def languages() -> tuple[str, ...]:
    """Languages that have a catalogue, sorted."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.toml")))


@cache
def _catalogue(language: str) -> Mapping[str, Any]:
    """Entries of one language by dotted code."""
    with (FOLDER / f"{language}.toml").open("rb") as file:
        return dict(_flat(tomllib.load(file), ""))


def _flat(table: Mapping[str, Any], prefix: str) -> Iterable[tuple[str, Any]]:
    for key, value in table.items():
        if isinstance(value, dict) and not {"other", "rule"} & set(value):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield prefix + key, value


def codes(language: str = "en") -> frozenset[str]:
    """All codes that a language has words for."""
    return frozenset(_catalogue(language))


def entry(code: str) -> Any:
    """The raw entry of a code in the current language: a sentence, a list, or a table.

    Raises
    ------
    KeyError
        No catalogue entry; a fault of the program, which a test finds.
    """
    return _catalogue(LANGUAGE.get())[code]


def text(code: str, **values: Value) -> str:
    """The words of a code in the current language, filled in."""
    return _spoken(entry(code), values)


def say(finding: Finding) -> str:
    """One finding as a sentence in the current language."""
    return _spoken(entry(finding.code), finding.values)


def sentences(findings: Iterable[Finding]) -> tuple[str, ...]:
    """Findings as sentences, in their order."""
    return tuple(say(finding) for finding in findings)


def record(finding: Finding) -> dict[str, Any]:
    """A finding for programs, ready for JSON.

    Returns
    -------
    dict
        ``code``, ``severity``, ``values`` (numbers stay numbers, those that are not finite become None; findings inside
        are records of their own) and ``text``, the sentence in the current language.
    """
    values = {name: _plain(value) for name, value in finding.values.items()}
    return {"code": finding.code, "severity": finding.severity, "values": values, "text": say(finding)}


def _plain(value: Value) -> Any:
    if isinstance(value, Finding):
        return record(value)
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if isinstance(value, str | bool):
        return value
    if isinstance(value, Integral):
        return int(value)
    return float(value) if math.isfinite(value) else None


def _spoken(words: Any, values: Mapping[str, Value]) -> str:
    if isinstance(words, Mapping) and "rule" in words:
        return " ".join(stopped(part) for part in parts(words, values).values())
    if isinstance(words, Mapping):
        words = words["one" if values.get("count") == 1 and "one" in words else "other"]
    return _FORMATTER.vformat(words, (), values)


def parts(words: Mapping[str, str], values: Mapping[str, Value]) -> dict[str, str]:
    """Rule, what was seen and what to do of an error, each filled in, as far as the catalogue has them."""
    filled = {key: _FORMATTER.vformat(words[key], (), values) for key in ("rule", "seen", "remedy") if key in words}
    if filled.get("seen"):
        filled["seen"] = _FORMATTER.vformat(entry("error.found"), (), {"seen": filled["seen"]})
    return {key: part for key, part in filled.items() if part}


def stopped(part: str) -> str:
    """A sentence with its full stop."""
    return part if part.endswith((".", "!", "?")) else part + "."


class _Words(string.Formatter):
    """`str.format` with the specifications of the module's docstring."""

    def format_field(self, value: Any, format_spec: str) -> str:
        if isinstance(value, Finding):
            return say(value)
        if isinstance(value, tuple):
            words = [self.format_field(item, "") for item in value]
            between = entry("list.semicolon") if format_spec == "semicolon" else entry("list.comma")
            last = entry("list.and") if format_spec == "and" else between
            return last.join([between.join(words[:-1]), words[-1]]) if len(words) > 1 else "".join(words)
        if format_spec == "signed":
            return f"{value:+.1f}".replace("-", "\u2212")
        if format_spec == "percent":
            return f"{value:.0%}"
        return str(format(value, format_spec))


_FORMATTER = _Words()
