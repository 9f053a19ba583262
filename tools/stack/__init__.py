"""`make stack`: the stack of deploy/compose.yaml without containers, of the same files."""
