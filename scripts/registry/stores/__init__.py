"""Stores of a registry's objects: a directory, or an S3 prefix, with the same keys."""
