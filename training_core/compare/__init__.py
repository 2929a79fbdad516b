"""The comparison grid: axes, cells, picture."""
