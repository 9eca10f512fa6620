"""What the doctor looks at before a fork's first deployment, and after each."""
