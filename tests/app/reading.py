"""Reading a page in a test as a visitor would."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest


def shown(at: AppTest) -> str:
    """Everything readable on the page."""
    parts = [element.proto.body for element in at.get("html")]
    for kind in ("title", "subheader", "markdown", "caption", "warning", "error", "info"):
        parts += [element.value for element in at.get(kind)]
    return "\n".join(parts)
