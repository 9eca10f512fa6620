"""What only a workflow needs: who deploys where, and what people read of a run."""
