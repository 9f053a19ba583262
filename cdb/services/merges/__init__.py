"""Merging global tags: what is asked, what has to be done for it, and doing it as one change."""
