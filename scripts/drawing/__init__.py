"""What the CDK app makes, drawn and counted from its templates for the documentation."""
