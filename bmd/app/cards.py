"""What the shipped weights say of themselves, read from ``weights/*/metadata.json``."""

from __future__ import annotations

import html
import json
from pathlib import Path
from typing import Any

import streamlit as st

from bmd.app import text
from bmd.app.markup import number, table
from bmd.models import registry
from bmd.types import Report

WEIGHTS = Path(__file__).resolve().parents[2] / "weights"


@st.cache_data(show_spinner=False, ttl=60)
def metadata() -> dict[str, dict[str, Any]]:
    """Metadata by network; networks without readable metadata are left out."""
    found = {}
    for name in registry.names():
        try:
            found[name] = json.loads((WEIGHTS / name / "metadata.json").read_text("utf-8"))
        except (OSError, ValueError):
            continue
    return found


def coverage(model: str) -> float | None:
    """Stated coverage of the model's T-score interval, 0..1, or None when its metadata does not say."""
    calibration = metadata().get(model, {}).get("calibration") or {}
    value = (calibration.get("patient") or {}).get("coverage", calibration.get("coverage"))
    return float(value) if isinstance(value, int | float) and 0 < value < 1 else None


def provenance(report: Report) -> None:
    """Which models gave this result, on what they were measured, where and how long it ran."""
    for role, name in report.models.items():
        card = metadata().get(name, {})
        st.markdown(f"**{text.ROLES.get(role, role.capitalize())}**: {card.get('title', name)}")
        _measured(card)
    st.caption(f"{text.RAN_ON} {report.device}, {report.seconds:.2f} s.")
    st.caption(text.SIMULATED_ONLY)


def model_card(name: str) -> None:
    """Everything the About page says of one network."""
    spec = registry.spec(name)
    card = metadata().get(name)
    with st.container(border=True):
        st.markdown(f"**{spec.title}** · {text.TASKS.get(spec.task, spec.task)}")
        st.caption(spec.paper)
        if card is None:
            st.markdown(text.NO_WEIGHTS)
            return
        _measured(card)
        with st.expander(text.DETAILS):
            _details(card)


def _measured(card: dict[str, Any]) -> None:
    rows = [
        [html.escape(str(key)), number(value), html.escape(str(entry.get("measured_on", "not stated")))]
        for entry in card.get("metrics") or []
        for key, value in (entry.get("values") or {}).items()
    ]
    if rows:
        st.html(table(text.MEASURED_HEAD, rows))
    else:
        st.caption(text.NOT_MEASURED)


def _details(card: dict[str, Any]) -> None:
    lines = {
        "Trained on": card.get("trained_on"),
        "Input": (card.get("preprocessing") or {}).get("steps"),
        "Calibration": _words(card["calibration"]) if card.get("calibration") else "none yet",
        "Training": _words(card.get("training") or {}),
        "Seed and commit": f"{card.get('seed')}, {card.get('commit') or 'unknown'}",
        "Licence": card.get("licence"),
        "Intended use": card.get("intended_use"),
    }
    st.html(table(["", ""], [[name, html.escape(str(value))] for name, value in lines.items() if value]))


def _words(values: dict[str, Any]) -> str:
    return ", ".join(f"{k} {f'({_words(v)})' if isinstance(v, dict) else number(v)}" for k, v in values.items())
