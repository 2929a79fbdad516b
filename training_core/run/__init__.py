"""The training run: events out, files on disk."""
