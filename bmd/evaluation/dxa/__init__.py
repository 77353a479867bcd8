"""DXA: the networks on simulated scans that none has seen."""
