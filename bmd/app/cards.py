"""What the shipped weights say of themselves, read from ``weights/*/metadata.json``."""

from __future__ import annotations

import html
import json
from pathlib import Path
from typing import Any

import streamlit as st

from bmd.types import Report

WEIGHTS = Path(__file__).resolve().parents[2] / "weights"


@st.cache_data(show_spinner=False, ttl=60)
def metadata() -> dict[str, dict[str, Any]]:
    """Metadata by model name; empty when no weights are shipped."""
    return {file.parent.name: json.loads(file.read_text("utf-8")) for file in sorted(WEIGHTS.glob("*/metadata.json"))}


def coverage(model: str) -> float | None:
    """Stated coverage of the model's T-score interval, 0..1, or None when its metadata does not say."""
    value = metadata().get(model, {}).get("calibration", {}).get("coverage")
    return float(value) if value is not None else None


def provenance(report: Report) -> None:
    """Which models gave this result, on what they were measured, where and how long it ran."""
    for role, name in report.models.items():
        st.markdown(f"**{role.capitalize()}**: {html.escape(name)}")
    st.caption(f"Ran on {report.device} in {report.seconds:.1f} s.")
