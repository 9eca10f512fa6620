"""Images built and run on this machine with podman, and what stands in for their bases."""
