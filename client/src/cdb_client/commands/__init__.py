"""The verbs of the command `cdb`, a module for each noun; `options` and `output` are shared.

Nothing slow is imported above a function: `cdb --help` loads every verb.
"""
