"""The CT viewer: three linked planes drawn in the browser, so that slices and windows need no round trip.

The volume goes to a component of its own that shows nothing and hands it to the viewer: unchanged, it is not sent
again when the overlays change.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import streamlit as st
from streamlit.components.v2.types import ComponentRenderer

from bmd.app import session
from bmd.app.viewers.bundle import bundle, component
from bmd.app.viewers.ct.packet import overlay_packet, volume_packet
from bmd.text import LANGUAGE
from bmd.types import volume_of

_HERE = Path(__file__).parent


@cache
def _store() -> ComponentRenderer:
    return st.components.v2.component("volume_store", html="<span hidden></span>", js=bundle(_HERE / "store.js"))


def show(held: session.Held, alt: str) -> None:
    """Draw the held CT with whatever is known of it.

    Parameters
    ----------
    held : Held
        Its volume is packed once and kept with it. The same volume keeps its place, zoom and window when the overlays
        change.
    alt : str
        What the pictures show, in words.
    """
    volume = volume_of(held.study)
    packed = held.packed
    if packed is None:
        packed = volume_packet(held.study.uid, volume.voxels, volume.spacing_mm)
        session.update(held.kind, packed=packed)
    maps = held.maps if held.show_maps else None
    overlays = overlay_packet(held.study.uid, volume.voxels.shape, volume.spacing_mm, held.report, maps or (), alt)
    with st.container(gap=None, key="volume_viewer_box"):
        component("volume_viewer", _HERE, LANGUAGE.get())(data=overlays, key="volume_viewer")
        _store()(data=packed, key="volume_store", height=1)
