"""A conditions database for high-energy-physics experiments."""
