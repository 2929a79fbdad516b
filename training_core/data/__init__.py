"""From a folder on disk to the batches of an epoch."""
