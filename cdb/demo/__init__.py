"""Sample data that a newcomer can query at once."""
