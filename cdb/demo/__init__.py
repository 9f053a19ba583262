"""Sample data: real public conditions data, loaded through the services."""
