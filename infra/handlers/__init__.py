"""Handlers of small Lambda functions, on Lambda's own Python: standard library and boto3."""
