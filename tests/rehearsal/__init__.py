"""The life of a release on one machine, with what stands in for AWS, GitHub and Docker."""
