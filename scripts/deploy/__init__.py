"""What `make deploy` does around the CDK: looks first, brings models and images, looks after."""
