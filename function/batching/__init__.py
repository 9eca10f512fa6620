"""The batching engine: the windows of concurrent requests are read together."""
