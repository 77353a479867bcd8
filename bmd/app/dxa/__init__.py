"""The DXA image page: choosing an image, its result, its built-in cases."""
