"""Reading a page in a test as a visitor would."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest

from bmd.reference import LUMBAR


def shown(at: AppTest) -> str:
    """Everything readable on the page."""
    parts = [element.proto.body for element in at.get("html")]
    for kind in ("title", "header", "subheader", "markdown", "caption", "warning", "error", "info"):
        parts += [element.value for element in at.get(kind)]
    return "\n".join(parts)


def shown_result(at: AppTest) -> str:
    """Everything readable on a page with a result: nothing failed, L1-L5 have a row each, downloads are there."""
    words = shown(at)
    assert not at.exception
    assert [level for level in LUMBAR if f"<td>{level}</td>" not in words] == []
    assert len(at.get("download_button")) == 3
    return words


def viewers(at: AppTest) -> list[str]:
    """Keys of the canvases on the page, without the frame's own parts that show nothing."""
    return [part.key for part in at.get("bidi_component") if part.key.endswith(("_viewer", "_store"))]
