"""What the shipped weights say of themselves, read from ``weights/*/metadata.json``."""

from __future__ import annotations

import html
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import streamlit as st

from bmd.app import text
from bmd.app.markup import number, plain, table
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
        st.markdown(f"**{text.ROLES.get(role, role.capitalize())}** {card.get('title', name)}")
        _measured(card)
    st.caption(f"{text.RAN_ON} {report.device}, {report.seconds:.2f} s. {text.SIMULATED_ONLY}")


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


@dataclass(frozen=True)
class Figures:
    """Figures measured alike: ``rows`` of measure and values, one value for each of ``columns``, on ``place``."""

    place: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def figures(entries: list[dict[str, Any]]) -> list[Figures]:
    """Group a card's metrics: entries on one place that differ in their last words only stand side by side.

    Parameters
    ----------
    entries : list of dict
        ``metrics`` of metadata.json: ``measured_on`` ("1000 simulated films, film only") and ``values``.
    """
    groups: dict[tuple[str, tuple[str, ...]], list[tuple[str, dict[str, Any]]]] = {}
    for entry in entries:
        place, _, what = str(entry.get("measured_on", "not stated")).rpartition(", ")
        values = entry.get("values") or {}
        groups.setdefault((place or what, tuple(values)), []).append((what if place else "", values))
    found = []
    for (place, keys), members in groups.items():
        whole = [what for what, _ in members if what]
        if len(members) == 1 and whole:
            place, members = f"{place}, {whole[0]}", [("", members[0][1])]
        shown = [key for key in keys if key not in ("auc_low", "auc_high")]
        rows = tuple((text.MEASURES.get(key, key), *(_value(key, v) for _, v in members)) for key in shown)
        found.append(Figures(place, tuple(what for what, _ in members), rows))
    return found


def _value(key: str, values: dict[str, Any]) -> str:
    value = values.get(key)
    if isinstance(value, float) and value != value:
        return "–"
    if key in text.SHARES and isinstance(value, float):
        return f"{value:.1%}"
    if key == "auc" and "auc_low" in values:
        return f"{value:.3f} ({values['auc_low']:.3f} to {values['auc_high']:.3f})"
    return str(int(value)) if isinstance(value, float) and key in text.COUNTS else number(value)


def _measured(card: dict[str, Any]) -> None:
    groups = figures(card.get("metrics") or [])
    if not groups:
        st.caption(text.NOT_MEASURED)
    for group in groups:
        head = (text.MEASURE, *(what.capitalize() or text.VALUE for what in group.columns))
        st.html(table(head, [[html.escape(cell) for cell in row] for row in group.rows]))
        st.caption(f"{text.MEASURED_ON} {plain(group.place)}.")


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
