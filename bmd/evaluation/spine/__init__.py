"""Measuring the spine decoder: what each of its numbers is worth on simulated films."""
