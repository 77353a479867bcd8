"""CT: real and simulated volumes, the CT networks, attenuation."""
