"""Simulated pictures with their truth in files, to train and measure on."""
