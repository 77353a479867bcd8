"""What the shipped weights say of themselves, read from ``weights/*/metadata.json``."""

from __future__ import annotations

import html
import json
from collections.abc import Sequence
from typing import Any

import streamlit as st

from bmd.app import choices
from bmd.app.markup import plain, table
from bmd.findings import note
from bmd.models import _metadata as stated
from bmd.models import _registry as registry
from bmd.models._registry import WEIGHTS
from bmd.reference import CATEGORIES
from bmd.report import networks as words
from bmd.text import entry, say, text
from bmd.types import Report

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


def place(model: str) -> str:
    """On whom the network was measured, in one line: patients first."""
    found = words.figures(stated.shown(metadata().get(model, {})))
    if not found:
        return text("app.not_measured")
    first, more = found[0].place, len({group.place for group in found}) - 1
    return text("app.measured_and_more", place=first, count=more) if more else first


def provenance(report: Report) -> None:
    """Which models gave this result, on what they were measured, where and how long it ran."""
    roles = list(report.models)
    if len(roles) > MOST_AT_ONCE:
        key = choices.start("provenance_role", roles[0], roles)
        st.selectbox(text("app.which_network"), roles, format_func=lambda role: words.word("app.role", role), key=key)
        roles = [choices.keep(key)]
    for role in roles:
        name = report.models[role]
        card = metadata().get(name, {})
        st.markdown(f"**{words.word('app.role', role)}** {card.get('title', name)}")
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
        st.markdown(f"**{spec.title}** · {words.word('app.task', spec.task)}")
        st.caption(spec.paper)
        if card is None:
            st.markdown(text("app.no_weights", name=name))
            return
        _measured(card)
        with st.expander(text("app.details")):
            _details(card)


def _measured(card: dict[str, Any]) -> None:
    """Figures on patients, then on simulated people: those that matter most at once, the others folded away."""
    entries = stated.shown(card)
    if not entries:
        st.caption(text("app.not_measured"))
        return
    st.markdown(f"**{text('app.on_patients')}**")
    on_patients([one for one in entries if one["kind"] in stated.REAL])
    if simulated := words.figures([words.brief(one) for one in entries if one["kind"] not in stated.REAL]):
        st.markdown(f"**{text('app.on_simulated')}**")
        _tables(simulated)
    if published := _published(card):
        st.caption(published)
    if split := words.parts(entries):
        with st.expander(text("app.by_group")):
            _parts(split)
    with st.expander(text("app.every_figure")):
        _every(entries)


def on_patients(entries: Sequence[dict[str, Any]]) -> None:
    """The most important of figures on patients, or that there are none."""
    surveyed = words.beside(entries)
    if surveyed:
        st.html(table(entry("app.demographics.figure_head"), surveyed))
        st.caption(text("app.demographics.figure_note"))
    real = words.figures([words.brief(one) for one in entries if not (surveyed and one["site"])])
    _tables(real)
    if not real and not surveyed:
        st.caption(text("app.no_patients"))


def _tables(groups: Sequence[words.Figures]) -> None:
    for group in groups:
        head = (text("app.measure"), *(_sentence(what) or text("app.value") for what in group.columns))
        st.html(table(head, [[html.escape(cell) for cell in row] for row in group.rows]))
        st.caption(text("app.measured_on", place=plain(group.place)))


def _parts(tables: Sequence[words.Parts]) -> None:
    for one in tables:
        st.html(table(one.head, [[html.escape(cell) for cell in row] for row in one.rows]))
        st.caption(text("app.measured_on", place=plain(one.place)))
    st.caption(text("app.group_note"))


def _every(entries: Sequence[dict[str, Any]]) -> None:
    """All figures, and by which command each was measured."""
    for group in words.figures(entries):
        _tables([group])
        st.caption(plain(group.stamp))
    for one in entries:
        _confusion(one)


def _sentence(what: str) -> str:
    return what[:1].upper() + what[1:]


def _confusion(one: dict[str, Any]) -> None:
    """Table of true and named categories, where the card holds it."""
    values = one.get("values") or {}
    cells = [[values.get(f"true_{true}_said_{said}") for said in CATEGORIES] for true in CATEGORIES]
    if any(cell is None for row in cells for cell in row):
        return
    rows = [[name, *(f"{cell:.0f}" for cell in row)] for name, row in zip(CATEGORIES, cells, strict=True)]
    st.html(table(["", *CATEGORIES], rows))
    place = plain(stated.place(one))
    st.caption(f"{text('app.said')} {text('app.measured_on', place=place)}")


def _published(card: dict[str, Any]) -> str:
    """What the paper itself reports, so that nobody takes one for the other."""
    published = card.get("published") or {}
    values = {k: v / 100 if v > 1 else v for k, v in (published.get("values") or {}).items()}
    said = tuple(note(f"app.published_{k}", value=values[k]) for k in ("accuracy", "auc") if k in values)
    place = plain(str(published.get("measured_on", text("app.not_stated"))))
    return text("app.published", place=place, figures=said) if said else ""


def _details(card: dict[str, Any]) -> None:
    made = card["provenance"]
    lines = {
        "trained_on": say(stated.learned_from(card)),
        "recipe": words.recipe(card),
        "input": (card.get("preprocessing") or {}).get("steps"),
        "calibration": _calibrated(card),
        "commit": made.get("commit") or text("app.card.unknown"),
        "command": made.get("command") or say(stated.made(made)),
        "data": (made.get("data_sha256") or text("app.card.unknown"))[: words.SHORT],
        "seeds": words.seeds(made),
        "weights": words.weights_hash(card),
        "licence": card.get("licence"),
        "limits": _limits(card),
    }
    rows = [[text(f"app.card.{key}"), html.escape(str(value))] for key, value in lines.items() if value]
    st.html(table(["", ""], rows))


def _limits(card: dict[str, Any]) -> str:
    """What the network is for, and what follows from whom it has seen."""
    simulated = str(card["trained_on"]["cohort"]).startswith("simulated")
    return text("app.card.limits_simulated" if simulated else "app.card.limits_real", use=str(card["intended_use"]))


def _calibrated(card: dict[str, Any]) -> str:
    """On whom the network's probabilities and intervals were fitted; their numbers stand in metadata.json."""
    fitted = (card.get("calibration") or {}).get("fitted_on")
    return text("app.card.calibrated_on", who=stated.who(fitted)) if fitted else text("app.card.not_calibrated")
