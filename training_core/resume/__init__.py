"""Going on where a run was stopped: its state, its files, its lock."""
