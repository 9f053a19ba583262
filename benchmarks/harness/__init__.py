"""Measures any service with this API, and says what it found: see benchmarks/README.md."""
