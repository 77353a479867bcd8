"""The canvases in the browser: one for pictures, one for volumes."""
