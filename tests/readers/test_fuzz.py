"""Damaged files never do worse than a plain message. A few in every run; thousands with `make slow`."""

from __future__ import annotations

import random
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bmd.errors import BmdError
from bmd.readers import read_study
from tests.readers import films

RLE = "1.2.840.10008.1.2.5"
PICTURES = [("PNG", 8), ("PNG", 16), ("JPEG", 8), ("TIFF", 8), ("TIFF", 16)]
NASTY = [
    b"\x00",
    b"\xff",
    b"\x7f",
    b"\x80",
    b"\xff\xff\xff\xff",
    b"\x00\x00\x00\x80",
    b"\xfe\xff\x00\xe0",
    b"SQ",
    b"UN",
]


@cache
def seeds() -> dict[str, bytes]:
    """One small healthy file per wrapping."""
    found = {syntax: films.dicom(syntax=syntax) for syntax in ("1.2.840.10008.1.2", "1.2.840.10008.1.2.1.99")}
    for syntax in [*films.ENCODERS, RLE]:
        bits = 8 if syntax.endswith(".50") else 12
        found[syntax] = films.compressed(syntax, films.film(bits=bits), bits=bits)
    found["nested"] = films.with_sequences(5)
    for kind, bits in PICTURES:
        found[f"{kind} {bits}"] = films.picture(films.film(bits=bits), kind)
    return found


def damaged(data: bytes, chance: random.Random) -> bytes:
    """Change, cut, repeat or drop a few pieces; headers are hit more often than pixels."""
    mutant = bytearray(data)
    for _ in range(chance.randint(1, 6)):
        at = chance.randrange(min(len(mutant), 700) if chance.random() < 0.7 else len(mutant))
        kind = chance.random()
        if kind < 0.5:
            mutant[at] = chance.randrange(256)
        elif kind < 0.8:
            piece = chance.choice(NASTY)
            mutant[at : at + len(piece)] = piece
        elif kind < 0.9:
            del mutant[at : at + chance.randint(1, 40)]
        else:
            mutant[at:at] = mutant[at : at + chance.randint(1, 40)]
        if len(mutant) < 2:
            break
    return bytes(mutant[: chance.randint(1, len(mutant))] if chance.random() < 0.1 else mutant)


def outcome(data: bytes) -> np.ndarray | BmdError:
    try:
        return read_study("film.dcm", data).images[0].pixels
    except BmdError as error:
        return error


def check(data: bytes) -> None:
    """One film within 0..1, or an error of the readers whose words can be filled in; nothing else is ever raised."""
    found = outcome(data)
    if isinstance(found, BmdError):
        assert found.finding.code.startswith("read.")
        assert str(found).endswith(".")
        return
    assert found.dtype == np.float32
    assert found.ndim == 2
    assert 0 <= found.min() <= found.max() <= 1


@pytest.mark.parametrize("wrapping", seeds())
def test_a_few_damaged_files(wrapping: str) -> None:
    chance = random.Random(wrapping)
    for _ in range(25):
        check(damaged(seeds()[wrapping], chance))


@pytest.mark.slow
@pytest.mark.parametrize("wrapping", seeds())
def test_many_damaged_files(wrapping: str) -> None:
    chance = random.Random(f"many {wrapping}")
    for _ in range(1000):
        check(damaged(seeds()[wrapping], chance))


@settings(max_examples=100)
@given(
    st.binary(max_size=400),
    st.sampled_from([b"", bytes(128) + b"DICM", b"\x89PNG\r\n\x1a\n", b"II*\0", b"\x08\x00\x05\x00"]),
)
def test_random_bytes(tail: bytes, start: bytes) -> None:
    check(start + tail)
