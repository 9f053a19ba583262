"""What Belle II does its own way: experiments and runs, claims, statuses, and where files lie."""
