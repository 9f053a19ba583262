"""Import of everything that a nopayloaddb holds."""
