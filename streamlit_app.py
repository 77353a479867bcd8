"""OsteoLens in the browser: page settings and navigation, nothing else. Start with ``make app``."""

from __future__ import annotations

import streamlit as st

from bmd.app import sheets, shell
from bmd.text import text

st.set_page_config(page_title="OsteoLens", page_icon=shell.ICON, layout="wide")
st.logo(shell.LOGO, size="large")
page = st.navigation(shell.pages(), position="top")
st.set_page_config(page_title=text("app.tab.choose", page=page.title))
shell.enter()
page.run()
sheets.foot()
