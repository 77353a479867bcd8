"""Shared fixtures: quiet threads, and real files that are skipped plainly where they are absent."""

from __future__ import annotations

import os
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before torch is imported by any test

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("osteolens", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
settings.load_profile("osteolens")

REPOSITORY = Path(__file__).resolve().parents[1]
REAL_DATA = Path(os.environ.get("OSTEOLENS_DATA", REPOSITORY.parent / "shared" / "data"))


@pytest.fixture(scope="session")
def repository() -> Path:
    """Root folder of the project."""
    return REPOSITORY


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder with real images, which are never part of the repository; the test is skipped without it."""
    if not REAL_DATA.is_dir():
        pytest.skip(f"no real images at {REAL_DATA}; set OSTEOLENS_DATA to their folder")
    return REAL_DATA
