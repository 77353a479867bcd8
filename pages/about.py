"""About."""

from __future__ import annotations

from bmd.app import shell

shell.open_page(__file__)

import streamlit as st

st.title("About")
