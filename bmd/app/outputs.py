"""Looking at a film: viewer, result, warnings, heat maps, downloads."""

from __future__ import annotations

import html

import streamlit as st

from bmd import figures
from bmd.app import cards, curve, downloads, inputs, samples, session, shell, text, work
from bmd.app import viewer as film_viewer
from bmd.app.markup import chip, number, percent, plain, signed, table
from bmd.figures import COLOURS, GREY
from bmd.reference import LUMBAR
from bmd.types import Explanation, Prediction, Report, Vertebra

CHART = {"displayModeBar": False}
LEVELS_WARNING = "Levels uncertain"
"""How the warning about names begins; it has its own banner."""


def title_row(film: session.Held) -> None:
    """Name of the page, of the film, and the way to another film."""
    with st.container(horizontal=True, vertical_alignment="center", key="title_row"):
        st.title(text.SPINE_XRAY, anchor=False, width="content")
        kind = "simulated" if film.sample else film.study.origin
        st.html(f'<p class="ol-file">{html.escape(film.name)} <span>{html.escape(kind)}</span></p>', width="stretch")
        st.button(
            text.ANOTHER,
            icon=":material/restart_alt:",
            help=text.ANOTHER_HELP,
            on_click=session.drop,
            args=("film",),
            key="another",
        )


def viewer(film: session.Held) -> None:
    """The film with what was found drawn on it, and the heat maps below."""
    stage = st.container()
    report = film.report
    if report is not None and report.suitability.suitable and report.measurements:
        _heat_maps(film, report)
    image = film.study.images[0]
    with stage, shell.guard():
        maps = film.maps if film.show_maps else None
        film_viewer.show(film.study.uid, image.pixels, report, maps, _alt(film))
    if film.study.notes:
        with st.expander(text.HOW_READ):
            st.markdown("\n".join(f"- {plain(note)}" for note in film.study.notes))


def _alt(film: session.Held) -> str:
    report = film.report
    if report is None or not report.vertebrae:
        return f"Radiograph {film.name}; nothing marked"
    names = ", ".join(v.level or "unnamed" for v in report.vertebrae)
    return f"Radiograph with {len(report.vertebrae)} vertebrae outlined: {names}. Press V to step through them."


def _heat_maps(film: session.Held, report: Report) -> None:
    wanted = st.toggle(text.HEAT_TOGGLE, film.show_maps, key=f"maps_{film.study.uid}", help=text.HEAT_HELP)
    if wanted != film.show_maps:
        session.update(show_maps=wanted)
        st.rerun()
    if not wanted:
        return
    if film.maps is None:
        with shell.guard() as outcome:
            with st.spinner(text.EXPLAINING):
                maps = work.explain(film.study, report)
            session.update(maps=maps)
            st.rerun()
        if outcome.problem:
            return
    _heat_numbers(film.maps or ())


def _heat_numbers(maps: tuple[Explanation, ...]) -> None:
    rows = [
        [
            html.escape(m.level),
            html.escape(m.target),
            percent(m.fidelity.get("inside_share")),
            percent(m.fidelity.get("area_share")),
            number(m.fidelity.get("random_correlation"), 2),
        ]
        for m in maps
    ]
    st.html(table(text.HEAT_HEAD, rows))
    st.caption(text.HEAT_MEANING)


def result(film: session.Held) -> None:
    """Whatever is known of the film: a problem, a refusal, or the result; analyses it when that was not done yet."""
    if film.problem is not None:
        shell.show(film.problem)
        if st.button(text.AGAIN, icon=":material/refresh:"):
            session.update(problem=None)
            st.rerun()
    elif film.report is None:
        _analyse(film)
    elif not film.report.suitability.suitable:
        _refusal(film.report)
    else:
        _result(film, film.report)


def _analyse(film: session.Held) -> None:
    bar = st.progress(0.0, text.STARTING)
    with shell.guard(quiet=True) as outcome:
        report = work.analyse(film.study, lambda share, what: _advance(bar, share, what))
        session.keep("film", report)
        st.rerun()
    session.update(problem=outcome.problem)
    st.rerun()


def _advance(bar: st.delta_generator.DeltaGenerator, share: float, what: str) -> None:
    bar.progress(min(1.0, max(0.0, share)), what)


def _refusal(report: Report) -> None:
    reasons = "".join(f"<li>{html.escape(reason)}</li>" for reason in report.suitability.reasons)
    st.html(
        f'<div class="ol-card ol-refusal" role="status"><h3>{text.NOT_SUITABLE}</h3><ul>{reasons}</ul>'
        f"<p>{text.NOT_SUITABLE_DO}</p></div>"
    )
    _warnings(report)


def _result(film: session.Held, report: Report) -> None:
    if not report.levels_certain:
        said = next((w for w in report.warnings if w.startswith(LEVELS_WARNING)), "")
        st.warning(f"**{text.LEVELS_UNCERTAIN}** {plain(said)} {text.LEVELS_DO}", icon=":material/swap_vert:")
    if report.prediction is not None:
        _headline(film, report.prediction)
    else:
        st.info(text.NO_ESTIMATE, icon=":material/info:")
    _warnings(report)
    levels, age, method = st.tabs([text.TAB_LEVELS, text.TAB_AGE, text.TAB_METHOD])
    with levels:
        _levels(report)
    with age:
        _age(report)
    with method:
        cards.provenance(report)
    inputs.patient_form(film)
    downloads.row(film, report)


def _headline(film: session.Held, prediction: Prediction) -> None:
    name = prediction.category or "unknown"
    coverage = cards.coverage(prediction.model)
    interval = ""
    if prediction.interval is not None:
        low, high = prediction.interval
        label = f"{coverage:.0%} interval" if coverage else "interval"
        interval = f'<span class="ol-interval">{label} {signed(low)} to {signed(high)}</span>'
    t_score = f"T-score {signed(prediction.t_score)}" if prediction.t_score is not None else "No T-score"
    bmd = f'<span class="ol-bmd">{prediction.bmd_g_cm2:.3f} g/cm²</span>' if prediction.bmd_g_cm2 is not None else ""
    truth = _truth(film)
    with st.container(border=True, key="headline"):
        left, right = st.columns([6, 5], vertical_alignment="center")
        left.html(
            f'<div class="ol-headline" style="--c:{COLOURS.get(name, GREY)}">'
            f'<div class="ol-category">{name.capitalize()}</div>'
            f'<div class="ol-t">{t_score}</div><div class="ol-sub">{interval}{bmd}</div>{truth}</div>'
        )
        if prediction.probabilities:
            right.plotly_chart(
                figures.probability_bars(prediction.probabilities),
                config=CHART,
                key="probabilities",
                alt=_spoken(prediction.probabilities),
            )


def _truth(film: session.Held) -> str:
    sample = samples.find(film.sample)
    known = sample.truth() if sample else {}
    if "t_l1l4" not in known:
        return ""
    return f'<div class="ol-truth">True value of this simulated case: T-score {signed(known["t_l1l4"])}</div>'


def _warnings(report: Report) -> None:
    lines = [w for w in report.warnings if not w.startswith(LEVELS_WARNING)]
    if lines:
        items = "".join(f"<li>{html.escape(line)}</li>" for line in lines)
        st.html(f'<ul class="ol-warnings" role="note" aria-label="{text.WARNINGS}">{items}</ul>')


def _levels(report: Report) -> None:
    everything = [*([report.prediction] if report.prediction else []), *report.measurements]
    if any(p.t_score is not None for p in everything):
        st.plotly_chart(
            figures.t_score_chart(everything), config=CHART, key="levels", alt="T-score of each level with its interval"
        )
    measured = {m.level: m for m in report.measurements}
    shown = [v for v in report.vertebrae if v.level in LUMBAR or (v.level and v.level in measured)]
    head = ["Level", "Category", "T-score", "Interval", "BMD g/cm²", "Score"]
    st.html(table(head, [_row(v, measured.get(v.level)) for v in shown]))
    others = [v.level or text.UNNAMED for v in report.vertebrae if v not in shown]
    if others:
        st.caption(text.ALSO_OUTLINED.format(levels=", ".join(others)))


def _row(vertebra: Vertebra, measured: Prediction | None) -> list[str]:
    interval = measured.interval if measured else None
    return [
        html.escape(vertebra.level or "?"),
        chip(measured.category if measured else None),
        signed(measured.t_score if measured else None),
        f"{signed(interval[0])} to {signed(interval[1])}" if interval else "–",
        number(measured.bmd_g_cm2 if measured else None),
        f"{vertebra.score:.2f}",
    ]


def _age(report: Report) -> None:
    patient, prediction = report.patient, report.prediction
    if patient.sex is None:
        st.info(text.AGE_NEEDS_SEX, icon=":material/person:")
        return
    if patient.age_y is None:
        st.info(text.AGE_NEEDS_AGE, icon=":material/person:")
    reference_curve = curve.age_curve(patient.sex)
    bmd, interval = curve.density(prediction)
    st.plotly_chart(
        figures.age_curve(reference_curve, patient.age_y, bmd, interval),
        config=CHART,
        key="age_curve",
        alt="Bone density against age in the reference population, with this patient marked",
    )
    st.caption(f"{reference_curve.source} {text.REFERENCE}: {curve.REFERENCE.name}.")


def _spoken(probabilities: dict[str, float]) -> str:
    return "Probabilities: " + ", ".join(f"{name} {value:.0%}" for name, value in probabilities.items())
