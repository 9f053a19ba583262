"""The verbs that operators have in the `cdb` command."""
