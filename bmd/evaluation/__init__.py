"""How good the networks are: on simulated films that were held out, and on annotated real ones."""
