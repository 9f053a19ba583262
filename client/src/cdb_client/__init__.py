"""The command line and Python client of the cdb conditions database."""
