"""What must hold in every database, asked such that only what breaks it comes back.

Each statement finds rows that should not be there, and is one look at the database,
so that it can be asked beside writes.
"""
