"""Abdominal CT: volume -> named bodies, attenuation, slices, hips."""
