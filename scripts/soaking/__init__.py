"""What `python -m scripts.soak` sends, watches and reports: mixed traffic for as long as wanted."""
