"""Which plugins are installed, which of them an ini enables, and whether they are sound."""
