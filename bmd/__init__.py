"""OsteoLens library: bone density from lateral spine films, CT, DXA images and demographics.

For teaching, demonstrations and qualitative checks; never for diagnosis. Runs without Streamlit.
"""

__version__ = "0.1.0"
