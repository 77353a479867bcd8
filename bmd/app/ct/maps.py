"""Pictures the networks of the CT page saw: hips and slices, with heat maps once they were asked for."""

from __future__ import annotations

import html

import cv2
import numpy as np
import streamlit as st
from numpy.typing import NDArray

from bmd.app import choices, results, session, shell
from bmd.app.markup import chip, number, percent
from bmd.text import say, text
from bmd.types import Explanation, Hip, Prediction, Report, Volume, volume_of

OPACITY = 0.55
PICTURE_PX = 320


def hips(held: session.Held, report: Report) -> None:
    """Both hips: the picture the networks saw, its answer, or why it was not read."""
    if not report.hips:
        st.caption(text("app.ct.no_hips"))
        return
    with st.container(key="hips"):
        columns = st.columns(2)
    for column, hip in zip(columns, sorted(report.hips, key=lambda h: h.side != "right"), strict=False):
        with column, st.container(border=True):
            st.subheader(text(f"app.ct.hip.{hip.side}"), anchor=False)
            _hip(hip, _maps_of(held, f"{hip.side} femur"))
    st.caption(text("app.ct.hip_caption"))


def _hip(hip: Hip, maps: list[Explanation]) -> None:
    if hip.crop is not None:
        grey = np.clip(hip.crop, 0, 1)
        st.image(with_heat(grey, maps[0] if maps else None), width="stretch", alt=text(f"app.ct.hip.{hip.side}"))
    if hip.reason is not None:
        st.caption(text("app.ct.not_read", reason=hip.reason))
    if hip.prediction is not None:
        st.html(f"{chip(hip.prediction.category)} {_shares(hip.prediction)}")
    for one in maps[:1]:
        st.caption(_numbers(one))


def _shares(prediction: Prediction) -> str:
    parts = ", ".join(f"{name} {percent(value)}" for name, value in prediction.probabilities.items())
    return f'<span class="ol-sub">{html.escape(parts)}</span>'


@st.fragment
def slices() -> None:
    """Heat maps of one level's slice, one picture for each branch of the slice network; drawn when asked for.

    Choosing another level draws this part of the page alone, with what is held then.
    """
    held = session.held("ct")
    if held is None or held.report is None:
        return
    report = held.report
    if held.maps is None:
        st.caption(text("app.ct.maps_hint"))
        answered = report.measurements or any(hip.prediction for hip in report.hips)
        if answered and st.button(text("app.ct.maps_button"), key="ct_draw_maps", icon=":material/gradient:"):
            _draw(held, report)
        return
    levels = list(dict.fromkeys(one.level for one in held.maps if one.level in _body_levels(report)))
    if not levels:
        st.caption(text("app.ct.no_slices"))
        return
    key = choices.start("ct_map_level", levels[0], levels)
    st.segmented_control(text("app.ct.maps_level"), levels, required=True, key=key)
    level = choices.keep(key)
    with st.container(key="heat_slices"):
        columns = st.columns(2)
    for column, one in zip(columns, _maps_of(held, str(level)), strict=False):
        with column:
            st.subheader(say(one.method), anchor=False)
            st.image(with_heat(*_slice(volume_of(held.study), report, one)), width="stretch", alt=say(one.method))
            st.caption(f"{say(one.target).capitalize()}: {_numbers(one)}")
    st.caption(text("app.film.heat_meaning"))


def _draw(held: session.Held, report: Report) -> None:
    with shell.guard():
        session.update(held.kind, maps=results.explained(held, report), show_maps=True)
        st.rerun()


def _maps_of(held: session.Held, level: str) -> list[Explanation]:
    return [one for one in held.maps or () if one.level == level]


def _body_levels(report: Report) -> set[str]:
    return {v.level for v in report.vertebrae if v.level and v.body is not None}


def _slice(volume: Volume, report: Report, one: Explanation) -> tuple[NDArray[np.float32], Explanation]:
    """The part of the slice that the map covers, grey 0..1 in the window the network saw, and the map."""
    body = next(v.body for v in report.vertebrae if v.level == one.level and v.body is not None)
    z = body.offset_zyx[0] + body.mask.shape[0] // 2
    x1, y1, x2, y2 = (round(v) for v in one.box_px)
    rows, columns = np.clip(np.arange(y1, y2 + 1), 0, None), np.clip(np.arange(x1, x2 + 1), 0, None)
    height, width = volume.voxels.shape[1:]
    part = volume.voxels[z][np.ix_(np.minimum(rows, height - 1), np.minimum(columns, width - 1))]
    assert one.window_hu is not None, "the map of a slice names its window"
    low, high = one.window_hu
    grey = np.clip((part.astype(np.float32) - low) / (high - low), 0, 1)
    return grey, one


def with_heat(grey: NDArray[np.float32], one: Explanation | None) -> NDArray[np.uint8]:
    """A picture with its heat map on it.

    Parameters
    ----------
    grey : ndarray
        float32 (h, w) in 0..1.
    one : Explanation or None
        Its heat covers the whole picture.

    Returns
    -------
    ndarray
        uint8 (H, W, 3), about ``PICTURE_PX`` wide.
    """
    scale = PICTURE_PX / grey.shape[1]
    size = PICTURE_PX, max(1, round(grey.shape[0] * scale))
    picture = cv2.resize(grey, size, interpolation=cv2.INTER_CUBIC).clip(0, 1)[..., None].repeat(3, 2)
    if one is not None:
        heat = cv2.resize(np.asarray(one.heat, np.float32), size, interpolation=cv2.INTER_LINEAR).clip(0, 1)
        colour = cv2.applyColorMap(np.rint(heat * 255).astype(np.uint8), cv2.COLORMAP_INFERNO)[..., ::-1] / 255
        share = (OPACITY * np.minimum(1, heat * 1.6))[..., None]
        picture = picture * (1 - share) + colour * share
    return np.asarray(np.rint(picture * 255), np.uint8)


def _numbers(one: Explanation) -> str:
    fidelity = one.fidelity
    return text(
        "app.ct.map_numbers",
        verdict=one.verdict,
        inside=percent(fidelity.get("inside_share")),
        even=percent(fidelity.get("area_share")),
        random=number(fidelity.get("random_correlation"), 2),
    )
