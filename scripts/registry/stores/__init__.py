"""Where a registry's objects lie: a directory, or an S3 prefix, with the same keys."""
