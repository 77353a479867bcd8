"""Findings as values and as records for programs."""

from __future__ import annotations

import json
import pickle

import numpy as np
import pytest

from bmd import text
from bmd.findings import Finding, note, refusal, warning


def test_equal_findings_are_one() -> None:
    assert note("read.bits", count=8) == Finding("read.bits", {"count": 8}, "note")
    assert len({note("read.bits", count=8), note("read.bits", count=8), note("read.bits", count=16)}) == 2
    assert note("read.bits", count=8) != warning("read.bits", count=8)
    assert note("read.colour") == Finding("read.colour", severity="note")


def test_findings_can_be_copied_to_another_process() -> None:
    for finding in (Finding("read.colour"), refusal("read.other_as_film", found=note("read.modality.MR"))):
        assert pickle.loads(pickle.dumps(finding)) == finding  # noqa: S301


def test_a_record_has_code_values_and_words() -> None:
    finding = refusal("read.other_as_film", found=note("read.modality.MR"))
    record = json.loads(json.dumps(text.record(finding)))
    assert (record["code"], record["severity"]) == ("read.other_as_film", "refusal")
    assert record["text"] == text.say(finding)
    inner = record["values"]["found"]
    assert inner == {"code": "read.modality.MR", "severity": "note", "values": {}, "text": "a magnetic resonance image"}


def test_numbers_of_a_record_stay_numbers() -> None:
    several = (note("read.bits", count=8), "NIfTI")
    for value, want in (
        (120.5, 120.5),
        (3, 3),
        (True, True),
        (np.float32(0.5), 0.5),
        (np.int64(7), 7),
        (float("nan"), None),
        (("L1", 2), ["L1", 2]),
        (several, [text.record(several[0]), "NIfTI"]),
    ):
        got = text.record(note("read.colour", extra=value))["values"]["extra"]  # type: ignore[arg-type]
        assert json.loads(json.dumps(got)) == want
        assert type(got) in (type(want), list)


def test_words_of_a_nested_finding_are_those_it_has_alone() -> None:
    inner = note("read.modality.CT")
    assert text.say(inner) in text.say(refusal("read.ct_as_film", found=inner))


def test_unknown_codes_are_a_fault_of_the_program() -> None:
    with pytest.raises(KeyError):
        text.say(note("read.no_such_code"))
