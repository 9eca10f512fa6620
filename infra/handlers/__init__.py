"""What runs during deployments, on Lambda's own Python: the standard library and boto3."""
