"""Films: the whole chain on annotated films, networks and calibration on simulated ones."""
