"""Commands that only GitHub's workflows run."""
