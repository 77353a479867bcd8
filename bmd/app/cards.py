"""What the shipped weights say of themselves, read from ``weights/*/metadata.json``."""

from __future__ import annotations

import html
import json
from dataclasses import dataclass
from typing import Any

import streamlit as st

from bmd.app.markup import number, plain, table
from bmd.findings import note
from bmd.models import _metadata as stated
from bmd.models import _registry as registry
from bmd.models._registry import WEIGHTS
from bmd.reference import CATEGORIES
from bmd.text import codes, say, text
from bmd.types import Report

KEY_MEASURES = (
    *("patients", "people", "osteoporosis_share", "share_osteoporosis", "auc", "osteoporosis_auc", "macro_auc"),
    *("mean_error", "mean_absolute_error", "mae_percent", "correlation", "r", "accuracy", "coverage"),
    *(
        "accuracy_gain",
        "macro_auc_gain",
        "osteoporosis_auc_gain",
        "calibration_error",
        "ece",
        "dice",
        "level_exact",
        "found",
        "sacrum",
    ),
    *("names_right", "certain", "certain_and_wrong", "metal_found", "metal_false"),
    *("lateral_kept", "dxa_kept", "others_refused"),
)
"""Shown at once, in this order; the others are folded away. Words: "app.measures"."""
SHARES = {
    *("osteoporosis_share", "share_normal", "share_osteopenia", "share_osteoporosis", "accuracy", "largest_class"),
    *("coverage", "vertebra_coverage", "level_exact", "found", "sacrum", "level", "others_empty"),
    *("sensitivity", "sensitivity_normal", "sensitivity_osteopenia", "sensitivity_osteoporosis", "specificity"),
    *("precision", "f1", "class_agrees", "names_right", "certain", "certain_and_wrong", "doubted", "doubted_right"),
    *("believed_right", "metal_found", "metal_false", "under_metal_found", "under_metal_false", "named", "dxa_kept"),
    *("lateral_kept", "others_refused", "others_refused_as_dxa", "accuracy_of_named", "lateral_painted_out_refused"),
}
"""Measures shown as percentages."""
COUNTS = {"patients", "films", "people", "n"}
MOST_AT_ONCE = 2
"""More networks than this are shown one at a time."""


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


def learned_from(model: str) -> str:
    """What the weights of this network say they were trained on."""
    card = metadata().get(model)
    return say(stated.learned_from(card)) if card and "trained_on" in card else text("app.not_stated")


def places(model: str) -> list[str]:
    """On what the network was measured, without the training's own check where there is something better."""
    return list(dict.fromkeys(group.place for group in figures(_best(metadata().get(model, {})))))


def provenance(report: Report) -> None:
    """Which models gave this result, on what they were measured, where and how long it ran."""
    roles = list(report.models)
    if len(roles) > MOST_AT_ONCE:
        roles = [st.selectbox(text("app.which_network"), roles, format_func=lambda role: _word("app.role", role))]
    for role in roles:
        name = report.models[role]
        card = metadata().get(name, {})
        st.markdown(f"**{_word('app.role', role)}** {card.get('title', name)}")
        _measured(card)
    st.caption(f"{text('app.auc_means')} {text('app.simulated_only')}")
    st.caption(ran_on(report))


def ran_on(report: Report) -> str:
    """Device and seconds in a sentence."""
    return text("app.ran_on", device=report.device, seconds=report.seconds)


def model_card(name: str) -> None:
    """Everything the About page says of one network."""
    spec = registry.spec(name)
    card = metadata().get(name)
    with st.container(border=True):
        st.markdown(f"**{spec.title}** · {_word('app.task', spec.task)}")
        st.caption(spec.paper)
        if card is None:
            st.markdown(text("app.no_weights"))
            return
        _measured(card)
        with st.expander(text("app.details")):
            _details(card)


@dataclass(frozen=True)
class Figures:
    """Figures measured alike: ``rows`` of measure and values, one value for each of ``columns``, on ``place``."""

    place: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def figures(entries: list[dict[str, Any]]) -> list[Figures]:
    """Group a card's metrics: entries on one place that differ in what was given or in the site stand side by side.

    Parameters
    ----------
    entries : list of dict
        ``metrics`` of metadata.json; see ``bmd.models._metadata``.
    """
    groups: dict[tuple[str, tuple[str, ...]], list[tuple[str, dict[str, Any]]]] = {}
    for entry in entries:
        what = ", ".join(say(part) for part in stated.given(entry))
        groups.setdefault((say(stated.where(entry)), tuple(entry["values"])), []).append((what, entry["values"]))
    found = []
    for (place, keys), members in groups.items():
        whole = [what for what, _ in members if what]
        if len(members) == 1 and whole:
            place, members = f"{place}, {whole[0]}", [("", members[0][1])]
        shown = [key for key in keys if not key.endswith(("_low", "_high")) and "_said_" not in key]
        rows = tuple((_name(key, keys), *(_value(key, v) for _, v in members)) for key in shown)
        found.append(Figures(place, tuple(what for what, _ in members), rows))
    return found


def _word(group: str, key: str) -> str:
    """The catalogue's word for a key of the metadata, or the key itself where it has none."""
    code = f"{group}.{key}"
    return text(code) if code in codes() else key


def _name(key: str, keys: tuple[str, ...]) -> str:
    name = _word("app.measures", key)
    return text("app.interval_95", name=name) if f"{key}_low" in keys else name


def _value(key: str, values: dict[str, Any]) -> str:
    value = values.get(key)
    if isinstance(value, float) and value != value:
        return "–"
    said = _written(key, value)
    if f"{key}_low" in values:
        said += f" ({_written(key, values[f'{key}_low'])} to {_written(key, values.get(f'{key}_high'))})"
    return said.replace("-", "−") if isinstance(value, float) else said


def _written(key: str, value: Any) -> str:
    if key in SHARES and isinstance(value, float):
        return f"{value:.1%}"
    if key.endswith("_percent") and isinstance(value, float):
        return f"{value:.1f}"
    return str(int(value)) if isinstance(value, float) and key in COUNTS else number(value)


def _best(card: dict[str, Any]) -> list[dict[str, Any]]:
    """The measurements on a test set; the training's own check only when there is nothing else."""
    entries = list(card.get("metrics") or [])
    return [entry for entry in entries if entry["kind"] != "validation"] or entries


def _measured(card: dict[str, Any]) -> None:
    """The figures that matter most at once, every one of them folded away below."""
    best, entries = _best(card), card.get("metrics") or []
    short = [entry | {"values": _key_values(entry.get("values") or {})} for entry in best]
    groups = figures(short)
    if not groups:
        st.caption(text("app.not_measured"))
        return
    _tables(groups)
    if published := _published(card):
        st.caption(published)
    if any(a["values"] != (b.get("values") or {}) for a, b in zip(short, best, strict=True)) or best != entries:
        with st.expander(text("app.every_figure")):
            _tables(figures(entries))
            for entry in entries:
                _confusion(entry)


def _key_values(values: dict[str, Any]) -> dict[str, Any]:
    """Those of ``KEY_MEASURES`` with their intervals; all where none is among them."""
    wanted = [f"{key}{end}" for key in KEY_MEASURES for end in ("", "_low", "_high")]
    return {key: values[key] for key in wanted if key in values} or values


def _tables(groups: list[Figures]) -> None:
    for group in groups:
        head = (text("app.measure"), *(_sentence(what) or text("app.value") for what in group.columns))
        st.html(table(head, [[html.escape(cell) for cell in row] for row in group.rows]))
        st.caption(text("app.measured_on", place=plain(group.place)))


def _sentence(what: str) -> str:
    return what[:1].upper() + what[1:]


def _confusion(entry: dict[str, Any]) -> None:
    """Table of true and named categories, where the card holds it."""
    values = entry.get("values") or {}
    cells = [[values.get(f"true_{true}_said_{said}") for said in CATEGORIES] for true in CATEGORIES]
    if any(cell is None for row in cells for cell in row):
        return
    rows = [[name, *(f"{cell:.0f}" for cell in row)] for name, row in zip(CATEGORIES, cells, strict=True)]
    st.html(table(["", *CATEGORIES], rows))
    place = plain(stated.place(entry))
    st.caption(f"{text('app.said')} {text('app.measured_on', place=place)}")


def _published(card: dict[str, Any]) -> str:
    """What the paper itself reports, so that nobody takes one for the other."""
    published = card.get("published") or {}
    values = {k: v / 100 if v > 1 else v for k, v in (published.get("values") or {}).items()}
    said = tuple(note(f"app.published_{k}", value=values[k]) for k in ("accuracy", "auc") if k in values)
    place = plain(str(published.get("measured_on", text("app.not_stated"))))
    return text("app.published", place=place, figures=said) if said else ""


def _details(card: dict[str, Any]) -> None:
    lines = {
        "trained_on": say(stated.learned_from(card)),
        "input": (card.get("preprocessing") or {}).get("steps"),
        "calibration": _words(card["calibration"]) if card.get("calibration") else text("app.card.not_calibrated"),
        "training": _words(card.get("training") or {}),
        "seed": card.get("seed"),
        "made": say(stated.made(card["provenance"])),
        "licence": card.get("licence"),
        "intended_use": card.get("intended_use"),
    }
    rows = [[text(f"app.card.{key}"), html.escape(str(value))] for key, value in lines.items() if value]
    st.html(table(["", ""], rows))


def _words(values: dict[str, Any]) -> str:
    return ", ".join(f"{k} {_said(v)}" for k, v in values.items())


def _said(value: Any) -> str:
    if isinstance(value, dict):
        return say(stated.who(value)) if "cohort" in value else f"({_words(value)})"
    return number(value)
