"""What the service does: one module for each kind of object, free of the web."""
