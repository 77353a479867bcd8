"""The Spine X-ray page: choosing a film, its result, its built-in cases."""
