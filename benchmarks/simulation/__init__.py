"""A model of jobs, caches, services and databases, to plan for more than one machine."""
