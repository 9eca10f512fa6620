"""Nightly checks in the sandbox: the life of a stage in a real account, from nothing to nothing."""
