"""What every page of a picture shows of its result: title row, progress, problem, refusal, headline, warnings."""

from __future__ import annotations

import html
from collections.abc import Callable

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from bmd import figures, modality
from bmd.app import address, cards, dropped, elsewhere, networks, session, shell, sites, work
from bmd.app.choose import Picker
from bmd.app.markup import plain
from bmd.app.viewers import announce
from bmd.figures import COLOURS, GREY
from bmd.findings import Finding, note
from bmd.inference.dxa.densitometry import MEASURED
from bmd.printed import PRINTED
from bmd.reference import reached_categories
from bmd.report import headline as words
from bmd.report.basis import basis
from bmd.text import say, sentences, text
from bmd.types import Explanation, Prediction, Report

CHART = {"displayModeBar": False}
LEVELS_WARNING = ".levels_uncertain"
"""End of the codes of the warning about names, which has its own banner."""

WIDE = ("ct",)
"""Kinds whose viewer needs more room than half a page."""

Show = Callable[[session.Held, Report, DeltaGenerator], None]
"""Draws a result: what matters most where it is called, what explains it in the container it is given."""


def page(picker: Picker, viewer: Callable[[], None], show: Show, alone: bool = False) -> None:
    """A page of a picture: choose one; then look at it (left), at its result (right) and at its details (below both).

    Parameters
    ----------
    picker : Picker
        The ways to an input, where none is shown.
    viewer : callable
        Draws the held input with what was found on it.
    show : callable
        Draws the result of one that could be analysed: card, warnings and what to do with it where it is called,
        details in the container it is given.
    alone : bool
        Whether everything below the title is drawn again alone when something in it is chosen.
    """
    kind = picker.kind
    picker.follow()
    held = session.shown(kind)
    announce.held(kind)
    if held is None:
        shell.lead(f"modality.{kind}.title", f"app.{kind}.lead")
        picker.draw()
        return
    title_row(held)
    dropped.listed(kind)
    (_looked_at_alone if alone else _looked_at)(kind, viewer, show)


def _looked_at(kind: session.Kind, viewer: Callable[[], None], show: Show) -> None:
    held = session.held(kind)  # not an argument: a fragment would keep the one of the last whole run
    if held is None:
        return
    with st.container(key="wide" if kind in WIDE else "look"):
        left, right = st.columns([7, 5] if kind in WIDE else [6, 5], gap="medium")
    below = st.container(key="below")  # made now: it takes the place of the picker before the analysis is done
    with left:
        viewer()
    with right, shell.guard():
        result(held, show, below)


_looked_at_alone = st.fragment(_looked_at)


def pair() -> tuple[DeltaGenerator, DeltaGenerator]:
    """Room for a chart and its table: side by side where both fit, else one below the other."""
    with st.container(key="pair"):
        first, second = st.columns(2, gap="medium")
    return first, second


def title_row(held: session.Held) -> None:
    """Name of the page, of the file, and the way to another one."""
    with st.container(horizontal=True, vertical_alignment="center", key="title_row"):
        st.title(text(f"modality.{held.kind}.title"), anchor=False, width="content")
        origin = text("app.simulated") if held.sample else held.study.origin
        st.html(f'<p class="ol-file">{html.escape(held.name)} <span>{html.escape(origin)}</span></p>', width="stretch")
        st.button(
            text(f"modality.{held.kind}.another"),
            icon=":material/restart_alt:",
            help=text("app.another_help"),
            on_click=session.another,
            args=(held.kind,),
            key="another",
        )
        address.say(held.case)


def result(held: session.Held, show: Show, below: DeltaGenerator) -> None:
    """Whatever is known of the study: a problem, a refusal, or ``show``; analyses it when that was not done yet."""
    if held.problem is not None:
        shell.show(held.problem)
        if st.button(text("app.again"), icon=":material/refresh:"):
            session.update(held.kind, problem=None)
            st.rerun()
    elif held.report is None:
        _analyse(held)
    elif not held.report.suitability.suitable:
        refusal(held)
    else:
        show(held, held.report, below)
    networks.choice(held)
    how_read(held)


def _analyse(held: session.Held) -> None:
    if (refused := elsewhere.misplaced(held)) is not None:
        session.keep(held.kind, refused)
        st.rerun()
    bar = st.progress(0.0, text("app.starting"))
    with shell.guard(quiet=True) as outcome:
        opened = held.waiting or modality.Opened(held.study)
        study, report = work.analyse_best(opened, lambda share, what: advance(bar, share, what), held.models)
        packed = held.packed if study is held.study else None
        session.update(held.kind, study=study, waiting=None, packed=packed)
        session.keep(held.kind, report)
        st.rerun()
    session.update(held.kind, problem=outcome.problem)
    st.rerun()


def advance(bar: DeltaGenerator, share: float, what: Finding) -> None:
    """Move a progress bar; ``what`` is being done."""
    bar.progress(min(1.0, max(0.0, share)), say(what))


def refusal(held: session.Held) -> None:
    """Why the study was not analysed, and what helps."""
    assert held.report is not None
    reasons = "".join(f"<li>{html.escape(say(reason))}</li>" for reason in held.report.suitability.reasons)
    st.html(
        f'<div class="ol-card ol-refusal" role="status"><h2>{text(f"modality.{held.kind}.refused")}</h2>'
        f"<ul>{reasons}</ul><p>{text(f'modality.{held.kind}.helps')}</p></div>"
    )
    elsewhere.offer(held)
    warnings(held.report)


def levels_banner(report: Report) -> None:
    """Say at the top when the vertebrae may be named wrongly."""
    if not report.levels_certain:
        said = " ".join(plain(say(warning)) for warning in report.warnings if of_levels(warning))
        banner = f"**{text('app.levels_uncertain')}** {said} {text('app.levels_do')}"
        st.warning(banner, icon=":material/swap_vert:")


def of_levels(warning: Finding) -> bool:
    """Whether a warning is the one about the names of all levels: "film.levels_uncertain", "ct.levels_uncertain"."""
    return warning.code.endswith(LEVELS_WARNING)


def headline(prediction: Prediction | None, true_t: float | None = None) -> None:
    """Category, T-score with its interval and density beside the probabilities; ``true_t`` of a simulated case."""
    if prediction is None:
        st.info(text("app.no_estimate"), icon=":material/info:")
        return
    name = prediction.category or "unknown"
    truth = "" if true_t is None else f'<div class="ol-truth">{text("app.truth", t=true_t)}</div>'
    with st.container(border=True, key="headline"):
        left, right = st.columns([6, 5], vertical_alignment="center")
        left.html(
            f'<div class="ol-headline" style="--c:{COLOURS.get(name, GREY)}">'
            f'<h2 class="ol-category">{html.escape(say(words.headline(prediction)))}</h2>{_numbers(prediction)}'
            f'<div class="ol-sub">{html.escape(source(prediction))}</div>{truth}</div>'
        )
        if prediction.probabilities:
            right.plotly_chart(
                figures.probability_bars(prediction.probabilities),
                config=CHART,
                key="probabilities",
                alt=spoken(prediction.probabilities),
            )


def rests_on(report: Report) -> None:
    """What the answer rests on, below it and not in a tab."""
    if said := sentences(basis(report)):
        st.caption(" ".join(plain(line) for line in said))


def source(prediction: Prediction) -> str:
    """Site of an answer and who gave it: "Lumbar spine, estimated by C5-GAP-FC3"."""
    site = sites.name(sites.site(prediction))
    if prediction.model == MEASURED:
        return text("app.measured_in", site=site)
    if prediction.model == PRINTED:
        return text("app.printed_on", site=site)
    title = cards.metadata().get(prediction.model, {}).get("title", prediction.model)
    return text("app.estimated", site=site, title=title)


def _numbers(prediction: Prediction) -> str:
    """T-score, interval and density; where a network gives categories only, its probability."""
    if prediction.z_score is not None:
        return _below_who_age(prediction)
    if prediction.t_score is None:
        return _without_t(prediction)
    coverage = cards.coverage(prediction.model)
    interval = ""
    if prediction.interval is not None:
        low, high = prediction.interval
        said = note("app.stated", low=low, high=high)
        if coverage is not None:
            said = note("app.stated_with", coverage=coverage, low=low, high=high)
        interval = f'<span class="ol-interval">{say(said)}</span>'
    bmd = ""
    if prediction.bmd_g_cm2 is not None:
        bmd = f'<span class="ol-bmd">{text("app.density", bmd=prediction.bmd_g_cm2)}</span>'
    t_score = text("app.t_score", t=prediction.t_score)
    wide = ""
    if len(reached_categories(prediction.interval)) > 2:
        wide = f'<div class="ol-sub">{text("app.undecided")}</div>'
    return f'<div class="ol-t">{t_score}</div><div class="ol-sub">{interval}{bmd}</div>{wide}'


def _without_t(prediction: Prediction) -> str:
    """The density alone, where under 50 the sex is not known; a network's probability, where it gives categories."""
    if prediction.bmd_g_cm2 is not None:
        density = f'<span class="ol-bmd">{text("app.density", bmd=prediction.bmd_g_cm2)}</span>'
        return f'<div class="ol-t">{text("app.density_without_t")}</div><div class="ol-sub">{density}</div>'
    share = prediction.probabilities.get(prediction.category or "")
    said = text("app.no_t_score") if share is None else text("app.share_only", share=share)
    return f'<div class="ol-t">{said}</div>'


def _below_who_age(prediction: Prediction) -> str:
    """Under 50: no T-score and no category, the interval of the Z-score and the density."""
    parts = []
    if prediction.z_interval is not None:
        low, high = prediction.z_interval
        parts.append(f'<span class="ol-interval">{text("app.z_interval", low=low, high=high)}</span>')
    if prediction.bmd_g_cm2 is not None:
        parts.append(f'<span class="ol-bmd">{text("app.density", bmd=prediction.bmd_g_cm2)}</span>')
    return f'<div class="ol-t">{text("app.z_instead")}</div><div class="ol-sub">{"".join(parts)}</div>'


def in_place_of_card(report: Report, code: str) -> bool:
    """Say the warning of this code where the card would stand; False where there is none."""
    why = [warning for warning in report.warnings if warning.code == code]
    if why:
        st.warning(plain(say(why[0])), icon=":material/help:")
    return bool(why)


def warnings(report: Report, said: str = "") -> None:
    """Every warning but the one about names, which has its own banner, and that of the code which was said above."""
    lines = sentences(one for one in report.warnings if not of_levels(one) and one.code != said)
    if lines:
        items = "".join(f"<li>{html.escape(line)}</li>" for line in lines)
        label = html.escape(text("app.warnings"))
        st.html(f'<div class="ol-warnings" role="note" aria-label="{label}"><ul>{items}</ul></div>')


def heat_maps(held: session.Held, label: str, meaning: str) -> bool:
    """The switch for heat maps, which are made when they are first wanted; whether they are shown now.

    Stands inside a fragment together with what shows them, so that a click runs that part of the page only. The first
    click runs the page once more: the downloads hold the maps from then on.
    """
    wanted = st.toggle(label, held.show_maps, key=f"{held.kind}_maps_{held.study.uid}", help=meaning)
    if wanted != held.show_maps:
        session.update(held.kind, show_maps=wanted)
    if wanted and held.maps is None and held.report is not None:
        with shell.guard():
            session.update(held.kind, maps=explained(held, held.report))
            st.rerun()
    return wanted and held.maps is not None


def explained(held: session.Held, report: Report) -> tuple[Explanation, ...]:
    """Heat maps, made now: a spinner turns meanwhile, and a line below it says when others come first."""

    def tell(_: float, what: Finding) -> None:
        if what.code == "app.explaining":
            line.empty()
        else:
            line.caption(say(what))

    with st.spinner(text("app.explaining")):
        line = st.empty()
        return work.explain(held.study, report, tell)


def how_read(held: session.Held) -> None:
    """How the file was read, folded away."""
    if held.study.notes:
        with st.expander(text(f"modality.{held.kind}.how_read")):
            st.markdown("\n".join(f"- {plain(say(note))}" for note in held.study.notes))


def spoken(probabilities: dict[str, float]) -> str:
    """Probabilities in words, for screen readers."""
    shares = tuple(note("app.share", name=name, share=value) for name, value in probabilities.items())
    return text("app.probabilities", shares=shares)
