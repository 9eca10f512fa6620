"""Deployment of a stage: models, images, smoke test, stacks, releases, rollback."""
