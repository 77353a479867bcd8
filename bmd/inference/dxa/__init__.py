"""DXA: image -> regions, measured or estimated density."""
