"""From network maps to named vertebrae: shared by film and CT."""
