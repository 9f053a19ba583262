"""What `verify` looks for, by subject: each check says what it is called, and what is wrong."""
