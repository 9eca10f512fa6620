"""What `python -m tests.soak` sends, watches and reports: mixed traffic for as long as wanted."""
