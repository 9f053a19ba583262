"""The database: models, sessions, and every SQL statement."""
