"""Lateral spine films: gate, localise, measure, warn."""
