"""An architecture of one's own, as `docs/own-model.md` shows it."""
