"""The static files of the web pages."""
