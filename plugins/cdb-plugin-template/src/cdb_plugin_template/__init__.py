"""Plugins of one experiment for the conditions database cdb."""
