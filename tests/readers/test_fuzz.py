"""Damaged files never do worse than a plain message. A few in every run; thousands with `make slow`."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bmd.errors import BmdError
from bmd.readers import read_study
from tests.readers.damage import damaged, film_files


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


@pytest.mark.parametrize("wrapping", film_files())
def test_a_few_damaged_files(wrapping: str) -> None:
    chance = random.Random(wrapping)
    for _ in range(25):
        check(damaged(film_files()[wrapping], chance))


@pytest.mark.slow
@pytest.mark.parametrize("wrapping", film_files())
def test_many_damaged_files(wrapping: str) -> None:
    chance = random.Random(f"many {wrapping}")
    for _ in range(1000):
        check(damaged(film_files()[wrapping], chance))


@settings(max_examples=100)
@given(
    st.binary(max_size=400),
    st.sampled_from([b"", bytes(128) + b"DICM", b"\x89PNG\r\n\x1a\n", b"II*\0", b"\x08\x00\x05\x00"]),
)
def test_random_bytes(tail: bytes, start: bytes) -> None:
    check(start + tail)
