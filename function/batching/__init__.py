"""Batching engine: runs the windows of concurrent requests together."""
