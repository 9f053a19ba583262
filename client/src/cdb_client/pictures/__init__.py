"""Pictures of tags: what goes where (`axis`, `lanes`, `diffs`), and who draws it.

`terminal` draws with letters, `figure` with matplotlib. What is laid out knows nothing of
either: places are fractions of the width, colours are numbers.
"""
