"""Checks before a fork's first deployment, and after each."""
