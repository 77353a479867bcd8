"""What was found out about an input, as facts: a code and its values. ``bmd.text`` has the words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias, Union

Severity = Literal["note", "warning", "refusal"]
Value: TypeAlias = Union[str, int, float, bool, "Finding", "tuple[Value, ...]"]


@dataclass(frozen=True)
class Finding:
    """One fact that a reader of the result should know.

    Attributes
    ----------
    code : str
        Dotted name of the sentence in ``bmd/text/en.toml``, such as "film.sacrum_unseen". Programs compare codes;
        nothing reads a sentence.
    values : mapping
        What the sentence fills in, by name: numbers unrounded with the unit in the name (``kvp``, ``age_y``), words
        that are the same in every language ("L1", "DX") as they are, other words as findings of their own. Never an
        identifier of the patient or text of a file.
    severity : {"note", "warning", "refusal"}
        "note": how something was read; "warning": what limits a result; "refusal": why there is none.
    """

    code: str
    values: Mapping[str, Value] = field(default_factory=dict)
    severity: Severity = "warning"

    def __hash__(self) -> int:
        return hash((self.code, tuple(sorted(self.values)), self.severity))


def note(code: str, **values: Value) -> Finding:
    """How something was read, or a word or phrase to stand inside another finding."""
    return Finding(code, values, "note")


def warning(code: str, **values: Value) -> Finding:
    """What limits a result."""
    return Finding(code, values, "warning")


def refusal(code: str, **values: Value) -> Finding:
    """Why there is no result."""
    return Finding(code, values, "refusal")
