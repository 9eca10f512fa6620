"""Soak test of the server: everything at once, for minutes."""
