"""The rules of intervals and tags: pure, without I/O and without the web."""
